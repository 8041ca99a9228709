namespace ClusterTrain.Learning.RecipeFiles;

/// <summary>Finds the word a user most likely meant.</summary>
public static class Spelling
{
    private const int LongestWord = 64;

    /// <summary>The same word up to case, '-' and '_', or the nearest by edit distance; null when none is near.</summary>
    /// <param name="word">What was written.</param>
    /// <param name="allowed">What can be meant.</param>
    public static string? Nearest(string word, IReadOnlyList<string> allowed)
    {
        if (word.Length > LongestWord)
        {
            return null;
        }

        var plain = Plain(word);
        var best = allowed
            .Select(candidate => (Candidate: candidate, Distance: Distance(plain, Plain(candidate))))
            .OrderBy(pair => pair.Distance)
            .FirstOrDefault();
        return best.Candidate is not null && best.Distance <= Math.Max(1, plain.Length / 3) && best.Distance < plain.Length
            ? best.Candidate
            : null;
    }

    /// <summary>The word in lower case, without '-', '_' and spaces: the ways one word is commonly written become one.</summary>
    internal static string Plain(string word) =>
        string.Concat(word.Where(c => c is not ('-' or '_' or ' '))).ToLowerInvariant();

    /// <summary>Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.</summary>
    private static int Distance(string from, string to)
    {
        var d = new int[from.Length + 1, to.Length + 1];
        for (var i = 0; i <= from.Length; i++)
        {
            d[i, 0] = i;
        }

        for (var j = 0; j <= to.Length; j++)
        {
            d[0, j] = j;
        }

        for (var i = 1; i <= from.Length; i++)
        {
            for (var j = 1; j <= to.Length; j++)
            {
                var replaced = d[i - 1, j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
                d[i, j] = Math.Min(replaced, 1 + Math.Min(d[i - 1, j], d[i, j - 1]));
                if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1])
                {
                    d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1);
                }
            }
        }

        return d[from.Length, to.Length];
    }
}
