using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Optimisers;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.KernelSets;

using static ClusterTrain.Learning.Tests.TestNetworks;

namespace ClusterTrain.Learning.Tests;

public sealed class OptimiserTests
{
    public static TheoryData<OptimiserKind> Kinds() => [.. Enum.GetValues<OptimiserKind>().Where(kind => kind != OptimiserKind.Lbfgs)];

    // w = 1 at the start, gradients 0.5 then -1, rate 0.1, momentum and beta1 0.5, beta2 0.75, decay 0.1; worked in double.
    [Theory]
    [InlineData(OptimiserKind.Sgd, 0.95, 1.05)]
    [InlineData(OptimiserKind.Momentum, 0.95, 1.025)]
    [InlineData(OptimiserKind.Nesterov, 0.925, 1.0625)]
    [InlineData(OptimiserKind.Adam, 0.9, 0.96069769913)]
    [InlineData(OptimiserKind.AdamW, 0.89, 0.94179769911)]
    [InlineData(OptimiserKind.RmsProp, 0.8, 0.98353258709)]
    [InlineData(OptimiserKind.Adagrad, 0.9, 0.98944271910)]
    public void Two_steps_by_hand(OptimiserKind kind, double afterOne, double afterTwo)
    {
        var recipe = new OptimiserRecipe
        {
            Kind = kind,
            Rate = 0.1,
            Momentum = 0.5,
            Beta1 = 0.5,
            Beta2 = 0.75,
            WeightDecay = 0.1,
        };
        var layout = Layout(1, Layer(1, ActivationKind.Identity) with { Biases = null });
        var optimiser = new SegmentOptimiser(layout, new Segment(0, 0, 1), recipe, 0, Kernels.Active);
        var (weights, state) = (new[] { 1f }, new float[optimiser.StateLength]);
        optimiser.Update(1, 1, 0.25, weights, [2], weights, state);
        Assert.Equal(afterOne, weights[0], 6);
        optimiser.Update(2, 1, 0.25, weights, [-4], weights, state);
        Assert.Equal(afterTwo, weights[0], 6);
    }

    public static TheoryData<OptimiserRecipe> Tuned() =>
    [
        new OptimiserRecipe { Kind = OptimiserKind.Sgd, Rate = 0.09 },
        new OptimiserRecipe { Kind = OptimiserKind.Momentum, Rate = 0.02 },
        new OptimiserRecipe { Kind = OptimiserKind.Nesterov, Rate = 0.02 },
        new OptimiserRecipe { Kind = OptimiserKind.Adam, Rate = 0.05 },
        new OptimiserRecipe { Kind = OptimiserKind.AdamW, Rate = 0.05, WeightDecay = 0 },
        new OptimiserRecipe { Kind = OptimiserKind.RmsProp, Rate = 0.002, Beta2 = 0.99 },
        new OptimiserRecipe { Kind = OptimiserKind.Adagrad, Rate = 0.5 },
    ];

    [Theory]
    [MemberData(nameof(Tuned))]
    public void Every_optimiser_reaches_the_bottom_of_a_bowl(OptimiserRecipe recipe)
    {
        // f(x, y) = (x - 1)² / 2 + 10 (y + 2)² / 2
        var end = Minimise(recipe, 2000, [0, 0], w => [w[0] - 1, 10 * (w[1] + 2)]);
        Assert.InRange(end[0], 0.99, 1.01);
        Assert.InRange(end[1], -2.01, -1.99);
    }

