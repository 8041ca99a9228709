using System.Runtime.CompilerServices;
using ClusterTrain.Numerics.Simd;

namespace ClusterTrain.Learning.Optimisers;

/// <summary>The gradient that an update rule sees: the batch's sum, scaled, plus L2's λ · w.</summary>
internal readonly struct GradientTerm(in UpdateStep step)
{
    private readonly float _scale = (float)step.GradientScale;
    private readonly float _l2 = (float)step.L2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TSimd Of<TSimd>(TSimd weight, TSimd sum)
        where TSimd : unmanaged, ISimd<TSimd> =>
        TSimd.FusedMultiplyAdd(TSimd.Create(_l2), weight, sum * TSimd.Create(_scale));
}
