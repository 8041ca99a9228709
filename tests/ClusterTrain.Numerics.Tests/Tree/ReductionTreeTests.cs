using ClusterTrain.Numerics.Tree;

namespace ClusterTrain.Numerics.Tests;

public class ReductionTreeTests
{
    public static IEnumerable<TreeNode> Nodes(TreeNode node)
    {
        yield return node;
        if (node.Count > 1)
        {
            var (left, right) = ReductionTree.Split(node);
            foreach (var below in Nodes(left).Concat(Nodes(right)))
            {
                yield return below;
            }
        }
    }

    [Fact]
    public void A_node_splits_at_the_largest_power_of_two_below_its_size()
    {
        foreach (var (count, left) in new[] { (2, 1), (3, 2), (4, 2), (5, 4), (8, 4), (9, 8), (40, 32), (int.MaxValue, 1 << 30) })
        {
            var (first, second) = ReductionTree.Split(new TreeNode(0, count));
            Assert.Equal((left, count - left, left), (first.Count, second.Count, second.Start));
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => ReductionTree.Split(new TreeNode(3, 1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => ReductionTree.Root(0));
    }

    [Fact]
    public void The_nodes_are_exactly_those_that_splitting_reaches()
    {
        for (var leaves = 1; leaves <= 40; leaves++)
        {
            var nodes = Nodes(ReductionTree.Root(leaves)).ToHashSet();
            Assert.Equal((2 * leaves) - 1, nodes.Count);
            for (var start = -1; start <= leaves; start++)
            {
                for (var count = -1; count <= leaves + 1; count++)
                {
                    Assert.Equal(nodes.Contains(new TreeNode(start, count)), ReductionTree.IsNode(new TreeNode(start, count), leaves));
                }
            }
        }

        Assert.False(ReductionTree.IsNode(new TreeNode(int.MaxValue, int.MaxValue), 5));
    }

    [Fact]
    public void The_family_of_a_node_is_the_split_that_made_it()
    {
        for (var leaves = 1; leaves <= 40; leaves++)
        {
            foreach (var parent in Nodes(ReductionTree.Root(leaves)).Where(node => node.Count > 1))
            {
                var (left, right) = ReductionTree.Split(parent);
                Assert.Equal((parent, right), ReductionTree.Family(left, leaves));
                Assert.Equal((parent, left), ReductionTree.Family(right, leaves));
            }

            Assert.Throws<ArgumentException>(() => ReductionTree.Family(ReductionTree.Root(leaves), leaves));
        }

        Assert.Throws<ArgumentException>(() => ReductionTree.Family(new TreeNode(1, 2), 8));
    }

    [Fact]
    public void A_cover_holds_exactly_the_range_and_no_two_of_its_nodes_are_siblings()
    {
        for (var leaves = 1; leaves <= 24; leaves++)
        {
            for (var start = 0; start <= leaves; start++)
            {
                for (var count = 0; start + count <= leaves; count++)
                {
                    var cover = new List<TreeNode>();
                    ReductionTree.Cover(start, count, leaves, cover);
                    Assert.All(cover, node => Assert.True(ReductionTree.IsNode(node, leaves)));
                    Assert.Equal(Enumerable.Range(start, count), cover.SelectMany(node => Enumerable.Range(node.Start, node.Count)));

                    // Nodes that tile a range are the fewest when none of them and its sibling could be their parent.
                    Assert.DoesNotContain(
                        cover, node => node.Count < leaves && cover.Contains(ReductionTree.Family(node, leaves).Sibling));
                }
            }
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => ReductionTree.Cover(3, 3, 5, []));
        Assert.Throws<ArgumentOutOfRangeException>(() => ReductionTree.Cover(-1, 3, 5, []));
        Assert.Throws<ArgumentOutOfRangeException>(() => ReductionTree.Cover(3, -1, 5, []));
    }

    [Fact]
    public void Values_are_added_in_the_order_of_the_tree()
    {
        Assert.Equal(3, ReductionTree.Sum([3]));

        // 1e16 + 1 is 1e16 and 1e16 + 2 is not: of three the first two are added first, of four the last two by themselves.
        Assert.Equal(1e16, ReductionTree.Sum([1e16, 1, 1]));
        Assert.Equal(1e16 + 2, ReductionTree.Sum([1e16, 0, 1, 1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => ReductionTree.Sum([]));
    }

    [Theory]
    [InlineData(3, 1, "leaf 3")]
    [InlineData(2, 4, "leaves 2..5")]
    public void A_node_is_named_by_its_leaves(int start, int count, string name) => Assert.Equal(name, $"{new TreeNode(start, count)}");
}
