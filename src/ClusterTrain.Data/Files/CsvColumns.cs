using System.Collections.Immutable;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Features;
using ClusterTrain.Learning.Files;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Files;

/// <summary>The columns of one CSV file, by name.</summary>
/// <param name="File">What messages call the file.</param>
/// <param name="Place">Where its first row stands, in words.</param>
/// <param name="Names">All columns, in the order they stand there; of those that nobody uses some may be of one name, or of none.</param>
/// <param name="AreInFile">True when the first line names the columns and is no row.</param>
internal sealed record CsvColumns(string File, string Place, ImmutableArray<string> Names, bool AreInFile)
{
    /// <summary>The columns as a recipe says them.</summary>
    /// <param name="rows">At the first row.</param>
    /// <param name="source">The recipe's source.</param>
    /// <exception cref="DataException">They are not as many as the recipe names.</exception>
    public static CsvColumns Of(TableRows rows, CsvSource source)
    {
        var count = rows.Count;
        if (count == 1 && (!source.Header || !source.Targets.Contains(rows[0].Trim())))
        {
            throw OneColumn(rows);
        }

        if (source is { Header: false, Columns.IsEmpty: true })
        {
            return new CsvColumns(rows.File, rows.Place, FeatureEncoding.Numbered("c", 0, count), AreInFile: false);
        }

        if (!source.Header && source.Columns.Length != count)
        {
            throw new DataException(
                $"{rows.File}: {rows.Place} has {count} columns and the recipe names {source.Columns.Length}. Name each " +
                "column once.");
        }

        return new CsvColumns(rows.File, rows.Place, source.Header ? FirstLine(rows) : source.Columns, source.Header);
    }

    /// <summary>
    /// The columns of a file for a trained model: the first line is a header when it names all that the model needs; otherwise
    /// the columns have to be those of the training file, all of them, or all but the targets where the model needs every other one. What
    /// could be read in two ways is refused: a wrong guess would go unnoticed.
    /// </summary>
    /// <param name="rows">At the first row.</param>
    /// <param name="encoding">What the model needs, and the columns of its training file where they had no header.</param>
    /// <param name="targets">Names of its targets.</param>
    /// <param name="source">What it was trained from; null: no CSV file.</param>
    /// <exception cref="DataException">The columns are not those of the model.</exception>
    public static CsvColumns ForModel(TableRows rows, FeatureEncoding encoding, ImmutableArray<string> targets, CsvSource? source)
    {
        var needed = encoding.Columns;
        var first = FirstLine(rows);
        ImmutableArray<string> missing = [.. needed.Except(first)];
        if (missing.IsEmpty)
        {
            return new CsvColumns(rows.File, rows.Place, first, AreInFile: true);
        }

        if (source is { Header: true } || missing.Length < needed.Length)
        {
            throw Missing($"{rows.File}: {rows.Place}", missing, needed, first);
        }

        if (encoding.FileColumns.IsDefaultOrEmpty)
        {
            return source is null ? FeaturesAlone(rows, needed, targets, first) : throw new DataException(
                $"{rows.File}: {rows.Place} names none of the columns that the model needs, and the model, which an earlier version wrote, does not "
                    + $"" +
                $"know those of its training file. Write a first line that names them: {NearestColumn.Listed(needed)}.");
        }

        var all = encoding.FileColumns;
        var others = all.RemoveRange(targets);
        if (first.Length == all.Length)
        {
            return new CsvColumns(rows.File, rows.Place, all, AreInFile: false);
        }

        if (first.Length == others.Length && others.Length == needed.Length)
        {
            return new CsvColumns(rows.File, rows.Place, others, AreInFile: false);
        }

        var allowed = others.Length == needed.Length ? $", or the {others.Length} without {NearestColumn.Listed(targets)}," : "";
        throw new DataException(
            $"{rows.File}: {rows.Place} has no names and {Cells(first.Length)}; which columns they are is not certain. The training file has " +
            $"{all.Length}: {NearestColumn.Listed(all)}. Write all of them{allowed} in that order, or a first line that names those the model needs: "
                + $"" +
            $"{NearestColumn.Listed(needed)}.");
    }

    /// <summary>True when the first line of a training file may be what a recipe says of its columns.</summary>
    /// <param name="first">The cells of the line.</param>
    /// <param name="source">The recipe's source.</param>
    public static bool MayBe(ImmutableArray<string> first, CsvSource source)
    {
        if (source is { Header: false, Columns.IsEmpty: false })
        {
            return first.Length == source.Columns.Length;
        }

        var names = source.Header ? first : FeatureEncoding.Numbered("c", 0, first.Length);
        var derived = source.Derived.Select(feature => feature.Name);
        return source.Targets.Concat(source.Features).Concat(source.Categorical).Except(derived).All(names.Contains);
    }

