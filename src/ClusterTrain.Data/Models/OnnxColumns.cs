using System.Collections.Immutable;
using ClusterTrain.Data.Features;
using ClusterTrain.Data.Files;
using ClusterTrain.Learning.Files;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Models;

/// <summary>
/// The part of an ONNX graph that makes features of the columns of a row, as <see cref="ColumnEncoder"/> does: it fills what is missing, tells
/// categories apart, takes dates to parts, computes derived features. Where <c>predict</c> would refuse a row, a feature is NaN, and so are the row's
/// outputs.
/// </summary>
internal sealed class OnnxColumns
{
    private readonly OnnxBuilder _graph;
    private readonly FeatureEncoding _encoding;
    private readonly ImmutableArray<string> _missingWords;
    private readonly Dictionary<string, string> _numbers = [];
    private readonly Dictionary<string, string> _inputs = [];
    private readonly Dictionary<string, string> _isMissing = [];
    private readonly string _nan;

    private OnnxColumns(OnnxBuilder graph, Model model)
    {
        (_graph, _encoding, _nan) = (graph, model.Encoding, graph.Number(double.NaN));
        _missingWords = ["", .. model.Recipe.Data.Source is CsvSource csv ? csv.Format.Missing : []];
    }

    /// <summary>Adds an input for each column, and gives the name of the features (rows, features), double and not scaled yet.</summary>
    public static string Features(OnnxBuilder graph, Model model)
    {
        var columns = new OnnxColumns(graph, model);
        foreach (var column in model.Encoding.Columns)
        {
            columns.AddInput(column);
        }

        string[] features = [.. model.Encoding.Features.Select(columns.Feature), .. model.Encoding.Indicators.Select(columns.Indicator)];
        return features.Length == 1 ? features[0] : graph.Node("Concat", OnnxBuilder.IntegerAttribute("axis", 1), features);
    }

    private void AddInput(string column)
    {
        var isText = _encoding.Category(column) is not null || _encoding.Date(column) is not null || _encoding.IsBoolean(column);
        _inputs[column] = _graph.Input(column, isText ? OnnxBuilder.StringType : OnnxBuilder.DoubleType, columns: 1);
    }

    private string Feature(string feature)
    {
        if (_encoding.Derived.FirstOrDefault(derived => derived.Name == feature) is { } derived)
        {
            var operation = derived.Kind == DerivedKind.Ratio ? "Div" : "Mul";
            var result = _graph.Node(operation, Float(Number(derived.Left)), Float(Number(derived.Right)));
            return Double(result);
        }

        return _encoding.Category(feature) is { } words ? Categories(words)
            : _encoding.Date(feature) is { } date ? Parts(date)
            : Number(feature);
    }

    private string Indicator(string column) => Double(IsMissing(column));

    private string IsMissing(string column)
    {
        if (_isMissing.TryGetValue(column, out var known))
        {
            return known;
        }

        var isText = _encoding.Category(column) is not null || _encoding.Date(column) is not null || _encoding.IsBoolean(column);
        return _isMissing[column] = isText ? IsOneOf(_inputs[column], _missingWords) : _graph.Node("IsNaN", _inputs[column]);
    }

    // A column of numbers, or of true and false; computed once, however many features need it.
    private string Number(string column)
    {
        if (_numbers.TryGetValue(column, out var known))
        {
            return known;
        }

        var value = _inputs[column];
        if (_encoding.IsBoolean(column))
        {
            var isTrue = IsOneOf(value, BooleanCell.True);
            var isFalse = IsOneOf(value, BooleanCell.False);
            value = _graph.Node("Where", isTrue, _graph.Number(1), _graph.Node("Where", isFalse, _graph.Number(0), _nan));
        }

        if (_encoding.Fill(column) is { Number: { } fill })
        {
            value = _graph.Node("Where", IsMissing(column), _graph.Number(fill), value);
        }

        return _numbers[column] = value;
    }

    private string Categories(ColumnCategories words)
    {
        var (input, count) = (_inputs[words.Column], words.Names.Length);
        var (fill, unseen) = (_encoding.Fill(words.Column), _encoding.UnseenOf(words.Column));
        if (fill?.Category is { } category)
        {
            input = _graph.Node("Where", IsMissing(words.Column), _graph.Word(category), input);
        }

        var isIt = Double(_graph.Node("Equal", input, _graph.Words(words.Names, 1, count)));
        var isAny = Largest(isIt);
        if (unseen is null)
        {
            isIt = _graph.Node("Where", _graph.Cast(isAny, OnnxBuilder.BooleanType), isIt, _nan);
        }
        else
        {
            if (unseen.Category is { } other)
            {
                double[] place = [.. words.Names.Select(name => name == other ? 1.0 : 0)];
                isIt = _graph.Node("Where", _graph.Cast(isAny, OnnxBuilder.BooleanType), isIt, _graph.Doubles(place, 1, count));
            }

            if (fill is null)
            {
                isIt = _graph.Node("Where", IsMissing(words.Column), _nan, isIt);
            }
        }

        return isIt;
    }

