using System.Runtime.CompilerServices;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Maps;
using ClusterTrain.Numerics.Simd;

namespace ClusterTrain.Numerics.Tests;

internal readonly struct PlainRule(float rate) : IUpdateRule
{
    private readonly float _rate = rate;

    public int StateCount => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TSimd Apply<TSimd>(TSimd weight, TSimd gradient, ref TSimd first, ref TSimd second)
        where TSimd : unmanaged, ISimd<TSimd> =>
        TSimd.FusedMultiplyAdd(TSimd.Create(-_rate), gradient, weight);
}

internal readonly struct MomentumRule(float rate, float momentum) : IUpdateRule
{
    private readonly float _rate = rate;
    private readonly float _momentum = momentum;

    public int StateCount => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TSimd Apply<TSimd>(TSimd weight, TSimd gradient, ref TSimd first, ref TSimd second)
        where TSimd : unmanaged, ISimd<TSimd>
    {
        first = TSimd.FusedMultiplyAdd(TSimd.Create(_momentum), first, gradient);
        return TSimd.FusedMultiplyAdd(TSimd.Create(-_rate), first, weight);
    }
}

internal readonly struct AdamRule(float rate) : IUpdateRule
{
    private readonly float _rate = rate;

    public int StateCount => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TSimd Apply<TSimd>(TSimd weight, TSimd gradient, ref TSimd first, ref TSimd second)
        where TSimd : unmanaged, ISimd<TSimd>
    {
        first = TSimd.FusedMultiplyAdd(TSimd.Create(0.1f), gradient - first, first);
        second = TSimd.FusedMultiplyAdd(TSimd.Create(0.001f), (gradient * gradient) - second, second);
        return weight - (TSimd.Create(_rate) * first / (TSimd.Sqrt(second) + TSimd.Create(1e-8f)));
    }
}

public class UpdateTests
{
    public static TheoryData<SimdLevel> Levels => MapTable.Levels;

    [Theory]
    [MemberData(nameof(Levels))]
    public void Every_level_gives_the_scalar_bits_and_leaves_the_old_weights(SimdLevel level)
    {
        foreach (var length in MapTable.Lengths)
        {
            var expected = Run(Kernels.Get(SimdLevel.Scalar), length);
            var actual = Run(Kernels.Get(level), length);
            for (var i = 0; i < expected.Length; i++)
            {
                MapTable.AssertSameBits(expected[i], actual[i], $"array {i} of length {length}");
            }

            MapTable.AssertSameBits(MapTable.Mixed(length, "w"), actual[0], "old weights");
        }
    }

    [Fact]
    public void Momentum_is_what_a_loop_computes()
    {
        var (w, g, s) = (MapTable.Normal(100, "w"), MapTable.Normal(100, "g"), MapTable.Normal(100, "s"));
        var (next, state) = (new float[100], (float[])s.Clone());
        Kernels.Active.Update(new MomentumRule(0.1f, 0.9f), w, g, [], next, state, []);
        for (var i = 0; i < w.Length; i++)
        {
            Assert.Equal(MathF.FusedMultiplyAdd(0.9f, s[i], g[i]), state[i]);
            Assert.Equal(MathF.FusedMultiplyAdd(-0.1f, state[i], w[i]), next[i]);
        }
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void An_update_tells_whether_every_new_weight_is_finite(SimdLevel level)
    {
        var kernels = Kernels.Get(level);
        foreach (var length in MapTable.Lengths)
        {
            var (w, g, s, next) = (MapTable.Normal(length, "w"), MapTable.Normal(length, "g"), new float[length], new float[length]);
            Assert.True(kernels.Update(new MomentumRule(0.1f, 0.9f), w, g, [], next, s, []), $"length {length}");
            for (var i = 0; i < length; i++)
            {
                var kept = g[i];
                g[i] = (i % 3) switch { 0 => float.NaN, 1 => float.PositiveInfinity, _ => float.NegativeInfinity };
                Assert.False(kernels.Update(new PlainRule(0.1f), w, g, [], next, [], []), $"{g[i]} at {i} of {length}");
                g[i] = kept;
            }
        }
    }

    [Fact]
    public void Lengths_and_overlaps_that_do_not_fit_are_refused()
    {
        var (w, g, next, s, t) = (new float[9], new float[9], new float[9], new float[9], new float[9]);
        var kernels = Kernels.Active;
        Assert.Throws<ArgumentException>(() => kernels.Update(new PlainRule(1f), w, g, [], next, s, []));
        Assert.Throws<ArgumentException>(() => kernels.Update(new MomentumRule(1f, 1f), w, g, [], next, [], []));
        Assert.Throws<ArgumentException>(() => kernels.Update(new AdamRule(1f), w, g, [], next, s, []));
        Assert.Throws<ArgumentException>(() => kernels.Update(new AdamRule(1f), w, g, [], next, s, s));
        Assert.Throws<ArgumentException>(() => kernels.Update(new AdamRule(1f), w, g, [], next, w, t));
        Assert.Throws<ArgumentException>(() => kernels.Update(new PlainRule(1f), w, g, [], next.AsSpan(1), [], []));
        Assert.Throws<ArgumentException>(() => kernels.Update(new PlainRule(1f), w.AsSpan(1), g.AsSpan(1), [], w.AsSpan(0, 8), [], []));
        Assert.Throws<ArgumentException>(() => kernels.Update(new PlainRule(1f), w, g, t.AsSpan(1), next, [], []));
        Assert.Throws<ArgumentException>(() => kernels.Update(new MomentumRule(1f, 1f), w, g, s, next, s, []));
        kernels.Update(new PlainRule(1f), w, g, [], w, [], []);
        kernels.Update(new PlainRule(1f), w, g, g, w, [], []);
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void A_gradient_in_two_halves_gives_the_bits_of_their_sum(SimdLevel level)
    {
        var kernels = Kernels.Get(level);
        foreach (var length in MapTable.Lengths)
        {
            var (w, left, right) = (MapTable.Mixed(length, "w"), MapTable.Mixed(length, "left"), MapTable.Mixed(length, "right"));
            var sum = new float[length];
            kernels.Add(left, right, sum);
            var (s, t, next, other) = (MapTable.Normal(length, "s"), MapTable.Normal(length, "s"), new float[length], new float[length]);
            var allFinite = kernels.Update(new MomentumRule(0.1f, 0.9f), w, sum, [], next, s, []);
            Assert.Equal(allFinite, kernels.Update(new MomentumRule(0.1f, 0.9f), w, left, right, other, t, []));
            MapTable.AssertSameBits(next, other, $"weights of {length}");
            MapTable.AssertSameBits(s, t, $"state of {length}");
        }
    }

    private static float[][] Run(Kernels kernels, int length)
    {
        var (w, g) = (MapTable.Mixed(length, "w"), MapTable.Mixed(length, "g").Reverse().ToArray());
        var (s, t, u) = (MapTable.Normal(length, "s"), MapTable.Normal(length, "t"), MapTable.Normal(length, "u"));
        for (var i = 0; i < length; i++)
        {
            u[i] = MathF.Abs(u[i]);
        }

        var (plain, momentum, adam) = (new float[length], new float[length], new float[length]);
        kernels.Update(new PlainRule(0.1f), w, g, [], plain, [], []);
        kernels.Update(new MomentumRule(0.1f, 0.9f), w, g, [], momentum, s, []);
        kernels.Update(new AdamRule(0.1f), w, g, [], adam, t, u);
        return [w, g, s, t, u, plain, momentum, adam];
    }
}
