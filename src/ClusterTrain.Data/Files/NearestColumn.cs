using ClusterTrain.Learning.RecipeFiles;

namespace ClusterTrain.Data.Files;

/// <summary>Finds what a misspelt name was meant to be.</summary>
internal static class NearestColumn
{
    private const int MostListed = 20;

    /// <summary>A sentence that suggests the nearest of the names, or lists the first of them when none is near.</summary>
    public static string Suggest(string name, IReadOnlyList<string> names) =>
        Spelling.Nearest(name, names) is { } nearest ? $"Did you mean '{RecipeText.Shown(nearest)}'?" : $"The columns are {Listed(names)}.";

    /// <summary>The first of the names.</summary>
    public static string Listed(IReadOnlyCollection<string> names)
    {
        return string.Join(", ", names.Take(MostListed).Select(RecipeText.Shown)) + (names.Count > MostListed ? ", ..." : string.Empty);
    }

    /// <summary>The first of the words that data hold, in quotes: they may have blanks and commas in them.</summary>
    public static string Quoted(IReadOnlyCollection<string> words) => Listed([.. words.Take(MostListed + 1).Select(word => $"'{word}'")]);
}
