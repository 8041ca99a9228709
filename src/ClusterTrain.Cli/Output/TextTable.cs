namespace ClusterTrain.Cli.Output;

/// <summary>A table of plain text: columns as wide as their widest cell, numbers to the right.</summary>
/// <param name="headings">The first line.</param>
internal sealed class TextTable(params string[] headings)
{
    private readonly List<string[]> _rows = [headings];

    /// <summary>Adds a row of as many cells as there are headings.</summary>
    public void Add(params string[] cells)
    {
        if (cells.Length != headings.Length)
        {
            throw new ArgumentException($"{cells.Length} cells for {headings.Length} columns.", nameof(cells));
        }

        _rows.Add(cells);
    }

    /// <summary>The lines; the first column is aligned to the left, the others to the right.</summary>
    public IEnumerable<string> Lines()
    {
        var widths = headings.Select((_, column) => _rows.Max(row => row[column].Length)).ToArray();
        return _rows.Select(row => string.Join(
            "  ", row.Select((cell, column) => column == 0 ? cell.PadRight(widths[column]) : cell.PadLeft(widths[column]))).TrimEnd());
    }
}
