using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using CsvHelper;
using CsvHelper.Configuration;

namespace ClusterTrain.Learning;

/// <summary>The numbers and labels of one CSV file (RFC 4180, UTF-8), each column read as what the recipe says it is.</summary>
internal sealed class CsvFile
{
    private CsvFile(string name, ImmutableArray<string> features, ImmutableArray<string> targets) =>
        (Name, FeatureNames, TargetNames) = (name, features, targets);

    /// <summary>What messages call it.</summary>
    public string Name { get; }

    /// <summary>The feature columns, in order.</summary>
    public ImmutableArray<string> FeatureNames { get; }

    /// <summary>The target columns, in order.</summary>
    public ImmutableArray<string> TargetNames { get; }

    /// <summary>Features (rows, features).</summary>
    public List<float> Features { get; } = [];

    /// <summary>For regression the targets (rows, targets).</summary>
    public List<float> Numbers { get; } = [];

    /// <summary>For classification the label of each row.</summary>
    public List<string> Labels { get; } = [];

    /// <summary>The line each row stands on; the last of them where quoted line breaks make it several.</summary>
    public List<int> Lines { get; } = [];

    /// <summary>Reads a whole file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="source">Its columns.</param>
    /// <param name="task">What the targets are.</param>
    /// <param name="training">The training file when this is the test file, which needs the same columns; otherwise null.</param>
    /// <exception cref="DataException">The file is not such a table.</exception>
    public static CsvFile Read(DataFile file, CsvSource source, TaskKind task, CsvFile? training)
    {
        using var text = new StreamReader(
            new BoundedStream(file.Content, file.Name, DataLimits.FileBytes),
            new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true));
        using var parser = new CsvParser(text, new CsvConfiguration(CultureInfo.InvariantCulture)
        {
            MaxFieldSize = DataLimits.CellCharacters,
            ProcessFieldBufferSize = 4096,
            BufferSize = 1 << 16,
        });
        try
        {
            return Read(parser, file.Name, source, task, training);
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
                $"{file.Name}: line {parser.RawRow}: a cell of more than {DataLimits.CellCharacters} characters. A closing " +
                "quote may be missing.",
                exception);
        }
        catch (BadDataException exception)
        {
            throw new DataException(
                $"{file.Name}: line {parser.RawRow}: a quote inside a cell. Put the cell in quotes and double those within " +
                "it.", exception);
        }
    }

    private static CsvFile Read(CsvParser parser, string name, CsvSource source, TaskKind task, CsvFile? training)
    {
        if (!parser.Read())
            throw new DataException($"{name}: the file is empty. Name a file of at least one row.");
        var columns = Columns(parser, name, source);
        var table = new CsvFile(
            name,
            training?.FeatureNames ?? FeatureColumns(source, columns, name),
            training?.TargetNames ?? source.Targets);
        if (task == TaskKind.Classification && table.TargetNames.Length != 1)
        {
            throw new DataException(
                $"{name}: a classification has one target column, the label; {table.TargetNames.Length} are named.");
        }

        var features = Indices(table.FeatureNames, columns, name);
        var targets = Indices(table.TargetNames, columns, name);
        if (!source.Header)
            table.AddRow(parser, columns, features, targets, task);
        while (parser.Read())
            table.AddRow(parser, columns, features, targets, task);
        if (table.Lines.Count == 0)
            throw new DataException($"{name}: a header and no rows. Name a file of at least one row.");
        return table;
    }

    private static ImmutableArray<string> Columns(CsvParser parser, string name, CsvSource source)
    {
        var count = parser.Count;
        if (count > DataLimits.Columns)
            throw new DataException($"{name}: {count} columns; at most {DataLimits.Columns} are read.");
        if (source is { Header: false, Columns.IsEmpty: true })
            return [.. Enumerable.Range(0, count).Select(i => "c" + i.ToString(CultureInfo.InvariantCulture))];
        if (!source.Header && source.Columns.Length != count)
        {
            throw new DataException(
                $"{name}: line {parser.RawRow} has {count} columns and the recipe names {source.Columns.Length}. Name each " +
                "column once.");
        }

        var columns = source.Header ? [.. parser.Record!.Select(column => column.Trim())] : source.Columns;
        var seen = new HashSet<string>();
        foreach (var (i, column) in columns.Index())
        {
            if (column.Length == 0)
            {
                throw new DataException(
                    $"{name}: line {parser.RawRow}: column {i + 1} has no name. Name it, or set header to false.");
            }

            if (!seen.Add(column))
                throw new DataException($"{name}: line {parser.RawRow}: two columns are named '{column}'. Rename one.");
        }

        return columns;
    }

    private static ImmutableArray<string> FeatureColumns(CsvSource source, ImmutableArray<string> columns, string name)
    {
        if (source.Features.IsEmpty)
        {
            var rest = columns.RemoveRange(source.Targets);
            return !rest.IsEmpty
                ? rest
                : throw new DataException($"{name}: all columns are targets; at least one has to be a feature.");
        }

        var seen = new HashSet<string>(source.Targets);
        foreach (var column in source.Features)
        {
            if (!seen.Add(column))
            {
                throw new DataException(
                    $"{name}: column '{column}' is used twice, as features or as target and feature. Use each column once.");
            }
        }

        return source.Features;
    }

    private static int[] Indices(ImmutableArray<string> names, ImmutableArray<string> columns, string file)
    {
        return [.. names.Select(Index)];

        int Index(string column)
        {
            var index = columns.IndexOf(column);
            return index >= 0
                ? index
                : throw new DataException($"{file}: there is no column '{column}'. {NearestColumn.Suggest(column, columns)}");
        }
    }

    private void AddRow(CsvParser parser, ImmutableArray<string> columns, int[] features, int[] targets, TaskKind task)
    {
        if (parser.Count != columns.Length)
        {
            throw new DataException(
                $"{Name}: line {parser.RawRow} has {parser.Count} cells where there are {columns.Length} columns. Correct " +
                "the line; a cell that holds a comma needs quotes.");
        }

        if (Features.Count + features.Length > DataLimits.Values)
        {
            throw new DataException(
                $"{Name}: line {parser.RawRow}: more than {DataLimits.Values} values. Use fewer rows or columns.");
        }

        foreach (var column in features)
            Features.Add(Number(parser, columns, column));
        if (task == TaskKind.Classification)
        {
            var label = parser[targets[0]].Trim();
            if (label.Length == 0)
                throw Cell(parser, columns, targets[0], "is empty", "Give the row a label or leave it out.");
            Labels.Add(label);
        }
        else
        {
            foreach (var column in targets)
                Numbers.Add(Number(parser, columns, column));
        }

        Lines.Add(parser.RawRow);
    }

    private float Number(CsvParser parser, ImmutableArray<string> columns, int column)
    {
        var cell = parser[column];
        if (float.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && float.IsFinite(value))
            return value;
        var (problem, remedy) = string.IsNullOrWhiteSpace(cell) ? ("is empty", "Fill the gap or leave the row out.")
            : float.IsFinite(value)
                ? ($"is '{Short(cell)}', not a number", "Write numbers as 1234.5 or 1e-3, or leave the column out.")
                : ($"is '{Short(cell)}', not a finite 32-bit number", "Correct it or leave the row out.");
        throw Cell(parser, columns, column, problem, remedy);
    }

    private DataException Cell(CsvParser parser, ImmutableArray<string> columns, int column, string problem, string remedy) =>
        new($"{Name}: line {parser.RawRow}, column '{columns[column]}' {problem}. {remedy}");

    private static string Short(string cell) => cell.Length <= 40 ? cell : cell[..40] + "...";
}
