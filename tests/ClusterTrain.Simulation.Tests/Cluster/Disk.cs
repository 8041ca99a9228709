using ClusterTrain.Learning.ModelFiles;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Validation;

namespace ClusterTrain.Simulation.Tests;

/// <summary>
/// The run folder on a disk that keeps what was flushed to it. A process that ends leaves all it wrote; a machine that loses
/// power leaves what was flushed, and of the rest at most torn pieces.
/// </summary>
internal sealed class Disk(Plant plant)
{
    private const int KeptCheckpoints = 2;

    private readonly List<ReceiptLine> _receipt = [];
    private readonly SortedDictionary<long, Checkpoint> _checkpoints = [];
    private int _flushedRecords;

    /// <summary>Counts the coordinators that opened the folder.</summary>
    public long Term { get; private set; }

    /// <summary>The receipt's lines.</summary>
    public IReadOnlyList<ReceiptLine> Receipt => _receipt;

    /// <summary>The receipt's epochs.</summary>
    public IEnumerable<EpochRecord> Epochs => _receipt.Select(line => line.Epoch).OfType<EpochRecord>();

    private long LastStep => _receipt.Count == 0 ? 0 : _receipt[^1].Step;

    public BestWeights? Best { get; private set; }

    public (EpochRecord Record, float[] Weights)? Result { get; private set; }

    /// <summary>True: nothing is written for a coordinator after a later one opened the folder.</summary>
    public bool RefusesFormer => plant.RefusesFormer;

    /// <summary>Writes yet to fail.</summary>
    public int FailingWrites { get; set; }

    /// <summary>Opens the folder in a new term and reads where to continue, as the host does.</summary>
    public RunStart Open(Func<RunState> begin)
    {
        Term++;
        _flushedRecords = _receipt.Count;
        var newest = _checkpoints.Values.LastOrDefault(checkpoint => !checkpoint.IsTorn);
        return new RunStart(Term, newest?.State ?? begin(), [.. Epochs], LastStep, Best);
    }

    public void Append(ReceiptLine line)
    {
        MayFail();
        _receipt.Add(line);
    }

    public void WriteCheckpoint(RunState state)
    {
        MayFail();
        _flushedRecords = _receipt.Count;
        var copy = state with { Weights = state.Weights.ToArray(), OptimiserState = state.OptimiserState.ToArray() };
        _checkpoints[state.Step] = new Checkpoint(copy) { IsFlushed = plant.FlushesCheckpoints };
        while (_checkpoints.Count > KeptCheckpoints)
        {
            _checkpoints.Remove(_checkpoints.Keys.First());
        }
    }

    public void WriteBest(int epoch, ReadOnlyMemory<float> weights)
    {
        MayFail();
        Best = new BestWeights(epoch, weights.ToArray());
    }

    public void WriteResult(EpochRecord record, ReadOnlyMemory<float> weights)
    {
        MayFail();
        _flushedRecords = _receipt.Count;
        Result = (record, weights.ToArray());
    }

    /// <summary>The machine loses power: lines not flushed are gone, files not flushed are torn.</summary>
    public void LosePower(SimulationRandom random)
    {
        var kept = random.Between(_flushedRecords, _receipt.Count);
        _receipt.RemoveRange(kept, _receipt.Count - kept);
        foreach (var checkpoint in _checkpoints.Values.Where(checkpoint => !checkpoint.IsFlushed))
        {
            checkpoint.IsTorn = true;
        }
    }

    private void MayFail()
    {
        if (FailingWrites > 0)
        {
            FailingWrites--;
            throw new IOException("no space left on the simulated disk");
        }
    }

    private sealed class Checkpoint(RunState state)
    {
        public RunState State { get; } = state;

        public bool IsFlushed { get; init; }

        public bool IsTorn { get; set; }
    }
}

/// <summary>A line of the receipt: the weights of a step, and the epoch when one ends there.</summary>
internal sealed record ReceiptLine(long Step, string WeightsSha256, EpochRecord? Epoch);

/// <summary>The record of one coordinator's life on the disk; it behaves as the run folder's recorder does.</summary>
internal sealed class DiskRecorder(Disk disk, long term, Evaluator? validation) : IRunRecorder
{
    public (EpochRecord Record, bool WasKnown) RecordEpoch(int epoch, long step, double loss, ReadOnlyMemory<float> weights)
    {
        CheckTerm();
        var hash = WeightsHash.Of(weights.Span);
        if (disk.Receipt.FirstOrDefault(line => line.Step == step) is { } known)
        {
            Compare(known, hash);
            Checker.Require(known.Epoch!.Loss.Equals(loss), "loss", $"epoch {epoch} was recorded with {known.Epoch.Loss:R} and now has {loss:R}");
            return (known.Epoch, true);
        }

        Checker.Require(epoch == disk.Epochs.Count()
            + 1, "durability", $"epoch {epoch} is recorded after {disk.Epochs.Count()} epochs: the receipt has a gap");
        var record = new EpochRecord(epoch, step, loss, validation?.Evaluate(weights.Span), hash);
        disk.Append(new ReceiptLine(step, hash, record));
        return (record, false);
    }

    public bool RecordStep(long step, ReadOnlyMemory<float> weights)
    {
        CheckTerm();
        var hash = WeightsHash.Of(weights.Span);
        if (disk.Receipt.FirstOrDefault(line => line.Step == step) is { } known)
        {
            Compare(known, hash);
            return true;
        }

        Checker.Require(disk.Receipt.All(line => line.Step < step), "durability", $"step {step} is recorded after later ones");
        disk.Append(new ReceiptLine(step, hash, null));
        return false;
    }

    public void WriteCheckpoint(RunState state)
    {
        CheckTerm();
        disk.WriteCheckpoint(state);
    }

    public void WriteBest(EpochRecord record, ReadOnlyMemory<float> weights)
    {
        CheckTerm();
        disk.WriteBest(record.Epoch, weights);
    }

    public void WriteResult(EpochRecord record, ReadOnlyMemory<float> weights)
    {
        CheckTerm();
        disk.WriteResult(record, weights);
    }

    private static void Compare(ReceiptLine known, string hash)
    {
        if (known.WeightsSha256 != hash)
        {
            throw new ContradictionException($"step {known.Step} was recorded as {known.WeightsSha256[..8]} and is now {hash[..8]}");
        }
    }

    private void CheckTerm()
    {
        if (term != disk.Term && disk.RefusesFormer)
        {
            throw new TrainingException("another coordinator leads the run");
        }

        Checker.Require(term == disk.Term, "terms", $"the coordinator of term {term} writes after that of term {disk.Term} began");
    }
}
