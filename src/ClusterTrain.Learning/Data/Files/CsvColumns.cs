using System.Collections.Immutable;
using CsvHelper;

namespace ClusterTrain.Learning;

/// <summary>The columns of one CSV file, by name.</summary>
/// <param name="File">What messages call the file.</param>
/// <param name="Names">All columns, in the order they stand there.</param>
/// <param name="AreInFile">True when the first line names the columns and is no row.</param>
internal sealed record CsvColumns(string File, ImmutableArray<string> Names, bool AreInFile)
{
    /// <summary>The columns as a recipe says them.</summary>
    /// <param name="parser">At the first line.</param>
    /// <param name="file">What messages call the file.</param>
    /// <param name="source">The recipe's source.</param>
    /// <exception cref="DataException">They have no usable names.</exception>
    public static CsvColumns Of(CsvParser parser, string file, CsvSource source)
    {
        var count = parser.Count;
        CheckSeparator(parser, file);
        if (source is { Header: false, Columns.IsEmpty: true })
            return new CsvColumns(file, FeatureEncoding.Numbered("c", 0, count), AreInFile: false);
        if (!source.Header && source.Columns.Length != count)
        {
            throw new DataException(
                $"{file}: line {parser.RawRow} has {count} columns and the recipe names {source.Columns.Length}. Name each " +
                "column once.");
        }

        return Checked(parser, file, source.Header ? Cells(parser) : source.Columns, source.Header);
    }

    /// <summary>
    /// The columns of a file for a trained model: the first line is a header when it names all that the model needs; otherwise
    /// the columns stand as in training, with or without the targets. A model that was not trained from CSV takes the features alone
    /// there: some write the label first, some last, and a wrong guess would go unnoticed.
    /// </summary>
    /// <param name="parser">At the first line.</param>
    /// <param name="file">What messages call the file.</param>
    /// <param name="needed">Columns the model needs.</param>
    /// <param name="targets">Names of its targets.</param>
    /// <param name="source">What it was trained from; null: no CSV file.</param>
    /// <exception cref="DataException">The columns are not those of the model.</exception>
    public static CsvColumns ForModel(
        CsvParser parser, string file, ImmutableArray<string> needed, ImmutableArray<string> targets, CsvSource? source)
    {
        var first = Cells(parser);
        ImmutableArray<string> missing = [.. needed.Except(first)];
        if (missing.IsEmpty)
            return Checked(parser, file, first, areInFile: true);
        CheckSeparator(parser, file);
        if (source is { Header: true } || missing.Length < needed.Length)
            throw Missing($"{file}: line {parser.RawRow}", missing, needed, first);
        if (source is null && first.Length == needed.Length + targets.Length)
        {
            throw new DataException(
                $"{file}: line {parser.RawRow} has no names and {first.Length} cells, the {needed.Length} features and {targets.Length} more. " +
                $"Write a first line that says which is which, such as {targets[0]},{needed[0]}, ... (`data export --header` does), or leave the features alone there.");
        }

        ImmutableArray<string> all = source is null ? needed
            : !source.Columns.IsEmpty ? source.Columns
            : FeatureEncoding.Numbered("c", 0, source.Features.IsEmpty ? needed.Length + targets.Length : first.Length);
        foreach (var names in new[] { all, all.RemoveRange(targets), needed })
        {
            if (names.Length == first.Length && needed.All(names.ToHashSet().Contains))
                return new CsvColumns(file, names, AreInFile: false);
        }

        throw new DataException(
            $"{file}: line {parser.RawRow} names none of the columns that the model needs and has {first.Length} cells for these " +
            $"{needed.Length}: {NearestColumn.Listed(needed)}. Write a first line that names them, or exactly these columns in the order " +
            "of the training file.");
    }

    /// <summary>Where columns stand.</summary>
    /// <exception cref="DataException">One is not there.</exception>
    public int[] Indices(ImmutableArray<string> names)
    {
        var indices = Names.Index().ToDictionary(item => item.Item, item => item.Index);
        return [.. names.Select(name => indices.TryGetValue(name, out var index)
            ? index
            : throw new DataException($"{File}: there is no column '{name}'. {NearestColumn.Suggest(name, Names)}"))];
    }

    private static DataException Missing(
        string place, ImmutableArray<string> missing, ImmutableArray<string> needed, ImmutableArray<string> found)
    {
        if (missing is [var one])
            return new DataException($"{place}: the model needs the column '{one}', which is not there. {NearestColumn.Suggest(one, found)} Add it, or name it so.");
        var remedy = missing.Length < needed.Length
            ? "Add them; the order of columns does not matter."
            : $"The first line has to name the columns, in any order; it is {NearestColumn.Listed(found)}.";
        return new DataException(
            $"{place}: of {needed.Length} columns that the model needs {missing.Length} are not there: {NearestColumn.Listed(missing)}. {remedy}");
    }

    // Training needs two columns, a feature and a target, and a model looks here only when it misses some.
    private static void CheckSeparator(CsvParser parser, string file)
    {
        if (parser.Record is [var cell] && cell.IndexOfAny([';', '\t']) is >= 0 and var at)
        {
            throw new DataException(
                $"{file}: line {parser.RawRow} is one column with {(cell[at] == ';' ? "semicolons" : "tabs")} in it, and columns are separated " +
                "by commas. Write the file with commas between the columns and points in the numbers.");
        }
    }

    private static ImmutableArray<string> Cells(CsvParser parser) => [.. parser.Record!.Select(cell => cell.Trim())];

    private static CsvColumns Checked(CsvParser parser, string file, ImmutableArray<string> columns, bool areInFile)
    {
        var seen = new HashSet<string>();
        foreach (var (i, column) in columns.Index())
        {
            if (column.Length == 0)
            {
                throw new DataException(
                    $"{file}: line {parser.RawRow}: column {i + 1} has no name. Name it, or set header to false.");
            }

            if (!seen.Add(column))
                throw new DataException($"{file}: line {parser.RawRow}: two columns are named '{column}'. Rename one.");
        }

        return new CsvColumns(file, columns, areInFile);
    }
}
