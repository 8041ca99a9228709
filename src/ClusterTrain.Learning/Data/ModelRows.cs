using System.Collections.Immutable;
using System.Globalization;
using CsvHelper;

namespace ClusterTrain.Learning;

/// <summary>
/// Rows of a file for a trained model, prepared as its training rows were: columns found by name, features scaled by the
/// model's own statistics, labels mapped to the model's classes.
/// </summary>
public static class ModelRows
{
    /// <summary>Reads the features of a CSV or IDX file (plain or gzip); targets, where there are any, are not looked at.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">
    /// The file. A CSV file has a header that names the model's features among its columns, or no header and the features first.
    /// </param>
    /// <returns>The rows, with no targets: <see cref="DataSet.Outputs"/> is 0.</returns>
    /// <exception cref="DataException">The file is damaged, or its features are not the model's.</exception>
    public static DataSet Read(Model model, string path)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (IsIdx(path))
            return Prepare(model, path, Store(ReadIdx(model, path)), RowTargets.FromNumbers([], 0));
        var file = ReadCsv(model, path, TaskKind.Regression, []);
        return Prepare(model, path, SourceTable.Store([.. file.Features], model.Scaling.Features), RowTargets.FromNumbers([], 0));
    }

    /// <summary>Reads features and targets.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">A CSV file of features and targets, or an IDX file of features.</param>
    /// <param name="labels">The IDX file of the targets; null for a CSV file, which holds its own.</param>
    /// <exception cref="DataException">A file is damaged, or its features or targets are not the model's.</exception>
    public static DataSet ReadLabelled(Model model, string path, string? labels)
    {
        ArgumentNullException.ThrowIfNull(model);
        var task = model.Recipe.Data.Task;
        if (!IsIdx(path))
        {
            if (labels is not null)
                throw new DataException($"{path}: a CSV file holds its own targets; {labels} is one file too many.");
            var file = ReadCsv(model, path, task, model.TargetNames);
            return Prepare(
                model,
                path,
                SourceTable.Store([.. file.Features], model.Scaling.Features),
                task == TaskKind.Classification
                    ? RowTargets.FromLabels(CsvTables.Labels(file, model.Classes), model.Classes)
                    : RowTargets.FromNumbers([.. file.Numbers], model.TargetNames.Length));
        }

        if (labels is null)
            throw new DataException($"{path}: an IDX file of features needs the file of its labels beside it: name both.");
        if (!IsIdx(labels))
            throw new DataException($"{labels}: is no IDX file; the labels of an IDX file of features are one too.");
        var features = ReadIdx(model, path);
        using var content = DataFile.Open(labels);
        var targets = IdxFile.Read(content);
        var table = IdxReader.Read((features, targets), test: null, task, model.Classes).Train;
        if (table.Targets.Outputs != model.Layout.Outputs)
            throw new DataException($"{labels}: {table.Targets.Outputs} targets a row; the model has {model.Layout.Outputs} outputs.");
        return Prepare(model, path, table.Rows, table.Targets);
    }

    private static DataSet Prepare(Model model, string path, RowStore rows, RowTargets targets)
    {
        try
        {
            return new DataSet(rows.Prepare(model.Scaling), targets, map: null);
        }
        catch (DataException exception)
        {
            throw new DataException($"{path}: {exception.Message}", exception);
        }
    }

    private static IdxFile ReadIdx(Model model, string path)
    {
        using var content = DataFile.Open(path);
        var file = IdxFile.Read(content);
        return file.RowValues == model.Scaling.Features
            ? file
            : throw new DataException($"{path}: {file.RowValues} features a row; the model was trained on {model.Scaling.Features}.");
    }

    private static RowStore Store(IdxFile file) => file.IsFloat
        ? SourceTable.Store(file.ToFloats(), file.RowValues)
        : new ByteRows(file.Content, file.Start, file.Rows, file.RowValues);

    private static CsvFile ReadCsv(Model model, string path, TaskKind task, ImmutableArray<string> targets)
    {
        var (header, columns) = Columns(model, path, targets);
        var source = new CsvSource { File = path, Header = header, Columns = columns, Features = model.FeatureNames, Targets = targets };
        using var content = DataFile.Open(path);
        return CsvFile.Read(content, source, task, training: null);
    }

    // A first line with a cell that is no number is a header. Without one, the columns are those of the training file where the
    // recipe numbers or names them; else the features in order, then the targets.
    private static (bool Header, ImmutableArray<string> Columns) Columns(Model model, string path, ImmutableArray<string> targets)
    {
        var cells = FirstLine(path);
        var isHeader = cells.Any(cell => !float.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out _));
        if (isHeader && cells.Any(cell => model.FeatureNames.Contains(cell.Trim())))
            return (true, []);
        if (model.Recipe.Data.Source is CsvSource { Header: false } source)
        {
            ImmutableArray<string> trained = source.Columns.IsEmpty
                ? [.. cells.Select((_, i) => "c" + i.ToString(CultureInfo.InvariantCulture))]
                : source.Columns;
            if (trained.Length == cells.Length && model.FeatureNames.All(trained.Contains))
                return (false, trained);
        }

        // A label may be a word, so a first line of words need not be a header; but then its features are numbers.
        if (isHeader && cells.Take(model.FeatureNames.Length).Any(cell => !float.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out _)))
        {
            throw new DataException(
                $"{path}: its first line names none of the model's features ({Listed(model.FeatureNames)}). Name the columns as in training.");
        }

        var all = model.FeatureNames.AddRange(model.TargetNames);
        return cells.Length == model.FeatureNames.Length && targets.IsEmpty ? (false, model.FeatureNames)
            : cells.Length == all.Length ? (false, all)
            : throw new DataException(
                $"{path}: {cells.Length} columns and no header; the model has {model.FeatureNames.Length} features"
                + (targets.IsEmpty ? "" : $" and {targets.Length} target{(targets.Length == 1 ? "" : "s")}")
                + ". Give it a header that names them, or exactly these columns.");
    }

    private static string[] FirstLine(string path)
    {
        using var content = DataFile.Open(path);
        using var parser = new CsvParser(new StreamReader(new BoundedStream(content.Content, path, DataLimits.FileBytes)), CultureInfo.InvariantCulture);
        try
        {
            return parser.Read() ? parser.Record! : throw new DataException($"{path}: the file is empty. Name a file of at least one row.");
        }
        catch (Exception exception) when (exception is IOException or InvalidDataException)
        {
            throw content.Explain(exception);
        }
        catch (BadDataException exception)
        {
            throw new DataException($"{path}: line 1: a quote inside a cell. Put the cell in quotes and double those within it.", exception);
        }
    }

    // An IDX file begins with two zero bytes, which no text does.
    private static bool IsIdx(string path)
    {
        using var content = DataFile.Open(path);
        Span<byte> start = stackalloc byte[2];
        return content.Read(start) == start.Length && start is [0, 0];
    }

    private static string Listed(ImmutableArray<string> names) =>
        string.Join(", ", names.Take(5)) + (names.Length > 5 ? ", ..." : "");
}
