using System.Globalization;
using System.Text;
using System.Text.Json;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Runs;

/// <summary>
/// Writes what happens in a run to <c>log.jsonl</c> and the figures of each epoch to <c>epochs.csv</c>. A full disk does not end the run: the
/// lines wait.
/// </summary>
public sealed class RunLog : IDisposable
{
    private readonly AppendedFile _log;
    private readonly AppendedFile _epochs;
    private readonly RunFolder _folder;
    private readonly TimeProvider _time;
    private readonly HashSet<int> _epochsInLog;
    private readonly HashSet<int> _epochsInTable;
    private WorkerSpeeds? _speeds;
    private MembersMeasured? _measured;
    private RunAudited? _audited;

    /// <summary>
    /// Begins or continues the log. Half a last line is cut off, and epochs that the receipt has and the log has not, because the run was stopped
    /// between the two, are written down without their times.
    /// </summary>
    /// <param name="folder">The run folder.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="RunFolderException">The receipt is damaged.</exception>
    public RunLog(RunFolder folder, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(folder);
        _folder = folder;
        _time = time;
        _log = AppendedFile.OfLines(folder.LogPath);
        _epochs = AppendedFile.OfLines(folder.EpochsPath);
        _epochsInLog = LoggedEpochs.OfLog(folder.LogPath);
        _epochsInTable = LoggedEpochs.OfTable(folder.EpochsPath);
        if (_epochs.IsEmpty)
        {
            _epochs.Add("time,epoch,step,loss,val_loss,val_acc,val_mae,val_mse,val_r2,samples_per_second,workers\n"u8.ToArray());
        }

        CatchUp();
    }

    /// <summary>Why lines wait to be written, with the file's name; null: none do.</summary>
    public string? Problem => _log.Problem ?? _epochs.Problem;

    /// <summary>
    /// Writes an event down; progress within an epoch is not, the workers' speeds and what the audit has shown are once for each epoch, and what the
    /// members did last is at the end.
    /// </summary>
    public void Write(RunEvent happened)
    {
        switch (happened)
        {
            case RunProgress:
                break;
            case WorkerSpeeds speeds:
                _speeds = speeds;
                break;
            case MembersMeasured measured:
                _measured = measured;
                break;
            case RunAudited audited:
                _audited = audited;
                break;
            case EpochCompleted completed:
                Write(completed);
                WriteAudit();
                if (_speeds is not null)
                {
                    Append(_speeds);
                }

                break;
            case RunEnded:
                CatchUp();
                WriteAudit();
                if (_measured is not null)
                {
                    Append(_measured);
                }

                Append(happened);
                break;
            default:
                Append(happened);
                break;
        }
    }

    private void WriteAudit()
    {
        if (_audited is not null)
        {
            Append(_audited);
            _audited = null;
        }
    }

    /// <summary>Writes down the epochs that are in the receipt alone; how fast they were is not known.</summary>
    private void CatchUp()
    {
        foreach (var record in Receipt.Read(_folder.ReceiptPath).Epochs)
        {
            Write(new EpochCompleted(record, double.NaN, 0, TimeSpan.Zero));
        }
    }

    private void Write(EpochCompleted completed)
    {
        if (_epochsInLog.Add(completed.Record.Epoch))
        {
            Append(completed);
        }

        if (_epochsInTable.Add(completed.Record.Epoch))
        {
            WriteEpoch(completed);
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
            _time.GetUtcNow().ToString("O", CultureInfo.InvariantCulture), record.Epoch, record.Step, record.Loss, validation?.Loss,
                validation?.Accuracy,
            validation?.MeanAbsoluteError, validation?.MeanSquaredError, validation?.R2,
            double.IsFinite(completed.SamplesPerSecond) ? Math.Round(completed.SamplesPerSecond) : null,
            completed.Workers > 0 ? completed.Workers : null,
        ];
        _epochs.Add(Encoding.UTF8.GetBytes(string.Join(',', cells.Select(cell => Convert.ToString(cell, CultureInfo.InvariantCulture))) + "\n"));
    }
}
