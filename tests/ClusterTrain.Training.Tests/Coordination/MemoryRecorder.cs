using ClusterTrain.Learning.Metrics;
using ClusterTrain.Learning.ModelFiles;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Training.Tests;

/// <summary>A record of a run in memory; validation figures are given.</summary>
internal sealed class MemoryRecorder(params double[] validationLosses) : IRunRecorder
{
    public List<EpochRecord> Epochs { get; } = [];

    public List<RunState> Checkpoints { get; } = [];

    public List<int> Best { get; } = [];

    public List<long> Steps { get; } = [];

    public (EpochRecord Record, float[] Weights)? Result { get; private set; }

    /// <summary>When set, epochs fail to be recorded with this error.</summary>
    public Exception? RecordError { get; set; }

    /// <summary>When set, checkpoints fail with this error.</summary>
    public IOException? CheckpointError { get; set; }

    public (EpochRecord Record, bool WasKnown) RecordEpoch(int epoch, long step, double loss, ReadOnlyMemory<float> weights)
    {
        if (RecordError is not null)
        {
            throw RecordError;
        }

        if (epoch <= Epochs.Count)
        {
            return Epochs[epoch - 1].WeightsSha256 == WeightsHash.Of(weights.Span)
                ? (Epochs[epoch - 1], true)
                : throw new ContradictionException($"step {step} was recorded with other weights.");
        }

        var validation = epoch <= validationLosses.Length ? new Evaluation { Rows = 1, Loss = validationLosses[epoch - 1] } : null;
        var record = new EpochRecord(epoch, step, loss, validation, WeightsHash.Of(weights.Span));
        Epochs.Add(record);
        return (record, false);
    }

    public bool RecordStep(long step, ReadOnlyMemory<float> weights)
    {
        var isKnown = Steps.Contains(step);
        if (!isKnown)
        {
            Steps.Add(step);
        }

        return isKnown;
    }

    public void WriteCheckpoint(RunState state)
    {
        if (CheckpointError is not null)
        {
            throw CheckpointError;
        }

        Checkpoints.Add(state with { Weights = state.Weights.ToArray(), OptimiserState = state.OptimiserState.ToArray() });
    }

    public void WriteBest(EpochRecord record, ReadOnlyMemory<float> weights) => Best.Add(record.Epoch);

    public void WriteResult(EpochRecord record, ReadOnlyMemory<float> weights) => Result = (record, weights.ToArray());
}
