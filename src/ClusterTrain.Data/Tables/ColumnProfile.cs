using System.Globalization;
using System.Text.RegularExpressions;
using ClusterTrain.Data.Files;
using ClusterTrain.Learning.Files;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Tables;

/// <summary>What the cells of one column are, counted while a file is read.</summary>
/// <param name="name">Its name.</param>
internal sealed partial class ColumnProfile(string name)
{
    // More different cells than this are no categories, and need not be told apart.
    private const int MostDistinct = 1 << 16;

    private readonly Dictionary<string, long> _counts = [];
    private readonly Dictionary<string, (long Count, string Place)> _missingWords = [];
    private readonly Dictionary<char, FoundCell> _firstWord = [];
    private readonly Dictionary<string, FoundCell> _firstOfOtherFormat = [];
    private long _pointNumbers;
    private long _commaNumbers;
    private readonly Dictionary<string, long> _dates = DateColumn.Formats.ToDictionary(format => format, _ => 0L);
    private readonly Dictionary<(string Format, DatePart Part), HashSet<double>> _parts = [];
    private long _booleans;
    private long _integers;
    private long _thousands;
    private long _decimalCommas;
    private long _thousandsWithPoints;
    private long _decimalPoints;
    private long _wholeNumbers;
    private long _datesWithoutMarks;
    private long _likeDates;
    private long _likeNumbers;
    private long _previous;
    private bool _isCounting = true;

    /// <summary>Its name.</summary>
    public string Name => name;

    /// <summary>Cells with something in them, but for the usual words for a missing value.</summary>
    public long Values { get; private set; }

    /// <summary>Empty cells.</summary>
    public long Empty { get; private set; }

    /// <summary>Where the first empty cell is; null: there is none.</summary>
    public string? FirstEmpty { get; private set; }

    /// <summary>The usual words for a missing value among the cells, with their number and where the first is.</summary>
    public IReadOnlyDictionary<string, (long Count, string Place)> WordsForMissing => _missingWords;

    /// <summary>The largest size of a number.</summary>
    public double Largest { get; private set; }

    /// <summary>A number that no 32-bit float holds; null: there is none.</summary>
    public FoundCell? TooLarge { get; private set; }

    /// <summary>The first number of more digits than are told apart; null: there is none.</summary>
    public FoundCell? TooLong { get; private set; }

    /// <summary>
    /// A value that only looks like a number, such as <c>$5</c> or <c>1 000</c>, where nearly all values do or are numbers; else null.
    /// </summary>
    public FoundCell? LikeNumber => AreMost(_likeNumbers + Math.Max(_pointNumbers, _commaNumbers)) ? FirstLikeNumber : null;

    /// <summary>
    /// A value that is no date of the most usual format of the column, where nearly all values look like dates or times; else
    /// null.
    /// </summary>
    public FoundCell? LikeDate => !AreMost(_likeDates) ? null
        : _firstOfOtherFormat.GetValueOrDefault(UsualFormat ?? DateColumn.DefaultFormat) ?? _firstOfOtherFormat.Values.First();

    /// <summary>The format of dates that most values have; null: none has one that is read.</summary>
    public string? UsualFormat => DateColumn.Formats.MaxBy(format => _dates[format]) is { } usual && _dates[usual] > 0 ? usual : null;

    private FoundCell? FirstLikeNumber { get; set; }

    /// <summary>True when there are more different cells than are told apart.</summary>
    public bool HasMany => _counts.Count > MostDistinct;

    /// <summary>The formats by which all values are dates: those of days and months in both orders where no day is beyond 12.</summary>
    public IReadOnlyList<string> DateFormats =>
        Values == 0 ? [] : [.. DateColumn.Formats.Where(format => _dates[format] == Values && IsUsual(format))];

    /// <summary>The parts of dates that differ in the column, for a column of one date format.</summary>
    public IReadOnlyList<DatePart> DateParts => [.. _parts
        .Where(seen => DateFormats.Count > 0 && seen.Key.Format == DateFormats[0] && seen.Value.Count > 1).Select(seen => seen.Key.Part).Order()];

