using System.Collections.Immutable;

namespace ClusterTrain.Training.Coordination;

/// <summary>Where a run begins.</summary>
/// <param name="Term">A number greater than that of any coordinator that ever led this run, from 1.</param>
/// <param name="State">The state to continue from: the start weights, or those of a checkpoint.</param>
/// <param name="Recorded">The epochs recorded so far, in order.</param>
/// <param name="ReceiptStep">The step of the receipt's last entry; 0 when there is none.</param>
/// <param name="Best">With early stopping, the best epoch's weights as far as they were kept.</param>
public sealed record RunStart(long Term, RunState State, ImmutableArray<EpochRecord> Recorded, long ReceiptStep, BestWeights? Best)
{
    /// <summary>What the audit has shown so far.</summary>
    public AuditTotals Audited { get; init; } = AuditTotals.None;
}

/// <summary>A whole state of a run, from which it can continue.</summary>
/// <param name="Step">The step.</param>
/// <param name="EpochLoss">Sum of the row losses of the epoch so far.</param>
/// <param name="Weights">All parameters.</param>
/// <param name="OptimiserState">
/// The optimiser's state: its planes one after the other, each as long as the parameters; empty when it has none.
/// </param>
public sealed record RunState(long Step, double EpochLoss, ReadOnlyMemory<float> Weights, ReadOnlyMemory<float> OptimiserState);

/// <summary>The weights of the epoch with the best validation figure.</summary>
/// <param name="Epoch">The epoch, counted from 1.</param>
/// <param name="Weights">All parameters.</param>
public sealed record BestWeights(int Epoch, ReadOnlyMemory<float> Weights);
