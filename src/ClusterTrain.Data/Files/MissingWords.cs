namespace ClusterTrain.Data.Files;

/// <summary>The words that files usually have where a value is missing. None counts unless the recipe names it.</summary>
internal static class MissingWords
{
    private static readonly HashSet<string> s_usual = new(StringComparer.OrdinalIgnoreCase)
    {
        "NA", "N/A", "#N/A", "NaN", "null", "none", "nil", "missing", "unknown", "?", "-", "--", ".",
    };

    // Others may well be a category.
    private static readonly HashSet<string> s_certain = new(StringComparer.OrdinalIgnoreCase) { "NA", "N/A", "#N/A", "NaN", "null", "?" };

    /// <summary>True for such a word that is hardly ever a category.</summary>
    public static bool AreCertain(string word) => s_certain.Contains(word);

    /// <summary>True for such a word, however it is written.</summary>
    public static bool Contains(string word) => s_usual.Contains(word);

    /// <summary>A sentence to add to an error about such a cell; empty for others.</summary>
    public static string Remedy(string cell) =>
        Contains(cell.Trim()) ? $" Where it stands for a missing value, set data.missing: [\"{cell.Trim()}\"]." : "";
}
