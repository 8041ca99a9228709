using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Maps;
using ClusterTrain.Numerics.Threading;
using ClusterTrain.Numerics.Tree;

using static ClusterTrain.Learning.Tests.TestNetworks;

namespace ClusterTrain.Learning.Tests;

public sealed class NetworkTests
{
    private const int Rows = 93;
    private const int LeafRows = 8;

    private static readonly NetworkLayout s_layout = Layout(
        19,
        Layer(33, ActivationKind.Relu),
        Layer(17, ActivationKind.Tanh),
        Layer(18, ActivationKind.LeakyRelu) with { Biases = null },
        Layer(5, ActivationKind.Softmax));

    private static readonly float[] s_parameters = Start(s_layout);
    private static readonly float[] s_features = Numbers(Rows * 19, 1);
    private static readonly float[] s_targets = OneHot(Rows, 5, 2);

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
    public void Gradient_and_loss_have_the_same_bits_on_all_kernels_and_threads(string kernels, int threads)
    {
        var expected = Gradient(Kernels.Supported[^1], 1, Root(Rows, LeafRows));
        var actual = Gradient(Kernels.Supported.Single(k => k.Name == kernels), threads, Root(Rows, LeafRows));
        Assert.Equal(expected.Gradients[0], actual.Gradients[0]);
        Assert.Equal(expected.Losses, actual.Losses);
    }

    // 93 rows in leaves of 8 are 12 leaves, the last of 5 rows.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(12)]
    public void Workers_that_share_the_leaves_reach_the_same_bits(int workers)
    {
        const int Leaves = 12;
        var whole = Gradient(Kernels.Active, 1, Root(Rows, LeafRows));
        var sums = new Dictionary<TreeNode, (float[] Gradient, double Loss)>();
        for (var worker = 0; worker < workers; worker++)
        {
            var first = worker * Leaves / workers;
            var nodes = new List<TreeNode>();
            ReductionTree.Cover(first, (worker + 1) * Leaves / workers - first, Leaves, nodes);
            var part = Gradient(Kernels.Active, 1, [.. nodes]);
            for (var index = 0; index < nodes.Count; index++)
            {
                sums.Add(nodes[index], (part.Gradients[index], part.Losses[index]));
            }
        }

        var (gradient, loss) = Combine(ReductionTree.Root(Leaves), sums);
        Assert.Equal(whole.Gradients[0], gradient);
        Assert.Equal(whole.Losses[0], loss);
    }

    [Theory]
    [MemberData(nameof(KernelsAndThreads))]
    public void Rounded_to_bfloat16_is_the_gradient_of_each_leaf_and_each_sum_of_two(string name, int threads)
    {
        var kernels = Kernels.Supported.Single(kernels => kernels.Name == name);
        TreeNode[] nodes = [new TreeNode(0, 8), new TreeNode(8, 4)];
        Memory<float>[] gradients = [new float[s_layout.Parameters], new float[s_layout.Parameters]];
        using var pool = new ComputePool(threads);
        using var network = new Network(s_layout, LossKind.CategoricalCrossEntropy, kernels, pool);
        network.Gradient(
            s_parameters, s_features, s_targets, Rows, LeafRows, nodes, gradients, new double[2], precision: GradientPrecision.BFloat16,
            pieces: [0, 300, 627, 1300, 1600], isComputed: _ => { });
        Assert.Equal([Sum(nodes[0]), Sum(nodes[1])], gradients.Select(gradient => gradient.ToArray()));

        static float[] Sum(TreeNode node)
        {
            float[] sum;
            if (node.Count == 1)
            {
                sum = Gradient(Kernels.Active, 1, [node]).Gradients[0];
            }
            else
            {
                var (left, right) = ReductionTree.Split(node);
                sum = [.. Sum(left).Zip(Sum(right), (one, other) => one + other)];
            }

            Kernels.Active.Map(default(BFloat16Rounding), sum, sum);
            return sum;
        }
    }

