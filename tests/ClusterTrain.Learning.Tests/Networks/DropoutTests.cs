using ClusterTrain.Learning.Checks;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Threading;
using ClusterTrain.Numerics.Tree;

using static ClusterTrain.Learning.Tests.TestNetworks;

namespace ClusterTrain.Learning.Tests;

public sealed class DropoutTests
{
    private const int Rows = 93;
    private const int LeafRows = 8;
    private const int Leaves = 12;
    private const ulong Seed = 5;
    private const long Step = 311;

    private static readonly NetworkLayout s_layout = Layout(
        19,
        Layer(45, ActivationKind.Relu) with { Dropout = 0.5 },
        Layer(33, ActivationKind.Tanh) with { Dropout = 0.2 },
        Layer(18, ActivationKind.Sigmoid),
        Layer(5, ActivationKind.Softmax));

    private static readonly float[] s_parameters = Start(s_layout);
    private static readonly float[] s_features = Numbers(Rows * 19, 1);
    private static readonly float[] s_targets = OneHot(Rows, 5, 2);

    // Numbers of the rows in the training data: in no order, as an epoch's permutation gives them.
    private static readonly long[] s_rows = [.. Enumerable.Range(0, Rows).Select(row => row * 7919L % 60_000)];

    public static TheoryData<string, int> KernelsAndThreads()
    {
        var cases = new TheoryData<string, int>();
        foreach (var kernels in Kernels.Supported)
        {
            cases.Add(kernels.Name, 1);
            cases.Add(kernels.Name, 3);
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(KernelsAndThreads))]
    public void Kernels_and_threads_do_not_change_the_bits(string kernels, int threads)
    {
        var expected = Gradient(Kernels.Supported[^1], 1, ReductionTree.Root(Leaves), Step);
        Assert.Equal(expected, Gradient(Kernels.Supported.Single(k => k.Name == kernels), threads, ReductionTree.Root(Leaves), Step));
    }

    [Fact]
    public void Two_halves_computed_apart_give_the_bits_of_the_whole()
    {
        var (left, right) = ReductionTree.Split(ReductionTree.Root(Leaves));
        var sum = Gradient(Kernels.Active, 1, left, Step);
        Kernels.Active.Add(sum, Gradient(Kernels.Active, 2, right, Step));
        Assert.Equal(Gradient(Kernels.Active, 1, ReductionTree.Root(Leaves), Step), sum);
    }

    [Fact]
    public void Every_step_and_seed_has_masks_of_its_own()
    {
        var root = ReductionTree.Root(Leaves);
        var gradient = Gradient(Kernels.Active, 1, root, Step);
        Assert.NotEqual(gradient, Gradient(Kernels.Active, 1, root, Step + 1));
        Assert.NotEqual(gradient, Gradient(Kernels.Active, 1, root, Step, seed: Seed + 1));
    }

    // An identity network of weight 1 shows a unit's mask in its gradient: with target 0 the slope is the output, so the last
    // weight's gradient is (x · mask)².
    [Fact]
    public void Kept_outputs_are_scaled_so_that_their_mean_stays()
    {
        const int Many = 40_000;
        var layout = Layout(
            1,
            Layer(1, ActivationKind.Identity, Given(1)) with { Biases = null, Dropout = 0.2 },
            Layer(1, ActivationKind.Identity, Given(1)) with { Biases = null });
        var (gradient, losses) = (new float[Many * 2], new double[Many]);
        using var pool = new ComputePool(1);
        using var network = new Network(layout, LossKind.SquaredError, Kernels.Active, pool);
        network.Gradient(
            [1, 1],
            [.. Enumerable.Repeat(1f, Many)],
            new float[Many],
            Many,
            1,
            [.. Enumerable.Range(0, Many).Select(leaf => new TreeNode(leaf, 1))],
            [.. Enumerable.Range(0, Many).Select(row => gradient.AsMemory(row * 2, 2))],
            losses,
            new DropoutDraw(Seed, Step, [.. Enumerable.Range(0, Many).Select(row => (long)row)]));
        var kept = losses.Count(loss => loss > 0);
        Assert.InRange(kept, 0.79 * Many, 0.81 * Many);
        Assert.All(losses, loss => Assert.True(loss is 0 or 1.25f * 1.25f / 2));
        Assert.All(gradient, value => Assert.True(value is 0 or 1.25f * 1.25f));
    }

