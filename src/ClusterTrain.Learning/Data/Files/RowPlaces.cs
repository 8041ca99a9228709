using System.Globalization;

namespace ClusterTrain.Learning;

/// <summary>Where the rows of a source stand, for messages: on lines of a file, or by their number alone.</summary>
internal sealed class RowPlaces
{
    // Rows usually lie one a line: only those that do not follow the one before are kept, with their lines.
    private readonly List<(long Row, int Line)> _jumps = [];
    private long _rows;
    private int _nextLine = -1;

    /// <summary>The places of rows that have no lines.</summary>
    public static RowPlaces Numbered { get; } = new();

    /// <summary>Notes the line of the next row.</summary>
    public void Add(int line)
    {
        if (line != _nextLine)
            _jumps.Add((_rows, line));
        _rows++;
        _nextLine = line + 1;
    }

    /// <summary>Where a row stands, for example <c>line 5</c>, or <c>row 3</c> (from 0).</summary>
    public string Of(long row)
    {
        if (row >= _rows)
            return string.Create(CultureInfo.InvariantCulture, $"row {row}");
        var jump = _jumps.FindLast(jump => jump.Row <= row);
        return string.Create(CultureInfo.InvariantCulture, $"line {jump.Line + (row - jump.Row)}");
    }
}
