using System.Collections.Immutable;
using ClusterTrain.Learning;
using ClusterTrain.Training;

namespace ClusterTrain.Hosting;

/// <summary>Keeps the record of a run in its folder; evaluates each epoch's weights on the validation rows.</summary>
public sealed class RunRecorder : IRunRecorder, IDisposable
{
    private readonly RunFolder _folder;
    private readonly Recipe _recipe;
    private readonly PreparedData _data;
    private readonly NetworkLayout _layout;
    private readonly Evaluator? _validation;
    private readonly FileStream _receipt;
    private readonly List<EpochRecord> _known;

    /// <summary>Begins or continues the record.</summary>
    /// <param name="folder">The run folder.</param>
    /// <param name="recipe">The recipe.</param>
    /// <param name="data">The prepared data.</param>
    /// <param name="layout">The parameters.</param>
    /// <param name="network">Evaluates; used by this recorder alone.</param>
    /// <param name="known">The epochs recorded so far.</param>
    public RunRecorder(
        RunFolder folder, Recipe recipe, PreparedData data, NetworkLayout layout, Network network, ImmutableArray<EpochRecord> known)
    {
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(data);
        _folder = folder;
        _recipe = recipe;
        _data = data;
        _layout = layout;
        _known = [.. known];
        _validation = data.Validation is { } rows ? new Evaluator(network, rows, data.Task) : null;
        folder.WriteReceipt(known);
        _receipt = new FileStream(folder.ReceiptPath, FileMode.Append, FileAccess.Write, FileShare.Read, 1);
    }

    /// <inheritdoc/>
    public (EpochRecord Record, bool WasKnown) RecordEpoch(int epoch, long step, double loss, ReadOnlyMemory<float> weights)
    {
        var hash = WeightsHash.Of(weights.Span);
        if (epoch <= _known.Count)
        {
            var known = _known[epoch - 1];
            return known.WeightsSha256 == hash
                ? (known, true)
                : throw new TrainingException(
                    $"epoch {epoch}: its weights were recorded as {known.WeightsSha256}, but computing them again from the checkpoint gave {hash}. "
                    + "The data, the recipe or the program changed, or a machine computes wrongly: start a new run.");
        }

        var validation = _validation?.Evaluate(weights.Span);
        if (validation is not null && !double.IsFinite(validation.Loss))
        {
            throw new TrainingException(
                $"epoch {epoch}: the validation loss is not finite. Lower optimiser.rate, scale or standardise the features, or set clip_norm.");
        }

        var record = new EpochRecord(epoch, step, loss, validation, hash);
        _receipt.Write(Receipt.Line(record));
        _known.Add(record);
        return (record, false);
    }

    /// <inheritdoc/>
    public void WriteCheckpoint(RunState state)
    {
        // What a checkpoint builds on must be on disk before it.
        _folder.HoldTo(_data.Fingerprint);
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
        _folder.HoldTo(_data.Fingerprint);
        _receipt.Flush(flushToDisk: true);
        new Model(_recipe, _layout, weights, _data).Write(_folder.ModelPath);
    }

    /// <inheritdoc/>
    public void Dispose() => _receipt.Dispose();
}
