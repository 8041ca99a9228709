using ClusterTrain.Learning.Networks;
using ClusterTrain.Numerics.KernelSets;

using static ClusterTrain.Learning.Tests.TestNetworks;

namespace ClusterTrain.Learning.Tests;

public sealed class GradientNormTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    public void The_norm_has_the_same_bits_for_any_number_of_servers_and_kernels(int servers)
    {
        const int Parameters = 6 * GradientNorm.BlockParameters + 1234;
        var gradient = Numbers(Parameters, 1);
        var whole = new double[GradientNorm.Blocks(Parameters)];
        GradientNorm.BlockSums(Kernels.Supported[^1], gradient, whole);
        foreach (var kernels in Kernels.Supported)
        {
            var sums = new double[whole.Length];
            foreach (var segment in Segments.Split(Parameters, servers))
            {
                var first = segment.Start / GradientNorm.BlockParameters;
                GradientNorm.BlockSums(
                    kernels,
                    gradient.AsSpan(segment.Start, segment.Length),
                    sums.AsSpan(first, GradientNorm.Blocks(segment.Length)));
            }

            Assert.Equal(GradientNorm.Norm(whole, 3), GradientNorm.Norm(sums, 3));
        }

        var exact = Math.Sqrt(gradient.Sum(value => (double)value * value)) / 3;
        Assert.Equal(exact, GradientNorm.Norm(whole, 3), 9);
    }

    [Fact]
    public void A_three_four_five_gradient_is_clipped_to_its_bound()
    {
        var sums = new double[1];
        GradientNorm.BlockSums(Kernels.Active, [30, -40], sums);
        var norm = GradientNorm.Norm(sums, 10);
        Assert.Equal(5, norm);
        Assert.Equal(0.5, GradientNorm.ClipFactor(norm, 2.5));
        Assert.Equal(1, GradientNorm.ClipFactor(norm, 5));
        Assert.Equal(1, GradientNorm.ClipFactor(double.NaN, 5));
    }

    [Fact]
    public void A_destination_of_the_wrong_length_is_refused() => Assert.Throws<ArgumentException>(
        () => GradientNorm.BlockSums(Kernels.Active, new float[GradientNorm.BlockParameters + 1], new double[1]));
}
