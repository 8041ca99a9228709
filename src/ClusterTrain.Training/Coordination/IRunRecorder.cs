using ClusterTrain.Training.Messages;

namespace ClusterTrain.Training.Coordination;

/// <summary>The durable record of a run. Calls come one at a time, from work the coordinator offloads.</summary>
public interface IRunRecorder
{
    /// <summary>
    /// Records an epoch: hash, validation figures, receipt. One that is recorded already (the run was resumed from before it)
    /// is compared instead.
    /// </summary>
    /// <param name="epoch">The epoch, counted from 1.</param>
    /// <param name="step">Steps done at its end.</param>
    /// <param name="loss">Its mean loss.</param>
    /// <param name="weights">All parameters.</param>
    /// <returns>The record, and whether it had been there before.</returns>
    /// <exception cref="ContradictionException">The epoch was recorded with other weights: the computation is not what it was.</exception>
    /// <exception cref="TrainingException">A validation figure is not finite.</exception>
    (EpochRecord Record, bool WasKnown) RecordEpoch(int epoch, long step, double loss, ReadOnlyMemory<float> weights);

    /// <summary>Records the weights of a step within an epoch in the receipt, or compares them when it is recorded already.</summary>
    /// <param name="step">The step.</param>
    /// <param name="weights">All parameters.</param>
    /// <returns>Whether it had been there before.</returns>
    /// <exception cref="ContradictionException">The step was recorded with other weights.</exception>
    bool RecordStep(long step, ReadOnlyMemory<float> weights);

    /// <summary>Writes a checkpoint, all or nothing.</summary>
    /// <exception cref="IOException">It could not be written; the former ones are whole.</exception>
    void WriteCheckpoint(RunState state);

    /// <summary>Keeps the weights of the best epoch so far, for early stopping.</summary>
    void WriteBest(EpochRecord record, ReadOnlyMemory<float> weights);

    /// <summary>Writes the result of the run.</summary>
    /// <param name="record">The epoch whose weights they are.</param>
    /// <param name="weights">All parameters.</param>
    void WriteResult(EpochRecord record, ReadOnlyMemory<float> weights);
}
