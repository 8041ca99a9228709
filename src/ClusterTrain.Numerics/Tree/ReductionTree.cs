using System.Numerics;

namespace ClusterTrain.Numerics.Tree;

/// <summary>
/// The one order in which leaf sums are added. The tree over <c>n</c> leaves splits at the largest power of two below
/// <c>n</c>, recursively (the shape of the Merkle trees of RFC 6962): it depends on <c>n</c> alone, never on who computed a
/// leaf or when it arrived.
/// </summary>
public static class ReductionTree
{
    /// <summary>The node over all leaves.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="leaves"/> is less than 1.</exception>
    public static TreeNode Root(int leaves)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(leaves, 1);
        return new TreeNode(0, leaves);
    }

    /// <summary>The two children of a node of more than one leaf; the left one holds a power of two of leaves.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The node is a leaf.</exception>
    public static (TreeNode Left, TreeNode Right) Split(TreeNode node)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(node.Count, 2, nameof(node));
        var left = LeftCount(node.Count);
        return (new TreeNode(node.Start, left), new TreeNode(node.Start + left, node.Count - left));
    }

    /// <summary>True when the range is a node of the tree over <paramref name="leaves"/> leaves.</summary>
    public static bool IsNode(TreeNode range, int leaves)
    {
        if (range.Count < 1 || range.Start < 0 || range.End > leaves || range.End < range.Start)
        {
            return false;
        }

        var node = Root(leaves);
        while (node != range)
        {
            if (node.Count == 1)
            {
                return false;
            }

            var (left, right) = Split(node);
            if (left.Contains(range))
            {
                node = left;
            }
            else if (right.Contains(range))
            {
                node = right;
            }
            else
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The parent and the sibling of a node that is not the root.</summary>
    /// <exception cref="ArgumentException">The range is the root or no node of the tree over <paramref name="leaves"/>
    /// leaves.</exception>
    public static (TreeNode Parent, TreeNode Sibling) Family(TreeNode node, int leaves)
    {
        var parent = Root(leaves);
        while (parent.Count > 1)
        {
            var (left, right) = Split(parent);
            if (node == left)
            {
                return (parent, right);
            }

            if (node == right)
            {
                return (parent, left);
            }

            parent = left.Contains(node) ? left : right;
            if (!parent.Contains(node))
            {
                break;
            }
        }

        throw new ArgumentException($"{node} is not a node below the root of the tree over {leaves} leaves.", nameof(node));
    }

    /// <summary>
    /// Adds to <paramref name="nodes"/> the fewest nodes that together hold exactly the given leaves, in
    /// order.
    /// </summary>
    /// <param name="start">First leaf.</param>
    /// <param name="count">Number of leaves; 0 adds nothing.</param>
    /// <param name="leaves">Leaves of the whole tree.</param>
    /// <param name="nodes">Receives the nodes.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range is not inside the tree.</exception>
    public static void Cover(int start, int count, int leaves, ICollection<TreeNode> nodes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + count, leaves, nameof(count));
        ArgumentNullException.ThrowIfNull(nodes);
        if (count > 0)
        {
            Cover(Root(leaves), new TreeNode(start, count), nodes);
        }
    }

    /// <summary>The sum of one value per leaf, in the order of the tree over them.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There are no values.</exception>
    public static double Sum(ReadOnlySpan<double> values)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(values.Length, 1, nameof(values));
        if (values.Length == 1)
        {
            return values[0];
        }

        var left = LeftCount(values.Length);
        return Sum(values[..left]) + Sum(values[left..]);
    }

    private static void Cover(TreeNode node, TreeNode range, ICollection<TreeNode> nodes)
    {
        if (range.Contains(node))
        {
            nodes.Add(node);
            return;
        }

        if (node.End <= range.Start || range.End <= node.Start)
        {
            return;
        }

        var (left, right) = Split(node);
        Cover(left, range, nodes);
        Cover(right, range, nodes);
    }

    private static int LeftCount(int count) => 1 << BitOperations.Log2((uint)(count - 1));
}
