using System.Globalization;
using CsvHelper;

namespace ClusterTrain.Learning;

/// <summary>Reads the rows of one CSV file, each column as what the schema says it is.</summary>
internal sealed class CsvTable
{
    private readonly CsvParser _parser;
    private readonly CsvColumns _columns;
    private readonly CsvSchema _schema;
    private readonly int[] _features;
    private readonly int[] _targets;
    private readonly float[] _raw;
    private readonly float[] _values;
    private readonly WordCodes?[] _wordsOfValues;
    private readonly bool[] _areWords;
    private readonly List<ushort> _labels = [];
    private readonly List<float> _numbers = [];
    private long _rows;

    private CsvTable(CsvParser parser, CsvColumns columns, CsvSchema schema, bool withTargets)
    {
        (_parser, _columns, _schema) = (parser, columns, schema);
        _features = columns.Indices(schema.Columns);
        _targets = withTargets ? columns.Indices(schema.Targets) : [];
        _raw = new float[schema.Columns.Length];
        _values = new float[schema.Rules.Count];
        var words = schema.Columns.Zip(schema.Words).ToDictionary(pair => pair.First, pair => pair.Second);
        _wordsOfValues = [.. schema.Features.Select(name => words.GetValueOrDefault(name))];
        _areWords = Array.ConvertAll(_wordsOfValues, value => value is not null);
    }

    /// <summary>Reads a training or test file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="source">Its columns.</param>
    /// <param name="task">What the targets are.</param>
    /// <param name="training">The schema of the training file when this is the test file; otherwise null.</param>
    /// <param name="rows">Takes in the rows.</param>
    /// <param name="mostBytes">Bytes the file may have.</param>
    /// <returns>The rows, and the schema that they were read with.</returns>
    /// <exception cref="DataException">The file is not such a table.</exception>
    public static (SourceTable Table, CsvSchema Schema) Read(
        DataFile file, CsvSource source, TaskKind task, CsvSchema? training, RowCollector rows, long mostBytes) =>
        CsvText.Read(file, mostBytes, parser =>
        {
            var columns = CsvColumns.Of(parser, file.Name, source);
            var schema = training ?? CsvSchema.Of(source, columns, task);
            return (new CsvTable(parser, columns, schema, withTargets: true).Read(rows), schema);
        });

    /// <summary>Reads a file for a trained model.</summary>
    /// <param name="file">The file.</param>
    /// <param name="schema">What the model reads.</param>
    /// <param name="source">What it was trained from; null: no CSV file.</param>
    /// <param name="rows">Takes in the rows.</param>
    /// <param name="outputs">Outputs of the model.</param>
    /// <returns>The rows, and whether the targets are among the columns; without them they are zeros.</returns>
    /// <exception cref="DataException">The file is not such a table.</exception>
    public static (SourceTable Table, bool HasTargets) ReadForModel(
        DataFile file, CsvSchema schema, CsvSource? source, RowCollector rows, int outputs) =>
        CsvText.Read(file, DataLimits.FileBytes, parser =>
        {
            var columns = CsvColumns.ForModel(parser, file.Name, schema.Columns, schema.Targets, source);
            var hasTargets = schema.Targets.All(columns.Names.Contains);
            var table = new CsvTable(parser, columns, schema, hasTargets).Read(rows);
            return (hasTargets ? table : table with { Targets = RowTargets.None(outputs) }, hasTargets);
        });

    private SourceTable Read(RowCollector rows)
    {
        var isRow = !_columns.AreInFile;
        do
        {
            if (isRow)
                AddRow(rows);
            isRow = true;
        }
        while (_parser.Read());
        if (_rows == 0)
            throw new DataException($"{_columns.File}: a header and no rows. Name a file of at least one row.");
        return new SourceTable(_columns.File, rows.ToStore(_values.Length, Spread()), Targets());
    }

    private void AddRow(RowCollector rows)
    {
        if (_parser.Count != _columns.Names.Length)
        {
            throw new DataException(
                $"{_columns.File}: line {_parser.RawRow} has {_parser.Count} cells where there are {_columns.Names.Length} columns. " +
                "Correct the line; a cell that holds a comma needs quotes.");
        }

        for (var i = 0; i < _raw.Length; i++)
        {
            _raw[i] = _schema.Words[i] is { } words
                ? Word(words, _features[i], "category", "Fill the gap or leave the row out.")
                : Number(_features[i]);
        }

        _schema.Rules.Apply(_raw, _values, () => $"{_columns.File}: line {_parser.RawRow}");
        rows.Add(_values, _areWords);
        foreach (var column in _targets)
        {
            if (_schema.Labels is { } labels)
                _labels.Add((ushort)Word(labels, column, "class", "Give the row a label or leave it out."));
            else
                _numbers.Add(Number(column));
        }

        _rows++;
    }

    private int Word(WordCodes words, int column, string kind, string remedyOfEmpty)
    {
        var word = _parser[column].AsSpan().Trim();
        if (word.IsEmpty)
            throw Cell(column, "is empty", remedyOfEmpty);
        var code = words.Code(word);
        if (code >= DataLimits.Classes)
        {
            throw Cell(
                column,
                $"holds more than {DataLimits.Classes} different words",
                "Numbers to be predicted need the task regression; features of so many words are left out.");
        }

        return code >= 0 ? code : throw Cell(
            column,
            $"is '{Short(word)}', a {kind} that no training row has",
            $"Known are {NearestColumn.Listed(words.Words)}. Correct it, or train with rows of this {kind}.");
    }

    private float Number(int column)
    {
        var cell = _parser[column];
        if (float.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && float.IsFinite(value))
            return value;
        var (problem, remedy) = string.IsNullOrWhiteSpace(cell) ? ("is empty", "Fill the gap or leave the row out.")
            : float.IsFinite(value)
                ? ($"is '{Short(cell)}', not a number", "Write numbers as 1234.5 or 1e-3, name the column as categorical, or leave it out.")
                : ($"is '{Short(cell)}', not a finite 32-bit number", "Correct it or leave the row out.");
        throw Cell(column, problem, remedy);
    }

    /// <summary>Spreads words over their categories; null: there are no words among the features.</summary>
    private OneHot? Spread() => _areWords.Contains(true) ? new OneHot(Array.ConvertAll(_wordsOfValues, Codes)) : null;

    private RowTargets Targets()
    {
        if (_schema.Labels is not { } labels)
            return RowTargets.FromNumbers([.. _numbers], Math.Max(1, _targets.Length));
        var codes = Codes(labels)!;
        return RowTargets.FromLabels([.. _labels.Select(label => (ushort)codes[label])], labels.Words);
    }

    /// <summary>For the number that each word has in the rows its final one; sorts the words of a training file.</summary>
    private static int[]? Codes(WordCodes? words) =>
        words is null ? null : words.Words.IsDefault ? words.Sort() : [.. Enumerable.Range(0, words.Count)];

    private DataException Cell(int column, string problem, string remedy) =>
        new($"{_columns.File}: line {_parser.RawRow}, column '{_columns.Names[column]}' {problem}. {remedy}");

    private static string Short(ReadOnlySpan<char> cell) => cell.Length <= 40 ? cell.ToString() : $"{cell[..40]}...";
}
