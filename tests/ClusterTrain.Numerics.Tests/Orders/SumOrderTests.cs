using System.Text.RegularExpressions;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Products;
using ClusterTrain.Numerics.Threading;
using ClusterTrain.Numerics.Tree;

namespace ClusterTrain.Numerics.Tests;

/// <summary>The order of every sum, seen from outside, is the one that docs/determinism.md draws.</summary>
public partial class SumOrderTests
{
    public static TheoryData<SimdLevel> Levels => MapTable.Levels;

    /// <summary>Rows, inputs, outputs, rows of a leaf: shapes that take other tiles, blocks and paths.</summary>
    private static readonly (int Rows, int Inputs, int Outputs, int LeafRows)[] s_shapes =
    [
        (1, 9, 1, 1), (7, 20, 5, 2), (13, 33, 17, 4), (35, 30, 37, 16), (24, 12, 48, 8), (40, 5, 70, 1), (53, 16, 10, 3),
    ];

    [Theory]
    [MemberData(nameof(Levels))]
    public void Drawn_orders_are_those_of_the_kernels(SimdLevel level)
    {
        var kernels = Kernels.Get(level);
        using var pool = new ComputePool(1);
        using var products = new DenseProducts(kernels, pool);
        var drawn = Drawings();
        Assert.Equal(
            ["bias gradient", "forward", "input gradient", "loss of a row", "tree of leaves", "weight gradient"],
            drawn.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(drawn["forward"], RevealedOrders.Forward(products, 3, 6, 5).ToString());
        Assert.Equal(drawn["input gradient"], RevealedOrders.InputGradient(products, 3, 5, 7).ToString());
        Assert.Equal(drawn["weight gradient"], RevealedOrders.WeightGradient(products, 11, 6, 5, leafRows: 2).ToString());
        Assert.Equal(drawn["bias gradient"], RevealedOrders.BiasGradient(products, 11, 6, 5, leafRows: 2).ToString());
        Assert.Equal(drawn["tree of leaves"], RevealedOrders.TreeSum(kernels, 13, Enumerable.Range(0, 13).Reverse()).ToString());
        Assert.All(RevealedOrders.AcrossRow, sum => Assert.Equal(drawn["loss of a row"], sum.Of(kernels, 20).ToString()));
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void Outputs_and_input_gradients_are_one_chain(SimdLevel level) => ForEachShape(level, (products, shape, told) =>
    {
        var (rows, inputs, outputs, _) = shape;
        AssertOrder(Chain(inputs + 1), RevealedOrders.Forward(products, rows, inputs, outputs), $"forward, {told}");
        AssertOrder(
            Chain(inputs), RevealedOrders.ForwardOfWeights(products, rows, inputs, outputs), $"forward without a bias, {told}");
        AssertOrder(Chain(outputs), RevealedOrders.InputGradient(products, rows, inputs, outputs), $"input gradient, {told}");
    });

    [Theory]
    [MemberData(nameof(Levels))]
    public void Weight_and_bias_gradients_are_a_tree_of_leaves(SimdLevel level) => ForEachShape(level, (products, shape, told) =>
    {
        var (rows, inputs, outputs, leafRows) = shape;
        var expected = SumOrder.TreeOfLeaves(rows, leafRows);
        AssertOrder(
            expected, RevealedOrders.WeightGradient(products, rows, inputs, outputs, leafRows), $"weight gradient, {told}");
        AssertOrder(expected, RevealedOrders.BiasGradient(products, rows, inputs, outputs, leafRows), $"bias gradient, {told}");
    });

    [Theory]
    [MemberData(nameof(Levels))]
    public void A_chain_longer_than_a_block_stays_one_chain(SimdLevel level)
    {
        using var pool = new ComputePool(1);
        using var products = new DenseProducts(Kernels.Get(level), pool) { Zeros = ZeroSkipping.Never };
        AssertOrder(Chain(402), RevealedOrders.Forward(products, 5, 401, 3), "forward of 401 inputs");
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void Sums_across_a_row_run_in_16_lanes(SimdLevel level)
    {
        foreach (var (name, of) in RevealedOrders.AcrossRow)
        {
            foreach (var outputs in new[] { 2, 3, 10, 16, 17, 37 })
            {
                AssertOrder(SumOrder.Lanes(outputs, 16), of(Kernels.Get(level), outputs), $"{name}, {outputs} outputs, {level}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void Sums_of_squares_run_in_64_lanes(SimdLevel level) => Assert.All(
        new[] { 5, 64, 130 },
        length => AssertOrder(
            SumOrder.Lanes(length, 64), RevealedOrders.SumOfSquares(Kernels.Get(level), length), $"{length} squares, {level}"));

    [Fact]
    public void The_sums_of_leaves_are_added_by_the_tree_whatever_the_order_they_arrive_in()
    {
        foreach (var leaves in new[] { 1, 2, 7, 16, 29 })
        {
            foreach (var seed in new[] { 1, 2, 3 })
            {
                var arrival = Enumerable.Range(0, leaves).ToArray();
                new Random(seed).Shuffle(arrival);
                AssertOrder(
                    SumOrder.TreeOfLeaves(leaves, 1),
                    RevealedOrders.TreeSum(Kernels.Active, leaves, arrival),
                    $"{leaves} leaves, seed {seed}");
            }

            AssertOrder(
                SumOrder.TreeOfLeaves(leaves, 1),
                SumOrder.Of(leaves, terms => ReductionTree.Sum([.. terms.Select(term => (double)term)]), isDouble: true),
                $"{leaves} losses");
        }
    }

    [Fact]
    public void Another_order_or_precision_is_seen()
    {
        Assert.Equal("(((0 3) 1) 2)", SumOrder.Of(4, terms => terms[3] + terms[0] + terms[1] + terms[2]).ToString());
        Assert.Equal("((0 1) (2 3))", SumOrder.Of(4, terms => terms[0] + terms[1] + (terms[2] + terms[3])).ToString());
        var error = Assert.Throws<InvalidOperationException>(
            () => SumOrder.Of(4, terms => (double)terms[0] + terms[1] + terms[2] + terms[3]));
        Assert.Contains("no sum of one addition after the other", error.Message, StringComparison.Ordinal);
    }

    private static SumOrder Chain(int terms) => SumOrder.Chain(Enumerable.Range(0, terms));

    private static void ForEachShape(
        SimdLevel level, Action<DenseProducts, (int Rows, int Inputs, int Outputs, int LeafRows), string> check)
    {
        using var pool = new ComputePool(1);
        using var products = new DenseProducts(Kernels.Get(level), pool);
        foreach (var shape in s_shapes)
        {
            foreach (var zeros in new[] { ZeroSkipping.Never, ZeroSkipping.Always })
            {
                products.Zeros = zeros;
                check(products, shape, $"{shape}, {level}, zeros skipped: {zeros}");
            }
        }
    }

    private static void AssertOrder(SumOrder expected, SumOrder actual, string told) =>
        Assert.True(expected == actual, $"{told}:\nexpected {expected}\nrevealed {actual}");

    // Lines of the page such as "forward: ((0 1) 2)".
    private static Dictionary<string, string> Drawings()
    {
        var page = File.ReadAllText(Path.Combine(Repository(), "docs", "determinism.md"));
        return Drawing().Matches(page).ToDictionary(match => match.Groups[1].Value, match => match.Groups[2].Value);
    }

    [GeneratedRegex(@"^([a-z ]+): +(\(.*\))$", RegexOptions.Multiline)]
    private static partial Regex Drawing();

    private static string Repository()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "ClusterTrain.sln")))
            {
                return folder;
            }
        }

        throw new InvalidOperationException("The tests do not lie in the repository.");
    }
}
