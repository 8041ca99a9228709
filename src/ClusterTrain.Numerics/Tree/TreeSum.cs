namespace ClusterTrain.Numerics.Tree;

/// <summary>What became of a sum that was offered to a <see cref="TreeSum{TBuffer}"/>.</summary>
public enum TreeOffer
{
    /// <summary>Taken in; the buffer belongs to the tree now.</summary>
    Added,

    /// <summary>This very node is already there, not yet merged; the buffer stays the caller's.</summary>
    Duplicate,

    /// <summary>The node's leaves are already part of a larger sum; the buffer stays the caller's.</summary>
    Covered,
}

/// <summary>
/// Adds node sums in the order of the <see cref="ReductionTree"/>, in whatever order, granularity and multiplicity they arrive. It
/// never looks into the buffers and makes none: two completed siblings are at once added into the left one, and the right one
/// is released. Only the tree's last addition waits until the sum is asked for, so that who takes it may do it on the way
/// (<see cref="TakeHalves"/>). After <see cref="Reset"/> nothing is allocated.
/// </summary>
/// <typeparam name="TBuffer">What holds a sum.</typeparam>
/// <param name="combine">Adds the second sum into the first one's buffer and returns the first.</param>
/// <param name="release">Gives a buffer back that the tree no longer needs.</param>
public sealed class TreeSum<TBuffer>(Func<TBuffer, TBuffer, TBuffer> combine, Action<TBuffer> release)
{
    // The path from the root to a leaf of a tree over at most 2^31 - 1 leaves.
    private const int LongestPath = 32;

    // An inner node that splits before leaf m has the place 2m - 1, leaf i the place 2i: the nodes in order, so that the places
    // below a node are a range.
    private TBuffer?[] _sums = [];
    private bool[] _complete = [];
    private int _leaves;
    private bool _taken;

    // Where the root is complete and its halves are not yet added: the right one; the left one has the root's place.
    private TBuffer? _rightHalf;
    private bool _hasRightHalf;

    /// <summary>True once the sum over all leaves is there.</summary>
    public bool IsComplete => _leaves > 0 && _complete[Place(ReductionTree.Root(_leaves))];

    /// <summary>True while the sum over all leaves is there and has not been taken.</summary>
    public bool HasRoot => IsComplete && !_taken;

    /// <summary>Starts over with a tree of this many leaves; buffers still held are released.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The number is less than 1.</exception>
    public void Reset(int leaves)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(leaves, 1);
        if (_leaves > 0)
        {
            ReleaseBelow(ReductionTree.Root(_leaves));
        }

        var places = checked((2 * leaves) - 1);
        if (places > _sums.Length)
        {
            _sums = new TBuffer?[places];
            _complete = new bool[places];
        }