    /// <summary>True when all values are words for true and false, and at least one is no number.</summary>
    public bool AreBooleans => Values > 0 && _booleans == Values && _counts.Keys.Any(word => !CellNumber.TryParse(word, out _));

    /// <summary>True when the values are whole numbers, each one more than that of the row before.</summary>
    public bool CountsRows => Values > 1 && Empty == 0 && _missingWords.Count == 0 && _integers == Values && _isCounting;

    /// <summary>True when all values are whole numbers.</summary>
    public bool AreIntegers => Values > 0 && _integers == Values;

    /// <summary>True when all values are whole numbers, also those that are written with decimals.</summary>
    public bool AreWhole => Values > 0 && _wholeNumbers == Values;

    /// <summary>True when all values are eight digits that may be a year, a month and a day.</summary>
    public bool MayBeDatesWithoutMarks => Values > 0 && _datesWithoutMarks == Values && _counts.Count > 1;

    /// <summary>True when some numbers have points, and all of those in such places as separate thousands.</summary>
    public bool MayHaveThousandsWithPoints => _thousandsWithPoints > 0 && _thousandsWithPoints == _decimalPoints;

    /// <summary>True when some numbers have commas, and all of those in such places as separate thousands.</summary>
    public bool MayHaveThousands => _thousands > 0 && _thousands == _decimalCommas;

    /// <summary>True when all values are numbers with these decimals.</summary>
    public bool AreNumbers(char decimalPoint) => Values > 0 && Numbers(decimalPoint) == Values;

    /// <summary>How many values are numbers with these decimals.</summary>
    public long Numbers(char decimalPoint) => decimalPoint == ',' ? _commaNumbers : _pointNumbers;

    /// <summary>The first value that is no number with these decimals.</summary>
    public FoundCell FirstWord(char decimalPoint) => _firstWord[decimalPoint];

    /// <summary>The different cells with their numbers, without the words that stand for a missing value.</summary>
    public Dictionary<string, long> Categories(IReadOnlySet<string> missing)
    {
        var categories = new Dictionary<string, long>(_counts);
        foreach (var (word, seen) in _missingWords.Where(word => !missing.Contains(word.Key)))
        {
            categories[word] = seen.Count;
        }

        return categories;
    }

    /// <summary>How many cells have this text, as far as they are told apart.</summary>
    public long Count(string cell) => _counts.GetValueOrDefault(cell) + (_missingWords.TryGetValue(cell, out var word) ? word.Count : 0);

    /// <summary>Cells that are empty or have one of these words.</summary>
    public long Missing(IReadOnlySet<string> missing) =>
        Empty + _missingWords.Where(word => missing.Contains(word.Key)).Sum(word => word.Value.Count);

    /// <summary>Takes a cell.</summary>
    /// <param name="text">The cell.</param>
    /// <param name="place">Says where it is.</param>
    public void Add(string text, Func<string> place)
    {
        var cell = text.Trim();
        if (cell.Length == 0)
        {
            FirstEmpty ??= place();
            Empty++;
            return;
        }

        if (MissingWords.Contains(cell))
        {
            _missingWords[cell] = _missingWords.TryGetValue(cell, out var seen) ? seen with { Count = seen.Count + 1 } : (1, place());
            return;
        }

        Values++;
        if (_counts.Count <= MostDistinct)
        {
            _counts[cell] = _counts.GetValueOrDefault(cell) + 1;
        }

        AddNumber(cell, place);
        _booleans += BooleanCell.Read(cell) is not null ? 1 : 0;
        AddDate(cell, place);
    }

    private bool AreMost(long values) => Values > 0 && values * 10 >= Values * 9;

    // With points the day comes first everywhere.
    private static bool IsUsual(string format) => format != "mm.dd.yyyy";

