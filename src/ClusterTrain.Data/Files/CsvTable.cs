using System.Collections.Immutable;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Features;
using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.Files;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Files;

/// <summary>Reads the rows of one table, which may stand in several files, each column as what the schema says it is.</summary>
internal sealed class CsvTable
{
    private readonly CsvSchema _schema;
    private readonly bool _withTargets;
    private readonly List<string> _warnings = [];
    private readonly double[] _raw;
    private readonly double[] _values;
    private readonly WordCodes?[] _wordsOfValues;
    private readonly bool[] _areWords;
    private readonly List<ushort> _labels = [];
    private readonly List<double> _numbers = [];
    private readonly RowPlaces _places = new();
    private readonly Dictionary<int, string> _longNumbers = [];
    private readonly BlurredColumn[] _blurredTargets;
    private readonly CsvFormat _format;
    private readonly bool[] _mayMiss;
    private readonly bool[] _mayBeUnseen;
    private readonly bool _keepsTargets;
    private readonly bool _isForModel;
    private readonly BlurredColumn[] _blurredDerived;
    private readonly (int Left, int Right)[] _parents;
    private readonly SplitColumn? _split;
    private readonly KeptCells? _kept;
    private TableRows _cells;
    private CsvColumns _columns;
    private int[] _features = [];
    private int[] _targets = [];
    private long _rows;
    private long _rowsBefore;

    private CsvTable(
        TableRows cells, CsvFormat format, CsvColumns columns, CsvSchema schema, bool withTargets, bool keepsTargets,
        SplitColumn? split = null, KeptCells? kept = null, bool isForModel = false)
    {
        _isForModel = isForModel;
        _blurredDerived = [.. schema.Derived.Select(_ => new BlurredColumn())];
        _parents = [.. schema.Derived.Select(feature => (schema.Columns.IndexOf(feature.Left), schema.Columns.IndexOf(feature.Right)))];
        (_cells, _columns, _format, _schema, _withTargets, _keepsTargets) = (cells, columns, format, schema, withTargets, keepsTargets);
        (_split, _kept) = (split, kept);
        _blurredTargets = [.. schema.Targets.Select(_ => new BlurredColumn())];
        _raw = new double[schema.Columns.Length];
        _values = new double[schema.Rules.Count];
        var words = schema.Columns.Zip(schema.Words).ToDictionary(pair => pair.First, pair => pair.Second);
        _wordsOfValues = [.. schema.Features.Select(name => words.GetValueOrDefault(name))];
        _areWords = schema.KeepsColumns ? [.. schema.Words.Select(value => value is not null)]
            : Array.ConvertAll(_wordsOfValues, value => value is not null);
        _mayMiss = [.. schema.Columns.Select(schema.MayMiss.Contains)];
        _mayBeUnseen = [.. schema.Columns.Select(schema.MayBeUnseen.Contains)];
    }

    /// <summary>Reads the files of the training or of the test rows.</summary>
    /// <param name="files">Opens each of the files; there is one at least, and one is open at a time.</param>
    /// <param name="recipe">What the recipe says of them.</param>
    /// <param name="training">The schema of the training files when these are the test files; otherwise null.</param>
    /// <param name="collector">Takes in the rows of all.</param>
    /// <param name="mostBytes">Bytes a file may have.</param>
    /// <returns>The rows, and the schema that they were read with.</returns>
    /// <exception cref="DataException">A file is not such a table.</exception>
    public static (SourceTable Table, CsvSchema Schema) Read(
        IEnumerable<Func<DataFile>> files, DataRecipe recipe, CsvSchema? training, Func<string, RowCollector> collector, long mostBytes)
    {
        var source = (CsvSource)recipe.Source;
        CsvTable? table = null;
        RowCollector? rows = null;
        foreach (var open in files)
        {
            using var file = open();
            var usual = training?.Delimiter ?? table?._schema.Delimiter;
            _ = CsvText.Read(file, mostBytes, new CsvDelimiter(source.Format, first => CsvColumns.MayBe(first, source), usual), cells =>
            {
                var columns = CsvColumns.Of(cells, source);
                table ??= new CsvTable(
                    cells, source.Format, columns, training ?? CsvSchema.Of(source, columns, recipe.Task, cells.Delimiter), withTargets: true,
                    recipe.ScaleTargets, training is null ? SplitColumn.Of(source) : null);
                rows ??= collector(file.Name);
                table.AddFile(cells, columns, rows);
                return true;
            });
        }

        return (table!.Finish(rows!), table._schema);
    }

