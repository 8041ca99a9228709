using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Maps;

namespace ClusterTrain.Numerics.Tests;

public class MapTests
{
    private delegate void Unary(Kernels kernels, ReadOnlySpan<float> x, Span<float> y);

    private delegate void Binary(Kernels kernels, ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> z);

    // name, kernel, double reference, largest error in ulp
    private static readonly (string Name, Unary Run, Func<double, double> Reference, double Ulp)[] s_unaryMaps =
    [
        ("exp", (k, x, y) => k.Map(default(ExpMap), x, y), Math.Exp, 1.1),
        ("log", (k, x, y) => k.Map(default(LogMap), x, y), Math.Log, 0.8),
        ("sigmoid", (k, x, y) => k.Map(default(SigmoidForward), x, y), Sigmoid, 2.3),
        ("tanh", (k, x, y) => k.Map(default(TanhForward), x, y), Math.Tanh, 2.4),
        ("relu", (k, x, y) => k.Map(default(ReluForward), x, y), x => x < 0 ? 0 : x, 0),
        ("leaky relu", (k, x, y) => k.Map(new LeakyReluForward(0.125f), x, y), x => x < 0 ? 0.125 * x : x, 0.5),
    ];

    private static readonly (string Name, Binary Run, Func<double, double, double> Reference)[] s_binaryMaps =
    [
        ("sigmoid backward", (k, x, y, z) => k.Map(default(SigmoidBackward), x, y, z), (dy, y) => dy * y * (1 - y)),
        ("tanh backward", (k, x, y, z) => k.Map(default(TanhBackward), x, y, z), (dy, y) => dy * (1 - (y * y))),
        ("relu backward", (k, x, y, z) => k.Map(default(ReluBackward), x, y, z), (dy, y) => y > 0 ? dy : 0),
        ("leaky relu backward", (k, x, y, z) => k.Map(new LeakyReluBackward(0.125f), x, y, z), (dy, y) => y < 0 ? 0.125 * dy : dy),
        ("add", (k, x, y, z) =>
        {
            x.CopyTo(z);
            k.Add(z, y);
        }, (x, y) => x + y),
    ];

    public static TheoryData<SimdLevel> Levels => MapTable.Levels;

    [Theory]
    [MemberData(nameof(Levels))]
    public void Every_level_gives_the_scalar_bits_on_every_length(SimdLevel level)
    {
        var kernels = Kernels.Get(level);
        var scalar = Kernels.Get(SimdLevel.Scalar);
        foreach (var length in MapTable.Lengths)
        {
            var x = MapTable.Mixed(length, "x");
            var y = MapTable.Mixed(length, "y").Reverse().ToArray();
            var (expected, actual) = (new float[length], new float[length]);
            foreach (var map in s_unaryMaps)
            {
                map.Run(scalar, x, expected);
                map.Run(kernels, x, actual);
                MapTable.AssertSameBits(expected, actual, $"{map.Name} of length {length}");
                x.CopyTo(actual, 0);
                map.Run(kernels, actual, actual);
                MapTable.AssertSameBits(expected, actual, $"{map.Name} of length {length} in place");
            }

            foreach (var map in s_binaryMaps)
            {
                map.Run(scalar, x, y, expected);
                map.Run(kernels, x, y, actual);
                MapTable.AssertSameBits(expected, actual, $"{map.Name} of length {length}");
            }

            scalar.Map(default(EveryOperation), x, y, expected);
            kernels.Map(default(EveryOperation), x, y, actual);
            MapTable.AssertSameBits(expected, actual, $"every operation, length {length}");
            y.CopyTo(actual, 0);
            kernels.Map(default(EveryOperation), x, actual, actual);
            MapTable.AssertSameBits(expected, actual, $"every operation in place, length {length}");
        }
    }