        _leaves = leaves;
        _taken = false;
    }

    /// <summary>
    /// Offers the sum of a node. A larger node replaces what was there of its descendants, and releases it.
    /// </summary>
    /// <exception cref="ArgumentException">The range is not a node of the tree.</exception>
    /// <exception cref="InvalidOperationException"><see cref="Reset"/> has not been called.</exception>
    public TreeOffer Offer(TreeNode node, TBuffer sum)
    {
        CheckNode(node);
        Span<TreeNode> path = stackalloc TreeNode[LongestPath];
        var depth = 0;
        for (var at = ReductionTree.Root(_leaves); ; at = Child(at, node))
        {
            if (_complete[Place(at)])
            {
                return at == node && !_taken ? TreeOffer.Duplicate : TreeOffer.Covered;
            }

            if (at == node)
            {
                break;
            }

            path[depth++] = at;
        }

        ReleaseBelow(node);
        Put(node, sum);
        while (depth > 0)
        {
            var parent = path[--depth];
            var (left, right) = ReductionTree.Split(parent);
            if (!_complete[Place(left)] || !_complete[Place(right)])
            {
                break;
            }

            var (leftSum, rightSum) = (Take(left), Take(right));
            if (depth == 0)
            {
                Put(parent, leftSum);
                (_rightHalf, _hasRightHalf) = (rightSum, true);
                break;
            }

            Put(parent, combine(leftSum, rightSum));
            release(rightSum);
        }

        return TreeOffer.Added;
    }

    /// <summary>True when the node's leaves are part of a sum of exactly this node or of a larger one.</summary>
    /// <exception cref="ArgumentException">The range is not a node of the tree.</exception>
    /// <exception cref="InvalidOperationException"><see cref="Reset"/> has not been called.</exception>
    public bool Has(TreeNode node)
    {
        CheckNode(node);
        for (var at = ReductionTree.Root(_leaves); ; at = Child(at, node))
        {
            if (_complete[Place(at)])
            {
                return true;
            }

            if (at == node)
            {
                return false;
            }
        }
    }

    /// <summary>Adds the fewest nodes that together hold exactly the leaves that have not arrived, in order.</summary>
    /// <exception cref="InvalidOperationException"><see cref="Reset"/> has not been called.</exception>
    public void Missing(ICollection<TreeNode> nodes)
    {
        ArgumentNullException.ThrowIfNull(nodes);
        CheckReset();
        Missing(ReductionTree.Root(_leaves), nodes);
    }

    /// <summary>The sum over all leaves, added now if it was not yet; it stays the tree's.</summary>
    /// <exception cref="InvalidOperationException">The sum is not complete, or has been taken.</exception>
    public TBuffer Root()
    {
        CheckRoot();
        ref var root = ref _sums[Place(ReductionTree.Root(_leaves))];
        if (_hasRightHalf)
        {
            var right = _rightHalf!;
            (_rightHalf, _hasRightHalf) = (default, false);
            root = combine(root!, right);
            release(right);
        }

        return root!;
    }

    /// <summary>
    /// The sum over all leaves as two sums that are still to be added, the returned one on the left; both are the caller's from now on. The tree
    /// stays complete until <see cref="Reset"/>.
    /// </summary>
    /// <param name="right">The right half's sum, where <paramref name="hasRight"/>.</param>
    /// <param name="hasRight">False where what is returned is the whole sum: it came as one, or <see cref="Root"/> has added it.</param>
    /// <exception cref="InvalidOperationException">The sum is not complete, or has been taken.</exception>
    public TBuffer TakeHalves(out TBuffer? right, out bool hasRight)
    {
        CheckRoot();
        (right, hasRight) = (_rightHalf, _hasRightHalf);
        (_rightHalf, _hasRightHalf) = (default, false);
        _taken = true;
        var place = Place(ReductionTree.Root(_leaves));
        var sum = _sums[place]!;
        _sums[place] = default;
        return sum;
    }

    private static TreeNode Child(TreeNode parent, TreeNode below)
    {
        var (left, right) = ReductionTree.Split(parent);
        return left.Contains(below) ? left : right;
    }

    private static int Place(TreeNode node) =>
        node.Count == 1 ? 2 * node.Start : (2 * ReductionTree.Split(node).Right.Start) - 1;

    private void Put(TreeNode node, TBuffer sum)
    {
        _sums[Place(node)] = sum;
        _complete[Place(node)] = true;
    }

    private TBuffer Take(TreeNode node)
    {
        var sum = _sums[Place(node)]!;
        _sums[Place(node)] = default;
        _complete[Place(node)] = false;
        return sum;
    }

    private void ReleaseBelow(TreeNode node)
    {
        if (_hasRightHalf)
        {
            release(_rightHalf!);
            (_rightHalf, _hasRightHalf) = (default, false);
        }

        for (var place = 2 * node.Start; place <= 2 * (node.End - 1); place++)
        {
            if (!_complete[place])
            {
                continue;
            }

            if (!_taken)
            {
                release(_sums[place]!);
            }

            _sums[place] = default;
            _complete[place] = false;
        }
    }

    private void Missing(TreeNode node, ICollection<TreeNode> nodes)
    {
        if (_complete[Place(node)])
        {
            return;
        }

        if (!_complete.AsSpan(2 * node.Start, (2 * node.Count) - 1).Contains(true))
        {
            nodes.Add(node);
            return;
        }

        var (left, right) = ReductionTree.Split(node);
        Missing(left, nodes);
        Missing(right, nodes);
    }

    private void CheckNode(TreeNode node)
    {
        CheckReset();
        if (!ReductionTree.IsNode(node, _leaves))
        {
            throw new ArgumentException($"{node} is not a node of the tree over {_leaves} leaves.", nameof(node));
        }
    }

    private void CheckRoot()
    {
        if (!HasRoot)
        {
            throw new InvalidOperationException(
                _taken ? "The sum has been taken already." : $"The sum over {_leaves} leaves is not complete.");
        }
    }

    private void CheckReset()
    {
        if (_leaves == 0)
        {
            throw new InvalidOperationException("Reset must name the number of leaves first.");
        }
    }
}
