using ClusterTrain.Numerics.Tree;

namespace ClusterTrain.Training.Workers;

/// <summary>The leaves of the step in hand, and which of them this worker has computed.</summary>
internal sealed class StepShare
{
    private readonly List<TreeNode> _runs = [];
    private readonly List<TreeNode> _nodes = [];
    private bool[] _computed = [];

    /// <summary>The step.</summary>
    public long Step { get; private set; } = -1;

    /// <summary>Leaves of the step.</summary>
    public int Leaves { get; private set; }

    /// <summary>Starts a step; nothing of it is computed.</summary>
    public void Begin(long step, int leaves)
    {
        Step = step;
        Leaves = leaves;
        if (_computed.Length < leaves)
        {
            _computed = new bool[leaves];
        }

        Array.Clear(_computed, 0, leaves);
    }

    /// <summary>Marks leaves as computed and returns those that were not before, as runs. The list is valid until the next call.</summary>
    public List<TreeNode> Claim(int start, int count)
    {
        _runs.Clear();
        var first = -1;
        for (var leaf = start; leaf <= start + count; leaf++)
        {
            var open = leaf < start + count && !_computed[leaf];
            if (open)
            {
                first = first < 0 ? leaf : first;
                _computed[leaf] = true;
            }
            else if (first >= 0)
            {
                _runs.Add(new TreeNode(first, leaf - first));
                first = -1;
            }
        }

        return _runs;
    }

    /// <summary>The tree nodes that make up a run of leaves. The span is valid until the next call.</summary>
    public ReadOnlySpan<TreeNode> Cover(TreeNode run)
    {
        _nodes.Clear();
        ReductionTree.Cover(run.Start, run.Count, Leaves, _nodes);
        return System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_nodes);
    }
}
