using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Optimisers;
using ClusterTrain.Learning.Optimisers.WholeModel;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Threading;
using MathNet.Numerics.LinearAlgebra;
using MathNet.Numerics.Optimization;
using Xunit.Abstractions;
using static ClusterTrain.Learning.Tests.TestNetworks;

namespace ClusterTrain.Learning.Tests;

public sealed class LbfgsTests(ITestOutputHelper output)
{
    private static readonly OptimiserRecipe s_recipe = new() { Kind = OptimiserKind.Lbfgs, Tolerance = 1e-4 };

    /// <summary>Functions with a known minimum: name, start, minimiser, evaluations allowed.</summary>
    public static TheoryData<string, float[], float[], int> Minima => new()
    {
        { "bowl", [0, 0], [1, -2], 15 },
        { "narrow valley", [5, 5, 5, 5], [1, 1, 1, 1], 40 },
        { "Rosenbrock", [-1.2f, 1], [1, 1], 60 },
        { "Rosenbrock", [8, -5], [1, 1], 120 },
        { "quartic", [3, -4, 2], [0.5f, 0.5f, 0.5f], 60 },
        { "flat start", [20], [0], 40 },
    };

    [Theory]
    [MemberData(nameof(Minima))]
    public void It_finds_known_minima(string name, float[] start, float[] minimiser, int evaluations)
    {
        var run = new Minimisation(start.Length, s_recipe, Function(name));
        var end = run.Run(start, evaluations);
        Assert.All(end.Zip(minimiser), pair => Assert.Equal(pair.Second, pair.First, 0.01));
        Assert.True(run.Evaluations < evaluations, $"not done after {evaluations} evaluations");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(20)]
    public void Any_memory_reaches_the_minimum(int memory)
    {
        var end = new Minimisation(2, s_recipe with { Memory = memory }, Function("Rosenbrock")).Run([-1.2f, 1], 400);
        Assert.Equal(1, end[0], 0.01f);
        Assert.Equal(1, end[1], 0.01f);
    }

    [Fact]
    public void Once_done_the_weights_stay()
    {
        var run = new Minimisation(2, s_recipe, Function("bowl"));
        var end = run.Run([0, 0], 30);
        var done = run.Evaluations;
        Assert.InRange(done, 2, 15);
        Assert.Equal(end, run.Run(end, 60));
    }

    // The last weights are wanted as a result: never a trial that was not evaluated, and never worse than an earlier point.
    [Fact]
    public void Whenever_it_ends_the_result_is_the_best_point_accepted()
    {
        var function = Function("Rosenbrock");
        var former = double.MaxValue;
        for (var evaluations = 1; evaluations <= 40; evaluations++)
        {
            var end = new Minimisation(2, s_recipe, function).Run([-1.2f, 1], evaluations, endsThere: true);
            var value = function(end).Value;
            Assert.InRange(value, 0, former * (1 + 1e-6) + 1e-9);
            former = value;
        }

        Assert.InRange(former, 0, 1e-3);
    }

