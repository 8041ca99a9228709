using ClusterTrain.Numerics.KernelSets;

namespace ClusterTrain.Numerics.Tests;

public class ReduceTests
{
    public static TheoryData<SimdLevel> Levels => MapTable.Levels;

    [Theory]
    [MemberData(nameof(Levels))]
    public void The_sum_of_squares_has_the_same_bits_at_every_level(SimdLevel level)
    {
        foreach (var length in MapTable.Lengths)
        {
            var values = MapTable.Normal(length, "values", 100f);
            var sum = Kernels.Get(level).SumOfSquares(values);
            Assert.Equal(Kernels.Get(SimdLevel.Scalar).SumOfSquares(values), sum);
            var naive = values.Sum(value => (double)value * value);
            Assert.Equal(naive, sum, naive * 1e-14);
        }
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void The_sum_of_squares_neither_overflows_nor_hides_a_nan(SimdLevel level)
    {
        var values = Enumerable.Repeat(float.MaxValue, 200).ToArray();
        Assert.Equal(200.0 * float.MaxValue * float.MaxValue, Kernels.Get(level).SumOfSquares(values), 1e65);
        values[130] = float.NaN;
        Assert.True(double.IsNaN(Kernels.Get(level).SumOfSquares(values)));
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void One_bad_value_at_any_place_is_found(SimdLevel level)
    {
        var kernels = Kernels.Get(level);
        for (var length = 0; length < 140; length++)
        {
            var values = MapTable.Normal(length, "values");
            if (length > 0)
            {
                values[length / 2] = float.MaxValue;
            }

            Assert.True(kernels.AllFinite(values));
            for (var i = 0; i < length; i++)
            {
                var kept = values[i];
                values[i] = (i % 3) switch { 0 => float.NaN, 1 => float.PositiveInfinity, _ => float.NegativeInfinity };
                Assert.False(kernels.AllFinite(values), $"{values[i]} at {i} of {length}");
                values[i] = kept;
            }
        }
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void Bytes_become_scaled_floats(SimdLevel level)
    {
        foreach (var length in MapTable.Lengths)
        {
            var source = Enumerable.Range(0, length).Select(i => (byte)(i * 37)).ToArray();
            var actual = new float[length];
            Kernels.Get(level).ScaleBytes(source, 1f / 255f, -0.1307f, actual);
            var expected = source.Select(value => MathF.FusedMultiplyAdd(value, 1f / 255f, -0.1307f)).ToArray();
            MapTable.AssertSameBits(expected, actual, $"length {length}");

            Array.Clear(actual);
            Kernels.Get(level).ScaleBytes(source, 1f / 255f, -0.1307f, actual, ahead: new byte[length]);
            MapTable.AssertSameBits(expected, actual, $"length {length}, with others ahead");
            Kernels.Get(level).ScaleBytes(source, 1f / 255f, -0.1307f, actual, ahead: new byte[length / 2]);
            MapTable.AssertSameBits(expected, actual, $"length {length}, with fewer ahead");
        }
    }
}