    /// <summary>True when the first line of a file may be that of the columns a model needs, see <see cref="ForModel"/>.</summary>
    /// <param name="first">The cells of the line.</param>
    /// <param name="encoding">What the model needs.</param>
    /// <param name="targets">Names of its targets.</param>
    /// <param name="source">What it was trained from; null: no CSV file.</param>
    public static bool MayBe(ImmutableArray<string> first, FeatureEncoding encoding, ImmutableArray<string> targets, CsvSource? source)
    {
        if (encoding.Columns.All(first.Contains))
        {
            return true;
        }

        if (source is { Header: true })
        {
            return false;
        }

        if (encoding.FileColumns.IsDefaultOrEmpty)
        {
            return first.Length == encoding.Columns.Length;
        }

        return first.Length == encoding.FileColumns.Length || first.Length == encoding.FileColumns.RemoveRange(targets).Length;
    }

    /// <summary>Where columns stand.</summary>
    /// <exception cref="DataException">One is not there, has no name, or is there twice.</exception>
    public int[] Indices(ImmutableArray<string> names)
    {
        var indices = Names.Index().ToLookup(item => item.Item, item => item.Index);
        return [.. names.Select(name => indices[name].ToList() switch
        {
            [] => throw new DataException($"{File}: there is no column '{name}'. {NearestColumn.Suggest(name, Names)}{RemedyOfNoNames()}"),
            [var index] when name.Length == 0 => throw new DataException(
                $"{File}: {Place}: column {index + 1} has no name. Name it, list the features without it, or set header to false."),
            [var index] => index,
            [var index, ..] when name.Length == 0 => throw new DataException(
                $"{File}: {Place}: column {index + 1} and others have no name. Name them, list the features without them, or set header to false."),
            [var one, var other, ..] => throw new DataException(
                $"{File}: {Place}: two columns are named '{name}', {one + 1} and {other + 1}. Rename one, or leave it out."),
        })];
    }

    // Numbers are hardly ever names: they are the first row.
    private string RemedyOfNoNames() => AreInFile && Names.Any(name => CellNumber.TryParse(name, out _))
        ? $" Where {Place} is a row and names no columns, set csv.header: false and name columns by their places, c0 to c{Names.Length - 1}, or "
            + "write a first line of names."
        : "";

    // A model that was not trained from CSV: some write the label first, some last.
    private static CsvColumns FeaturesAlone(
        TableRows rows, ImmutableArray<string> needed, ImmutableArray<string> targets, ImmutableArray<string> first)
    {
        if (first.Length == needed.Length)
        {
            return new CsvColumns(rows.File, rows.Place, needed, AreInFile: false);
        }

        if (first.Length == needed.Length + targets.Length)
        {
            throw new DataException(
                $"{rows.File}: {rows.Place} has no names and {Cells(first.Length)}, the {needed.Length} features and {targets.Length} more. " +
                $"Write a first line that says which is which, such as {targets[0]},{needed[0]}, ... (`data export --header` does), or leave the "
                    + "features alone there.");
        }

        throw new DataException(
            $"{rows.File}: {rows.Place} names none of the columns that the model needs and has {Cells(first.Length)} for these " +
            $"{needed.Length}: {NearestColumn.Listed(needed)}. Write a first line that names them, or exactly these columns in this order.");
    }

    private static string Cells(int count) => count == 1 ? "1 cell" : $"{count} cells";

    private static DataException Missing(
        string place, ImmutableArray<string> missing, ImmutableArray<string> needed, ImmutableArray<string> found)
    {
        if (missing is [var one])
        {
            return new DataException(
                $"{place}: the model needs the column '{one}', which is missing. {NearestColumn.Suggest(one, found)} Add it, or name it so.");
        }

        var remedy = missing.Length < needed.Length
            ? "Add them; the order of columns does not matter."
            : $"The first line has to name the columns, in any order; it is {NearestColumn.Listed(found)}.";
        return new DataException(
            $"{place}: of {needed.Length} columns that the model needs {missing.Length} are missing: {NearestColumn.Listed(missing)}. {remedy}");
    }

    // Training needs two columns, a feature and a target.
    private static DataException OneColumn(TableRows rows) => new(rows.Line > 1
        ? $"{rows.File}: {rows.Place} is one column: there is no {CsvFormat.Word(rows.Delimiter)} in it, which line 1 says stands between the "
        + "columns. Correct line 1, or remove it."
        : $"{rows.File}: {rows.Place} is one column: there is no {CsvFormat.Word(rows.Delimiter)} in it. Set data.delimiter to what stands between "
        + $"the columns: {CsvFormat.AllowedDelimiters}.");

    private static ImmutableArray<string> FirstLine(TableRows rows) => [.. rows.Cells().Select(cell => cell.Trim())];
}
