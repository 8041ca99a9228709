using System.Runtime.CompilerServices;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Simd;

namespace ClusterTrain.Numerics.Maps;

/// <summary>A loss that is a sum of one term per output: the term and its derivative by the output.</summary>
internal interface ILossTerm
{
    TSimd Apply<TSimd>(TSimd output, TSimd target, out TSimd gradient)
        where TSimd : unmanaged, ISimd<TSimd>;
}

/// <summary>factor * (y - t)^2.</summary>
internal readonly struct SquaredErrorTerm(float factor) : ILossTerm
{
    private readonly float _factor = factor;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TSimd Apply<TSimd>(TSimd output, TSimd target, out TSimd gradient)
        where TSimd : unmanaged, ISimd<TSimd>
    {
        var difference = output - target;
        var scaled = difference * TSimd.Create(_factor);
        gradient = scaled + scaled;
        return scaled * difference;
    }
}

/// <summary>
/// -[t log p + (1 - t) log(1 - p)] with p = sigmoid(z), as max(z, 0) - t z + log(1 + e^-|z|), which cannot
/// overflow.
/// </summary>
internal readonly struct SigmoidCrossEntropyTerm : ILossTerm
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TSimd Apply<TSimd>(TSimd output, TSimd target, out TSimd gradient)
        where TSimd : unmanaged, ISimd<TSimd>
    {
        var zero = TSimd.Create(0f);
        var one = TSimd.Create(1f);
        var power = SimdMath.Exp(output | TSimd.Create(-0f));
        var probability = TSimd.Select(TSimd.GreaterThan(zero, output), power, one) / (one + power);
        gradient = probability - target;
        return TSimd.FusedMultiplyAdd(zero - target, output, TSimd.Max(zero, output)) + SimdMath.LogOnePlus(power);
    }
}

/// <summary>-t log p, from the probability.</summary>
internal readonly struct CategoricalCrossEntropyTerm : ILossTerm
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TSimd Apply<TSimd>(TSimd output, TSimd target, out TSimd gradient)
        where TSimd : unmanaged, ISimd<TSimd>
    {
        var p = Clamp(output);
        var negative = TSimd.Create(0f) - target;
        gradient = negative / p;
        return negative * SimdMath.Log(p);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TSimd Clamp<TSimd>(TSimd p)
        where TSimd : unmanaged, ISimd<TSimd> =>
        TSimd.Min(TSimd.Create(1f - Kernels.SmallestProbability), TSimd.Max(TSimd.Create(Kernels.SmallestProbability), p));
}

/// <summary>-[t log p + (1 - t) log(1 - p)], from the probability.</summary>
internal readonly struct BinaryCrossEntropyTerm : ILossTerm
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TSimd Apply<TSimd>(TSimd output, TSimd target, out TSimd gradient)
        where TSimd : unmanaged, ISimd<TSimd>
    {
        var zero = TSimd.Create(0f);
        var one = TSimd.Create(1f);
        var p = CategoricalCrossEntropyTerm.Clamp(output);
        var q = one - p;
        gradient = (p - target) / (p * q);
        return zero - TSimd.FusedMultiplyAdd(target, SimdMath.Log(p), (one - target) * SimdMath.Log(q));
    }
}
