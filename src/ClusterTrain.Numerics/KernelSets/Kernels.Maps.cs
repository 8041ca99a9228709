using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using ClusterTrain.Numerics.Maps;
using ClusterTrain.Numerics.Simd;

namespace ClusterTrain.Numerics.KernelSets;

public abstract partial class Kernels
{
    /// <summary>Where a loss is computed from probabilities, they are clamped to this distance from 0 and 1.</summary>
    public const float SmallestProbability = 1e-7f;

    /// <summary>y[i] = map(x[i]). In place is allowed (x and y the same span), any other overlap is not.</summary>
    /// <param name="map">The formula.</param>
    /// <param name="x">Arguments.</param>
    /// <param name="y">Results, of the same length.</param>
    /// <exception cref="ArgumentException">The lengths differ, or the spans overlap without being the same.</exception>
    public unsafe void Map<TMap>(in TMap map, ReadOnlySpan<float> x, Span<float> y)
        where TMap : struct, IUnaryMap
    {
        CheckLength(nameof(y), y.Length, x.Length);
        CheckOverlap(nameof(x), x, nameof(y), y);
        fixed (float* xs = x, ys = y)
        {
            MapCore(map, xs, ys, x.Length);
        }
    }

    /// <summary>z[i] = map(x[i], y[i]). In place is allowed (z the same span as x or y), any other overlap is not.</summary>
    /// <param name="map">The formula.</param>
    /// <param name="x">First arguments.</param>
    /// <param name="y">Second arguments, of the same length.</param>
    /// <param name="z">Results, of the same length.</param>
    /// <exception cref="ArgumentException">The lengths differ, or the spans overlap without being the same.</exception>
    public unsafe void Map<TMap>(in TMap map, ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> z)
        where TMap : struct, IBinaryMap
    {
        CheckLength(nameof(y), y.Length, x.Length);
        CheckLength(nameof(z), z.Length, x.Length);
        CheckOverlap(nameof(x), x, nameof(z), z);
        CheckOverlap(nameof(y), y, nameof(z), z);
        fixed (float* xs = x, ys = y, zs = z)
        {
            MapCore(map, xs, ys, zs, x.Length);
        }
    }

    /// <summary>
    /// One step of an optimiser over a segment, in one pass: next[i] = rule(weights[i], gradient[i], state0[i], state1[i]), with
    /// the states updated in place.
    /// </summary>
    /// <param name="rule">The optimiser's formula.</param>
    /// <param name="weights">Weights of this step.</param>
    /// <param name="gradient">Gradient of this step, of the same length.</param>
    /// <param name="addend">Empty; or of the same length, and gradient[i] + addend[i] takes the gradient's place.</param>
    /// <param name="next">Receives the weights of the next step; apart from the others, or the same span as weights or
    /// gradient.</param>
    /// <param name="state0">First state, of the same length; empty if the rule has none.</param>
    /// <param name="state1">Second state, of the same length; empty if the rule has fewer than two.</param>
    /// <returns>True when every value of <paramref name="next"/> is finite: seen here, it costs no pass of its own.</returns>
    /// <exception cref="ArgumentException">A length does not fit, or spans overlap that must not.</exception>
    public unsafe bool Update<TRule>(
        in TRule rule,
        ReadOnlySpan<float> weights,
        ReadOnlySpan<float> gradient,
        ReadOnlySpan<float> addend,
        Span<float> next,
        Span<float> state0,
        Span<float> state1)
        where TRule : struct, IUpdateRule
    {
        CheckLength(nameof(gradient), gradient.Length, weights.Length);
        CheckLength(nameof(addend), addend.Length, addend.IsEmpty ? 0 : weights.Length);
        CheckLength(nameof(next), next.Length, weights.Length);
        CheckLength(nameof(state0), state0.Length, rule.StateCount > 0 ? weights.Length : 0);
        CheckLength(nameof(state1), state1.Length, rule.StateCount > 1 ? weights.Length : 0);
        CheckOverlap(nameof(weights), weights, nameof(next), next);
        CheckOverlap(nameof(gradient), gradient, nameof(next), next);
        CheckOverlap(nameof(addend), addend, nameof(next), next);
        CheckApart(nameof(weights), weights, nameof(state0), state0);
        CheckApart(nameof(weights), weights, nameof(state1), state1);
        CheckApart(nameof(gradient), gradient, nameof(state0), state0);
        CheckApart(nameof(gradient), gradient, nameof(state1), state1);
        CheckApart(nameof(addend), addend, nameof(state0), state0);
        CheckApart(nameof(addend), addend, nameof(state1), state1);
        CheckApart(nameof(next), next, nameof(state0), state0);
        CheckApart(nameof(next), next, nameof(state1), state1);
        CheckApart(nameof(state0), state0, nameof(state1), state1);
        fixed (float* w = weights, g = gradient, a = addend, n = next, s0 = state0, s1 = state1)
        {
            return UpdateCore(rule, w, g, a, n, s0, s1, weights.Length);
        }
    }