    // Seven evaluations in, the search is under way; the state is all that is carried over.
    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(7)]
    [InlineData(12)]
    public void A_search_stopped_anywhere_and_resumed_by_another_takes_the_same_steps(int stop)
    {
        var function = Function("Rosenbrock");
        var undisturbed = new Minimisation(2, s_recipe, function).Run([-1.2f, 1], 30);
        var first = new Minimisation(2, s_recipe, function);
        var weights = first.Run([-1.2f, 1], stop);
        var second = new Minimisation(2, s_recipe, function, [.. first.State]);
        Assert.Equal(undisturbed, second.Run(weights, 30 - stop));
    }

    // In double, with a search that stops at the same slopes; from (8, -5) it gives up on Rosenbrock, where ours arrives.
    // Ours has floats for weights and gradient.
    [Theory]
    [InlineData("bowl", new float[] { 0, 0 })]
    [InlineData("narrow valley", new float[] { 5, 5, 5, 5 })]
    [InlineData("Rosenbrock", new float[] { -1.2f, 1 })]
    [InlineData("quartic", new float[] { 3, -4, 2 })]
    public void It_needs_no_more_evaluations_than_the_one_of_a_library_and_ends_as_low(string name, float[] start)
    {
        var function = Function(name);
        var evaluations = 0;
        var objective = ObjectiveFunction.Gradient(at =>
        {
            evaluations++;
            var (value, gradient) = function([.. at.Select(x => (float)x)]);
            return (value, Vector<double>.Build.Dense([.. gradient.Select(x => (double)x)]));
        });
        var library = new LimitedMemoryBfgsMinimizer(1e-4, 1e-12, 1e-12, 10, 1000)
            .FindMinimum(objective, Vector<double>.Build.Dense([.. start.Select(x => (double)x)]));

        var ours = new Minimisation(start.Length, s_recipe, function);
        var end = ours.Run(start, 400);

        output.WriteLine($"{name}: {ours.Evaluations} evaluations to {function(end).Value:0.0e-0}; the library's {evaluations} to "
            + $"{library.FunctionInfoAtMinimum.Value:0.0e-0}");
        Assert.InRange(ours.Evaluations, 1, evaluations);
        Assert.InRange(function(end).Value, 0, library.FunctionInfoAtMinimum.Value + 1e-6);
    }

    // Softmax regression with L2: strictly convex. Gradient descent, run for long, finds the same minimum.
    [Fact]
    public void Logistic_regression_ends_where_long_gradient_descent_ends_and_far_sooner()
    {
        var layout = Layout(3, Layer(3, ActivationKind.Softmax, new() { Kind = InitialiserKind.Zeros }));
        var (features, targets) = (Numbers(60 * 3, 1), OneHot(60, 3, 2));
        const double L2 = 0.01;
        var slow = Train(layout, new OptimiserRecipe { Kind = OptimiserKind.Sgd, Rate = 2 }, L2, features, targets, 3000);
        var fast = Train(layout, s_recipe, L2, features, targets, 25);
        Assert.All(fast.Zip(slow), pair => Assert.Equal(pair.Second, pair.First, 2e-3f));
    }

    [Fact]
    public void L2_is_part_of_the_loss_for_weights_and_not_for_biases()
    {
        // Loss (w - 1)² / 2 + (b - 1)² / 2 with λ = 1: w ends at 1/2, b at 1.
        var layout = Layout(1, Layer(1, ActivationKind.Identity));
        var lbfgs = new Lbfgs(layout, s_recipe with { Tolerance = 1e-7 }, 1);
        var (weights, state) = (new float[2], new float[lbfgs.StateLength]);
        for (var step = 0; step < 30; step++)
        {
            var loss = 0.5 * ((weights[0] - 1) * (weights[0] - 1) + (weights[1] - 1) * (weights[1] - 1));
            lbfgs.Update(loss, 0.5, false, weights, [2 * (weights[0] - 1), 2 * (weights[1] - 1)], weights, state);
        }

        Assert.Equal(0.5f, weights[0], 1e-5f);
        Assert.Equal(1f, weights[1], 1e-5f);
    }

    [Fact]
    public void Lengths_that_do_not_agree_are_refused()
    {
        var lbfgs = new Lbfgs(Layout(1, Layer(1, ActivationKind.Identity)), s_recipe, 0);
        var state = new float[lbfgs.StateLength];
        Assert.Equal(Lbfgs.StatePlanes(s_recipe, 2) * 2, state.Length);
        Assert.Throws<ArgumentException>(() => lbfgs.Update(0, 1, false, new float[2], new float[1], new float[2], state));
        Assert.Throws<ArgumentException>(() => lbfgs.Update(0, 1, false, new float[2], new float[2], new float[2], state.AsSpan(1)));
        Assert.Throws<ArgumentException>(() => Optimiser.Create(s_recipe, Kernels.Active));
    }

    private static Func<float[], (double Value, float[] Gradient)> Function(string name) => name switch
    {
        "bowl" => w => (
            0.5 * ((w[0] - 1) * (w[0] - 1)) + 5 * ((w[1] + 2) * (w[1] + 2)),
            [w[0] - 1, 10 * (w[1] + 2)]),
        "narrow valley" => w => (
            w.Select((x, i) => 0.5 * Scale(i) * (x - 1) * (x - 1)).Sum(),
            [.. w.Select((x, i) => (float)(Scale(i) * (x - 1)))]),
        "Rosenbrock" => w =>
        {
            double x = w[0], y = w[1], off = y - x * x;
            return ((1 - x) * (1 - x) + 100 * off * off, [(float)(-2 * (1 - x) - 400 * x * off), (float)(200 * off)]);
        }
        ,
        "quartic" => w => (
            w.Sum(x => (x - 0.5) * (x - 0.5) + (x - 0.5) * (x - 0.5) * (x - 0.5) * (x - 0.5)),
            [.. w.Select(x => 2 * (x - 0.5f) + 4 * (x - 0.5f) * (x - 0.5f) * (x - 0.5f))]),
        "flat start" => w => (Math.Log(Math.Cosh(w[0])), [MathF.Tanh(w[0])]),
        _ => throw new ArgumentException(name),
    };

    private static double Scale(int index) => Math.Pow(10, index);

    private static float[] Train(
        NetworkLayout layout, OptimiserRecipe recipe, double l2, float[] features, float[] targets, int steps)
    {
        const int Rows = 60;
        using var pool = new ComputePool(1);
        using var network = new Network(layout, LossKind.CategoricalCrossEntropy, Kernels.Active, pool);
        var whole = new Segment(0, 0, layout.Parameters);
        var plain = recipe.Kind == OptimiserKind.Lbfgs ? null : new SegmentOptimiser(layout, whole, recipe, l2, Kernels.Active);
        var lbfgs = plain is null ? new Lbfgs(layout, recipe, l2) : null;
        var state = new float[plain?.StateLength ?? lbfgs!.StateLength];
        var (weights, gradient, loss) = (Start(layout), new float[layout.Parameters], new double[1]);
        for (var step = 1; step <= steps; step++)
        {
            network.Gradient(weights, features, targets, Rows, 16, Root(Rows, 16), [gradient], loss);
            plain?.Update(step, 1, 1.0 / Rows, weights, gradient, weights, state);
            lbfgs?.Update(loss[0] / Rows, 1.0 / Rows, step == steps, weights, gradient, weights, state);
        }

        return weights;
    }

    /// <summary>A network of one weight per variable and no bias carries the function's variables.</summary>
    private sealed class Minimisation(
        int variables, OptimiserRecipe recipe, Func<float[], (double Value, float[] Gradient)> function, float[]? state = null)
    {
        private readonly Lbfgs _lbfgs = new(
            Layout(1, Layer(variables, ActivationKind.Identity) with { Biases = null }), recipe, 0);

        public float[] State { get; } = state ?? new float[Lbfgs.StatePlanes(recipe, variables) * variables];

        /// <summary>Evaluations before the weights stayed.</summary>
        public int Evaluations { get; private set; }

        public float[] Run(float[] start, int evaluations, bool endsThere = false)
        {
            var weights = start;
            for (var evaluation = 1; evaluation <= evaluations; evaluation++)
            {
                var (value, gradient) = function(weights);
                var next = new float[weights.Length];
                _lbfgs.Update(value, 1, endsThere && evaluation == evaluations, weights, gradient, next, State);
                Evaluations += next.SequenceEqual(weights) ? 0 : 1;
                weights = next;
            }

            return weights;
        }
    }
}