    [Fact]
    public void Every_level_gives_the_scalar_bits_on_every_operation_and_lane() => Assert.All(Kernels.Supported, kernels =>
    {
        var pairs = from x in MapTable.Extremes from y in MapTable.Extremes select (x, y);
        var xs = pairs.Select(pair => pair.x).ToArray();
        var ys = pairs.Select(pair => pair.y).ToArray();
        var (expected, actual) = (new float[xs.Length], new float[xs.Length]);
        Kernels.Get(SimdLevel.Scalar).Map(default(EveryOperation), xs, ys, expected);
        kernels.Map(default(EveryOperation), xs, ys, actual);
        MapTable.AssertSameBits(expected, actual, kernels.Name);
    });

    [Fact]
    public void Unary_maps_are_as_accurate_as_stated()
    {
        // Every 5003rd float there is: all exponents and signs.
        var x = Enumerable.Range(0, (int)(uint.MaxValue / 5003)).Select(i => BitConverter.UInt32BitsToSingle((uint)i * 5003)).ToArray();
        var y = new float[x.Length];
        foreach (var map in s_unaryMaps)
        {
            map.Run(Kernels.Active, x, y);
            var (worst, at) = (0.0, 0f);
            for (var i = 0; i < x.Length; i++)
            {
                var error = MapTable.UlpError(y[i], map.Reference(x[i]));
                if (error > worst)
                {
                    (worst, at) = (error, x[i]);
                }
            }

            Assert.True(worst <= map.Ulp, $"{map.Name}: {worst:F3} ulp at {at:G9}");
        }
    }

    [Fact]
    public void Unary_maps_are_defined_at_the_ends()
    {
        var infinity = float.PositiveInfinity;
        Assert.Equal([1f, 1f, infinity, 0f, infinity, 0f], Run(0, 0f, -0f, infinity, -infinity, 89f, -105f));
        Assert.Equal([-infinity, -infinity, infinity, 0f], Run(1, 0f, -0f, infinity, 1f));
        Assert.All(Run(1, -1f, -infinity, -float.Epsilon), y => Assert.True(float.IsNaN(y)));
        Assert.Equal([0.5f, 1f, 0f, 1f, 0f], Run(2, 0f, infinity, -infinity, 20f, -105f));
        Assert.Equal([0f, 1f, -1f, 1f, -1f], Run(3, 0f, infinity, -infinity, 9.1f, -9.1f));
        Assert.True(float.IsNegative(Run(3, -0f)[0]));
        Assert.Equal([0f, infinity, 0f], Run(4, 0f, infinity, -infinity));
        Assert.Equal([0f, infinity, -infinity, -0.25f], Run(5, 0f, infinity, -infinity, -2f));
        for (var map = 0; map < s_unaryMaps.Length; map++)
        {
            Assert.True(float.IsNaN(Run(map, float.NaN)[0]), s_unaryMaps[map].Name);
        }
    }

    [Fact]
    public void Sigmoid_and_tanh_grow_and_stay_within_their_bounds()
    {
        var x = Enumerable.Range(-200_000, 400_001).Select(i => i * 1e-4f).ToArray();
        var (sigmoid, tanh) = (new float[x.Length], new float[x.Length]);
        Kernels.Active.Map(default(SigmoidForward), x, sigmoid);
        Kernels.Active.Map(default(TanhForward), x, tanh);
        Assert.All(sigmoid, y => Assert.InRange(y, 0f, 1f));
        Assert.All(tanh, y => Assert.InRange(y, -1f, 1f));
        for (var i = 0; i < x.Length; i++)
        {
            Assert.Equal(tanh[i], -tanh[^(i + 1)]);
        }
    }

    [Fact]
    public void Binary_maps_agree_with_double()
    {
        var dy = MapTable.Normal(1000, "dy");
        var y = MapTable.Normal(1000, "y", 0.4f);
        var z = new float[1000];
        foreach (var map in s_binaryMaps)
        {
            map.Run(Kernels.Active, dy, y, z);
            for (var i = 0; i < z.Length; i++)
            {
                var exact = map.Reference(dy[i], y[i]);
                Assert.True(Math.Abs(z[i] - exact) <= 3e-7 * Math.Max(Math.Abs(exact), 1e-3), $"{map.Name} at {dy[i]}, {y[i]}: {z[i]}");
            }
        }
    }

