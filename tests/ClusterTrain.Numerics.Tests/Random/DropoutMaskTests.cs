using System.Numerics;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.RandomNumbers;
using ClusterTrain.Numerics.Simd;

namespace ClusterTrain.Numerics.Tests;

public class DropoutMaskTests
{
    public static TheoryData<SimdLevel> Levels => MapTable.Levels;

    // The known answers of Random123 for threefry2x32 of 20 rounds.
    [Theory]
    [InlineData(0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x6B200159, 0x99BA4EFE)]
    [InlineData(0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0x1CB996FC, 0xBB002BE7)]
    [InlineData(0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344, 0xC4923A9C, 0x483DF7A0)]
    public void Threefry_gives_the_published_answers(uint first, uint second, uint key0, uint key1, uint expected0, uint expected1)
    {
        Assert.Equal((expected0, expected1), Naive(key0 | ((ulong)key1 << 32), first, second));
        var (x, y) = (SimdScalar.CreateBits((int)first), SimdScalar.CreateBits((int)second));
        Threefry.Encrypt(key0 | ((ulong)key1 << 32), ref x, ref y);
        Assert.Equal((expected0, expected1), (Bits(x), Bits(y)));
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void Every_level_draws_the_masks_that_the_definition_says(SimdLevel level)
    {
        long[] rows = [0, 1, 60_000, uint.MaxValue, 1L << 33, Kernels.LargestDropoutRow - 1];
        foreach (var units in new[] { 1, 2, 15, 16, 17, 31, 32, 33, 47, 48, 49, 64, 100, 500 })
        {
            var mask = new float[rows.Length * units];
            Kernels.Get(level).DropoutMask(0x0123456789ABCDEF, rows, units, 0.3, mask);
            for (var index = 0; index < mask.Length; index++)
            {
                var (row, unit) = (rows[index / units], index % units);
                var counter = (uint)((unit / 32 * 16) + (unit % 16)) | (uint)(row >> 32 << 20);
                var (first, second) = Naive(0x0123456789ABCDEF, (uint)row, counter);
                var word = unit % 32 < 16 ? first : second;
                Assert.Equal((word >> 8) < 0.3 * (1 << 24) ? 0f : (float)(1 / 0.7), mask[index]);
            }
        }
    }

    // 4 million draws: the deviation of each share is at most 0.00025.
    [Theory]
    [InlineData(0.0)]
    [InlineData(0.001)]
    [InlineData(0.2)]
    [InlineData(0.5)]
    [InlineData(0.9)]
    public void The_share_of_zeros_is_the_fraction_and_the_mean_is_one(double fraction)
    {
        var mask = Draw(fraction, key: 77);
        var zeros = mask.Count(value => value == 0) / (double)mask.Length;
        Assert.InRange(zeros, fraction - 0.001, fraction + 0.001);
        Assert.InRange(mask.Sum(value => (double)value) / mask.Length, 1 - 0.01, 1 + 0.01);
        Assert.Equal(fraction > 0 ? 2 : 1, mask.Distinct().Count());
    }

    // Neighbours in the same row, in the same column, the two words of a counter, and other keys: the share of equal pairs is
    // that of independent draws, p^2 + (1 - p)^2 = 1/2.
    [Fact]
    public void Neighbouring_units_rows_words_and_keys_are_independent()
    {
        var mask = Draw(0.5, key: 1);
        foreach (var distance in new[] { 1, 2, 8, 16, 32, Units, 2 * Units, 64 * Units, 256 * Units })
        {
            Assert.InRange(EqualShare(mask.AsSpan(distance), mask), 0.498, 0.502);
        }

        foreach (var key in new ulong[] { 0, 2, 3, 1UL << 32, ulong.MaxValue })
        {
            Assert.InRange(EqualShare(Draw(0.5, key), mask), 0.498, 0.502);
        }
    }

    [Fact]
    public void Numbers_out_of_range_are_refused()
    {
        var kernels = Kernels.Active;
        Assert.Throws<ArgumentOutOfRangeException>(() => kernels.DropoutMask(1, [0], 4, 1, new float[4]));
        Assert.Throws<ArgumentOutOfRangeException>(() => kernels.DropoutMask(1, [0], 4, double.NaN, new float[4]));
        Assert.Throws<ArgumentOutOfRangeException>(() => kernels.DropoutMask(1, [-1], 4, 0.5, new float[4]));
        Assert.Throws<ArgumentOutOfRangeException>(() => kernels.DropoutMask(1, [1L << 44], 4, 0.5, new float[4]));
        Assert.Throws<ArgumentOutOfRangeException>(() => kernels.DropoutMask(1, [0], 0, 0.5, []));
        Assert.Throws<ArgumentException>(() => kernels.DropoutMask(1, [0, 1], 4, 0.5, new float[7]));
    }

    private const int Units = 1000;

    private static float[] Draw(double fraction, ulong key)
    {
        var mask = new float[4000 * Units];
        Kernels.Active.DropoutMask(key, [.. Enumerable.Range(0, 4000).Select(row => (long)row)], Units, fraction, mask);
        return mask;
    }

    private static double EqualShare(ReadOnlySpan<float> some, ReadOnlySpan<float> others)
    {
        var equal = 0;
        for (var i = 0; i < some.Length; i++)
        {
            equal += some[i] == others[i] ? 1 : 0;
        }

        return equal / (double)some.Length;
    }

    private static unsafe uint Bits(SimdScalar value)
    {
        float stored;
        SimdScalar.Store(value, &stored);
        return BitConverter.SingleToUInt32Bits(stored);
    }

    private static (uint First, uint Second) Naive(ulong key, uint first, uint second)
    {
        int[] rotations = [13, 15, 26, 6, 17, 29, 16, 24];
        uint[] keys = [(uint)key, (uint)(key >> 32), 0x1BD11BDA ^ (uint)key ^ (uint)(key >> 32)];
        var (x, y) = (first + keys[0], second + keys[1]);
        for (var round = 0; round < 20; round++)
        {
            x += y;
            y = BitOperations.RotateLeft(y, rotations[round % 8]) ^ x;
            if (round % 4 == 3)
            {
                var injection = (round / 4) + 1;
                x += keys[injection % 3];
                y += keys[(injection + 1) % 3] + (uint)injection;
            }
        }

        return (x, y);
    }
}
