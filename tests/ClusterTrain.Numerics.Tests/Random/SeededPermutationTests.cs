using ClusterTrain.Numerics.RandomNumbers;

namespace ClusterTrain.Numerics.Tests;

public class SeededPermutationTests
{
    [Fact]
    public void Every_value_appears_exactly_once()
    {
        foreach (var count in Enumerable.Range(1, 300).Concat([1000, 1024, 4095, 4096, 4097, 60_000, 65_537]))
        {
            for (var epoch = 0UL; epoch < 3; epoch++)
            {
                var rows = Permute(count, epoch);
                var seen = new bool[count];
                foreach (var row in rows)
                {
                    Assert.False(seen[row], $"{row} of {count} twice");
                    seen[row] = true;
                }
            }
        }
    }

    [Theory]
    [InlineData(SeededPermutation.LargestCount)]
    [InlineData(SeededPermutation.LargestCount - 1)]
    [InlineData((1L << 39) + 12345)]
    public void A_huge_permutation_spreads_over_its_range_without_repeats(long count)
    {
        var permutation = new SeededPermutation(1, "shuffle", 0, count);
        var rows = new long[100_000];
        permutation.Fill(count - rows.Length, rows);
        Assert.Equal(rows.Length, rows.Distinct().Count());
        Assert.All(rows, row => Assert.InRange(row, 0, count - 1));
        var buckets = rows.CountBy(row => (int)(row / (count / 256.0))).ToDictionary();
        var expected = rows.Length / 256.0;
        Assert.InRange(buckets.Values.Sum(n => (n - expected) * (n - expected) / expected), 180, 340);
    }

    [Fact]
    public void Filling_gives_what_single_positions_give_and_allocates_nothing()
    {
        var permutation = new SeededPermutation(1, "shuffle", 4, 10_007);
        var rows = new long[300];
        permutation.Fill(9_000, rows);
        var before = GC.GetAllocatedBytesForCurrentThread();
        permutation.Fill(9_000, rows);
        var sum = 0L;
        for (var i = 0; i < rows.Length; i++)
        {
            sum += permutation[9_000 + i] == rows[i] ? 1 : 0;
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.Equal(rows.Length, sum);
        Assert.Equal(10_007, permutation.Count);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(7)]
    [InlineData(10)]
    [InlineData(17)]
    [InlineData(64)]
    public void Every_position_takes_every_value_equally_often(int count)
    {
        var epochs = 2000 * count;
        var table = new int[count, count];
        for (var epoch = 0; epoch < epochs; epoch++)
        {
            var rows = Permute(count, (ulong)epoch);
            for (var position = 0; position < count; position++)
            {
                table[position, rows[position]]++;
            }
        }

        // Chi-square with (count - 1)^2 degrees of freedom, within 4.5 deviations of its mean.
        var expected = (double)epochs / count;
        var chi = table.Cast<int>().Sum(n => (n - expected) * (n - expected) / expected);
        var degrees = (count - 1.0) * (count - 1.0);
        Assert.InRange(chi, Math.Max(0, degrees - (4.5 * Math.Sqrt(2 * degrees))), degrees + (4.5 * Math.Sqrt(2 * degrees)));
    }

    [Fact]
    public void All_orders_of_four_are_equally_likely()
    {
        const int Epochs = 48_000;
        var orders = Enumerable.Range(0, Epochs).CountBy(epoch => string.Join(' ', Permute(4, (ulong)epoch))).ToDictionary();
        Assert.Equal(24, orders.Count);
        var expected = Epochs / 24.0;
        Assert.InRange(orders.Values.Sum(n => (n - expected) * (n - expected) / expected), 5, 56);
    }

    [Theory]
    [InlineData(100)]
    [InlineData(1000)]
    public void Fixed_points_and_inversions_are_those_of_a_random_permutation(int count)
    {
        const int Epochs = 1000;
        var (fixedPoints, neighbours, inversions, squares) = (0.0, 0.0, 0.0, 0.0);
        var mean = count * (count - 1) / 4.0;
        for (var epoch = 0; epoch < Epochs; epoch++)
        {
            var rows = Permute(count, (ulong)epoch);
            var inverted = 0L;
            for (var i = 0; i < count; i++)
            {
                fixedPoints += rows[i] == i ? 1 : 0;
                neighbours += i > 0 && rows[i] == rows[i - 1] + 1 ? 1 : 0;
                for (var j = 0; j < i; j++)
                {
                    inverted += rows[j] > rows[i] ? 1 : 0;
                }
            }

            inversions += inverted;
            squares += (inverted - mean) * (inverted - mean);
        }

        var variance = count * (count - 1.0) * ((2 * count) + 5) / 72;
        Assert.Equal(1.0, fixedPoints / Epochs, 0.15);
        Assert.Equal(1.0, neighbours / Epochs, 0.15);
        Assert.Equal(mean, inversions / Epochs, 4 * Math.Sqrt(variance / Epochs));
        Assert.Equal(1.0, squares / Epochs / variance, 0.2);
    }

    [Fact]
    public void Batches_hold_each_class_in_proportion()
    {
        // Rows sorted by class: batches of 128 out of 60,000 rows must hold the ten classes as random draws do.
        var rows = Permute(60_000, 0);
        var chi = rows.Chunk(128).Take(468).Sum(batch =>
            batch.CountBy(row => row / 6000).Sum(n => (n.Value - 12.8) * (n.Value - 12.8) / 12.8)
            + (12.8 * (10 - batch.Select(row => row / 6000).Distinct().Count())));
        Assert.InRange(chi / 468, 8.0, 10.0);
    }

    [Fact]
    public void Epochs_seeds_and_purposes_differ()
    {
        var first = Permute(1000, 0);
        Assert.InRange(Common(first, Permute(1000, 1)), 0, 8);
        Assert.InRange(Common(first, Permute(1000, 0, seed: 2)), 0, 8);
        Assert.InRange(Common(first, Permute(1000, 0, purpose: "split")), 0, 8);

        static int Common(long[] a, long[] b) => a.Zip(b).Count(pair => pair.First == pair.Second);
    }

    [Fact]
    public void Permutations_are_what_they_always_were()
    {
        Assert.Equal("4 8 9 5 1 2 0 3 7 6", string.Join(' ', Permute(10, 0)));
        Assert.Equal("37679 32726 16724 24105 34471", string.Join(' ', Permute(60_000, 3)[..5]));
        Assert.Equal(380_774_479_792, new SeededPermutation(1, "shuffle", 0, SeededPermutation.LargestCount)[123_456_789_012]);
    }

    [Fact]
    public void Positions_and_counts_out_of_range_are_refused()
    {
        var permutation = new SeededPermutation(1, "shuffle", 0, 10);
        Assert.Throws<ArgumentOutOfRangeException>(() => permutation[-1]);
        Assert.Throws<ArgumentOutOfRangeException>(() => permutation[10]);
        Assert.Throws<ArgumentOutOfRangeException>(() => permutation.Fill(8, new long[3]));
        Assert.Throws<ArgumentOutOfRangeException>(() => permutation.Fill(-1, new long[3]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SeededPermutation(1, "shuffle", 0, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SeededPermutation(1, "shuffle", 0, SeededPermutation.LargestCount + 1));
    }

    private static long[] Permute(int count, ulong epoch, ulong seed = 1, string purpose = "shuffle")
    {
        var rows = new long[count];
        new SeededPermutation(seed, purpose, epoch, count).Fill(0, rows);
        return rows;
    }
}
