using System.Collections.Immutable;
using System.Globalization;

namespace ClusterTrain.Data.Files;

/// <summary>
/// Numbers the words of a column. While the training file is read, words are numbered as they come; then they are sorted, and
/// files read later can have no others.
/// </summary>
internal sealed class WordCodes
{
    private readonly Dictionary<string, int> _codes;

    /// <summary>No words yet.</summary>
    public WordCodes() => _codes = [];

    /// <summary>The words of a training file.</summary>
    public WordCodes(ImmutableArray<string> words)
    {
        _codes = words.Index().ToDictionary(item => item.Item, item => item.Index);
        Words = words;
    }

    /// <summary>The sorted words; default while the training file is being read.</summary>
    public ImmutableArray<string> Words { get; private set; }

    /// <summary>Number of different words.</summary>
    public int Count => _codes.Count;

    /// <summary>The number of a word; -1 when it is none of the training file.</summary>
    public int Code(ReadOnlySpan<char> word)
    {
        var lookup = _codes.GetAlternateLookup<ReadOnlySpan<char>>();
        if (lookup.TryGetValue(word, out var code))
        {
            return code;
        }

        if (!Words.IsDefault)
        {
            return -1;
        }

        lookup[word] = _codes.Count;
        return _codes.Count - 1;
    }

    /// <summary>
    /// Sorts the words: in numeric order when all are integers, else in the order of their characters' codes.
    /// </summary>
    /// <returns>For the number each word had its new one.</returns>
    public int[] Sort()
    {
        Words = Sorted(_codes.Keys);
        var renumbered = new int[Words.Length];
        foreach (var (code, word) in Words.Index())
        {
            renumbered[_codes[word]] = code;
            _codes[word] = code;
        }

        return renumbered;
    }

    /// <summary>Words in the order of their numbers.</summary>
    public static ImmutableArray<string> Sorted(IEnumerable<string> unsorted)
    {
        var words = unsorted.Order(StringComparer.Ordinal)
            .Select(word => (Word: word, IsNumber: IsInteger(word, out var number), Number: number))
            .ToList();
        if (words.All(word => word.IsNumber))
        {
            words = [.. words.OrderBy(word => word.Number)];
        }

        return [.. words.Select(word => word.Word)];
    }

    private static bool IsInteger(string word, out long number) =>
        long.TryParse(word, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out number);
}