    /// <summary>destination[i] = left[i] + right[i]; the destination may be either of them.</summary>
    /// <exception cref="ArgumentException">The lengths differ, or the spans overlap without being the same.</exception>
    public void Add(ReadOnlySpan<float> left, ReadOnlySpan<float> right, Span<float> destination) => Map(default(Sum), left, right, destination);

    /// <summary>left[i] += right[i].</summary>
    /// <exception cref="ArgumentException">The lengths differ, or the spans overlap without being the same.</exception>
    public void Add(Span<float> left, ReadOnlySpan<float> right) => Map(default(Sum), left, right, left);

    /// <summary>destination[i] = fma(source[i], scale, offset): bytes to floats, as for grey values.</summary>
    /// <param name="source">The bytes.</param>
    /// <param name="scale">Factor of each.</param>
    /// <param name="offset">Added to each product.</param>
    /// <param name="destination">Receives the floats, as many as there are bytes.</param>
    /// <param name="ahead">
    /// Bytes that will be read soon, or none: on the way, the first of them, as many as there are in the source, are asked for from
    /// memory.
    /// </param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public unsafe void ScaleBytes(
        ReadOnlySpan<byte> source, float scale, float offset, Span<float> destination, ReadOnlySpan<byte> ahead = default)
    {
        CheckLength(nameof(destination), destination.Length, source.Length);
        fixed (byte* bytes = source, next = ahead.Length < source.Length ? source : ahead)
        fixed (float* floats = destination)
        {
            ScaleBytesCore(bytes, scale, offset, floats, source.Length, next);
        }
    }

    /// <summary>
    /// The sum of the squares, in double. Element i goes to the i mod 64th of 64 partial sums, and those are added by halves
    /// (i and i + 32, then i and i + 16, ...): the same order at every width.
    /// </summary>
    public unsafe double SumOfSquares(ReadOnlySpan<float> values)
    {
        fixed (float* source = values)
        {
            return SumOfSquaresCore(source, values.Length);
        }
    }

    /// <summary>True when no value is NaN or infinite.</summary>
    public unsafe bool AllFinite(ReadOnlySpan<float> values)
    {
        fixed (float* source = values)
        {
            return AllFiniteCore(source, values.Length);
        }
    }

    private protected static void CheckLength(string name, int length, int expected)
    {
        if (length != expected)
        {
            throw new ArgumentException($"{name} has {length} elements and must have {expected}.", name);
        }
    }

    private protected static void CheckOverlap(
        string inputName, ReadOnlySpan<float> input, string outputName, ReadOnlySpan<float> output)
    {
        if (input.Overlaps(output, out var offset) && offset != 0)
        {
            throw new ArgumentException(
                $"{outputName} overlaps {inputName} by an offset of {offset} elements; give the same span or a separate one.",
                outputName);
        }
    }

    private protected static void CheckApart(string name, ReadOnlySpan<float> span, string otherName, ReadOnlySpan<float> other)
    {
        if (span.Overlaps(other))
        {
            throw new ArgumentException($"{otherName} overlaps {name}; give a separate span.", otherName);
        }
    }

    private protected abstract unsafe void MapCore<TMap>(in TMap map, float* x, float* y, nint length)
        where TMap : struct, IUnaryMap;

    private protected abstract unsafe void MapCore<TMap>(in TMap map, float* x, float* y, float* z, nint length)
        where TMap : struct, IBinaryMap;

    private protected abstract unsafe bool UpdateCore<TRule>(
        in TRule rule, float* weights, float* gradient, float* addend, float* next, float* state0, float* state1, nint length)
        where TRule : struct, IUpdateRule;

    private protected abstract unsafe void ScaleBytesCore(
        byte* source, float scale, float offset, float* destination, nint length, byte* ahead);

    private protected abstract unsafe double SumOfSquaresCore(float* source, nint length);

    private protected abstract unsafe bool AllFiniteCore(float* source, nint length);

    private readonly struct Sum : IBinaryMap
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public TSimd Apply<TSimd>(TSimd x, TSimd y)
            where TSimd : unmanaged, ISimd<TSimd> => x + y;
    }
}

