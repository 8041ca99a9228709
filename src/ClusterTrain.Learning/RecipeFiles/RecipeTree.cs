namespace ClusterTrain.Learning.RecipeFiles;

/// <summary>Where something was written: a line and column (from 1) of a file, or an override (line 0).</summary>
internal readonly record struct RecipePlace(string Source, long Line, long Column)
{
    public static RecipePlace OfOverride(string text) => new($"override '{RecipeText.Shown(text)}'", 0, 0);

    public override string ToString() => Line == 0 ? Source : $"{Source}:{Line}:{Column}";
}

/// <summary>
/// A value of a recipe as YAML has it: as it was written, before anything is known about its meaning, or as it will be written.
/// </summary>
internal abstract record RecipeNode(RecipePlace Place)
{
    /// <summary>True for what is written with a line for each of its keys or items.</summary>
    public bool IsBlock { get; init; }
}

/// <summary>A single value; only a plain one (without quotes) can be a number or a truth value.</summary>
internal sealed record RecipeScalar(RecipePlace Place, string Text, bool IsPlain) : RecipeNode(Place)
{
    public bool IsEmpty => IsPlain && Text is "" or "~" or "null" or "Null" or "NULL";

    /// <summary>A value to be written as it is.</summary>
    public static RecipeScalar Plain(string text) => new(default, text, IsPlain: true);
}

/// <summary>A list of values.</summary>
internal sealed record RecipeList(RecipePlace Place, List<RecipeNode> Items) : RecipeNode(Place);

/// <summary>A key with its value.</summary>
internal sealed record RecipeEntry(RecipePlace KeyPlace, RecipeNode Value);

/// <summary>Keys with their values, in the order written.</summary>
internal sealed record RecipeMapping(RecipePlace Place, OrderedDictionary<string, RecipeEntry> Entries) : RecipeNode(Place)
{
    /// <summary>
    /// A mapping of one key, such as the long form of a shorthand: <c>weights: he</c> is <c>weights: { kind: he }</c>.
    /// </summary>
    public static RecipeMapping Of(RecipePlace place, string key, RecipeNode value) =>
        new(place, new() { [key] = new(place, value) });
}
