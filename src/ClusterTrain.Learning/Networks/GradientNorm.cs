using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Tree;

namespace ClusterTrain.Learning.Networks;

/// <summary>
/// The global norm of a gradient and the factor that clips it, the same bits however many parameter servers hold the
/// gradient: the squares are summed in double over fixed blocks of the flat vector, and the blocks' sums are added in the
/// order of the <see cref="ReductionTree"/>.
/// </summary>
public static class GradientNorm
{
    /// <summary>Consecutive parameters of a block.</summary>
    public const int BlockParameters = 4096;

    /// <summary>Number of blocks of so many parameters; the last one may be short.</summary>
    public static int Blocks(int parameters) => (int)(((long)parameters + BlockParameters - 1) / BlockParameters);

    /// <summary>Sums the squares of each block of a segment of the gradient.</summary>
    /// <param name="kernels">The kernels in use; all give the same bits.</param>
    /// <param name="gradient">(n) values from a block boundary on, see <see cref="Segments"/>.</param>
    /// <param name="sums">(<see cref="Blocks"/> of n) receives a sum per block.</param>
    /// <exception cref="ArgumentException"><paramref name="sums"/> has another length.</exception>
    public static void BlockSums(Kernels kernels, ReadOnlySpan<float> gradient, Span<double> sums)
    {
        if (sums.Length != Blocks(gradient.Length))
        {
            throw new ArgumentException(
                $"{gradient.Length} values are {Blocks(gradient.Length)} blocks of {BlockParameters}; "
                + $"the destination holds {sums.Length}.",
                nameof(sums));
        }

        for (var block = 0; block < sums.Length; block++)
        {
            var start = block * BlockParameters;
            sums[block] = kernels.SumOfSquares(gradient.Slice(start, Math.Min(BlockParameters, gradient.Length - start)));
        }
    }

    /// <summary>
    /// The norm of the whole gradient, divided by <paramref name="rows"/>: the gradient is a sum over so many rows.
    /// </summary>
    /// <param name="blockSums">The sums of all blocks of the flat vector, in order; at least one.</param>
    /// <param name="rows">Rows of the batch, at least 1.</param>
    public static double Norm(ReadOnlySpan<double> blockSums, int rows)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        return Math.Sqrt(ReductionTree.Sum(blockSums)) / rows;
    }

    /// <summary>
    /// The factor that brings a gradient of this norm down to <paramref name="clip"/>; 1 when it is not longer, or
    /// not a number.
    /// </summary>
    public static double ClipFactor(double norm, double clip) => norm > clip ? clip / norm : 1;
}