    [Theory]
    [InlineData(ActivationKind.Identity)]
    [InlineData(ActivationKind.Sigmoid)]
    [InlineData(ActivationKind.Tanh)]
    [InlineData(ActivationKind.Relu)]
    [InlineData(ActivationKind.LeakyRelu)]
    public void The_gradient_is_the_one_of_finite_differences_under_the_same_masks(ActivationKind hidden)
    {
        var biases = new InitialiserRecipe { Kind = InitialiserKind.Uniform, Scale = 0.5 };
        var layout = Layout(
            6,
            Layer(7, hidden) with { Biases = biases, Dropout = 0.4 },
            Layer(9, hidden) with { Dropout = 0.2 },
            Layer(4, ActivationKind.Softmax));
        var checks = GradientCheck.Run(
            layout,
            LossKind.CategoricalCrossEntropy,
            Kernels.Active,
            Start(layout),
            Numbers(11 * 6, 1),
            OneHot(11, 4, 2),
            11,
            dropout: new DropoutDraw(1, 2, [.. Enumerable.Range(0, 11).Select(row => (long)row)]));
        Assert.All(checks, check => Assert.True(check.Passed, check.ToString()));
    }

    [Fact]
    public void Prediction_and_evaluation_drop_nothing()
    {
        var plain = Layout(19, [.. s_layout.Layers.Select(layer => layer.Recipe with { Dropout = 0 })]);
        var (expected, actual) = (Predict(plain), Predict(s_layout));
        Assert.Equal(expected.Outputs, actual.Outputs);
        Assert.Equal(expected.Losses, actual.Losses);

        static (float[] Outputs, float[] Losses) Predict(NetworkLayout layout)
        {
            using var pool = new ComputePool(1);
            using var network = new Network(layout, LossKind.CategoricalCrossEntropy, Kernels.Active, pool);
            var (outputs, evaluated, losses) = (new float[Rows * 5], new float[Rows * 5], new float[Rows]);
            network.Predict(s_parameters, s_features, Rows, outputs);
            network.Evaluate(s_parameters, s_features, s_targets, Rows, evaluated, losses);
            Assert.Equal(outputs, evaluated);
            return (outputs, losses);
        }
    }

    [Fact]
    public void Steady_steps_allocate_nothing()
    {
        using var pool = new ComputePool(1);
        using var network = new Network(s_layout, LossKind.CategoricalCrossEntropy, Kernels.Active, pool);
        TreeNode[] nodes = [ReductionTree.Root(Leaves)];
        Memory<float>[] gradients = [new float[s_layout.Parameters]];
        var losses = new double[1];
        Compute(0);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var step = 1; step < 20; step++)
        {
            Compute(step);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Compute(long step) => network.Gradient(
            s_parameters, s_features, s_targets, Rows, LeafRows, nodes, gradients, losses, new DropoutDraw(Seed, step, s_rows));
    }

    [Fact]
    public void Training_without_the_rows_numbers_is_refused()
    {
        using var pool = new ComputePool(1);
        using var network = new Network(s_layout, LossKind.CategoricalCrossEntropy, Kernels.Active, pool);
        var error = Assert.Throws<ArgumentException>(() => network.Gradient(
            s_parameters, s_features, s_targets, Rows, LeafRows, Root(Rows, LeafRows), [new float[s_layout.Parameters]], new double[1]));
        Assert.Contains("dropout has 0 values; 93 are needed", error.Message);
    }

    [Theory]
    [InlineData(1.0)]
    [InlineData(-0.1)]
    [InlineData(double.NaN)]
    public void An_impossible_fraction_is_refused(double dropout) => Assert.Throws<ArgumentException>(
        () => Layout(2, Layer(2, ActivationKind.Tanh) with { Dropout = dropout }, Layer(1, ActivationKind.Tanh)));

    [Fact]
    public void The_last_layer_drops_nothing() =>
        Assert.Throws<ArgumentException>(() => Layout(2, Layer(2, ActivationKind.Tanh) with { Dropout = 0.1 }));

    private static float[] Gradient(Kernels kernels, int threads, TreeNode node, long step, ulong seed = Seed)
    {
        var first = node.Start * LeafRows;
        var count = Math.Min(node.End * LeafRows, Rows) - first;
        var gradient = new float[s_layout.Parameters];
        using var pool = new ComputePool(threads);
        using var network = new Network(s_layout, LossKind.CategoricalCrossEntropy, kernels, pool);
        network.Gradient(
            s_parameters,
            s_features.AsSpan(first * 19, count * 19),
            s_targets.AsSpan(first * 5, count * 5),
            count,
            LeafRows,
            [node],
            [gradient],
            new double[1],
            new DropoutDraw(seed, step, s_rows.AsSpan(first, count)));
        return gradient;
    }
}