    [Theory]
    [MemberData(nameof(Tuned))]
    public void Every_optimiser_follows_a_curved_valley(OptimiserRecipe recipe)
    {
        // Rosenbrock's valley, f(x, y) = (1 - x)² + 5 (y - x²)², from (-1, 1): f = 4 there, 0 at (1, 1).
        var end = Minimise(
            recipe with { Rate = recipe.Rate / 4 },
            8000,
            [-1, 1],
            w => [-2 * (1 - w[0]) - 20 * w[0] * (w[1] - w[0] * w[0]), 10 * (w[1] - w[0] * w[0])]);
        Assert.InRange(Math.Pow(1 - end[0], 2) + 5 * Math.Pow(end[1] - end[0] * end[0], 2), 0, 0.01);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Segments_kernels_and_updates_in_place_do_not_change_the_bits(OptimiserKind kind)
    {
        // 13,341 parameters in four blocks; segment borders cut through both weights.
        var layout = Layout(100, Layer(120, ActivationKind.Relu), Layer(10, ActivationKind.Relu), Layer(1, ActivationKind.Relu));
        var recipe = new OptimiserRecipe { Kind = kind };
        var expected = Train(layout, recipe, 1, Kernels.Supported[^1], inPlace: false);
        foreach (var kernels in Kernels.Supported)
        {
            foreach (var servers in new[] { 1, 2, 3, 4 })
            {
                Assert.Equal(expected, Train(layout, recipe, servers, kernels, inPlace: true));
            }
        }
    }

    [Theory]
    [InlineData(OptimiserKind.Sgd, 0.2, 0.98)]
    [InlineData(OptimiserKind.AdamW, 0, 0.98)]
    [InlineData(OptimiserKind.Sgd, 0, 1)]
    [InlineData(OptimiserKind.Adam, 0, 1)]
    public void L2_and_decay_shrink_weights_and_leave_biases_alone(OptimiserKind kind, double l2, float weight)
    {
        var layout = Layout(3, Layer(2, ActivationKind.Identity));
        var recipe = new OptimiserRecipe { Kind = kind, Rate = 0.1, WeightDecay = 0.2 };
        var optimiser = new SegmentOptimiser(layout, new Segment(0, 0, 8), recipe, l2, Kernels.Active);
        var weights = Enumerable.Repeat(1f, 8).ToArray();
        optimiser.Update(1, 1, 1, weights, new float[8], weights, new float[optimiser.StateLength]);
        Assert.All(weights[..6], value => Assert.Equal(weight, value, 1e-6f));
        Assert.Equal([1f, 1f], weights[6..]);
    }

    [Theory]
    [InlineData(OptimiserKind.Sgd)]
    [InlineData(OptimiserKind.Momentum)]
    [InlineData(OptimiserKind.Nesterov)]
    [InlineData(OptimiserKind.Adam)]
    [InlineData(OptimiserKind.RmsProp)]
    public void A_weight_or_bias_that_is_no_longer_finite_is_told(OptimiserKind kind)
    {
        var layout = Layout(3, Layer(2, ActivationKind.Identity));
        var optimiser = new SegmentOptimiser(layout, new Segment(0, 0, 8), new OptimiserRecipe { Kind = kind }, 0, Kernels.Active);
        var state = new float[optimiser.StateLength];
        Assert.True(optimiser.Update(1, 1, 1, new float[8], new float[8], new float[8], state));
        for (var place = 0; place < 8; place++)
        {
            var weights = new float[8];
            weights[place] = float.NaN;
            Assert.False(optimiser.Update(2, 1, 1, weights, new float[8], new float[8], state), $"place {place}");
        }
    }

    [Fact]
    public void Lengths_that_are_not_the_segments_are_refused()
    {
        var layout = Layout(3, Layer(2, ActivationKind.Identity));
        var optimiser = new SegmentOptimiser(layout, new Segment(0, 0, 8), new(), 0, Kernels.Active);
        Assert.Throws<ArgumentException>(() => optimiser.Update(1, 1, 1, new float[8], new float[7], new float[8], new float[8]));
        Assert.Throws<ArgumentException>(() => optimiser.Update(1, 1, 1, new float[8], new float[8], new float[8], []));
        Assert.Throws<ArgumentException>(() => new SegmentOptimiser(layout, new Segment(0, 4, 8), new(), 0, Kernels.Active));
    }

    private static float[] Minimise(OptimiserRecipe recipe, int steps, float[] start, Func<float[], float[]> gradient)
    {
        var optimiser = Optimiser.Create(recipe, Kernels.Active);
        var first = new float[optimiser.StateCount > 0 ? start.Length : 0];
        var second = new float[optimiser.StateCount > 1 ? start.Length : 0];
        for (var step = 1; step <= steps; step++)
        {
            optimiser.Update(new UpdateStep(step, recipe.Rate, 1), start, gradient(start), [], start, first, second);
        }

        return start;
    }

    private static float[] Train(NetworkLayout layout, OptimiserRecipe recipe, int servers, Kernels kernels, bool inPlace)
    {
        var weights = Start(layout);
        foreach (var segment in Segments.Split(layout.Parameters, servers))
        {
            var optimiser = new SegmentOptimiser(layout, segment, recipe, 0.01, kernels);
            var state = new float[optimiser.StateLength];
            for (var step = 1; step <= 3; step++)
            {
                var gradient = Numbers(layout.Parameters, step).AsSpan(segment.Start, segment.Length);
                var now = weights.AsSpan(segment.Start, segment.Length);
                var next = inPlace ? now : new float[segment.Length];
                optimiser.Update(step, 1.0 / step, 1 / 96.0, now, gradient, next, state);
                next.CopyTo(now);
            }
        }

        return weights;
    }
}
