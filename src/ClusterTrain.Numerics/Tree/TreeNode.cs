namespace ClusterTrain.Numerics.Tree;

/// <summary>
/// A node of the reduction tree: the sum over the leaves <c>[Start, Start + Count)</c>. Which ranges are nodes follows from
/// the number of leaves alone, see <see cref="ReductionTree"/>.
/// </summary>
/// <param name="Start">Index of the node's first leaf.</param>
/// <param name="Count">Number of leaves below the node, at least 1.</param>
public readonly record struct TreeNode(int Start, int Count)
{
    /// <summary>Index after the node's last leaf.</summary>
    public int End => Start + Count;

    /// <summary>True when every leaf of <paramref name="other"/> is below this node.</summary>
    public bool Contains(TreeNode other) => other.Start >= Start && other.End <= End;

    /// <summary>Prints the leaves as <c>leaves 4..7</c>, or <c>leaf 4</c>.</summary>
    public override string ToString() => Count == 1 ? $"leaf {Start}" : $"leaves {Start}..{End - 1}";
}
