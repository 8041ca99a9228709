using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Learning.RecipeFiles;

/// <summary>Collects the problems of one recipe, so that the user sees them all at once.</summary>
internal sealed class RecipeProblems
{
    private readonly List<(RecipePlace Place, string Text)> _found = [];
    private readonly List<string> _paths = [];
    private int _untold;

    /// <summary>True when further problems are only counted: the caller may save itself the work of wording them.</summary>
    public bool IsFull => _found.Count >= RecipeLimits.Problems;

    /// <summary>False when a problem was found at the path or in what it holds: nothing more can be said about it.</summary>
    public bool IsSound(string path) => !_paths.Exists(
        found => found.StartsWith(path, StringComparison.Ordinal)
            && (found.Length == path.Length || found[path.Length] is '.' or '['));

    public void Add(RecipePlace place, string path, string problem)
    {
        _paths.Add(path);
        if (IsFull)
        {
            _untold++;
        }
        else
        {
            _found.Add((place, $"{place}: {problem}"));
        }
    }

    /// <summary>Throws when there are problems, in the order of the file.</summary>
    public void ThrowIfAny()
    {
        if (_found.Count == 0)
        {
            return;
        }

        var texts = _found.OrderBy(problem => (problem.Place.Line, problem.Place.Column)).Select(problem => problem.Text);
        throw new RecipeException(_untold == 0 ? texts : texts.Append($"(and {_untold} more)"));
    }
}
