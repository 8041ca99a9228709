using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using ClusterTrain.Data.Common;
using ClusterTrain.Learning.Recipes;
using CsvHelper;
using CsvHelper.Configuration;

namespace ClusterTrain.Data.Files;

/// <summary>
/// Tells what stands between the cells of a CSV file: what the recipe says, else what Excel writes into a first line <c>sep=;</c>, else the one
/// of comma, semicolon, tab and pipe by which the first line has the columns that are needed and all lines have equally many. A file that can
/// be read in two ways is refused.
/// </summary>
/// <param name="format">What the recipe says of the file.</param>
/// <param name="fits">Says whether the cells of the first line may be columns that are needed, or their names.</param>
/// <param name="usual">That of the training file when this is another one; null: this is the training file.</param>
internal sealed class CsvDelimiter(CsvFormat format, Func<ImmutableArray<string>, bool> fits, char? usual = null)
{
    private const int SampleBytes = 1 << 16;
    private const int SampleRows = 200;
    private const int ExcelLineCharacters = 8;

    private static readonly ImmutableArray<char> s_known = [',', ';', '\t', '|'];

    /// <summary>What stands before decimals.</summary>
    public char Decimal => format.Decimal;

    /// <summary>Tells the delimiter of a file; the file is read from its beginning afterwards.</summary>
    /// <returns>The delimiter, and whether the first line says it and is no row.</returns>
    /// <exception cref="DataException">It cannot be told, or two are said.</exception>
    public (char Delimiter, bool HasLine) Of(DataFile file)
    {
        var bytes = file.Peek(SampleBytes);
        using var reader = new StreamReader(new MemoryStream(bytes), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
        var text = reader.ReadToEnd();
        if (ExcelLine(text) is { } said)
        {
            return (Said(said, file.Name), true);
        }

        if (format.Delimiter is { } written)
        {
            return (written, false);
        }

        var samples = s_known.Where(delimiter => delimiter == usual || text.Contains(delimiter))
            .Select(delimiter => Sample.Of(text, delimiter, isWhole: bytes.Length < SampleBytes))
            .Where(sample => sample.First.Length > 1 || (sample.Delimiter == usual && fits(sample.First)))
            .ToList();
        samples = Those(samples, sample => fits(sample.First));
        samples = Those(samples, sample => sample.IsEven);
        if (format.Decimal == ',')
        {
            samples = Those(samples, sample => sample.Delimiter != ',');
        }

        return samples switch
        {
            [] => (usual ?? ',', false),
            [var one] => (one.Delimiter, false),
            _ when usual is { } training && samples.Exists(sample => sample.Delimiter == training) => (training, false),
            _ => throw new DataException(
                $"{file.Name}: line 1: {string.Join(" or ", samples.Select(sample => CsvFormat.Word(sample.Delimiter)))} may stand between the "
                    + "columns, which cannot be told. "
                + (usual is null
                    ? $"Say it in the recipe, for example data.delimiter: {CsvFormat.Word(samples[0].Delimiter)}."
                    : "Write the file with the delimiter of the training file.")),
        };
    }

    // Narrows a choice, unless nothing would remain.
    private static List<Sample> Those(List<Sample> samples, Predicate<Sample> holds) =>
        samples.Exists(holds) ? samples.FindAll(holds) : samples;

    // What Excel takes for the delimiter, perhaps in quotes.
    private static string? ExcelLine(string text)
    {
        var line = text.AsSpan(0, Math.Min(text.Length, ExcelLineCharacters));
        line = line[..(line.IndexOfAny('\r', '\n') is >= 0 and var end ? end : line.Length)].Trim('"');
        return line.StartsWith("sep=", StringComparison.OrdinalIgnoreCase) && line.Length <= "sep=;".Length ? line["sep=".Length..].ToString() : null;
    }

    private char Said(string said, string file)
    {
        var delimiter = CsvFormat.ParseDelimiter(said) ?? throw new DataException(
            $"{file}: line 1 is 'sep={said}', which does not say what stands between the columns. Write sep=; or another delimiter, or remove the "
                + "line.");
        return format.Delimiter is null || format.Delimiter == delimiter ? delimiter : throw new DataException(
            $"{file}: line 1 says that {CsvFormat.Word(delimiter)} stands between the columns, and data.delimiter is "
                + $"{CsvFormat.Word(format.Delimiter.Value)}. Keep one of the two.");
    }

    /// <summary>The beginning of a file, cut by one delimiter.</summary>
    /// <param name="Delimiter">The delimiter.</param>
    /// <param name="First">Cells of the first line.</param>
    /// <param name="IsEven">True when all lines have equally many cells.</param>
    private sealed record Sample(char Delimiter, ImmutableArray<string> First, bool IsEven)
    {
        public static Sample Of(string text, char delimiter, bool isWhole)
        {
            using var parser = new CsvParser(new StringReader(text), new CsvConfiguration(CultureInfo.InvariantCulture)
            {
                Delimiter = delimiter.ToString(),
                WhiteSpaceChars = [],
                IgnoreBlankLines = true,
                BadDataFound = null,
            });
            ImmutableArray<string> first = parser.Read() ? [.. parser.Record!.Select(cell => cell.Trim())] : [];
            var last = first.Length;
            var isEven = true;
            for (var row = 1; row < SampleRows && parser.Read(); row++)
            {
                // Of a longer file the last line may be cut off: it counts only when another one follows.
                isEven &= last == first.Length;
                last = parser.Count;
            }

            return new Sample(delimiter, first, isEven && (!isWhole || last == first.Length));
        }
    }
}
