namespace ClusterTrain.Learning;

/// <summary>Finds what a misspelt name was meant to be.</summary>
internal static class NearestColumn
{
    /// <summary>A sentence that suggests the nearest of the names, or lists the first of them when none is near.</summary>
    public static string Suggest(string name, IReadOnlyCollection<string> names)
    {
        var nearest = names.MinBy(candidate => Distance(name, candidate));
        if (nearest is not null && Distance(name, nearest) <= Math.Min(name.Length - 1, 1 + (name.Length / 4)))
            return $"Did you mean '{nearest}'?";
        return $"The columns are {Listed(names)}.";
    }

    /// <summary>The first of the names.</summary>
    public static string Listed(IReadOnlyCollection<string> names)
    {
        const int Most = 20;
        return string.Join(", ", names.Take(Most)) + (names.Count > Most ? ", ..." : string.Empty);
    }

    // Levenshtein distance, upper and lower case counted as equal; rows of the usual table.
    private static int Distance(string a, string b)
    {
        var previous = Enumerable.Range(0, b.Length + 1).ToArray();
        foreach (var (i, letter) in a.Index())
        {
            var current = new int[b.Length + 1];
            current[0] = i + 1;
            for (var j = 0; j < b.Length; j++)
            {
                var same = char.ToUpperInvariant(letter) == char.ToUpperInvariant(b[j]);
                current[j + 1] = Math.Min(previous[j] + (same ? 0 : 1), Math.Min(previous[j + 1], current[j]) + 1);
            }

            previous = current;
        }

        return previous[^1];
    }
}
