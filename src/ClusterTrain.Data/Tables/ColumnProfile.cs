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
    private readonly Dictionary<string, (long Count, int Line)> _missingWords = [];
    private readonly Dictionary<char, (int Line, string Cell)> _firstWord = [];
    private long _pointNumbers;
    private long _commaNumbers;
    private readonly Dictionary<string, long> _dates = DateColumn.Formats.ToDictionary(format => format, _ => 0L);
    private readonly Dictionary<(string Format, DatePart Part), HashSet<double>> _parts = [];
    private long _booleans;
    private long _integers;
    private long _thousands;
    private long _decimalCommas;
    private long _previous;
    private bool _isCounting = true;

    /// <summary>Its name.</summary>
    public string Name => name;

    /// <summary>Cells with something in them, but for the usual words for a missing value.</summary>
    public long Values { get; private set; }

    /// <summary>Empty cells.</summary>
    public long Empty { get; private set; }

    /// <summary>The line of the first empty cell; 0: there is none.</summary>
    public int FirstEmpty { get; private set; }

    /// <summary>The usual words for a missing value among the cells, with their number and first line.</summary>
    public IReadOnlyDictionary<string, (long Count, int Line)> WordsForMissing => _missingWords;

    /// <summary>The largest size of a number.</summary>
    public double Largest { get; private set; }

    /// <summary>A number that no 32-bit float holds; null: there is none.</summary>
    public (int Line, string Cell)? TooLarge { get; private set; }

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

    /// <summary>True when some numbers have commas, and all of those in such places as separate thousands.</summary>
    public bool MayHaveThousands => _thousands > 0 && _thousands == _decimalCommas;

    /// <summary>True when all values are numbers with these decimals.</summary>
    public bool AreNumbers(char decimalPoint) => Values > 0 && Numbers(decimalPoint) == Values;

    /// <summary>How many values are numbers with these decimals.</summary>
    public long Numbers(char decimalPoint) => decimalPoint == ',' ? _commaNumbers : _pointNumbers;

    /// <summary>The first value that is no number with these decimals.</summary>
    public (int Line, string Cell) FirstWord(char decimalPoint) => _firstWord[decimalPoint];

    /// <summary>The different cells with their numbers, without the words that stand for a missing value.</summary>
    public Dictionary<string, long> Categories(IReadOnlySet<string> missing)
    {
        var categories = new Dictionary<string, long>(_counts);
        foreach (var (word, seen) in _missingWords.Where(word => !missing.Contains(word.Key)))
            categories[word] = seen.Count;
        return categories;
    }

    /// <summary>Cells that are empty or have one of these words.</summary>
    public long Missing(IReadOnlySet<string> missing) =>
        Empty + _missingWords.Where(word => missing.Contains(word.Key)).Sum(word => word.Value.Count);

    /// <summary>Takes a cell.</summary>
    public void Add(string text, int line)
    {
        var cell = text.Trim();
        if (cell.Length == 0)
        {
            FirstEmpty = Empty++ == 0 ? line : FirstEmpty;
            return;
        }

        if (MissingWords.Contains(cell))
        {
            var seen = _missingWords.GetValueOrDefault(cell, (0, line));
            _missingWords[cell] = (seen.Item1 + 1, seen.Item2);
            return;
        }

        Values++;
        if (_counts.Count <= MostDistinct)
            _counts[cell] = _counts.GetValueOrDefault(cell) + 1;
        AddNumber(cell, line);
        _booleans += BooleanCell.Read(cell) is not null ? 1 : 0;
        AddDate(cell);
    }

    // With points the day comes first everywhere.
    private static bool IsUsual(string format) => format != "mm.dd.yyyy";

    private void AddDate(string cell)
    {
        if (!char.IsAsciiDigit(cell[0]))
            return;
        foreach (var format in DateColumn.Formats)
        {
            if (DateCell.Read(cell, format) is not { } date)
                continue;
            _dates[format]++;
            foreach (var part in (ReadOnlySpan<DatePart>)[DatePart.Year, DatePart.Month, DatePart.Day, DatePart.Weekday, DatePart.Hour])
            {
                var seen = _parts.TryGetValue((format, part), out var values) ? values : _parts[(format, part)] = [];
                if (seen.Count < 2)
                    seen.Add(DateCell.Part(date, part));
            }
        }
    }

    private void AddNumber(string cell, int line)
    {
        var isPoint = CellNumber.TryParse(cell, out var number);
        var isComma = CellNumber.TryParse(cell, out var withComma, ',');
        _pointNumbers += isPoint ? 1 : 0;
        _commaNumbers += isComma ? 1 : 0;
        if (!isPoint)
            _firstWord.TryAdd('.', (line, cell));
        if (!isComma)
            _firstWord.TryAdd(',', (line, cell));
        if (isComma && cell.Contains(','))
        {
            _decimalCommas++;
            _thousands += Thousands().IsMatch(cell) ? 1 : 0;
        }

        if (!isPoint && !isComma)
            return;
        var size = Math.Abs(isPoint ? number : withComma);
        Largest = Math.Max(Largest, size);
        if (!float.IsFinite((float)size))
            TooLarge ??= (line, cell);
        if (!long.TryParse(cell, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var integer))
            return;
        _isCounting &= _integers == 0 || integer == _previous + 1;
        _previous = integer;
        _integers++;
    }

    [GeneratedRegex(@"^[-+]?\d{1,3}(,\d{3})+\z")]
    private static partial Regex Thousands();
}