    [Fact]
    public void Activation_gradients_agree_with_finite_differences()
    {
        var z = MapTable.Normal(200, "z", 2f);
        var ones = Enumerable.Repeat(1f, z.Length).ToArray();
        var (y, dz) = (new float[z.Length], new float[z.Length]);
        foreach (var (forward, backward) in new[] { (2, 0), (3, 1), (4, 2), (5, 3) })
        {
            s_unaryMaps[forward].Run(Kernels.Active, z, y);
            s_binaryMaps[backward].Run(Kernels.Active, ones, y, dz);
            for (var i = 0; i < z.Length; i++)
            {
                var f = s_unaryMaps[forward].Reference;
                var slope = (f(z[i] + 1e-5) - f(z[i] - 1e-5)) / 2e-5;
                Assert.True(Math.Abs(slope - dz[i]) < 1e-5, $"{s_unaryMaps[forward].Name} at {z[i]}: {dz[i]} and not {slope}");
            }
        }
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(-0.1f)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NaN)]
    public void A_slope_that_hides_the_sign_is_refused(float slope)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new LeakyReluForward(slope));
        Assert.Throws<ArgumentOutOfRangeException>(() => new LeakyReluBackward(slope));
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void Wrong_lengths_and_partial_overlaps_are_refused(SimdLevel level)
    {
        var kernels = Kernels.Get(level);
        var memory = new float[32];
        var other = new float[31];
        Assert.Throws<ArgumentException>(() => kernels.Map(default(ExpMap), memory, other));
        Assert.Throws<ArgumentException>(() => kernels.Map(default(ExpMap), memory.AsSpan(0, 8), memory.AsSpan(1, 8)));
        Assert.Throws<ArgumentException>(() => kernels.Map(default(TanhBackward), memory, other, memory));
        Assert.Throws<ArgumentException>(() => kernels.Map(default(TanhBackward), memory, memory, other));
        Assert.Throws<ArgumentException>(
            () => kernels.Map(default(TanhBackward), other.AsSpan(0, 8), memory.AsSpan(2, 8), memory.AsSpan(0, 8)));
        Assert.Throws<ArgumentException>(() => kernels.Add(memory, other));
        Assert.Throws<ArgumentException>(() => kernels.ScaleBytes(new byte[30], 1f, 0f, other));
        kernels.Map(default(ExpMap), memory.AsSpan(0, 8), memory.AsSpan(8, 8));
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void Nothing_behind_the_end_is_written(SimdLevel level)
    {
        for (var length = 0; length < 40; length++)
        {
            var memory = new float[64];
            Array.Fill(memory, -7f);
            Kernels.Get(level).Map(default(ExpMap), new float[length], memory.AsSpan(0, length));
            Assert.All(memory[..length], value => Assert.Equal(1f, value));
            Assert.All(memory[length..], value => Assert.Equal(-7f, value));
        }
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void Maps_and_updates_allocate_nothing(SimdLevel level)
    {
        var kernels = Kernels.Get(level);
        var (a, b, c, d, e) = (new float[99], new float[99], new float[99], new float[99], new float[99]);
        for (var i = 0; i < 3; i++)
        {
            RunAll();
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
        {
            RunAll();
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());

        void RunAll()
        {
            kernels.Map(new LeakyReluForward(0.1f), a, b);
            kernels.Map(default(SigmoidBackward), a, b, c);
            kernels.Update(new MomentumRule(0.1f, 0.9f), a, b, [], c, d, []);
            kernels.Update(new AdamRule(0.1f), a, b, [], c, d, e);
            kernels.SoftmaxCrossEntropy(a, b, c, d.AsSpan(0, 11), 11, 9);
            kernels.SigmoidCrossEntropy(a, b, c, d.AsSpan(0, 11), 11, 9);
            kernels.AllFinite(a);
            kernels.SumOfSquares(a);
        }
    }

    private static float[] Run(int map, params float[] x)
    {
        var y = new float[x.Length];
        s_unaryMaps[map].Run(Kernels.Active, x, y);
        return y;
    }

    private static double Sigmoid(double x) => x < 0 ? Math.Exp(x) / (1 + Math.Exp(x)) : 1 / (1 + Math.Exp(-x));
}
