namespace ClusterTrain.Learning;

/// <summary>Collects the problems of one recipe, so that the user sees them all at once.</summary>
internal sealed class RecipeProblems
{
    private readonly List<string> found = [];
    private int untold;

    public bool Any => found.Count > 0;

    /// <summary>True when further problems are only counted: the caller may save itself the work of wording them.</summary>
    public bool IsFull => found.Count >= RecipeLimits.Problems;

    public void Add(RecipePlace place, string problem)
    {
        if (IsFull)
            untold++;
        else
            found.Add($"{place}: {problem}");
    }

    public void ThrowIfAny()
    {
        if (!Any) return;
        if (untold > 0) found.Add($"(and {untold} more)");
        throw new RecipeException(found);
    }
}
