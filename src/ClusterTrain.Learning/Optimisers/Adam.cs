using System.Runtime.CompilerServices;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.Exact;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Maps;
using ClusterTrain.Numerics.Simd;

namespace ClusterTrain.Learning.Optimisers;

/// <summary>
/// m ← beta1 · m + (1 - beta1) g; v ← beta2 · v + (1 - beta2) g²; w ← w - rate · m̂ / (√v̂ + epsilon), where m̂ and v̂ are
/// divided by 1 - beta^step (Kingma and Ba 2015). With a weight decay, w is first multiplied by 1 - rate · decay
/// (AdamW, Loshchilov and Hutter 2019).
/// </summary>
internal sealed class Adam(Kernels kernels, OptimiserRecipe recipe) : IOptimiser
{
    public int StateCount => 2;

    public bool Update(
        in UpdateStep step,
        ReadOnlySpan<float> weights,
        ReadOnlySpan<float> gradient,
        ReadOnlySpan<float> addend,
        Span<float> next,
        Span<float> first,
        Span<float> second) =>
        kernels.Update(new Rule(step, recipe), weights, gradient, addend, next, first, second);

    private readonly struct Rule : IUpdateRule
    {
        private readonly GradientTerm _gradient;
        private readonly float _keep;
        private readonly float _minusRate;
        private readonly float _beta1;
        private readonly float _rest1;
        private readonly float _beta2;
        private readonly float _rest2;
        private readonly float _rootScale;
        private readonly float _epsilon;

        public Rule(in UpdateStep step, OptimiserRecipe recipe)
        {
            // The corrections are folded into two factors: rate · m̂ / (√v̂ + ε) = (rate / c1) · m / (√v · (1 / √c2) + ε).
            var number = (int)Math.Min(step.Number, int.MaxValue);
            var correction1 = 1 - ExactMath.Pow(recipe.Beta1, number);
            var correction2 = 1 - ExactMath.Pow(recipe.Beta2, number);
            _gradient = new GradientTerm(step);
            _keep = (float)(1 - step.Rate * step.WeightDecay);
            _minusRate = (float)(-step.Rate / correction1);
            _beta1 = (float)recipe.Beta1;
            _rest1 = (float)(1 - recipe.Beta1);
            _beta2 = (float)recipe.Beta2;
            _rest2 = (float)(1 - recipe.Beta2);
            _rootScale = (float)(1 / Math.Sqrt(correction2));
            _epsilon = (float)recipe.Epsilon;
        }

        public int StateCount => 2;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public TSimd Apply<TSimd>(TSimd weight, TSimd gradient, ref TSimd mean, ref TSimd square)
            where TSimd : unmanaged, ISimd<TSimd>
        {
            var g = _gradient.Of(weight, gradient);
            mean = TSimd.FusedMultiplyAdd(TSimd.Create(_beta1), mean, TSimd.Create(_rest1) * g);
            square = TSimd.FusedMultiplyAdd(TSimd.Create(_beta2), square, TSimd.Create(_rest2) * (g * g));
            var divisor = TSimd.FusedMultiplyAdd(TSimd.Sqrt(square), TSimd.Create(_rootScale), TSimd.Create(_epsilon));
            return TSimd.FusedMultiplyAdd(TSimd.Create(_minusRate), mean / divisor, TSimd.Create(_keep) * weight);
        }
    }
}
