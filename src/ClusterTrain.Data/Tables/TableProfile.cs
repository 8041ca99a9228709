using System.Collections.Immutable;
using System.Globalization;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Features;
using ClusterTrain.Data.Files;
using ClusterTrain.Learning.Files;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Tables;

/// <summary>What the cells of a CSV file are, as far as a look at all of them tells.</summary>
internal sealed record TableProfile
{
    public required string File { get; init; }

    public required long Rows { get; init; }

    /// <summary>How the cells are written; its words for missing values are those that the file has.</summary>
    public required CsvFormat Format { get; init; }

    /// <summary>True when the first line names the columns.</summary>
    public required bool HasHeader { get; init; }

    public required ImmutableArray<ColumnProfile> Columns { get; init; }

    /// <summary>The column to predict.</summary>
    public required ColumnProfile Target { get; init; }

    /// <summary>What a reader should know of the file.</summary>
    public required ImmutableArray<string> Warnings { get; init; }

    /// <summary>The words for missing values.</summary>
    public IReadOnlySet<string> WordsForMissing => Format.Missing.ToHashSet();

    /// <summary>Looks at a file, or at several that make one table.</summary>
    /// <param name="paths">The files.</param>
    /// <param name="target">The column to predict: its name, or for a file without a header c0, c1, ...</param>
    /// <param name="delimiter">What stands between the cells; null: the file shows it.</param>
    /// <param name="decimalPoint">What stands before decimals; null: the cells show it.</param>
    /// <exception cref="DataException">The file is no such table.</exception>
    public static TableProfile Of(IReadOnlyList<string> paths, string target, char? delimiter, char? decimalPoint)
    {
        var reading = new Reading(target, paths.Count > 1);
        char? usual = null;
        foreach (var path in paths)
        {
            using var file = DataFile.Open(path);
            if (file.BeginsAsIdx())
            {
                throw new DataException($"{path}: is an IDX file; its recipe names it, data: {{ idx: {{ features: FILE, labels: FILE }} }}.");
            }

            var told = new CsvDelimiter(
                new CsvFormat { Delimiter = delimiter }, first => first.Contains(target) || IsPlace(target, first.Length), usual);
            var found = CsvText.Read(file, DataLimits.FileBytes, told, reading.Add);
            usual ??= found;
        }

        return reading.Profile(paths, delimiter ?? (usual == ',' ? null : usual), decimalPoint);
    }

    private static char DecimalOf(string file, ImmutableArray<ColumnProfile> columns)
    {
        var withComma = columns.Where(column => column.AreNumbers(',') && !column.AreNumbers('.')).ToList();
        var withPoint = columns.FirstOrDefault(column => column.AreNumbers('.') && !column.AreNumbers(','));
        if (withComma.Count == 0)
        {
            return '.';
        }

        if (withComma.TrueForAll(column => column.MayHaveThousands))
        {
            var (place, cell) = withComma[0].FirstWord('.');
            throw new DataException(
                $"{file}: {place}, column '{withComma[0].Name}' is '{cell}': whether the comma stands before decimals or between thousands "
                    + "cannot be told. " +
                "Write numbers without commas, or say --decimal comma.");
        }

        if (withPoint is null)
        {
            return ',';
        }

        var (placeOfComma, commaCell) = withComma[0].FirstWord('.');
        var (placeOfPoint, pointCell) = withPoint.FirstWord(',');
        throw new DataException(
            $"{file}: decimals stand after a comma in {placeOfComma}, column '{withComma[0].Name}' ('{commaCell}'), and after a point in "
                + $"{placeOfPoint}, column "
            + $"'{withPoint.Name}' ('{pointCell}'). Write all numbers the same way.");
    }

    private static DataException NoTarget(TableRows rows, ImmutableArray<string> first, string target)
    {
        var numbers = first.FirstOrDefault(cell => CellNumber.TryParse(cell, out _));
        return new DataException(numbers is null
            ? $"{rows.File}: {rows.Place}: there is no column '{target}'. {NearestColumn.Suggest(target, first)}"
            : $"{rows.File}: {rows.Place} has '{numbers}', a number, so that it names no columns. Write a first line of names, or name the target by "
                + $"its place, c0 to c{first.Length - 1}.");
    }

