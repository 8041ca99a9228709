using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Tensors;

namespace ClusterTrain.Training.Actors;

/// <summary>What a tensor message holds.</summary>
public enum TensorKind : byte
{
    /// <summary>The sum of the loss gradients over a tree node's rows, from a worker to a parameter server.</summary>
    GradientSum,

    /// <summary>The weights of a step, from a parameter server to its workers, or to and from the coordinator in a snapshot.</summary>
    Weights,

    /// <summary>The optimiser's state at a step, between a parameter server and the coordinator, after the weights of that step.</summary>
    OptimiserState,
}

/// <summary>Names a tensor within a run: two tensors of the same key are equal bit for bit, whoever computed them.</summary>
/// <param name="Kind">What it holds.</param>
/// <param name="Term">The term in which it was sent.</param>
/// <param name="Step">The step it belongs to: weights of step t are those before its update.</param>
/// <param name="Segment">Index of the segment of the parameters.</param>
/// <param name="Node">For gradient sums, the tree node; otherwise unused.</param>
public readonly record struct TensorKey(TensorKind Kind, long Term, long Step, int Segment, TreeNode Node = default);

/// <summary>A tensor on its way: a slice of a lease, one reference of which travels with the message.</summary>
/// <param name="Key">Its name.</param>
/// <param name="Lease">The memory.</param>
/// <param name="Offset">First float of the slice.</param>
/// <param name="Length">Floats of the slice.</param>
/// <param name="Loss">
/// With a gradient sum: the sum of the node's row losses. With weights in a snapshot: the sum of the row losses of the epoch up to this step,
/// of the whole epoch when the step begins a new one.
/// </param>
public readonly record struct TensorMessage(TensorKey Key, TensorLease Lease, int Offset, int Length, double Loss)
{
    /// <summary>The floats.</summary>
    public Span<float> Values => Lease.Span.Slice(Offset, Length);
}