// The drivers: whole vectors first, then one partial vector. They are compiled at full optimisation from the first call on,
// because their unoptimised form is so slow that a run's first steps would show it.
internal sealed unsafe partial class Kernels<TSimd>
{
    private const int SquareLanes = 64;

    private const int LineBytes = 64;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private protected override void MapCore<TMap>(in TMap map, float* x, float* y, nint length)
    {
        var formula = map;
        nint i = 0;
        for (; i <= length - TSimd.Width; i += TSimd.Width)
        {
            TSimd.Store(formula.Apply(TSimd.Load(x + i)), y + i);
        }

        if (i < length)
        {
            var count = (int)(length - i);
            TSimd.StoreFirst(formula.Apply(TSimd.LoadFirst(x + i, count, default)), y + i, count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private protected override void MapCore<TMap>(in TMap map, float* x, float* y, float* z, nint length)
    {
        var formula = map;
        nint i = 0;
        for (; i <= length - TSimd.Width; i += TSimd.Width)
        {
            TSimd.Store(formula.Apply(TSimd.Load(x + i), TSimd.Load(y + i)), z + i);
        }

        if (i < length)
        {
            var count = (int)(length - i);
            var result = formula.Apply(TSimd.LoadFirst(x + i, count, default), TSimd.LoadFirst(y + i, count, default));
            TSimd.StoreFirst(result, z + i, count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private protected override bool UpdateCore<TRule>(
        in TRule rule, float* weights, float* gradient, float* addend, float* next, float* state0, float* state1, nint length)
    {
        var formula = rule;

        // Zero times a finite number is zero, anything else is NaN.
        TSimd zeros = default;
        nint i = 0;
        for (; i <= length - TSimd.Width; i += TSimd.Width)
        {
            var first = formula.StateCount > 0 ? TSimd.Load(state0 + i) : default;
            var second = formula.StateCount > 1 ? TSimd.Load(state1 + i) : default;
            var sum = addend is null ? TSimd.Load(gradient + i) : TSimd.Load(gradient + i) + TSimd.Load(addend + i);
            var weight = formula.Apply(TSimd.Load(weights + i), sum, ref first, ref second);
            zeros = TSimd.FusedMultiplyAdd(weight, default, zeros);
            TSimd.Store(weight, next + i);
            if (formula.StateCount > 0)
            {
                TSimd.Store(first, state0 + i);
            }

            if (formula.StateCount > 1)
            {
                TSimd.Store(second, state1 + i);
            }
        }

        if (i < length)
        {
            var count = (int)(length - i);
            var first = formula.StateCount > 0 ? TSimd.LoadFirst(state0 + i, count, default) : default;
            var second = formula.StateCount > 1 ? TSimd.LoadFirst(state1 + i, count, default) : default;
            var sum = TSimd.LoadFirst(gradient + i, count, default);
            sum = addend is null ? sum : sum + TSimd.LoadFirst(addend + i, count, default);
            var weight = formula.Apply(TSimd.LoadFirst(weights + i, count, default), sum, ref first, ref second);
            zeros = TSimd.FusedMultiplyAdd(TSimd.FirstLanes(count) & weight, default, zeros);
            TSimd.StoreFirst(weight, next + i, count);
            if (formula.StateCount > 0)
            {
                TSimd.StoreFirst(first, state0 + i, count);
            }

            if (formula.StateCount > 1)
            {
                TSimd.StoreFirst(second, state1 + i, count);
            }
        }

        return AreZero(zeros);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private protected override void ScaleBytesCore(
        byte* source, float scale, float offset, float* destination, nint length, byte* ahead)
    {
        // One line is asked for with each that is used: asked for all at once, they would exceed what may be under way.
        nint i = 0;
        for (; i <= length - LineBytes; i += LineBytes)
        {
            if (Sse.IsSupported)
            {
                Sse.Prefetch1(ahead + i);
            }

            for (nint j = i; j < i + LineBytes; j += TSimd.Width)
            {
                var value = TSimd.FusedMultiplyAdd(TSimd.LoadBytes(source + j), TSimd.Create(scale), TSimd.Create(offset));
                TSimd.Store(value, destination + j);
            }
        }

        if (Sse.IsSupported && i < length)
        {
            Sse.Prefetch1(ahead + i);
            Sse.Prefetch1(ahead + length - 1);
        }

        for (; i <= length - TSimd.Width; i += TSimd.Width)
        {
            var value = TSimd.FusedMultiplyAdd(TSimd.LoadBytes(source + i), TSimd.Create(scale), TSimd.Create(offset));
            TSimd.Store(value, destination + i);
        }

        for (; i < length; i++)
        {
            destination[i] = MathF.FusedMultiplyAdd(source[i], scale, offset);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private protected override double SumOfSquaresCore(float* source, nint length)
    {
        // So many partial sums that one is back in the cache before its next addend is there.
        var sums = stackalloc double[SquareLanes];
        new Span<double>(sums, SquareLanes).Clear();
        nint i = 0;
        for (; i <= length - SquareLanes; i += SquareLanes)
        {
            for (var lane = 0; lane < SquareLanes; lane += TSimd.Width)
            {
                TSimd.AddSquares(TSimd.Load(source + i + lane), sums + lane);
            }
        }

        for (var lane = 0; i < length; i++, lane++)
        {
            sums[lane] += (double)source[i] * source[i];
        }

        for (var half = SquareLanes / 2; half > 0; half /= 2)
        {
            for (var lane = 0; lane < half; lane++)
            {
                sums[lane] += sums[lane + half];
            }
        }

        return sums[0];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private protected override bool AllFiniteCore(float* source, nint length)
    {
        // Zero times a finite number is zero, anything else is NaN. Four chains hide the latency of the multiply-add.
        const int Chains = 4;
        TSimd zero = default;
        TSimd a = default, b = default, c = default, d = default;
        nint i = 0;
        for (; i <= length - (Chains * TSimd.Width); i += Chains * TSimd.Width)
        {
            a = TSimd.FusedMultiplyAdd(TSimd.Load(source + i), zero, a);
            b = TSimd.FusedMultiplyAdd(TSimd.Load(source + i + TSimd.Width), zero, b);
            c = TSimd.FusedMultiplyAdd(TSimd.Load(source + i + (2 * TSimd.Width)), zero, c);
            d = TSimd.FusedMultiplyAdd(TSimd.Load(source + i + (3 * TSimd.Width)), zero, d);
        }

        if (!AreZero(a + b + (c + d)))
        {
            return false;
        }

        for (; i < length; i++)
        {
            if (!float.IsFinite(source[i]))
            {
                return false;
            }
        }

        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool AreZero(TSimd value) => NonZeroBits(value) == 0;
}
