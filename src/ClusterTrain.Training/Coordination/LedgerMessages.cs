using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Tensors;

namespace ClusterTrain.Training.Coordination;

/// <summary>A piece of the journal was written.</summary>
/// <param name="Result">What the writing of it returned.</param>
internal sealed record JournalWritten(IMessage Result) : IMessage;

/// <summary>A piece of the journal could not be written, and is kept.</summary>
/// <param name="Problem">Why.</param>
internal sealed record JournalStalled(string Problem) : IMessage;

/// <summary>Offloaded work made an entry in the receipt.</summary>
/// <param name="Replay">Which replay the weights are of, counted from 1.</param>
/// <param name="Step">The step of the weights.</param>
/// <param name="Epoch">What was recorded of the epoch that ends there; null when none does.</param>
/// <param name="Weights">The weights; the reference is the receiver's.</param>
/// <param name="WasKnown">True when the entry was there before and was compared.</param>
internal sealed record ReceiptRecorded(int Replay, long Step, EpochRecord? Epoch, TensorLease Weights, bool WasKnown) : IMessage;

/// <summary>Offloaded work found an entry in the receipt that says otherwise.</summary>
/// <param name="Replay">Which replay the weights are of, counted from 1.</param>
/// <param name="Problem">What the entry says, and what the weights are.</param>
/// <param name="Weights">The weights; the reference is the receiver's.</param>
internal sealed record ReceiptContradicted(int Replay, string Problem, TensorLease Weights) : IMessage;

/// <summary>Offloaded work tried a checkpoint.</summary>
/// <param name="Replay">Which replay it is of, counted from 1.</param>
/// <param name="Step">Its step.</param>
/// <param name="EpochLoss">Sum of the row losses of the epoch up to it.</param>
/// <param name="Weights">Its weights; the reference is the receiver's.</param>
/// <param name="State">Its optimiser state, likewise; null when there is none.</param>
/// <param name="Held">How long it was there and not written yet, because its steps might have been wrong.</param>
/// <param name="Problem">Why it could not be written; null when it was.</param>
internal sealed record CheckpointWritten(
    int Replay, long Step, double EpochLoss, TensorLease Weights, TensorLease? State, TimeSpan Held, string? Problem) : IMessage;

/// <summary>Offloaded work wrote the best epoch's weights.</summary>
internal sealed record BestWritten : IMessage;

/// <summary>Offloaded work wrote the result.</summary>
/// <param name="Outcome">The run's outcome.</param>
internal sealed record ResultWritten(RunCompleted Outcome) : IMessage;
