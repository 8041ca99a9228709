using System.Globalization;
using System.Text;
using System.Text.Json;
using ClusterTrain.Training;

namespace ClusterTrain.Hosting;

/// <summary>Writes what happens in a run to <c>log.jsonl</c> and the figures of each epoch to <c>epochs.csv</c>.</summary>
public sealed class RunLog : IDisposable
{
    private readonly FileStream _log;
    private readonly FileStream _epochs;
    private readonly TimeProvider _time;
    private WorkerSpeeds? _speeds;

    /// <summary>Begins or continues the log.</summary>
    /// <param name="folder">The run folder.</param>
    /// <param name="time">The clock.</param>
    public RunLog(RunFolder folder, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(folder);
        _time = time;
        _log = new FileStream(folder.LogPath, FileMode.Append, FileAccess.Write, FileShare.Read, 1);
        _epochs = new FileStream(folder.EpochsPath, FileMode.Append, FileAccess.Write, FileShare.Read, 1);
        if (_epochs.Length == 0)
        {
            _epochs.Write("time,epoch,step,loss,val_loss,val_acc,val_mae,val_mse,val_r2,samples_per_second,workers\n"u8);
        }
    }

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
            Describe(json, happened);
            json.WriteEndObject();
        }

        buffer.WriteByte((byte)'\n');
        _log.Write(buffer.GetBuffer().AsSpan(0, (int)buffer.Length));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _log.Dispose();
        _epochs.Dispose();
    }

    private static void Describe(Utf8JsonWriter json, RunEvent happened)
    {
        switch (happened)
        {
            case RunWaiting waiting:
                json.WriteString("event", "waiting");
                json.WriteString("reason", waiting.Reason);
                break;
            case RunBegan began:
                json.WriteString("event", "began");
                json.WriteNumber("step", began.Step);
                json.WriteNumber("workers", began.Workers);
                json.WriteNumber("parameterServers", began.Servers);
                break;
            case MembershipChanged changed:
                json.WriteString("event", "member");
                json.WriteString("member", changed.Member.Name);
                json.WriteString("role", changed.Role == NodeRole.Worker ? "worker" : "parameter-server");
                json.WriteString("what", changed.What);
                break;
            case WorkerSpeeds speeds:
                json.WriteString("event", "speeds");
                json.WriteStartObject("rowsPerSecond");
                foreach (var (worker, speed) in speeds.RowsPerSecond.OrderBy(pair => pair.Key.Name, StringComparer.Ordinal))
                {
                    json.WriteNumber(worker.Name, speed);
                }

                json.WriteEndObject();
                break;
            case EpochCompleted completed:
                json.WriteString("event", "epoch");
                json.WriteNumber("epoch", completed.Record.Epoch);
                json.WriteNumber("loss", completed.Record.Loss);
                json.WriteNumber("samplesPerSecond", completed.SamplesPerSecond);
                json.WriteNumber("workers", completed.Workers);
                json.WriteString("weightsSha256", completed.Record.WeightsSha256);
                break;
            case CheckpointSaved saved:
                json.WriteString("event", "checkpoint");
                json.WriteNumber("step", saved.Step);
                break;
            case RunWarning warning:
                json.WriteString("event", "warning");
                json.WriteString("message", warning.Message);
                break;
            case RunEnded ended:
                json.WriteString("event", "ended");
                DescribeEnd(json, ended.Outcome);
                break;
            default:
                throw new ArgumentException($"unknown event {happened}", nameof(happened));
        }
    }

    private static void DescribeEnd(Utf8JsonWriter json, RunOutcome outcome)
    {
        switch (outcome)
        {
            case RunCompleted completed:
                json.WriteString("outcome", "completed");
                json.WriteNumber("epoch", completed.Epoch);
                json.WriteNumber("step", completed.Step);
                json.WriteBoolean("stoppedEarly", completed.StoppedEarly);
                json.WriteString("weightsSha256", completed.WeightsSha256);
                break;
            case RunInterrupted interrupted:
                json.WriteString("outcome", "interrupted");
                json.WriteNumber("step", interrupted.Step);
                break;
            case RunFailed failed:
                json.WriteString("outcome", "failed");
                json.WriteString("reason", failed.Reason);
                break;
            default:
                throw new ArgumentException($"unknown outcome {outcome}", nameof(outcome));
        }
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
        _epochs.Write(Encoding.UTF8.GetBytes(string.Join(',', cells.Select(cell => Convert.ToString(cell, CultureInfo.InvariantCulture))) + "\n"));
    }
}
