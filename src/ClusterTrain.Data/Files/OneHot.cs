using ClusterTrain.Data.Rows;

namespace ClusterTrain.Data.Files;

/// <summary>Spreads the numbers of words over one feature for each category; other values stay as they are.</summary>
internal sealed class OneHot : ValueEncoder
{
    private readonly int[]?[] _codes;
    private readonly int[] _widths;

    /// <param name="codes">For each value of a row null, or for each number a word has in the row the category it is.</param>
    public OneHot(int[]?[] codes)
    {
        _codes = codes;
        _widths = Array.ConvertAll(codes, words => words?.Length ?? 1);
        Features = _widths.Sum();
    }

    public override int Features { get; }

    public override void Encode(long row, ReadOnlySpan<double> values, Span<double> features)
    {
        features.Clear();
        var at = 0;
        for (var i = 0; i < values.Length; i++)
        {
            if (_codes[i] is { } codes)
            {
                features[at + codes[(int)values[i]]] = 1;
            }
            else
            {
                features[at] = values[i];
            }

            at += _widths[i];
        }
    }
}