    /// <summary>Reads a file for a trained model.</summary>
    /// <param name="file">The file.</param>
    /// <param name="model">What the model knows of its columns.</param>
    /// <param name="rows">Takes in the rows.</param>
    /// <param name="withTargets">True: the targets are read where they are among the columns; false: those columns may hold anything.</param>
    /// <param name="keep">Columns to be kept as they stand, see <see cref="KeptCells"/>.</param>
    /// <returns>The rows, and whether their targets were read; without them they are zeros.</returns>
    /// <exception cref="DataException">The file is not such a table.</exception>
    public static (SourceTable Table, bool HasTargets) ReadForModel(
        DataFile file, LearntColumns model, RowCollector rows, bool withTargets, IReadOnlyList<string> keep)
    {
        var source = model.Source;
        var format = source?.Format ?? new CsvFormat();
        var delimiter = new CsvDelimiter(
            format, first => CsvColumns.MayBe(first, model.Encoding, model.TargetNames, source), format.Delimiter ?? model.Encoding.Delimiter ?? ',');
        return CsvText.Read(file, DataLimits.FileBytes, delimiter, cells =>
        {
            var schema = CsvSchema.Of(model.Encoding, model.TargetNames, model.Classes);
            var columns = CsvColumns.ForModel(cells, model.Encoding, model.TargetNames, source);
            var hasTargets = withTargets && schema.Targets.All(columns.Names.Contains);
            var read = new CsvTable(
                cells, format, columns, schema, hasTargets, keepsTargets: model.KeepsTargets,
                kept: KeptCells.Of(keep, columns), isForModel: true);
            read.AddFile(cells, columns, rows);
            var table = read.Finish(rows);
            if (schema.KeepsColumns)
            {
                table = ColumnEncoder.Of(model.Encoding, [.. schema.Words.Select(words => words?.Words ?? [])], table).Encode(table);
            }

            return (hasTargets ? table : table with { Targets = RowTargets.None(model.Outputs) }, hasTargets);
        });
    }

    private void AddFile(TableRows cells, CsvColumns columns, RowCollector rows)
    {
        if (_rows > 0 && !columns.Names.ToHashSet().SetEquals(_columns.Names))
        {
            var more = columns.Names.Except(_columns.Names).Select(name => $"'{name}' more");
            var fewer = _columns.Names.Except(columns.Names).Select(name => $"no '{name}'");
            throw new DataException($"{columns.File}: {columns.Place}: other columns than in {_columns.File}: "
                + $"{NearestColumn.Listed([.. fewer, .. more])}. Give all files of a table the same columns.");
        }

        (_cells, _columns) = (cells, columns);
        _features = columns.Indices(_schema.Columns);
        _targets = _withTargets ? columns.Indices(_schema.Targets) : [];
        _split?.Open(columns);
        _rowsBefore = _rows;
        var isRow = !columns.AreInFile;
        do
        {
            if (isRow)
            {
                AddRow(rows);
            }

            isRow = true;
        }
        while (cells.Read());
        if (_rows == _rowsBefore)
        {
            throw new DataException($"{columns.File}: a header but no rows. Name a file of at least one row.");
        }

        _warnings.AddRange(cells.Warnings);
    }

    private SourceTable Finish(RowCollector rows)
    {
        var codes = _schema.KeepsColumns ? _schema.Words.Select(Codes).ToImmutableArray() : default;
        var store = codes.IsDefault ? rows.ToStore(_values.Length, Spread()) : rows.ToStore(_raw.Length, encoder: null);
        return new SourceTable(_columns.File, store, Targets())
        {
            Codes = codes,
            Places = _places,
            SplitKeys = _split?.Keys,
            Kept = _kept?.Columns,
            Warnings = [.. _warnings, .. _longNumbers.Values, .. BlurredDerived(), .. BlurredTargets()],
        };
    }

    private void AddRow(RowCollector rows)
    {
        _cells.RequireCells(_columns.Names.Length);
        for (var i = 0; i < _raw.Length; i++)
        {
            _raw[i] = _mayMiss[i] && IsMissing(_cells[_features[i]]) ? double.NaN
                : _schema.Words[i] is { } words ? Category(words, i)
                : _schema.Dates[i] is { } date ? Date(date, i)
                : _schema.AreBooleans[i] ? Boolean(i)
                : Number(_features[i], $"Fill the gap, leave the row out, or train with data.impute: {{ {Key(i)}: median }}.");
        }

        AddDerived();
        if (_schema.KeepsColumns)
        {
            rows.Add(_raw, _areWords);
        }
        else
        {
            _schema.Rules.Apply(_raw, _values, () => $"{_columns.File}: {_cells.Place}");
            rows.Add(_values, _areWords);
        }

        _places.Add(_cells);
        _kept?.Add(_cells);
        if (_split is not null)
        {
            if (IsMissing(_cells[_split.Index]))
            {
                throw Missing(_split.Index, _cells[_split.Index], _split.Remedy);
            }

            _split.Add(_cells[_split.Index], _cells);
        }

        foreach (var (target, column) in _targets.Index())
        {
            if (_schema.Labels is { } labels)
            {
                _labels.Add((ushort)Class(labels, column));
            }
            else
            {
                AddTarget(Number(column, "Give the row a target or leave it out."), _blurredTargets[target]);
            }
        }

        _rows++;
    }

