using System.Runtime.CompilerServices;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Maps;
using ClusterTrain.Numerics.Simd;

namespace ClusterTrain.Learning.Optimisers;

/// <summary>v ← momentum · v + g; w ← w - rate · v (Polyak 1964).</summary>
internal sealed class Momentum(Kernels kernels, double momentum) : IOptimiser
{
    public int StateCount => 1;

    public bool Update(
        in UpdateStep step,
        ReadOnlySpan<float> weights,
        ReadOnlySpan<float> gradient,
        ReadOnlySpan<float> addend,
        Span<float> next,
        Span<float> first,
        Span<float> second) =>
        kernels.Update(new Rule(step, momentum), weights, gradient, addend, next, first, second);

    private readonly struct Rule(in UpdateStep step, double momentum) : IUpdateRule
    {
        private readonly GradientTerm _gradient = new(step);
        private readonly float _minusRate = (float)-step.Rate;
        private readonly float _momentum = (float)momentum;

        public int StateCount => 1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public TSimd Apply<TSimd>(TSimd weight, TSimd gradient, ref TSimd velocity, ref TSimd second)
            where TSimd : unmanaged, ISimd<TSimd>
        {
            velocity = TSimd.FusedMultiplyAdd(TSimd.Create(_momentum), velocity, _gradient.Of(weight, gradient));
            return TSimd.FusedMultiplyAdd(TSimd.Create(_minusRate), velocity, weight);
        }
    }
}
