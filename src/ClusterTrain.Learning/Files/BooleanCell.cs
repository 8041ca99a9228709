using System.Collections.Immutable;

namespace ClusterTrain.Learning.Files;

/// <summary>What a cell of a column of true and false holds.</summary>
internal static class BooleanCell
{
    private static readonly ImmutableArray<string> s_true = ["true", "yes", "y", "t", "on", "1"];
    private static readonly ImmutableArray<string> s_false = ["false", "no", "n", "f", "off", "0"];

    /// <summary>The words for true, each in small letters, in capitals, and with a capital at its beginning.</summary>
    public static ImmutableArray<string> True { get; } = Written(s_true);

    /// <summary>The words for false, in the same ways.</summary>
    public static ImmutableArray<string> False { get; } = Written(s_false);

    /// <summary>1 or 0; null when the cell is neither.</summary>
    public static double? Read(ReadOnlySpan<char> cell)
    {
        cell = cell.Trim();
        return IsOneOf(True, cell) ? 1 : IsOneOf(False, cell) ? 0 : null;
    }

    private static bool IsOneOf(ImmutableArray<string> words, ReadOnlySpan<char> cell)
    {
        foreach (var word in words)
        {
            if (cell.SequenceEqual(word))
            {
                return true;
            }
        }

        return false;
    }

    private static ImmutableArray<string> Written(ImmutableArray<string> words) =>
        [.. words.SelectMany(word => new[] { word, word.ToUpperInvariant(), char.ToUpperInvariant(word[0]) + word[1..] }).Distinct()];
}