    private void AddDate(string cell, Func<string> place)
    {
        _likeDates += DateOrTime().IsMatch(cell) ? 1 : 0;
        var mayBeDate = char.IsAsciiDigit(cell[0]);
        foreach (var format in DateColumn.Formats)
        {
            if (!mayBeDate || DateCell.Read(cell, format) is not { } date)
            {
                if (!_firstOfOtherFormat.ContainsKey(format))
                {
                    _firstOfOtherFormat.Add(format, new FoundCell(place(), cell));
                }

                continue;
            }

            _dates[format]++;
            foreach (var part in (ReadOnlySpan<DatePart>)[DatePart.Year, DatePart.Month, DatePart.Day, DatePart.Weekday, DatePart.Hour])
            {
                var seen = _parts.TryGetValue((format, part), out var values) ? values : _parts[(format, part)] = [];
                if (seen.Count < 2)
                {
                    seen.Add(DateCell.Part(date, part));
                }
            }
        }
    }

    private void AddNumber(string cell, Func<string> place)
    {
        var isPoint = CellNumber.TryParse(cell, out var number);
        var isComma = CellNumber.TryParse(cell, out var withComma, ',');
        _pointNumbers += isPoint ? 1 : 0;
        _commaNumbers += isComma ? 1 : 0;
        if (!isPoint && !_firstWord.ContainsKey('.'))
        {
            _firstWord.Add('.', new FoundCell(place(), cell));
        }

        if (!isComma && !_firstWord.ContainsKey(','))
        {
            _firstWord.Add(',', new FoundCell(place(), cell));
        }

        if (isComma && cell.Contains(','))
        {
            _decimalCommas++;
            _thousands += Thousands().IsMatch(cell) ? 1 : 0;
        }

        if (isPoint && cell.Contains('.'))
        {
            _decimalPoints++;
            _thousandsWithPoints += ThousandsWithPoints().IsMatch(cell) ? 1 : 0;
        }

        if (!isPoint && !isComma)
        {
            if (LikeNumbers().IsMatch(cell))
            {
                _likeNumbers++;
                FirstLikeNumber ??= new FoundCell(place(), cell);
            }

            return;
        }

        if (TooLong is null && CellNumber.IsBeyondDouble(cell, isPoint ? '.' : ','))
        {
            TooLong = new FoundCell(place(), cell);
        }

        _wholeNumbers += double.IsInteger(isPoint ? number : withComma) ? 1 : 0;
        _datesWithoutMarks += DateWithoutMarks().IsMatch(cell) ? 1 : 0;
        var size = Math.Abs(isPoint ? number : withComma);
        Largest = Math.Max(Largest, size);
        if (!float.IsFinite((float)size))
        {
            TooLarge ??= new FoundCell(place(), cell);
        }

        if (!long.TryParse(cell, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var integer))
        {
            return;
        }

        _isCounting &= _integers == 0 || integer == _previous + 1;
        _previous = integer;
        _integers++;
    }

    [GeneratedRegex(@"^[-+]?\d{1,3}(,\d{3})+\z")]
    private static partial Regex Thousands();

    [GeneratedRegex(@"^[-+]?[1-9][0-9]{0,2}(\.[0-9]{3})+\z")]
    private static partial Regex ThousandsWithPoints();

    // With a sign of money or of shares, or thousands apart; a minus may be a longer dash, and brackets stand for one.
    [GeneratedRegex(@"^[\p{Sc}\s(+\-\u2212\u2013]*([0-9]{1,3}([.,'\u2019_\s][0-9]{3})+|[0-9]+)([.,][0-9]+)?[\p{Sc}\s%)\-]*\z")]
    private static partial Regex LikeNumbers();

    [GeneratedRegex(@"^(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])\z")]
    private static partial Regex DateWithoutMarks();

    // Years of two digits, names of months, times alone, and all that is read as a date.
    [GeneratedRegex(@"^([0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}([ T].*)?|[0-9]{1,2}[-/.][0-9]{1,2}[-/.]([0-9]{2}){1,2}([ T].*)?"
        + @"|[0-9]{1,2}[-. ]+[A-Za-z]{3,9}[-., ]+([0-9]{2}){1,2}( .*)?|[A-Za-z]{3,9}\.? [0-9]{1,2},? [0-9]{4}( .*)?"
        + @"|[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?( ?[AaPp]\.?[Mm]\.?)?)\z")]
    private static partial Regex DateOrTime();
}

/// <summary>A cell and where it is, such as <c>line 12</c>.</summary>
internal sealed record FoundCell(string Place, string Cell);
