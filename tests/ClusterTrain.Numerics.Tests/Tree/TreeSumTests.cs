using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.RandomNumbers;
using ClusterTrain.Numerics.Tree;

namespace ClusterTrain.Numerics.Tests;

public class TreeSumTests
{
    private sealed class Sum(float value)
    {
        public float Value { get; set; } = value;

        public bool Released { get; private set; }

        public void Release()
        {
            Assert.False(Released, "released twice");
            Released = true;
        }
    }

    [Fact]
    public void Any_arrival_order_granularity_and_repetition_gives_the_bits_of_the_tree()
    {
        var random = new RandomStream(3, "tree sum");
        ulong draws = 0;
        var tree = NewTree();
        for (var leaves = 1; leaves <= 40; leaves++)
        {
            var values = MapTable.Normal(leaves, $"leaves {leaves}", 1000f);
            var nodes = ReductionTreeTests.Nodes(ReductionTree.Root(leaves)).ToArray();
            for (var trial = 0; trial < 25; trial++)
            {
                tree.Reset(leaves);
                var given = new List<(Sum Sum, bool Kept)>();
                var covered = new bool[leaves];
                while (!tree.IsComplete)
                {
                    // Mostly small nodes: the smaller of two draws.
                    var (a, b) = (nodes[Draw(nodes.Length)], nodes[Draw(nodes.Length)]);
                    var node = a.Count < b.Count ? a : b;
                    var had = tree.Has(node);
                    var sum = new Sum(Naive(node, values));
                    var offer = tree.Offer(node, sum);
                    Assert.Equal(had, offer != TreeOffer.Added);
                    Assert.True(tree.Has(node));
                    given.Add((sum, offer == TreeOffer.Added));
                    covered.AsSpan(node.Start, node.Count).Fill(true);
                    AssertMissing(tree, covered);
                }

                // In turns: as two halves, and as one by who has looked at it before.
                Assert.True(tree.HasRoot);
                var expected = Naive(ReductionTree.Root(leaves), values);
                var root = trial % 2 == 1 ? tree.Root() : null;
                var left = tree.TakeHalves(out var right, out var hasRight);
                Assert.False(tree.HasRoot);
                Assert.True(tree.IsComplete);
                Assert.Equal(expected, hasRight ? left.Value + right!.Value : left.Value);
                Assert.True(root is null || (root == left && !hasRight));
                foreach (var (sum, kept) in given)
                {
                    Assert.Equal(kept && sum != left && sum != right, sum.Released);
                }
            }
        }

        int Draw(int count) => (int)(random.Uniform(draws++) * count);
    }

    [Fact]
    public void A_repeat_is_a_duplicate_until_its_node_is_merged_and_covered_afterwards()
    {
        var tree = NewTree();
        tree.Reset(4);
        Assert.Equal(TreeOffer.Added, tree.Offer(new TreeNode(0, 1), new Sum(1f)));
        Assert.Equal(TreeOffer.Duplicate, tree.Offer(new TreeNode(0, 1), new Sum(1f)));
        Assert.Equal(TreeOffer.Added, tree.Offer(new TreeNode(1, 1), new Sum(2f)));
        Assert.Equal(TreeOffer.Covered, tree.Offer(new TreeNode(0, 1), new Sum(1f)));
        Assert.Equal(TreeOffer.Duplicate, tree.Offer(new TreeNode(0, 2), new Sum(3f)));
        Assert.False(tree.IsComplete);
        Assert.Equal(TreeOffer.Added, tree.Offer(new TreeNode(2, 2), new Sum(4f)));
        Assert.Equal(TreeOffer.Duplicate, tree.Offer(new TreeNode(0, 4), new Sum(7f)));
        Assert.Equal(7f, tree.Root().Value);
        Assert.Equal(7f, tree.TakeHalves(out _, out _).Value);
        Assert.Equal(TreeOffer.Covered, tree.Offer(new TreeNode(0, 4), new Sum(7f)));
        Assert.Throws<InvalidOperationException>(() => tree.Root());
        Assert.Throws<InvalidOperationException>(() => tree.TakeHalves(out _, out _));
    }

