namespace ClusterTrain.Learning.Networks;

/// <summary>A run of consecutive parameters of the flat vector: what one parameter server holds.</summary>
/// <param name="Index">Number of the segment, from 0.</param>
/// <param name="Start">Index of its first parameter, a multiple of <see cref="GradientNorm.BlockParameters"/>.</param>
/// <param name="Length">Number of parameters, at least 1.</param>
public readonly record struct Segment(int Index, int Start, int Length)
{
    /// <summary>Index after the segment's last parameter.</summary>
    public int End => Start + Length;
}
