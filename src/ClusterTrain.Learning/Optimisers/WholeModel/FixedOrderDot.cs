using ClusterTrain.Learning.Networks;
using ClusterTrain.Numerics.Tree;

namespace ClusterTrain.Learning.Optimisers.WholeModel;

/// <summary>
/// Dot products in double whose order of additions is fixed: within blocks of <see cref="GradientNorm.BlockParameters"/>, element
/// i goes to the i mod 4th of four partial sums; the blocks are added in the order of the <see cref="ReductionTree"/>.
/// </summary>
/// <param name="longest">Elements of a product at most.</param>
internal sealed class FixedOrderDot(int longest)
{
    private readonly double[] _blocks = new double[GradientNorm.Blocks(longest)];

    /// <summary>The sum of x[i] · y[i].</summary>
    public double Of(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        var sums = _blocks.AsSpan(0, GradientNorm.Blocks(x.Length));
        for (var block = 0; block < sums.Length; block++)
        {
            var start = block * GradientNorm.BlockParameters;
            var count = Math.Min(GradientNorm.BlockParameters, x.Length - start);
            sums[block] = Block(x.Slice(start, count), y.Slice(start, count));
        }

        return ReductionTree.Sum(sums);
    }

    /// <summary>The sum of x[i] · y[i].</summary>
    public double Of(ReadOnlySpan<float> x, ReadOnlySpan<double> y)
    {
        var sums = _blocks.AsSpan(0, GradientNorm.Blocks(x.Length));
        for (var block = 0; block < sums.Length; block++)
        {
            var start = block * GradientNorm.BlockParameters;
            var count = Math.Min(GradientNorm.BlockParameters, x.Length - start);
            sums[block] = Block(x.Slice(start, count), y.Slice(start, count));
        }

        return ReductionTree.Sum(sums);
    }

    private static double Block(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        double a = 0, b = 0, c = 0, d = 0;
        var i = 0;
        for (; i <= x.Length - 4; i += 4)
        {
            a += (double)x[i] * y[i];
            b += (double)x[i + 1] * y[i + 1];
            c += (double)x[i + 2] * y[i + 2];
            d += (double)x[i + 3] * y[i + 3];
        }

        for (; i < x.Length; i++)
        {
            a += (double)x[i] * y[i];
        }

        return a + b + (c + d);
    }

    private static double Block(ReadOnlySpan<float> x, ReadOnlySpan<double> y)
    {
        double a = 0, b = 0, c = 0, d = 0;
        var i = 0;
        for (; i <= x.Length - 4; i += 4)
        {
            a += x[i] * y[i];
            b += x[i + 1] * y[i + 1];
            c += x[i + 2] * y[i + 2];
            d += x[i + 3] * y[i + 3];
        }

        for (; i < x.Length; i++)
        {
            a += x[i] * y[i];
        }

        return a + b + (c + d);
    }
}
