using ClusterTrain.Data.Common;

namespace ClusterTrain.Data.Files;

/// <summary>Keeps columns of a file as they stand there.</summary>
internal sealed class KeptCells
{
    private const string All = "all";

    private readonly int[] _indices;
    private readonly string[] _names;
    private readonly List<string[]> _rows = [];

    private KeptCells(int[] indices, string[] names) => (_indices, _names) = (indices, names);

    /// <summary>The columns kept.</summary>
    public KeptColumns Columns => new([.. _names], _rows);

    /// <summary>The columns of some names; null: none.</summary>
    /// <param name="names">The names; <c>all</c>, unless a column is called so: every column.</param>
    /// <param name="columns">The columns of the file.</param>
    /// <exception cref="DataException">One is not there.</exception>
    public static KeptCells? Of(IReadOnlyList<string> names, CsvColumns columns)
    {
        if (names.Count == 0)
        {
            return null;
        }

        if (names.Contains(All) && !columns.Names.Contains(All))
        {
            return new KeptCells([.. Enumerable.Range(0, columns.Names.Length)], Apart(columns.Names));
        }

        string[] wanted = [.. names.Distinct()];
        return new KeptCells(columns.Indices([.. wanted]), wanted);
    }

    /// <summary>Keeps the cells of the present row.</summary>
    public void Add(TableRows cells) => _rows.Add(Array.ConvertAll(_indices, index => cells[index]));

    // Columns that nobody uses may have no name, or one name.
    private static string[] Apart(IReadOnlyList<string> names) =>
        [.. names.Select((name, index) =>
            name.Length > 0 && names.Count(other => other == name) == 1 ? name : $"{name} (column {index + 1})".Trim())];
}