    private static bool IsPlace(string target, int columns) =>
        target is ['c', .. var digits] && int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var place) && place < columns
            && $"c{place}" == target;

    /// <summary>Reads the files one after the other.</summary>
    private sealed class Reading(string target, bool isOfSeveral)
    {
        // In fewer rows a word that stands once says nothing.
        private const int LeastRowsToTellHeader = 20;

        private readonly List<string> _warnings = [];
        private ImmutableArray<ColumnProfile> _columns;
        private string _firstFile = "";
        private bool _hasHeader;
        private long _count;

        // Of the first file: what its first line has, and where that is.
        private ImmutableArray<string> _firstLine;
        private string _firstPlace = "";

        /// <summary>Takes the rows of a file; gives its delimiter.</summary>
        public char Add(TableRows rows)
        {
            ImmutableArray<string> first = [.. rows.Cells().Select(cell => cell.Trim())];
            var hasHeader = first.Contains(target);
            if (!hasHeader && !IsPlace(target, first.Length))
            {
                throw NoTarget(rows, first, target);
            }

            var names = hasHeader ? first : FeatureEncoding.Numbered("c", 0, first.Length);
            if (names.Count(name => name == target) > 1)
            {
                throw new DataException($"{rows.File}: {rows.Place}: two columns are named '{target}', the target. Rename one.");
            }

            if (_firstLine.IsDefault)
            {
                (_firstLine, _firstPlace) = (first, rows.Place);
            }

            var columns = Columns(rows, names, hasHeader);
            string Place() => isOfSeveral ? $"{rows.Place} of {rows.File}" : rows.Place;
            var before = _count;
            for (var isRow = !hasHeader || rows.Read(); isRow; isRow = rows.Read())
            {
                rows.RequireCells(columns.Length);
                for (var i = 0; i < columns.Length; i++)
                {
                    columns[i].Add(rows[i], Place);
                }

                _count++;
            }

            if (_count == before)
            {
                throw new DataException($"{rows.File}: a header but no rows. Name a file of at least one row.");
            }

            _warnings.AddRange(rows.Warnings);
            return rows.Delimiter;
        }

        public TableProfile Profile(IReadOnlyList<string> paths, char? delimiter, char? decimalPoint)
        {
            var file = paths.Count == 1 ? paths[0] : $"{paths[0]} and {paths.Count - 1} more";
            var point = decimalPoint ?? DecimalOf(file, _columns);
            CheckFirstLine(point);
            var missing = _columns.SelectMany(column =>
                column.WordsForMissing.Keys.Where(word => column.AreNumbers(point) || MissingWords.AreCertain(word)))
                .Distinct().Order(StringComparer.Ordinal).ToImmutableArray();
            return new TableProfile
            {
                File = file,
                Rows = _count,
                Format = new CsvFormat { Delimiter = delimiter, Decimal = point, Missing = missing },
                HasHeader = _hasHeader,
                Columns = _columns,
                Target = _columns.First(column => column.Name == target),
                Warnings = [.. _warnings],
            };
        }

        /// <summary>Whether the first line names the columns is told by the target; the cells below may say otherwise.</summary>
        private void CheckFirstLine(char point)
        {
            if (_firstLine.Any(cell => CellNumber.TryParse(cell, out _, point)))
            {
                return;
            }

            if (_hasHeader)
            {
                CheckNamesBelow(point);
                return;
            }

            for (var i = 0; i < _columns.Length; i++)
            {
                var column = _columns[i];
                if (column.Numbers(point) > 1 && column.Numbers(point) == column.Values - column.Count(_firstLine[i]))
                {
                    var place = _columns.IndexOf(_columns.First(other => other.Name == target));
                    throw new DataException(
                        $"{_firstFile}: {_firstPlace} has '{RecipeText.Shown(_firstLine[i])}' above a column of numbers, so it is a header. Name the "
                            + $"target by its name there, '{RecipeText.Shown(_firstLine[place])}'.");
                }
            }

            if (_count >= LeastRowsToTellHeader && Enumerable.Range(0, _columns.Length).All(i => _columns[i].Count(_firstLine[i]) == 1))
            {
                _warnings.Add(
                    $"{(isOfSeveral ? $"{_firstFile}: " : "")}{_firstPlace} may be a header: none of its cells, such as "
                        + $"'{RecipeText.Shown(_firstLine[0])}', appears again below. If it is one, name the target by its name there.");
            }
        }

        /// <summary>Each name appears below in its own column: as a header that is repeated, or because the first line is no header.</summary>
        private void CheckNamesBelow(char point)
        {
            if (_columns.Length == 1 || !_columns.All(column => column.Count(column.Name) > 0))
            {
                return;
            }

            throw new DataException(
                _columns.FirstOrDefault(column => column.Numbers(point) > 0 && column.Numbers(point) == column.Values - column.Count(column.Name))
                    is { } numbers
                ? $"{_firstFile}: {numbers.FirstWord(point).Place} repeats the header. Remove that line."
                : $"{_firstFile}: {_firstPlace} is a row like the others: each of its words, such as '{RecipeText.Shown(_firstLine[0])}', appears "
                    + $"again further down the same column. Name the target by its place, c{_firstLine.IndexOf(target)}, or write a first line of "
                    + "names that do not occur as values.");
        }

        // The columns of all files, in the order of the present one.
        private ImmutableArray<ColumnProfile> Columns(TableRows rows, ImmutableArray<string> names, bool hasHeader)
        {
            if (_columns.IsDefault)
            {
                (_columns, _firstFile, _hasHeader) = ([.. names.Select(name => new ColumnProfile(name))], rows.File, hasHeader);
                return _columns;
            }

            if (hasHeader != _hasHeader || !names.Order(StringComparer.Ordinal).SequenceEqual(
                _columns.Select(column => column.Name).Order(StringComparer.Ordinal)))
            {
                throw new DataException(
                    $"{rows.File}: {rows.Place}: other columns than in {_firstFile}: {NearestColumn.Listed(names)} where that has "
                    + $"{NearestColumn.Listed([.. _columns.Select(column => column.Name)])}. Give all files of a table the same columns.");
            }

            // Columns of one name, which become no features, go by their order.
            var left = _columns.ToList();
            return [.. names.Select(name =>
            {
                var column = left.First(other => other.Name == name);
                left.Remove(column);
                return column;
            })];
        }
    }
}
