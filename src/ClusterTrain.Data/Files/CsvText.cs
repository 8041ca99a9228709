using System.Globalization;
using System.Text;
using ClusterTrain.Data.Common;
using CsvHelper;
using CsvHelper.Configuration;

namespace ClusterTrain.Data.Files;

/// <summary>Opens CSV text (RFC 4180, UTF-8) or a Parquet file in its place, and puts what may be wrong with it into words.</summary>
internal static class CsvText
{
    /// <summary>Reads a file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="mostBytes">Bytes it may have.</param>
    /// <param name="delimiter">Tells what stands between cells.</param>
    /// <param name="read">Reads all it needs.</param>
    /// <exception cref="DataException">It is not such text, or <paramref name="read"/> says so.</exception>
    public static T Read<T>(DataFile file, long mostBytes, CsvDelimiter delimiter, Func<TableRows, T> read)
    {
        if (file.IsParquet)
        {
            using var table = ParquetRows.Open(file, delimiter.Decimal);
            return read(table);
        }

        var layout = delimiter.Of(file);
        using var text = new StreamReader(
            new CountedStream(file.Content, RefuseTooMany),
            new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true));
        using var parser = new CsvParser(text, new CsvConfiguration(CultureInfo.InvariantCulture)
        {
            Delimiter = layout.Delimiter.ToString(),
            WhiteSpaceChars = [],
            MaxFieldSize = DataLimits.CellCharacters,
            ProcessFieldBufferSize = 4096,
            BufferSize = 1 << 16,
            IgnoreBlankLines = false,
        });
        var rows = new CsvRows(parser, file.Name, layout.Delimiter);
        try
        {
            if (layout.HasLine)
            {
                rows.Skip();
            }

            if (!rows.Read())
            {
                throw new DataException($"{file.Name}: the file is empty. Name a file of at least one row.");
            }

            if (parser.Count > DataLimits.Columns)
            {
                throw new DataException($"{file.Name}: {parser.Count} columns; at most {DataLimits.Columns} are read.");
            }

            return read(rows);
        }
        catch (Exception exception) when (exception is IOException or InvalidDataException)
        {
            throw file.Explain(exception);
        }
        catch (DecoderFallbackException exception)
        {
            throw new DataException(
                $"{file.Name}: not UTF-8 text after line {parser.RawRow}. Save the file as UTF-8.", exception);
        }
        catch (MaxFieldSizeException exception)
        {
            throw new DataException(
                $"{file.Name}: line {rows.NextLine}: in the row that begins there is a cell of more than {DataLimits.CellCharacters} characters. " +
                "A closing quote may be missing.",
                exception);
        }

        // Unpacked bytes: a small packed file cannot fill the memory.
        void RefuseTooMany(long bytes)
        {
            if (bytes > mostBytes)
            {
                throw new DataException($"{file.Name}: more than {mostBytes} bytes. Use fewer rows.");
            }
        }
    }
}
