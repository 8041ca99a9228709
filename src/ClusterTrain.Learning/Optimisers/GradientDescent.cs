using System.Runtime.CompilerServices;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Maps;
using ClusterTrain.Numerics.Simd;

namespace ClusterTrain.Learning.Optimisers;

/// <summary>w ← w - rate · g.</summary>
internal sealed class GradientDescent(Kernels kernels) : IOptimiser
{
    public int StateCount => 0;

    public bool Update(
        in UpdateStep step,
        ReadOnlySpan<float> weights,
        ReadOnlySpan<float> gradient,
        ReadOnlySpan<float> addend,
        Span<float> next,
        Span<float> first,
        Span<float> second) =>
        kernels.Update(new Rule(step), weights, gradient, addend, next, first, second);

    private readonly struct Rule(in UpdateStep step) : IUpdateRule
    {
        private readonly GradientTerm _gradient = new(step);
        private readonly float _minusRate = (float)-step.Rate;

        public int StateCount => 0;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public TSimd Apply<TSimd>(TSimd weight, TSimd gradient, ref TSimd first, ref TSimd second)
            where TSimd : unmanaged, ISimd<TSimd> =>
            TSimd.FusedMultiplyAdd(TSimd.Create(_minusRate), _gradient.Of(weight, gradient), weight);
    }
}
