using ClusterTrain.Data.Models;
using ClusterTrain.Data.Prepared;
using ClusterTrain.Learning.ModelFiles;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Validation;

namespace ClusterTrain.Runs;

/// <summary>Keeps the record of a run in its folder; evaluates each epoch's weights on the validation rows.</summary>
public sealed class RunRecorder : IRunRecorder, IDisposable
{
    private readonly RunFolder _folder;
    private readonly Recipe _recipe;
    private readonly PreparedData _data;
    private readonly NetworkLayout _layout;
    private readonly Evaluator? _validation;
    private readonly FileStream _receipt;
    private readonly Dictionary<long, ReceiptEntry> _known;
    private string _chain;
    private long _lastStep;

    /// <summary>Begins or continues the record.</summary>
    /// <param name="folder">The run folder.</param>
    /// <param name="recipe">The recipe.</param>
    /// <param name="data">The prepared data.</param>
    /// <param name="layout">The parameters.</param>
    /// <param name="network">Evaluates; used by this recorder alone.</param>
    /// <param name="receipt">The receipt so far.</param>
    public RunRecorder(RunFolder folder, Recipe recipe, PreparedData data, NetworkLayout layout, Network network, Receipt receipt)
    {
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(receipt);
        _folder = folder;
        _recipe = recipe;
        _data = data;
        _layout = layout;
        _known = receipt.Entries.ToDictionary(entry => entry.Step);
        _chain = receipt.Chain;
        _lastStep = receipt.LastStep;
        _validation = data.Validation is { } rows ? new Evaluator(network, rows, data.Task) : null;

        // Written again, because its last line may be torn.
        receipt.Write(folder.ReceiptPath);
        _receipt = new FileStream(folder.ReceiptPath, FileMode.Append, FileAccess.Write, FileShare.Read, 1);
    }

    /// <inheritdoc/>
    public (EpochRecord Record, bool WasKnown) RecordEpoch(int epoch, long step, double loss, ReadOnlyMemory<float> weights)
    {
        var hash = WeightsHash.Of(weights.Span);
        if (_known.TryGetValue(step, out var known))
        {
            Compare(known, hash);
            return (known.Record!, true);
        }

        // In the unit of the target, as predictions are; losses and squared errors are those of training.
        var validation = _validation?.Evaluate(weights.Span) is { } figures
            ? figures with { MeanAbsoluteError = figures.MeanAbsoluteError / _data.TargetScale }
            : null;
        if (validation is not null && !double.IsFinite(validation.Loss))
        {
            throw new TrainingException(
                $"epoch {epoch}: the validation loss is not finite. Lower optimiser.rate, scale or standardise the features, or set clip_norm."
                + (_data.Task == TaskKind.Regression ? " Where the targets are large, set data.target_scale." : ""));
        }

        var record = new EpochRecord(epoch, step, loss, validation, hash);
        Begin();
        Append(ReceiptEntry.Of(record, _chain));
        return (record, false);
    }

    /// <inheritdoc/>
    public bool RecordStep(long step, ReadOnlyMemory<float> weights)
    {
        var hash = WeightsHash.Of(weights.Span);
        if (_known.TryGetValue(step, out var known))
        {
            Compare(known, hash);
            return true;
        }

        // Steps are not written into the gaps that an earlier run without them left.
        if (step > _lastStep)
        {
            Begin();
            Append(ReceiptEntry.Of(step, hash, _chain));
        }

        return false;
    }

    /// <inheritdoc/>
    public void WriteCheckpoint(RunState state)
    {
        // What a checkpoint builds on must be on disk before it.
        Begin();
        _receipt.Flush(flushToDisk: true);
        _folder.WriteCheckpoint(_layout, state);
    }

    /// <inheritdoc/>
    public void WriteBest(EpochRecord record, ReadOnlyMemory<float> weights)
    {
        ArgumentNullException.ThrowIfNull(record);
        _folder.WriteBest(_layout, record.Epoch, weights);
    }

    /// <inheritdoc/>
    public void WriteResult(EpochRecord record, ReadOnlyMemory<float> weights)
    {
        ArgumentNullException.ThrowIfNull(record);
        _receipt.Flush(flushToDisk: true);
        _folder.WriteModel(new Model(_recipe, _layout, weights, _data));
    }

    /// <inheritdoc/>
    public void Dispose() => _receipt.Dispose();

    /// <summary>Writes the head of the receipt, and with it which data the run is of: the first time there is something to record.</summary>
    private void Begin()
    {
        if (_known.Count > 0)
        {
            return;
        }

        _folder.HoldTo(_data.Fingerprint);
        var weights = RunFolder.StartWeights(_folder.Path, _recipe, _layout);
        Append(ReceiptEntry.Start(new ReceiptIdentity(_folder.Identity.Recipe, _data.Fingerprint, Receipt.Program, Receipt.Build),
            WeightsHash.Of(weights)));
    }

    private void Append(ReceiptEntry entry)
    {
        var length = _receipt.Length;
        try
        {
            _receipt.Write(entry.Line());
        }
        catch (IOException)
        {
            // Half a line would tear the receipt when the entry is written again.
            _receipt.SetLength(length);
            throw;
        }

        _chain = entry.Chain;
        _lastStep = entry.Step;
        _known.Add(entry.Step, entry);
    }

    private static void Compare(ReceiptEntry known, string hash)
    {
        if (known.WeightsSha256 != hash)
        {
            throw new ContradictionException(
                $"step {known.Step}: its weights were recorded as {known.WeightsSha256}, but computing them again from the checkpoint gave {hash}. "
                + "The data, the recipe or the program changed, or a machine computes wrongly: start a new run.");
        }
    }
}
