using System.Runtime.CompilerServices;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Maps;
using ClusterTrain.Numerics.Simd;

namespace ClusterTrain.Learning.Optimisers;

/// <summary>
/// s ← keep · s + add · g²; w ← w - rate · g / (√s + epsilon). With keep = beta2 and add = 1 - beta2 it is RMSProp (Tieleman
/// and Hinton 2012), with keep = add = 1 Adagrad (Duchi et al. 2011).
/// </summary>
internal sealed class RmsProp(Kernels kernels, double keep, double add, double epsilon) : IOptimiser
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
        kernels.Update(new Rule(step, keep, add, epsilon), weights, gradient, addend, next, first, second);

    private readonly struct Rule(in UpdateStep step, double keep, double add, double epsilon) : IUpdateRule
    {
        private readonly GradientTerm _gradient = new(step);
        private readonly float _minusRate = (float)-step.Rate;
        private readonly float _keep = (float)keep;
        private readonly float _add = (float)add;
        private readonly float _epsilon = (float)epsilon;

        public int StateCount => 1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public TSimd Apply<TSimd>(TSimd weight, TSimd gradient, ref TSimd square, ref TSimd second)
            where TSimd : unmanaged, ISimd<TSimd>
        {
            var g = _gradient.Of(weight, gradient);
            square = TSimd.FusedMultiplyAdd(TSimd.Create(_keep), square, TSimd.Create(_add) * (g * g));
            var scaled = g / (TSimd.Sqrt(square) + TSimd.Create(_epsilon));
            return TSimd.FusedMultiplyAdd(TSimd.Create(_minusRate), scaled, weight);
        }
    }
}
