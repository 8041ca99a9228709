using System.Collections.Immutable;
using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json.Nodes;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Learning.RecipeFiles;

/// <summary>The forms that values of a recipe have.</summary>
internal static class RecipeForms
{
    private const string FractionPattern = @"^[-+]?[0-9.]+([eE][-+]?[0-9]+)?\s*/\s*[-+]?[0-9.]+([eE][-+]?[0-9]+)?$";

    /// <summary>True or false.</summary>
    public static RecipeForm<bool> Flag { get; } = new ScalarForm<bool>(
        "true, false",
        (node, out value) =>
        {
            value = node is RecipeScalar { IsPlain: true, Text: "true" or "True" or "TRUE" };
            return value || node is RecipeScalar { IsPlain: true, Text: "false" or "False" or "FALSE" } ? null : "";
        },
        value => RecipeScalar.Plain(value ? "true" : "false"),
        () => new() { ["type"] = "boolean" });

    /// <summary>Text of one line.</summary>
    public static RecipeForm<string> Text { get; } =
        TextOf($"text of 1 to {RecipeLimits.TextCharacters} characters without control characters", _ => true, () => new()
        {
            // A column may be called 1, and yes.
            ["type"] = new JsonArray("string", "number", "boolean"),
        });

    /// <summary>Different texts.</summary>
    public static RecipeForm<ImmutableArray<string>> Texts { get; } =
        new ListForm<string>(Text, "a list, [a, b, ...]") { IsSet = true };

    /// <summary>A list of numbers.</summary>
    public static RecipeForm<ImmutableArray<float>> Floats { get; } = new ListForm<float>(
        new ScalarForm<float>(
            "a finite number that fits a 32-bit float",
            (node, out value) => RecipeText.TryFloat(node, out value) ? null : "",
            value => RecipeScalar.Plain(value.ToString("R", CultureInfo.InvariantCulture).Replace('E', 'e')),
            () => new() { ["type"] = "number" }),
        "a list of numbers, [0, 1.5, ...]");

    /// <summary>A size of a split.</summary>
    public static RecipeForm<SplitSize> Split { get; } = new ScalarForm<SplitSize>(
        $"a number of rows from 1 to {RecipeLimits.SplitRows}, a fraction between 0 and 1 such as 0.1",
        (node, out value) =>
        {
            var isRows = RecipeText.TryInteger(node, out var rows) && rows >= 1 && rows <= RecipeLimits.SplitRows;
            value = isRows ? new((long)rows, null) : RecipeText.TryNumberOrFraction(node, out var share) ? new(null, share)
                : default;
            return isRows || (value.Fraction is > 0 and < 1 && !RecipeText.TryInteger(node, out _)) ? null : "";
        },
        value => value.Rows is { } rows ? Whole(rows) : Plain(value.Fraction!.Value),
        () => new()
        {
            ["anyOf"] = new JsonArray(
                new JsonObject { ["type"] = "integer", ["minimum"] = 1, ["maximum"] = RecipeLimits.SplitRows },
                Numbers(0, 1, ["exclusiveMinimum", "exclusiveMaximum"]),
                Fraction()),
        });

    /// <summary>A whole number of a range.</summary>
    public static RecipeForm<T> Whole<T>(T low, T high)
        where T : IBinaryInteger<T> => new ScalarForm<T>(
        $"a whole number from {low} to {high}",
        (node, out value) =>
        {
            var isWhole = RecipeText.TryInteger(node, out var read);
            var isIn = isWhole && read >= Int128.CreateChecked(low) && read <= Int128.CreateChecked(high);
            value = isIn ? T.CreateChecked(read) : low;
            return isIn ? null : isWhole ? "out of range" : $"not a whole number{RecipeText.Unseparated(node)}";
        },
        value => Whole((IFormattable)value),
        () => new() { ["type"] = "integer", ["minimum"] = JsonNode.Parse($"{low}"), ["maximum"] = JsonNode.Parse($"{high}") });

    /// <summary>A number of a range, perhaps written as a fraction.</summary>
    /// <param name="low">The least number.</param>
    /// <param name="high">The largest number.</param>
    /// <param name="allowed">What is allowed, in words; null: as the range says.</param>
    /// <param name="holds">Whether a number will do; null: if it is in the range.</param>
    /// <remarks>
    /// Every lower bound above zero is one that stays above zero as a 32-bit float, and every upper bound stays finite.
    /// </remarks>
    public static RecipeForm<double> Number(double low, double high, string? allowed = null, Func<double, bool>? holds = null)
    {
        holds ??= number => number >= low && number <= high;
        return new ScalarForm<double>(
            allowed ?? $"a number from {Short(low)} to {Short(high)}",
            (node, out value) =>
            {
                var isNumber = RecipeText.TryNumberOrFraction(node, out value);
                return isNumber && holds(value) ? null : !isNumber ? "not a number" : double.IsFinite(value) ? "out of range"
                    : "not finite";
            },
            Plain,
            () =>
            {
                string[] bounds = [holds(low) ? "minimum" : "exclusiveMinimum", holds(high) ? "maximum" : "exclusiveMaximum"];
                return new() { ["anyOf"] = new JsonArray(Numbers(low, high, bounds), Fraction()) };
            });
    }