    [Fact]
    public void A_larger_node_replaces_and_releases_what_was_there_below_it()
    {
        var tree = NewTree();
        tree.Reset(8);
        Sum[] parts = [new(1f), new(2f), new(3f)];
        tree.Offer(new TreeNode(0, 1), parts[0]);
        tree.Offer(new TreeNode(2, 1), parts[1]);
        tree.Offer(new TreeNode(4, 1), parts[2]);
        Assert.Equal(TreeOffer.Added, tree.Offer(new TreeNode(0, 4), new Sum(10f)));
        Assert.Equal([true, true, false], parts.Select(part => part.Released));
        tree.Reset(3);
        Assert.True(parts[2].Released);
    }

    [Fact]
    public void Halves_that_nobody_takes_are_released()
    {
        var tree = NewTree();
        tree.Reset(2);
        Sum[] halves = [new(1f), new(2f)];
        tree.Offer(new TreeNode(0, 1), halves[0]);
        tree.Offer(new TreeNode(1, 1), halves[1]);
        Assert.True(tree.HasRoot);
        Assert.Equal([false, false], halves.Select(half => half.Released));
        tree.Reset(2);
        Assert.Equal([true, true], halves.Select(half => half.Released));
    }

    [Fact]
    public void What_is_no_node_or_comes_before_its_time_is_refused()
    {
        var tree = NewTree();
        Assert.Throws<InvalidOperationException>(() => tree.Offer(new TreeNode(0, 1), new Sum(0f)));
        Assert.Throws<InvalidOperationException>(() => tree.Missing([]));
        Assert.Throws<ArgumentOutOfRangeException>(() => tree.Reset(0));
        tree.Reset(8);
        Assert.Throws<ArgumentException>(() => tree.Offer(new TreeNode(1, 2), new Sum(0f)));
        Assert.Throws<ArgumentException>(() => tree.Offer(new TreeNode(8, 1), new Sum(0f)));
        Assert.Throws<ArgumentException>(() => tree.Has(new TreeNode(0, 3)));
        Assert.Throws<InvalidOperationException>(() => tree.Root());
        Assert.Throws<InvalidOperationException>(() => tree.TakeHalves(out _, out _));
    }

    [Fact]
    public void A_second_round_allocates_nothing()
    {
        var buffers = Enumerable.Range(0, 40).Select(_ => new float[4]).ToArray();
        var tree = new TreeSum<float[]>(Combine, _ => { });

        static float[] Combine(float[] left, float[] right)
        {
            Kernels.Active.Add(left, right);
            return left;
        }

        for (var i = 0; i < 3; i++)
        {
            Round();
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        Round();
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());

        void Round()
        {
            tree.Reset(40);
            for (var leaf = 39; leaf >= 0; leaf--)
            {
                tree.Offer(new TreeNode(leaf, 1), buffers[leaf]);
            }

            tree.Root();
            tree.TakeHalves(out _, out _);
        }
    }

    private static TreeSum<Sum> NewTree() => new(
        (left, right) =>
        {
            left.Value += right.Value;
            return left;
        },
        sum => sum.Release());

    private static float Naive(TreeNode node, float[] values)
    {
        if (node.Count == 1)
        {
            return values[node.Start];
        }

        var (left, right) = ReductionTree.Split(node);
        return Naive(left, values) + Naive(right, values);
    }

    private static void AssertMissing(TreeSum<Sum> tree, bool[] covered)
    {
        var missing = new List<TreeNode>();
        tree.Missing(missing);
        var expected = new List<TreeNode>();
        for (var start = 0; start < covered.Length;)
        {
            var end = start;
            while (end < covered.Length && !covered[end])
            {
                end++;
            }

            ReductionTree.Cover(start, end - start, covered.Length, expected);
            start = end + 1;
        }

        Assert.Equal(expected, missing);
    }
}