    /// <summary>Pieces that begin in weights, in biases, at a layer and between; the layers' weights begin at 0, 660, 1,238 and 1,544.</summary>
    [Theory]
    [InlineData(new[] { 0 })]
    [InlineData(new[] { 0, 1, 300, 627, 640, 660, 700, 1000, 1300, 1544, 1600, 1638 })]
    [InlineData(new[] { 0, 10, 20, 30, 40, 50 })]
    [InlineData(new[] { 0, 1636, 1637, 1638 })]
    public void Each_piece_of_the_gradient_is_told_once_it_is_computed_the_last_first(int[] pieces)
    {
        var expected = Gradient(Kernels.Active, 1, [new TreeNode(0, 8), new TreeNode(8, 4)]);
        Memory<float>[] gradients = [new float[s_layout.Parameters], new float[s_layout.Parameters]];
        var losses = new double[2];
        var told = new List<int>();
        using var pool = new ComputePool(1);
        using var network = new Network(s_layout, LossKind.CategoricalCrossEntropy, Kernels.Active, pool);
        foreach (var gradient in gradients)
        {
            gradient.Span.Fill(float.NaN);
        }

        network.Gradient(
            s_parameters, s_features, s_targets, Rows, LeafRows, [new TreeNode(0, 8), new TreeNode(8, 4)], gradients, losses, pieces: pieces,
            isComputed: piece =>
            {
                told.Add(piece);
                Assert.Equal(expected.Losses, losses);
                for (var node = 0; node < 2; node++)
                {
                    Assert.Equal(expected.Gradients[node][pieces[piece]..], gradients[node].Span[pieces[piece]..].ToArray());
                }
            });
        Assert.Equal(Enumerable.Range(0, pieces.Length).Reverse(), told);
        Assert.Equal(expected.Gradients, gradients.Select(gradient => gradient.ToArray()));
    }

    /// <summary>What leaves early does so before the rest is computed.</summary>
    [Fact]
    public void A_piece_is_told_before_those_in_front_of_it_are_computed()
    {
        var gradient = new float[s_layout.Parameters];
        Array.Fill(gradient, float.NaN);
        var left = new List<int>();
        using var pool = new ComputePool(1);
        using var network = new Network(s_layout, LossKind.CategoricalCrossEntropy, Kernels.Active, pool);
        network.Gradient(
            s_parameters, s_features, s_targets, Rows, LeafRows, Root(Rows, LeafRows), [gradient], new double[1],
            pieces: [0, 330, 660, 1544], isComputed: _ => left.Add(gradient.Count(float.IsNaN)));
        Assert.Equal([1544, 660, 330, 0], left);
    }

    [Fact]
    public void A_row_is_predicted_and_evaluated_alike_alone_and_among_others()
    {
        const int Many = 1100;
        var features = Numbers(Many * 19, 3);
        var targets = OneHot(Many, 5, 4);
        using var pool = new ComputePool(2);
        using var network = new Network(s_layout, LossKind.CategoricalCrossEntropy, Kernels.Active, pool);
        var (outputs, evaluated, losses) = (new float[Many * 5], new float[Many * 5], new float[Many]);
        network.Predict(s_parameters, features, Many, outputs);
        network.Evaluate(s_parameters, features, targets, Many, evaluated, losses);
        Assert.Equal(outputs, evaluated);
        var (one, loss) = (new float[5], new float[1]);
        foreach (var row in new[] { 0, 1, 511, 512, 700, Many - 1 })
        {
            var rowFeatures = features.AsSpan(row * 19, 19);
            network.Predict(s_parameters, rowFeatures, 1, one);
            Assert.Equal(outputs[(row * 5)..(row * 5 + 5)], one);
            network.Evaluate(s_parameters, rowFeatures, targets.AsSpan(row * 5, 5), 1, one, loss);
            Assert.Equal(losses[row], loss[0]);
        }
    }

