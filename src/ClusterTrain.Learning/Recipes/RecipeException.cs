using System.Collections.Immutable;

namespace ClusterTrain.Learning.Recipes;

/// <summary>
/// A recipe that cannot be used as it is written: the user's mistake, not the program's. Each problem names the file, line and
/// column (or the override), the key with its full path, the value, and what is allowed.
/// </summary>
public sealed class RecipeException : Exception
{
    /// <summary>One problem.</summary>
    /// <param name="problem">The whole line shown to the user.</param>
    /// <param name="inner">What caused it, for a file that cannot be read; null: nothing else.</param>
    public RecipeException(string problem, Exception? inner = null)
        : base(problem, inner) => Problems = [problem];

    /// <summary>Several problems of one recipe; the message has one per line.</summary>
    /// <param name="problems">At least one problem.</param>
    public RecipeException(IEnumerable<string> problems)
        : this([.. problems])
    {
    }

    private RecipeException(ImmutableArray<string> problems)
        : base(string.Join('\n', problems)) => Problems = problems;

    /// <summary>The problems, in the order of the recipe.</summary>
    public ImmutableArray<string> Problems { get; }
}