    // What a derived feature would be in double beside what it is.
    private void AddDerived()
    {
        foreach (var (index, (left, right)) in _parents.Index())
        {
            var isRatio = _schema.Derived[index].Kind == DerivedKind.Ratio;
            var wide = isRatio ? _raw[left] / _raw[right] : _raw[left] * _raw[right];
            var narrow = isRatio ? (float)_raw[left] / (float)_raw[right] : (float)_raw[left] * (float)_raw[right];
            if (double.IsFinite(wide) && float.IsFinite(narrow))
            {
                _blurredDerived[index].Add(wide, narrow);
            }
        }
    }

    private IEnumerable<string> BlurredDerived() => _schema.Derived.Zip(_blurredDerived)
        .Where(pair => !_isForModel && pair.Second.IsBlurred)
        .Select(pair => $"{_columns.File}: derived feature '{pair.First.Name}': {pair.Second.Told}, because it is computed in them. Write the "
            + $"columns '{pair.First.Left}' and '{pair.First.Right}' as smaller numbers, such as what is above their least, or leave it out.");

    private void AddTarget(double number, BlurredColumn seen)
    {
        seen.Add(number, (float)number);
        _numbers.Add(number);
    }

    private IEnumerable<string> BlurredTargets() => _targets.Zip(_blurredTargets)
        .Where(pair => _schema.Labels is null && !_keepsTargets && pair.Second.IsBlurred)
        .Select(pair => $"{_columns.File}: target '{_columns.Names[pair.First]}': {pair.Second.Told}. Set data.target_scale: auto, which takes their "
            + "mean from them first.");

    private int Category(WordCodes words, int index)
    {
        var column = _features[index];
        var code = Word(words, column, $"Fill the gap, leave the row out, or train with data.impute: {{ {Key(index)}: category }}.");
        return code >= 0 || _mayBeUnseen[index] ? code : throw Unknown(
            words, column, "category", $"Correct it, or train with rows of this category, or with data.unseen: {{ {Key(index)}: own-code }}.");
    }

    private double Date(DateColumn date, int index)
    {
        var column = _features[index];
        var cell = _cells[column];
        if (IsMissing(cell))
        {
            throw Missing(column, cell, $"Fill the gap, leave the row out, or train with data.impute: {{ {Key(index)}: median }}.");
        }

        return DateCell.Read(cell, date.Format) ?? throw Cell(
            column,
            $"is '{Short(cell)}', not a date such as {date.Format}",
            DateColumn.Formats.FirstOrDefault(other => DateCell.Read(cell, other) is not null) is { } other
                ? $"Correct it, or say how its dates are written: dates: {{ {Key(index)}: {{ format: {other} }} }}."
                : "Correct it. A time of day may follow a date, such as 10:05 or 10:05:30Z, and no other time zone; other formats are "
                    + $"{string.Join(", ", DateColumn.Formats.Where(other => other != date.Format))}.{MissingWords.Remedy(cell)}");
    }

    private double Boolean(int index)
    {
        var column = _features[index];
        var cell = _cells[column];
        if (IsMissing(cell))
        {
            throw Missing(column, cell, $"Fill the gap, leave the row out, or train with data.impute: {{ {Key(index)}: median }}.");
        }

        return BooleanCell.Read(cell) ?? throw Cell(
            column, $"is '{Short(cell)}', not true or false",
                $"Write true or false, yes or no, 1 or 0, or name the column as categorical.{MissingWords.Remedy(cell)}");
    }

    private int Class(WordCodes labels, int column)
    {
        var code = Word(labels, column, "Give the row a label or leave it out.");
        return code >= 0 ? code : throw Unknown(labels, column, "class", "Correct it, or train with rows of this class.");
    }

    /// <summary>The number of a word; -1 when it is none of the training file.</summary>
    private int Word(WordCodes words, int column, string remedyOfMissing)
    {
        var word = _cells[column].AsSpan().Trim();
        if (IsMissing(word))
        {
            throw Missing(column, word, remedyOfMissing);
        }

        var code = words.Code(word);
        return code < DataLimits.Classes ? code : throw Cell(
            column,
            $"holds more than {DataLimits.Classes} different words",
            "Numbers to be predicted need the task regression; features of so many words are left out.");
    }

    private DataException Unknown(WordCodes words, int column, string kind, string remedy) => Cell(
        column,
        $"is '{Short(_cells[column].AsSpan().Trim())}', a {kind} that no training row has",
        $"Known categories: {NearestColumn.Quoted([.. words.Words.Where(word => word.Length > 0)])}. {remedy}");

