namespace ClusterTrain.Learning.RecipeFiles;

/// <summary>A place of the recipe that is being read: its path, what is allowed there, and who is told of problems.</summary>
internal sealed class RecipeAt
{
    private readonly RecipeAt? _outer;
    private readonly string _step;
    private readonly int _item;

    private RecipeAt(RecipeProblems problems, RecipeAt? outer, string step, int item, string allowed) =>
        (Problems, _outer, _step, _item, Allowed) = (problems, outer, step, item, allowed);

    /// <summary>The whole recipe.</summary>
    public RecipeAt(RecipeProblems problems)
        : this(problems, null, "", -1, "") { }

    public RecipeProblems Problems { get; }

    public string Allowed { get; }

    /// <summary>The path, such as <c>layers[0].units</c>; it is put together only when it is asked for.</summary>
    public string Path => _outer is null ? "" : _item >= 0 ? $"{_outer.Path}[{_item}]" : PathOf(_outer.Path, _step);

    public RecipeAt Key(string key, string allowed) => new(Problems, this, key, -1, allowed);

    public RecipeAt Item(int item, string allowed) => new(Problems, this, "", item, allowed);

    /// <summary>The same place, where something else is allowed.</summary>
    public RecipeAt With(string allowed) => new(Problems, _outer, _step, _item, allowed);

    public void Tell(RecipePlace place, string problem) => Problems.Add(place, Path, $"key '{Path}' {problem}");

    /// <summary>Tells that a value is not what is allowed.</summary>
    /// <param name="node">The value.</param>
    /// <param name="because">Why not; empty: that is plain to see.</param>
    /// <param name="near">What may have been meant; null: nothing near.</param>
    public void Refuse(RecipeNode node, string because = "", string? near = null) =>
        Tell(node.Place, $"is {RecipeText.Shown(node)}"
        + (because.Length == 0 ? "" : $", {because}") + (near is null ? "; allowed" : $"; did you mean '{near}'? Allowed")
        + $": {Allowed}");

    public static string PathOf(string path, string key) => path.Length == 0 ? key : $"{path}.{key}";
}

/// <summary>The keys of one part of a recipe, with their values as they were written.</summary>
internal sealed class RecipeSection(RecipeMapping node, RecipeAt at)
{
    public RecipeMapping Node => node;

    public RecipeAt At => at;

    public bool Has(string key) => node.Entries.ContainsKey(key);

    /// <summary>True when nothing is wrong with the values of these paths.</summary>
    public bool Sound(params ReadOnlySpan<string> paths)
    {
        foreach (var path in paths)
        {
            if (!at.Problems.IsSound(RecipeAt.PathOf(at.Path, path)))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Adds a problem, at the value of the path, or at what is written around it.</summary>
    public void Tell(string path, string problem)
    {
        var full = RecipeAt.PathOf(at.Path, path);
        at.Problems.Add(RecipeOverride.PlaceOf(node, path), full, $"key '{RecipeText.Shown(full)}' {problem}");
    }

    /// <summary>The value of a key; null, and perhaps a problem, when there is none.</summary>
    public RecipeNode? Value(string key, bool isRequired)
    {
        if (!node.Entries.TryGetValue(key, out var entry))
        {
            if (isRequired)
            {
                Tell(key, "is missing; it has no default, write it");
            }

            return null;
        }

        if (entry.Value is not RecipeScalar { IsEmpty: true })
        {
            return entry.Value;
        }

        at.Key(key, "").Tell(entry.KeyPlace, "has no value; write one, or leave the key out for its default");
        return null;
    }
}
