namespace ClusterTrain.Learning;

/// <summary>Finds what a misspelt name was meant to be.</summary>
internal static class NearestColumn
{
    /// <summary>A sentence that suggests the nearest of the names, or lists the first of them when none is near.</summary>
    public static string Suggest(string name, IReadOnlyList<string> names) =>
        Spelling.Nearest(name, names) is { } nearest ? $"Did you mean '{nearest}'?" : $"The columns are {Listed(names)}.";

    /// <summary>The first of the names.</summary>
    public static string Listed(IReadOnlyCollection<string> names)
    {
        const int Most = 20;
        return string.Join(", ", names.Take(Most)) + (names.Count > Most ? ", ..." : string.Empty);
    }
}
