using System.Globalization;

namespace ClusterTrain.Data.Files;

/// <summary>Where the rows of a source stand, for messages: on lines of a file, or by their number alone.</summary>
internal sealed class RowPlaces
{
    // Rows usually lie one a line: only those that do not follow the one before are kept, with their lines.
    private readonly List<(long Row, int Line, string File, string Unit)> _jumps = [];
    private long _rows;
    private int _nextLine = -1;
    private string? _file;

    /// <summary>The places of rows that have no lines.</summary>
    public static RowPlaces Numbered { get; } = new();

    /// <summary>Notes the place of the next row.</summary>
    public void Add(TableRows present)
    {
        if (present.Line != _nextLine || _file != present.File)
        {
            _jumps.Add((_rows, present.Line, present.File, present.Unit));
        }

        _rows++;
        (_nextLine, _file) = (present.Line + 1, present.File);
    }

    /// <summary>Where a row stands, for example <c>d.csv: line 5</c>, or <c>d.csv: row 3</c> (from 0).</summary>
    /// <param name="row">The row.</param>
    /// <param name="source">What a row without a file of its own comes from.</param>
    public string Of(long row, string source)
    {
        if (row >= _rows)
        {
            return string.Create(CultureInfo.InvariantCulture, $"{source}: row {row}");
        }

        var jump = _jumps.FindLast(jump => jump.Row <= row);
        return string.Create(CultureInfo.InvariantCulture, $"{jump.File}: {jump.Unit} {jump.Line + (row - jump.Row)}");
    }
}
