using System.Collections.Immutable;
using System.Globalization;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Features;
using ClusterTrain.Data.Files;
using ClusterTrain.Learning.Files;
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

    /// <summary>Looks at a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="target">The column to predict: its name, or for a file without a header c0, c1, ...</param>
    /// <param name="delimiter">What stands between the cells; null: the file shows it.</param>
    /// <param name="decimalPoint">What stands before decimals; null: the cells show it.</param>
    /// <exception cref="DataException">The file is no such table.</exception>
    public static TableProfile Of(string path, string target, char? delimiter, char? decimalPoint)
    {
        using var file = DataFile.Open(path);
        if (file.BeginsAsIdx())
            throw new DataException($"{path}: is an IDX file; its recipe names it, data: {{ idx: {{ features: FILE, labels: FILE }} }}.");
        var told = new CsvDelimiter(new CsvFormat { Delimiter = delimiter }, first => first.Contains(target) || IsPlace(target, first.Length));
        return CsvText.Read(file, DataLimits.FileBytes, told, rows => Read(rows, target, delimiter, decimalPoint));
    }

    private static TableProfile Read(TableRows rows, string target, char? delimiter, char? decimalPoint)
    {
        ImmutableArray<string> first = [.. rows.Cells().Select(cell => cell.Trim())];
        var hasHeader = first.Contains(target);
        if (!hasHeader && !IsPlace(target, first.Length))
            throw NoTarget(rows, first, target);
        var names = hasHeader ? first : FeatureEncoding.Numbered("c", 0, first.Length);
        ImmutableArray<ColumnProfile> columns = [.. names.Select(name => new ColumnProfile(name))];
        if (names.Count(name => name == target) > 1)
            throw new DataException($"{rows.File}: {rows.Place}: two columns are named '{target}', the target. Rename one.");
        var count = 0L;
        for (var isRow = !hasHeader || rows.Read(); isRow; isRow = rows.Read())
        {
            rows.RequireCells(columns.Length);
            for (var i = 0; i < columns.Length; i++)
                columns[i].Add(rows[i], rows.Line);
            count++;
        }

        if (count == 0)
            throw new DataException($"{rows.File}: a header and no rows. Name a file of at least one row.");
        var point = decimalPoint ?? DecimalOf(rows.File, columns);
        var missing = columns.SelectMany(column =>
            column.WordsForMissing.Keys.Where(word => column.AreNumbers(point) || MissingWords.AreCertain(word)))
            .Distinct().Order(StringComparer.Ordinal).ToImmutableArray();
        return new TableProfile
        {
            File = rows.File,
            Rows = count,
            Format = new CsvFormat { Delimiter = delimiter ?? (rows.Delimiter == ',' ? null : rows.Delimiter), Decimal = point, Missing = missing },
            HasHeader = hasHeader,
            Columns = columns,
            Target = columns.First(column => column.Name == target),
            Warnings = [.. rows.Warnings],
        };
    }

    private static char DecimalOf(string file, ImmutableArray<ColumnProfile> columns)
    {
        var withComma = columns.Where(column => column.AreNumbers(',') && !column.AreNumbers('.')).ToList();
        var withPoint = columns.FirstOrDefault(column => column.AreNumbers('.') && !column.AreNumbers(','));
        if (withComma.Count == 0)
            return '.';
        if (withComma.TrueForAll(column => column.MayHaveThousands))
        {
            var (line, cell) = withComma[0].FirstWord('.');
            throw new DataException(
                $"{file}: line {line}, column '{withComma[0].Name}' is '{cell}': whether the comma stands before decimals or between thousands "
                    + $"cannot be told. " +
                "Write numbers without commas, or say --decimal comma.");
        }

        if (withPoint is null)
            return ',';
        var (lineOfComma, commaCell) = withComma[0].FirstWord('.');
        var (lineOfPoint, pointCell) = withPoint.FirstWord(',');
        throw new DataException(
            $"{file}: decimals stand after a comma in line {lineOfComma}, column '{withComma[0].Name}' ('{commaCell}'), and after a point in line "
                + $"{lineOfPoint}, column "
            + $"'{withPoint.Name}' ('{pointCell}'). Write all numbers alike.");
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
}