    /// <summary>A word of an enumeration.</summary>
    /// <param name="words">The words.</param>
    /// <param name="only">Those that are allowed here; null: all.</param>
    /// <param name="because">Why the others are not.</param>
    /// <param name="besides">What is allowed besides, for messages.</param>
    public static RecipeForm<T> Word<T>(RecipeWords<T> words, IReadOnlyList<T>? only = null, string because = "",
        string besides = "")
        where T : struct, Enum
    {
        RecipeWord[] here = [.. words.Rows.Where(row => only is null || only.Contains(words.Find(row.Word)!.Value))];
        return new ScalarForm<T>(
            string.Join(", ", here.Select(row => row.Word)) + besides,
            (node, out value) =>
            {
                var found = node is RecipeScalar scalar ? words.Find(scalar.Text) : null;
                value = found.GetValueOrDefault();
                return found is null ? "" : only is null || only.Contains(value) ? null : because;
            },
            value => RecipeScalar.Plain(words.Of(value)),
            () => new() { ["enum"] = new JsonArray([.. here.Select(row => (JsonNode)row.Word)]) },
            text => Spelling.Nearest(text, [.. here.Select(row => row.Word)]))
        {
            Words = here,
        };
    }

    /// <summary>One of some names.</summary>
    public static RecipeForm<string> OneOf(IReadOnlyList<string> names, string explained) => new ScalarForm<string>(
        string.Join(", ", names) + explained,
        (node, out value) =>
        {
            value = node is RecipeScalar scalar ? scalar.Text : "";
            return names.Contains(value) ? null : "";
        },
        Quoted,
        () => new() { ["enum"] = new JsonArray([.. names.Select(name => (JsonNode)name)]) },
        text => Spelling.Nearest(text, names));

    /// <summary>Text that a pattern describes.</summary>
    /// <param name="allowed">What is allowed, in words.</param>
    /// <param name="holds">Whether a text will do.</param>
    /// <param name="pattern">The pattern, for editors.</param>
    /// <param name="write">How it is written; null: in quotes where it needs them.</param>
    public static RecipeForm<string> TextOf(string allowed, Func<string, bool> holds, string pattern,
        Func<string, RecipeScalar>? write = null) =>
        TextOf(allowed, holds, () => new() { ["type"] = "string", ["pattern"] = pattern }, write);

    /// <summary>One of some values that are no enumeration, each with the words for it, the first of which is written.</summary>
    public static RecipeForm<T> Value<T>(string allowed, Func<string, T?> parse, Func<T, string> word)
        where T : struct => new ScalarForm<T>(
        allowed,
        (node, out value) =>
        {
            var parsed = node is RecipeScalar scalar ? parse(scalar.Text) : null;
            value = parsed.GetValueOrDefault();
            return parsed is null ? "" : null;
        },
        value => Quoted(word(value)),
        () => new() { ["type"] = "string" });

    /// <summary>A form of values that may be missing.</summary>
    public static RecipeForm<T?> Perhaps<T>(RecipeForm<T> form)
        where T : struct => form.As(value => (T?)value, value => value!.Value);

    /// <summary>A form, or the word none.</summary>
    public static RecipeForm<T?> OrNone<T>(RecipeForm<T> form)
        where T : struct => Perhaps(form).Or("none", null);

    /// <summary>Text as it is where YAML reads it back as text, in double quotes otherwise.</summary>
    public static RecipeScalar Quoted(string value) => new(default, value, IsPlain: RecipeText.IsPlain(value));

    /// <summary>True for text that a recipe may have.</summary>
    public static bool IsText(string text) => text.EnumerateRunes().All(IsText);

    /// <summary>
    /// False for what no name has and what YAML would not give back: controls, line separators, halves of a character.
    /// </summary>
    private static bool IsText(Rune rune) => Rune.GetUnicodeCategory(rune)
        is not (UnicodeCategory.Control or UnicodeCategory.Format
            or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator)
        && rune != Rune.ReplacementChar;

    private static RecipeForm<string> TextOf(
        string allowed, Func<string, bool> holds, Func<JsonObject> schema, Func<string, RecipeScalar>? write = null) =>
            new ScalarForm<string>(
        allowed,
        (node, out value) =>
        {
            value = node is RecipeScalar { IsEmpty: false } scalar ? scalar.Text : "";
            return value.Length is > 0 and <= RecipeLimits.TextCharacters && IsText(value) && holds(value) ? null : "";
        },
        write ?? Quoted,
        schema);

    private static RecipeScalar Whole(IFormattable value) =>
        RecipeScalar.Plain(value.ToString(null, CultureInfo.InvariantCulture));

    /// <summary>The shortest decimal that reads back as the same bits.</summary>
    private static RecipeScalar Plain(double value) =>
        RecipeScalar.Plain(value.ToString("R", CultureInfo.InvariantCulture).Replace('E', 'e'));

    private static string Short(double value) =>
        value.ToString(value != 0 && Math.Abs(value) is >= 1e6 or < 1e-3 ? "0.###e0" : "R", CultureInfo.InvariantCulture);

    private static JsonObject Numbers(double low, double high, string[] bounds) =>
        new() { ["type"] = "number", [bounds[0]] = low, [bounds[1]] = high };

    private static JsonObject Fraction() => new() { ["type"] = "string", ["pattern"] = FractionPattern };
}
