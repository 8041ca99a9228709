namespace ClusterTrain.Training;

/// <summary>Offloaded work recorded an epoch.</summary>
/// <param name="Record">What was recorded.</param>
/// <param name="Weights">The epoch's weights; the reference is the receiver's.</param>
/// <param name="WasKnown">True when it had been recorded before and was compared.</param>
/// <param name="Finished">When the epoch's last step was done.</param>
internal sealed record EpochRecorded(EpochRecord Record, TensorLease Weights, bool WasKnown, TimeSpan Finished) : IMessage;

/// <summary>Offloaded work tried a checkpoint.</summary>
/// <param name="Step">Its step.</param>
/// <param name="EpochLoss">Sum of the row losses of the epoch up to it.</param>
/// <param name="Weights">Its weights; the reference is the receiver's.</param>
/// <param name="State">Its optimiser state, likewise; null when there is none.</param>
/// <param name="Problem">Why it could not be written; null when it was.</param>
internal sealed record CheckpointWritten(long Step, double EpochLoss, TensorLease Weights, TensorLease? State, string? Problem) : IMessage;

/// <summary>Offloaded work wrote the best epoch's weights.</summary>
internal sealed record BestWritten : IMessage;

/// <summary>Offloaded work wrote the result.</summary>
/// <param name="Outcome">The run's outcome.</param>
internal sealed record ResultWritten(RunCompleted Outcome) : IMessage;
