using System.Globalization;
using ClusterTrain.Data.Common;
using ClusterTrain.Learning.Files;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Files;

/// <summary>The values of the column that a split goes by.</summary>
/// <param name="Column">Its name.</param>
/// <param name="AreTimes">True: they are times, which have an order; false: numbers of groups, from 0.</param>
/// <param name="Values">One for each row.</param>
internal sealed record SplitKeys(string Column, bool AreTimes, double[] Values);

/// <summary>Reads the column that a split goes by.</summary>
internal sealed class SplitColumn
{
    // Those that are read in one way only, whoever wrote them.
    private static readonly string[] s_dates =
    [
        "yyyy-M-d", "yyyy-M-d H:m", "yyyy-M-d H:m:s", "yyyy-M-d H:m:s.FFFFFFF", "yyyy-M-dTH:mK", "yyyy-M-dTH:m:sK", "yyyy-M-dTH:m:s.FFFFFFFK",
        "yyyy-M-d H:m:sK", "yyyy-M-d H:m:s.FFFFFFFK", "yyyy/M/d", "yyyy/M/d H:m", "yyyy/M/d H:m:s", "d.M.yyyy", "d.M.yyyy H:m", "d.M.yyyy H:m:s",
            "yyyy-M",
    ];

    private readonly string _name;
    private readonly bool _isTime;
    private readonly char _decimalPoint;
    private readonly string? _format;
    private readonly List<double> _values = [];
    private readonly Dictionary<string, int> _groups = new(StringComparer.Ordinal);
    private bool _areDates;

    private SplitColumn(string name, bool isTime, char decimalPoint, string? format) =>
        (_name, _isTime, _decimalPoint, _format) = (name, isTime, decimalPoint, format);

    /// <summary>Which column of the present file it is.</summary>
    public int Index { get; private set; }

    /// <summary>What a missing value needs.</summary>
    public string Remedy => $"Give the row a {Key}, or leave it out: data.{Key} needs one of every row.";

    /// <summary>The values read.</summary>
    public SplitKeys Keys => new(_name, _isTime, [.. _values]);

    private string Key => _isTime ? "time" : "group";

    /// <summary>The column that a recipe names in <c>data.group</c> or <c>data.time</c>; null: it names none.</summary>
    public static SplitColumn? Of(CsvSource source) => (source.Group ?? source.Time) is not { } name ? null : new SplitColumn(
        name, source.Group is null, source.Format.Decimal, source.Dates.FirstOrDefault(date => date.Column == name)?.Format);

    /// <summary>Goes on with the rows of a file.</summary>
    /// <exception cref="DataException">The file has no such column.</exception>
    public void Open(CsvColumns columns)
    {
        if (!columns.Names.Contains(_name))
        {
            throw new DataException(
                $"{columns.File}: data.{Key} is '{_name}', and there is no such column. {NearestColumn.Suggest(_name, columns.Names)}");
        }

        Index = columns.Indices([_name])[0];
    }

    /// <summary>Takes the cell of the next row.</summary>
    /// <exception cref="DataException">It is no time.</exception>
    public void Add(string cell, TableRows present)
    {
        var text = cell.Trim();
        if (_isTime)
        {
            _values.Add(Time(text, present));
        }
        else if (_groups.TryGetValue(text, out var known))
        {
            _values.Add(known);
        }
        else
        {
            _values.Add(_groups[text] = _groups.Count);
        }
    }

    private double Time(string text, TableRows present)
    {
        if (_format is not null)
        {
            return DateCell.Read(text, _format) ?? throw new DataException(
                $"{present.File}: {present.Place}, column '{_name}' is '{text}', not a date such as {_format}, as csv.dates says: "
                + "data.time puts the rows in their order. Correct it, or leave the row out.");
        }

        var isDate = DateTimeOffset.TryParseExact(
            text, s_dates, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var date);
        if (_values.Count == 0)
        {
            _areDates = isDate;
        }

        if (_areDates && isDate)
        {
            return (date - DateTimeOffset.UnixEpoch).TotalSeconds;
        }

        if (!_areDates && CellNumber.TryParse(text, out var number, _decimalPoint))
        {
            return number;
        }

        throw new DataException(
            $"{present.File}: {present.Place}, column '{_name}' is '{text}', not a "
            + $"{(_areDates ? "date, as the rows before have" : "number or a date")}: data.time puts the rows in "
            + "their order. Write dates such as 2024-03-31 or 2024-03-31 17:05:00, or numbers, all in one way.");
    }
}
