using System.Runtime.CompilerServices;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Maps;
using ClusterTrain.Numerics.Simd;

namespace ClusterTrain.Learning.Optimisers;

/// <summary>
/// v ← momentum · v + g; w ← w - rate · (g + momentum · v) (Nesterov 1983, in the form of Sutskever et al. 2013).
/// </summary>
internal sealed class Nesterov(Kernels kernels, double momentum) : IOptimiser
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
            var g = _gradient.Of(weight, gradient);
            var momentum = TSimd.Create(_momentum);
            velocity = TSimd.FusedMultiplyAdd(momentum, velocity, g);
            var ahead = TSimd.FusedMultiplyAdd(momentum, velocity, g);
            return TSimd.FusedMultiplyAdd(TSimd.Create(_minusRate), ahead, weight);
        }
    }
}
