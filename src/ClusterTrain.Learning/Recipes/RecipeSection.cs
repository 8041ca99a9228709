using System.Globalization;
using System.Text;

namespace ClusterTrain.Learning;

/// <summary>Numbers a key may have, with the words for them.</summary>
internal sealed record NumberRange(string Allowed, Func<double, bool> Holds);

/// <summary>
/// The keys of one part of a recipe, read by name. Each read checks the value, and a value that will not do is added to the
/// problems and read as null. <see cref="Finish"/> tells which keys nobody asked for.
/// </summary>
internal sealed class RecipeSection(RecipeMapping node, string path, RecipeProblems problems)
{
    private readonly List<string> allowed = [];

    public RecipePlace Place => node.Place;

    /// <summary>The keys of a node; null, and a problem, when it is something else.</summary>
    public static RecipeSection? Of(RecipeNode? at, string path, RecipeProblems problems)
    {
        if (at is null) return null;
        if (at is RecipeMapping mapping) return new(mapping, path, problems);
        problems.Add(at.Place, $"key '{path}' is {RecipeText.Shown(at)}; allowed: a group of keys, {path}: {{ key: value, ... }}");
        return null;
    }

    /// <summary>As <see cref="Of"/>, where a single word stands for the kind alone.</summary>
    public static RecipeSection? OfKind(RecipeNode? at, string path, RecipeProblems problems) =>
        Of(at is RecipeScalar scalar ? RecipeMapping.OfKind(scalar.Place, scalar) : at, path, problems);

    public string PathOf(string key) => path.Length == 0 ? key : $"{path}.{key}";

    public bool Has(string key) => node.Entries.ContainsKey(key);

    /// <summary>Where the key's value stands; where the part begins when it is not there.</summary>
    public RecipePlace At(string key) => node.Entries.TryGetValue(key, out var entry) ? entry.Value.Place : node.Place;

    public void Problem(string key, string what) => problems.Add(At(key), $"key '{PathOf(key)}' {what}");

    /// <summary>The value of a key as it was written; null when it is missing or empty.</summary>
    public RecipeNode? Node(string key, bool isRequired = false)
    {
        if (!allowed.Contains(key)) allowed.Add(key);
        if (!node.Entries.TryGetValue(key, out var entry))
        {
            if (isRequired) problems.Add(node.Place, $"key '{PathOf(key)}' is missing; it has no default, write it");
            return null;
        }

        if (entry.Value is not RecipeScalar { IsEmpty: true }) return entry.Value;
        problems.Add(entry.KeyPlace, $"key '{PathOf(key)}' has no value; write one, or leave the key out for its default");
        return null;
    }

    /// <summary>True when the key is switched off by the word <c>none</c>.</summary>
    public bool IsNone(string key) => IsWord(key, "none");

    /// <summary>True when the key has exactly this word.</summary>
    public bool IsWord(string key, string word)
    {
        if (!allowed.Contains(key)) allowed.Add(key);
        return node.Entries.TryGetValue(key, out var entry) && entry.Value is RecipeScalar { IsPlain: true } scalar && scalar.Text == word;
    }

    public RecipeSection? Section(string key) => Of(Node(key), PathOf(key), problems);

    public RecipeSection? KindSection(string key) => OfKind(Node(key), PathOf(key), problems);

    /// <summary>As <see cref="Section"/>, where a single value stands for one of its keys alone.</summary>
    public RecipeSection? ShortSection(string key, string soleKey)
    {
        var at = Node(key);
        return Of(at is RecipeScalar scalar ? RecipeMapping.Of(scalar.Place, soleKey, scalar) : at, PathOf(key), problems);
    }

    public Int128? Integer(string key, Int128 low, Int128 high, bool isRequired = false, string orElse = "")
    {
        var value = Node(key, isRequired);
        if (value is null) return null;
        var isInteger = RecipeText.TryInteger(value, out var integer);
        if (isInteger && integer >= low && integer <= high) return integer;
        var reason = isInteger ? "out of range" : "not a whole number" + Unseparated(value);
        Problem(key, $"is {RecipeText.Shown(value)}, {reason}; allowed: a whole number from {low} to {high}{orElse}");
        return null;
    }

    public double? Number(string key, NumberRange range, bool isRequired = false)
    {
        var value = Node(key, isRequired);
        if (value is null) return null;
        var isNumber = RecipeText.TryNumberOrFraction(value, out var number);
        if (isNumber && range.Holds(number)) return number;
        var reason = !isNumber ? "not a number" : double.IsFinite(number) ? "out of range" : "not finite";
        Problem(key, $"is {RecipeText.Shown(value)}, {reason}; allowed: {range.Allowed}");
        return null;
    }

    public bool? Flag(string key)
    {
        var value = Node(key);
        if (value is null) return null;
        if (value is RecipeScalar { IsPlain: true, Text: "true" or "True" or "TRUE" }) return true;
        if (value is RecipeScalar { IsPlain: true, Text: "false" or "False" or "FALSE" }) return false;
        Problem(key, $"is {RecipeText.Shown(value)}; allowed: true, false");
        return null;
    }