    [Fact]
    public void The_losses_of_gradient_and_evaluation_are_the_same_rows()
    {
        using var pool = new ComputePool(1);
        using var network = new Network(s_layout, LossKind.CategoricalCrossEntropy, Kernels.Active, pool);
        var (outputs, losses) = (new float[Rows * 5], new float[Rows]);
        network.Evaluate(s_parameters, s_features, s_targets, Rows, outputs, losses);
        var nodes = Enumerable.Range(0, 12).Select(leaf => new TreeNode(leaf, 1)).ToArray();
        var expected = losses.Chunk(LeafRows).Select(leaf => leaf.Aggregate(0.0, (sum, loss) => sum + loss));
        Assert.Equal(expected, Gradient(Kernels.Active, 1, nodes).Losses);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Steady_steps_allocate_nothing(int threads)
    {
        using var pool = new ComputePool(threads);
        using var network = new Network(s_layout, LossKind.CategoricalCrossEntropy, Kernels.Active, pool);
        TreeNode[] nodes = [new(0, 8), new(8, 4)];
        Memory<float>[] gradients = [new float[s_layout.Parameters], new float[s_layout.Parameters]];
        var (losses, outputs, rowLoss) = (new double[2], new float[Rows * 5], new float[Rows]);
        Step();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var step = 0; step < 20; step++)
        {
            Step();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Step()
        {
            network.Gradient(s_parameters, s_features, s_targets, Rows, LeafRows, nodes, gradients, losses);
            network.Evaluate(s_parameters, s_features, s_targets, Rows, outputs, rowLoss);
        }
    }

    [Theory]
    [InlineData(LossKind.BinaryCrossEntropy, ActivationKind.Tanh)]
    [InlineData(LossKind.CategoricalCrossEntropy, ActivationKind.Relu)]
    [InlineData(LossKind.CategoricalCrossEntropy, ActivationKind.Identity)]
    public void A_cross_entropy_needs_outputs_between_0_and_1(LossKind loss, ActivationKind activation)
    {
        using var pool = new ComputePool(1);
        var layout = Layout(2, Layer(2, activation));
        var error = Assert.Throws<ArgumentException>(() => new Network(layout, loss, Kernels.Active, pool));
        Assert.Contains($"{activation} does not keep inside (0, 1)", error.Message);
    }

    [Fact]
    public void Nodes_must_hold_exactly_the_rows()
    {
        AssertRefused("hold 11 leaves", new TreeNode(0, 8), new TreeNode(8, 3));
        AssertRefused("does not adjoin", new TreeNode(0, 8), new TreeNode(9, 4));
        AssertRefused("hold 0 leaves");

        static void AssertRefused(string reason, params TreeNode[] nodes) => Assert.Contains(
            reason, Assert.Throws<ArgumentException>(() => Gradient(Kernels.Active, 1, nodes, Rows)).Message);
    }

    private static (float[] Gradient, double Loss) Combine(
        TreeNode node, Dictionary<TreeNode, (float[] Gradient, double Loss)> sums)
    {
        if (sums.TryGetValue(node, out var known))
        {
            return known;
        }

        var (left, right) = ReductionTree.Split(node);
        var (sum, loss) = Combine(left, sums);
        var (rightSum, rightLoss) = Combine(right, sums);
        Kernels.Active.Add(sum, rightSum);
        return (sum, loss + rightLoss);
    }

    private static (float[][] Gradients, double[] Losses) Gradient(
        Kernels kernels, int threads, TreeNode[] nodes, int? rows = null)
    {
        var first = nodes.Length == 0 ? 0 : nodes[0].Start * LeafRows;
        var count = rows ?? Math.Min(nodes[^1].End * LeafRows, Rows) - first;
        var gradients = nodes.Select(_ => new float[s_layout.Parameters]).ToArray();
        var losses = new double[nodes.Length];
        using var pool = new ComputePool(threads);
        using var network = new Network(s_layout, LossKind.CategoricalCrossEntropy, kernels, pool);
        network.Gradient(
            s_parameters,
            s_features.AsSpan(first * 19, count * 19),
            s_targets.AsSpan(first * 5, count * 5),
            count,
            LeafRows,
            nodes,
            [.. gradients],
            losses);
        return (gradients, losses);
    }
}