    // A column's name as a recipe has it for a key.
    private string Key(int index) => RecipeWriter.Text(_schema.Columns[index]);

    private double Number(int column, string remedyOfMissing)
    {
        var cell = _cells[column];
        if (IsMissing(cell))
        {
            throw Missing(column, cell, remedyOfMissing);
        }

        if (CellNumber.TryParse(cell, out var value, _format.Decimal) && float.IsFinite((float)value))
        {
            if (CellNumber.IsBeyondDouble(cell, _format.Decimal))
            {
                NoteLongNumber(column, cell);
            }

            return value;
        }

        var (problem, remedy) = CellNumber.IsNotFinite(cell, _format.Decimal)
            ? ($"is '{Short(cell)}', not a finite 32-bit number", $"Correct it or leave the row out.{MissingWords.Remedy(cell)}")
            : ($"is '{Short(cell)}', not a number", RemedyOfWord(cell));
        throw Cell(column, problem, remedy);
    }

    private string RemedyOfWord(string cell)
    {
        var (point, example) = _format.Decimal == ',' ? (',', "1234,5") : ('.', "1234.5");
        if (CellNumber.TryParse(cell, out _, point == ',' ? '.' : ','))
        {
            return point == ','
                ? $"The decimals of this recipe stand after a comma: write numbers as {example}, without points, or remove data.decimal."
                : $"Where the comma stands before decimals, set data.decimal: \",\"; otherwise write numbers as {example}, without commas.";
        }

        var format = DateColumn.Formats.FirstOrDefault(format => DateCell.Read(cell, format) is not null);
        return format is not null ? $"It looks like a date: name the column under dates (its format there may be {format}), or leave it out."
            : BooleanCell.Read(cell) is not null ? "Name the column under booleans where it holds true and false, as categorical, or leave it out."
            : $"Write numbers as {example} or 1e-3, name the column as categorical, or leave it out.{MissingWords.Remedy(cell)}{RemedyOfFirstRow()}";
    }

    // The first row of a file that is read as one without names may be one of names.
    private string RemedyOfFirstRow() => _rows > _rowsBefore || _columns.AreInFile ? ""
        : _isForModel ? $" Where the first line names the columns, it has to name those the model needs: {NearestColumn.Listed(_schema.Columns)}."
        : " Where the first line names the columns, set csv.header: true.";

    private bool IsMissing(ReadOnlySpan<char> cell)
    {
        cell = cell.Trim();
        if (cell.IsEmpty)
        {
            return true;
        }

        foreach (var word in _format.Missing)
        {
            if (cell.SequenceEqual(word))
            {
                return true;
            }
        }

        return false;
    }

    private DataException Missing(int column, ReadOnlySpan<char> cell, string remedy) =>
        Cell(column, cell.Trim().IsEmpty ? "is empty" : $"is '{Short(cell.Trim())}', which stands for a missing value", remedy);

    private void NoteLongNumber(int column, string cell)
    {
        if (_longNumbers.ContainsKey(column))
        {
            return;
        }

        _longNumbers.Add(
            column,
            $"{_columns.File}: {_cells.Place}, column '{_columns.Names[column]}' is {Short(cell)}: only the first 15 digits of a number count. "
                + $"" +
            "Where it is a name and no quantity, list the features without it, or name it as categorical.");
    }

    /// <summary>Spreads words over their categories; null: there are no words among the features.</summary>
    private OneHot? Spread() => _areWords.Contains(true) ? new OneHot(Array.ConvertAll(_wordsOfValues, Codes)) : null;

    private RowTargets Targets()
    {
        if (_schema.Labels is not { } labels)
        {
            return _keepsTargets
                ? RowTargets.FromNumbers([.. _numbers], Math.Max(1, _targets.Length))
                : RowTargets.FromNumbers(_numbers.Select(number => (float)number).ToArray(), Math.Max(1, _targets.Length));
        }

        var codes = Codes(labels)!;
        return RowTargets.FromLabels([.. _labels.Select(label => (ushort)codes[label])], labels.Words);
    }

    /// <summary>For the number that each word has in the rows its final one; sorts the words of a training file.</summary>
    private static int[]? Codes(WordCodes? words) =>
        words is null ? null : words.Words.IsDefault ? words.Sort() : [.. Enumerable.Range(0, words.Count)];

    private DataException Cell(int column, string problem, string remedy) =>
        new($"{_columns.File}: {_cells.Place}, column '{_columns.Names[column]}' {problem}. {remedy}");

    private static string Short(ReadOnlySpan<char> cell) => RecipeText.Shown(cell.Length <= 40 ? cell.ToString() : $"{cell[..40]}...");
}
