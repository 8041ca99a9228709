using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Maps;

namespace ClusterTrain.Numerics.Tests;

public class BFloat16Tests
{
    public static TheoryData<SimdLevel> Levels => MapTable.Levels;

    [Theory]
    [MemberData(nameof(Levels))]
    public void A_float_and_a_sum_are_rounded_to_the_nearest_bfloat16_and_ties_to_the_even_one(SimdLevel level)
    {
        var kernels = Kernels.Get(level);
        foreach (var length in MapTable.Lengths)
        {
            var (x, y) = (Values(length, "x"), MapTable.Mixed(length, "y").Reverse().ToArray());
            var actual = new float[length];
            kernels.Map(default(BFloat16Rounding), x, actual);
            MapTable.AssertSameBits([.. x.Select(Nearest)], actual, $"{length} rounded");
            kernels.Map(default(BFloat16Sum), x, y, actual);
            MapTable.AssertSameBits([.. x.Zip(y, (a, b) => Nearest(a + b))], actual, $"{length} sums");
        }
    }

    [Fact]
    public void What_is_rounded_is_packed_into_half_the_bytes_and_comes_out_as_it_went_in()
    {
        foreach (var length in MapTable.Lengths)
        {
            var rounded = Values(length, "x").Select(value => float.IsNaN(value) ? 0 : Nearest(value)).ToArray();
            var (packed, unpacked) = (new ushort[length], new float[length]);
            Assert.True(BFloat16.TryPack(rounded, packed));
            BFloat16.Unpack(packed, unpacked);
            MapTable.AssertSameBits(rounded, unpacked, $"{length} values");
        }
    }

    [Fact]
    public void One_float_that_is_not_rounded_is_noticed_wherever_it_stands()
    {
        foreach (var length in MapTable.Lengths)
        {
            for (var index = 0; index < length; index += Math.Max(1, length / 50))
            {
                var values = new float[length];
                values[index] = MathF.BitIncrement(1);
                Assert.False(BFloat16.TryPack(values, new ushort[length]), $"{index} of {length}");
            }
        }
    }

    /// <summary>Numbers of many magnitudes, among them many in the middle between two that can be had, and beside it.</summary>
    private static float[] Values(int length, string purpose) =>
    [
        .. MapTable.Mixed(length, purpose).Select((value, index) => (index % 4) switch
        {
            0 => value,
            _ => BitConverter.UInt32BitsToSingle((BitConverter.SingleToUInt32Bits(value) & 0xFFFF0000) + 0x7FFE + (uint)(index % 4)),
        }),
    ];

    /// <summary>The nearest of the two neighbours, found in double.</summary>
    private static float Nearest(float value)
    {
        if (!float.IsFinite(value))
        {
            return value;
        }

        var towardsZero = BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(value) & 0xFFFF0000);
        var away = BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(towardsZero) + 0x10000);
        var last = float.IsInfinity(away) ? Math.CopySign(Math.ScaleB(1, 128), value) : away;
        var (below, above) = (Math.Abs((double)value - towardsZero), Math.Abs(last - value));
        var isEven = (BitConverter.SingleToUInt32Bits(towardsZero) & 0x10000) == 0;
        return below < above || (below == above && isEven) ? towardsZero : away;
    }
}