    private string Parts(DateColumn date)
    {
        var (separator, fill) = (date.Format.Trim('y', 'm', 'd')[..1], _encoding.Fill(date.Column)?.Number);
        var isDate = _graph.Node("RegexFullMatch", OnnxBuilder.TextAttribute("pattern", Pattern(date.Format, separator)), _inputs[date.Column]);
        var text = _graph.Node("Where", isDate, _inputs[date.Column], _graph.Word(date.Format.Replace("yyyy", "2000",
            StringComparison.Ordinal).Replace("mm", "01", StringComparison.Ordinal).Replace("dd", "01", StringComparison.Ordinal)));
        var pieces = Split(text, separator);
        var last = Piece(pieces, 2);
        string[] numbers = [Whole(Piece(pieces, 0)), Whole(Piece(pieces, 1)), Whole(Piece(Split(Piece(Split(last, " "), 0), "T"), 0))];
        var (year, month, day) = date.Format[0] == 'y' ? (numbers[0], numbers[1], numbers[2])
            : date.Format[0] == 'd' ? (numbers[2], numbers[1], numbers[0])
            : (numbers[2], numbers[0], numbers[1]);
        string? julian = null;
        string[] parts =
        [
            .. date.Parts.Select(part =>
            {
                var value = Double(part switch
                {
                    DatePart.Year => year,
                    DatePart.Month => month,
                    DatePart.Day => day,
                    DatePart.Hour => Hour(last),
                    DatePart.Weekday => Add(_graph.Node("Mod", julian ??= JulianDay(year, month, day), _graph.Whole(7)), 1),
                    _ => Add(julian ??= JulianDay(year, month, day), -2_440_588),
                });
                value = _graph.Node("Where", isDate, value, _nan);
                return fill is { } filled ? _graph.Node("Where", IsMissing(date.Column), _graph.Number(DateCell.Part(filled, part)), value) : value;
            }),
        ];
        return parts.Length == 1 ? parts[0] : _graph.Node("Concat", OnnxBuilder.IntegerAttribute("axis", 1), parts);
    }

    // The number of a day, counted from Monday, 1 January 4713 BC of the Julian calendar, by whole numbers alone.
    private string JulianDay(string year, string month, string day)
    {
        var isEarly = Divide(_graph.Node("Sub", _graph.Whole(14), month), 12);
        var y = Add(_graph.Node("Sub", year, isEarly), 4800);
        var m = Add(_graph.Node("Add", month, Times(isEarly, 12)), -3);
        var days = _graph.Node("Add", day, Divide(Add(Times(m, 153), 2), 5));
        days = _graph.Node("Add", days, Times(y, 365));
        days = _graph.Node("Add", days, Divide(y, 4));
        days = _graph.Node("Sub", days, Divide(y, 100));
        days = _graph.Node("Add", days, Divide(y, 400));
        return Add(days, -32_045);
    }

    // A time follows after a blank or a T: one of the two has it, the other has 0.
    private string Hour(string last)
    {
        var afterBlank = Piece(Split(_graph.Node("StringConcat", last, _graph.Word(" 0")), " "), 1);
        var afterT = Piece(Split(_graph.Node("StringConcat", last, _graph.Word("T0")), "T"), 1);
        return _graph.Node("Add", Whole(Piece(Split(afterBlank, ":"), 0)), Whole(Piece(Split(afterT, ":"), 0)));
    }

    // Matches the days that there are, as DateCell reads them: by the length of the month, 29 February in leap years.
    private static string Pattern(string format, string separator)
    {
        const string Time = "([ T]([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\\.[0-9]+)?)?Z?)?";
        const string Year = "([0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)";
        const string LeapYear = "([0-9]{2}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)";
        var between = separator == "." ? "\\." : separator;
        string[] days =
        [
            Day(Year, "(0?[13578]|1[02])", "(0?[1-9]|[12][0-9]|3[01])"),
            Day(Year, "(0?[469]|11)", "(0?[1-9]|[12][0-9]|30)"),
            Day(Year, "0?2", "(0?[1-9]|1[0-9]|2[0-8])"),
            Day(LeapYear, "0?2", "29"),
        ];
        return $"({string.Join('|', days)}){Time}";

        string Day(string year, string month, string day) => string.Join(between, format[0] switch
        {
            'y' => [year, month, day],
            'd' => [day, month, year],
            _ => (string[])[month, day, year],
        });
    }

    private string IsOneOf(string input, ImmutableArray<string> words)
    {
        var isIt = _graph.Node("Equal", input, _graph.Words(words, 1, words.Length));
        return words.Length == 1 ? isIt : _graph.Cast(Largest(Double(isIt)), OnnxBuilder.BooleanType);
    }

    private string Largest(string values) => _graph.Node("ReduceMax", OnnxBuilder.IntegerAttribute("keepdims", 1), values, _graph.Wholes([1], 1));

    private string Split(string text, string delimiter) => _graph.Node("StringSplit", OnnxBuilder.TextAttribute("delimiter", delimiter), text);

    private string Piece(string pieces, int index) => _graph.Node("Gather", OnnxBuilder.IntegerAttribute("axis", 2), pieces, _graph.Whole(index));

    private string Whole(string text) => _graph.Cast(text, OnnxBuilder.IntegerType);

    private string Add(string value, long other) => _graph.Node("Add", value, _graph.Whole(other));

    private string Times(string value, long other) => _graph.Node("Mul", value, _graph.Whole(other));

    private string Divide(string value, long other) => _graph.Node("Div", value, _graph.Whole(other));

    private string Float(string value) => _graph.Cast(value, OnnxBuilder.FloatType);

    private string Double(string value) => _graph.Cast(value, OnnxBuilder.DoubleType);
}
