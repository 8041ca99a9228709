using System.Globalization;
using System.Text;
using System.Text.Json;
using ClusterTrain.Training;

namespace ClusterTrain.Hosting;

/// <summary>
/// Writes what happens in a run to <c>log.jsonl</c> and the figures of each epoch to <c>epochs.csv</c>. A full disk does not end the run: the
/// lines wait.
/// </summary>
public sealed class RunLog : IDisposable
{
    private readonly AppendedFile _log;
    private readonly AppendedFile _epochs;
    private readonly TimeProvider _time;
    private WorkerSpeeds? _speeds;

    /// <summary>Begins or continues the log.</summary>
    /// <param name="folder">The run folder.</param>
    /// <param name="time">The clock.</param>
    public RunLog(RunFolder folder, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(folder);
        _time = time;
        _log = new AppendedFile(folder.LogPath);
        _epochs = new AppendedFile(folder.EpochsPath);
        if (_epochs.IsEmpty)
        {
            _epochs.Add("time,epoch,step,loss,val_loss,val_acc,val_mae,val_mse,val_r2,samples_per_second,workers\n"u8.ToArray());
        }
    }

    /// <summary>Why lines wait to be written, with the file's name; null: none do.</summary>
    public string? Problem => _log.Problem ?? _epochs.Problem;

    /// <summary>Writes an event down; progress within an epoch is not, and the workers' speeds are once for each epoch.</summary>
    public void Write(RunEvent happened)
    {
        switch (happened)
        {
            case RunProgress:
                break;
            case WorkerSpeeds speeds:
                _speeds = speeds;
                break;
            case EpochCompleted completed:
                Append(completed);
                WriteEpoch(completed);
                if (_speeds is not null)
                {
                    Append(_speeds);
                }

                break;
            default:
                Append(happened);
                break;
        }
    }

    private void Append(RunEvent happened)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("time", _time.GetUtcNow().ToString("O", CultureInfo.InvariantCulture));
            RunEventJson.Write(json, happened);
            json.WriteEndObject();
        }

        buffer.WriteByte((byte)'\n');
        _log.Add(buffer.ToArray());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _log.Dispose();
        _epochs.Dispose();
    }

    private void WriteEpoch(EpochCompleted completed)
    {
        var record = completed.Record;
        var validation = record.Validation;
        object?[] cells =
        [
            _time.GetUtcNow().ToString("O", CultureInfo.InvariantCulture), record.Epoch, record.Step, record.Loss, validation?.Loss, validation?.Accuracy,
            validation?.MeanAbsoluteError, validation?.MeanSquaredError, validation?.R2, Math.Round(completed.SamplesPerSecond), completed.Workers,
        ];
        _epochs.Add(Encoding.UTF8.GetBytes(string.Join(',', cells.Select(cell => Convert.ToString(cell, CultureInfo.InvariantCulture))) + "\n"));
    }
}