    public T? Word<T>(string key, RecipeWords<T> words, bool isRequired = false)
        where T : struct, Enum
    {
        var value = Node(key, isRequired);
        if (value is null) return null;
        if (value is RecipeScalar scalar)
        {
            if (words.Find(scalar.Text) is { } found) return found;
            var hint = words.Nearest(scalar.Text) is { } near ? $"did you mean '{near}'? Allowed" : "allowed";
            Problem(key, $"is {RecipeText.Shown(value)}; {hint}: {string.Join(", ", words.Words)}");
            return null;
        }

        Problem(key, $"is {RecipeText.Shown(value)}; allowed: {string.Join(", ", words.Words)}");
        return null;
    }

    public string? Text(string key, bool isRequired = false)
    {
        var value = Node(key, isRequired);
        return value is null ? null : Text(key, value);
    }

    /// <summary>A list of texts, without repeats unless they have a meaning; null when the key is missing.</summary>
    public IReadOnlyList<string>? Texts(string key, bool mayRepeat = false)
    {
        var items = List(key);
        if (items is null) return null;
        var texts = new List<string>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var item in items)
        {
            if (Text(key, item) is not { } text) return null;
            if (!seen.Add(text) && !mayRepeat) problems.Add(item.Place, $"key '{PathOf(key)}' has '{RecipeText.Shown(text)}' twice; keep one");
            texts.Add(text);
        }

        return texts;
    }

    public IReadOnlyList<RecipeNode>? List(string key, bool isRequired = false)
    {
        var value = Node(key, isRequired);
        if (value is null) return null;
        if (value is RecipeList list) return list.Items;
        Problem(key, $"is {RecipeText.Shown(value)}; allowed: a list, [a, b, ...]");
        return null;
    }

    /// <summary>A list of finite numbers; null, and a problem, when it is not.</summary>
    public float[]? Floats(RecipeNode at, string itemPath)
    {
        if (at is not RecipeList list)
        {
            problems.Add(at.Place, $"key '{itemPath}' is {RecipeText.Shown(at)}; allowed: a list of numbers, [0, 1.5, ...]");
            return null;
        }

        var values = new float[list.Items.Count];
        for (var i = 0; i < values.Length; i++)
        {
            if (RecipeText.TryFloat(list.Items[i], out values[i])) continue;
            problems.Add(list.Items[i].Place, $"key '{itemPath}[{i}]' is {RecipeText.Shown(list.Items[i])}; "
                + "allowed: a finite number that fits a 32-bit float");
            return null;
        }

        return values;
    }

    /// <summary>A list of lists of finite numbers; null, and a problem, when it is not.</summary>
    public float[][]? FloatRows(string key)
    {
        var items = List(key, isRequired: true);
        if (items is null) return null;
        var rows = new float[items.Count][];
        for (var i = 0; i < rows.Length; i++)
        {
            if (Floats(items[i], $"{PathOf(key)}[{i}]") is not { } row) return null;
            rows[i] = row;
        }

        return rows;
    }

    /// <summary>Adds a problem for each key that was never read.</summary>
    /// <param name="kind">The kind that decided which keys are read; null: none did.</param>
    /// <param name="ofOtherKinds">Keys that other kinds have.</param>
    public void Finish(string? kind = null, params ReadOnlySpan<string> ofOtherKinds)
    {
        foreach (var (key, entry) in node.Entries)
        {
            if (allowed.Contains(key)) continue;
            // Finding a near word takes time, and beyond the limit nobody reads it.
            var what = ofOtherKinds.Contains(key) ? $"has no meaning for {kind}; remove it." : problems.IsFull ? "" : Unknown(key);
            problems.Add(entry.KeyPlace, $"key '{RecipeText.Shown(PathOf(key))}' {what} Allowed: {string.Join(", ", allowed)}");
        }
    }

    private string Unknown(string key)
    {
        if (RecipeKeys.Meant(key, allowed) is not { } meant) return "is unknown.";
        if (allowed.Contains(meant)) return $"is unknown; did you mean '{meant}'?";
        return $"is unknown here; did you mean {(meant.Contains('.') ? "" : "the top-level ")}'{meant}'?";
    }

    private string? Text(string key, RecipeNode value)
    {
        if (value is RecipeScalar { Text.Length: > 0 and <= RecipeLimits.TextCharacters } scalar && scalar is { IsEmpty: false }
            && IsText(scalar.Text))
            return scalar.Text;
        problems.Add(value.Place, $"key '{PathOf(key)}' is {RecipeText.Shown(value)}; "
            + $"allowed: text of 1 to {RecipeLimits.TextCharacters} characters without control characters");
        return null;
    }

    /// <summary>True for text that a recipe may have.</summary>
    public static bool IsText(string text) => text.EnumerateRunes().All(IsText);

    /// <summary>False for what no name has and what YAML would not give back: controls, line separators, halves of a character.</summary>
    private static bool IsText(Rune rune) => Rune.GetUnicodeCategory(rune)
        is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator)
        && rune != Rune.ReplacementChar;

    /// <summary>For <c>1_000</c> and <c>1,000</c>: the number without separators.</summary>
    private static string Unseparated(RecipeNode value)
    {
        if (value is not RecipeScalar { IsPlain: true } scalar || scalar.Text.Length is 0 or > 40) return "";
        var digits = scalar.Text.Replace("_", "", StringComparison.Ordinal).Replace(",", "", StringComparison.Ordinal);
        return digits != scalar.Text && digits.Length > 0 && digits.All(char.IsAsciiDigit) ? $" (did you mean {digits}?)" : "";
    }
}
