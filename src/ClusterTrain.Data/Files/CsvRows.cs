using ClusterTrain.Data.Common;
using CsvHelper;

namespace ClusterTrain.Data.Files;

/// <summary>
/// The rows of CSV text one by one. Whatever makes rows run together or apart is an error wherever it stands, also in a column
/// that nobody reads.
/// </summary>
/// <param name="parser">Cuts the text into rows and cells.</param>
/// <param name="file">What messages call the file.</param>
/// <param name="delimiter">What stands between cells.</param>
internal sealed class CsvRows(CsvParser parser, string file, char delimiter) : TableRows(file)
{
    private int _lastLine;
    private int? _columns;
    private long _emptyAtEnd;
    private int _firstEmptyAtEnd;
    private long _emptyLines;
    private int _firstEmptyLine;

    public override char Delimiter => delimiter;

    /// <summary>The line after the present row.</summary>
    public int NextLine => _lastLine + 1;

    public override int Count => parser.Count;

    public override IEnumerable<string> Warnings
    {
        get
        {
            if (_emptyLines > 0)
            {
                yield return $"{File}: {(_emptyLines == 1 ? "an empty line is" : $"{_emptyLines} empty lines are")} left out, "
                    + $"{(_emptyLines == 1 ? "line" : "the first is line")} {_firstEmptyLine}. Remove {(_emptyLines == 1 ? "it" : "them")}, or check "
                    + "whether a row is missing there.";
            }
        }
    }

    public override string this[int column] => parser[column];

    public override string[] Cells() => parser.Record!;

    /// <summary>Leaves out a line that is no row.</summary>
    public void Skip()
    {
        parser.Read();
        _lastLine = parser.RawRow;
    }

    /// <summary>
    /// Moves to the next row; false at the end. In a file of several columns an empty line is no row: those at its end mean nothing, others are
    /// told by <see cref="Warnings"/>. In a file of one column it is an empty cell.
    /// </summary>
    /// <exception cref="DataException">The row is damaged.</exception>
    public override bool Read()
    {
        while (parser.Read())
        {
            Line = NextLine;
            _lastLine = parser.RawRow;
            var record = parser.RawRecord.AsSpan();
            if (_columns != 1 && record.TrimEnd("\r\n").IsEmpty)
            {
                if (_emptyAtEnd++ == 0)
                {
                    _firstEmptyAtEnd = Line;
                }

                continue;
            }

            CheckCharacters(record);
            if (record.Contains('"'))
            {
                CheckQuotes(record);
            }

            CountEmptyLines();
            _columns ??= Count;
            return true;
        }

        return false;
    }

    private void CountEmptyLines()
    {
        if (_emptyLines == 0)
        {
            _firstEmptyLine = _firstEmptyAtEnd;
        }

        _emptyLines += _emptyAtEnd;
        _emptyAtEnd = 0;
    }

    private void CheckCharacters(ReadOnlySpan<char> record)
    {
        if (record.IndexOf('\0') is >= 0 and var at)
        {
            throw new DataException(
                $"{File}: line {LineAt(record, at)} has a zero character, which no text has: the file is damaged, or UTF-16 without its mark. "
                + "Save it as UTF-8, or get it again.");
        }
    }

    // RFC 4180: quotes stand around a whole cell; one within it is doubled.
    private void CheckQuotes(ReadOnlySpan<char> record)
    {
        record = record.TrimEnd("\r\n");
        for (var at = 0; at <= record.Length;)
        {
            var rest = record[at..];
            if (rest is not ['"', ..])
            {
                var end = rest.IndexOf(delimiter) is >= 0 and var next ? next : rest.Length;
                if (rest[..end].TrimStart(' ') is ['"', ..])
                {
                    throw Quote(record, at, "a space before a quote makes the quote part of the text. Remove the space.");
                }

                if (rest[..end].Contains('"'))
                {
                    throw Quote(record, at, "a quote inside a cell. Put the cell in quotes and double those within it.");
                }

                at += end + 1;
                continue;
            }

            var close = 1;
            while (close < rest.Length && (rest[close] != '"' || rest[close..] is ['"', '"', ..]))
            {
                close += rest[close] == '"' ? 2 : 1;
            }

            if (close >= rest.Length)
            {
                throw Quote(
                    record, at, "the quote that opens a cell is never closed. Close it after the cell, or double it where it is part of the text.");
            }

            if (close + 1 < rest.Length && rest[close + 1] != delimiter)
            {
                throw Quote(
                    record, at,
                    "a cell in quotes continues after the closing quote. End it there, double the quotes that are part of the text, or close an "
                        + "earlier quote.");
            }

            at += close + 2;
        }
    }

    private DataException Quote(ReadOnlySpan<char> record, int at, string problem) => new($"{File}: line {LineAt(record, at)}: {problem}");

    private int LineAt(ReadOnlySpan<char> record, int at)
    {
        var before = record[..at];
        return Line + before.Count('\n') + (before.Count('\r') - before.Count("\r\n"));
    }
}
