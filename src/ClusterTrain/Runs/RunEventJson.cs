using System.Collections.Immutable;
using System.Text.Json;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Runs;

/// <summary>The events of a run as JSON: the lines of <c>log.jsonl</c>, and what <c>clustertrain train --json</c> prints.</summary>
public static class RunEventJson
{
    /// <summary>Writes an event as members of the present object; the first is <c>event</c>, its name.</summary>
    /// <param name="json">Receives the members.</param>
    /// <param name="happened">The event.</param>
    /// <exception cref="ArgumentException">The event is of an unknown type.</exception>
    public static void Write(Utf8JsonWriter json, RunEvent happened)
    {
        ArgumentNullException.ThrowIfNull(json);
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
            case RunProgress progress:
                json.WriteString("event", "progress");
                json.WriteNumber("step", progress.Step);
                json.WriteFigure("loss", progress.Loss);
                json.WriteFigure("samplesPerSecond", progress.SamplesPerSecond);
                break;
            case WorkerSpeeds speeds:
                json.WriteString("event", "speeds");
                json.WriteStartObject("rowsPerSecond");
                foreach (var (worker, speed) in speeds.RowsPerSecond.OrderBy(pair => pair.Key.Name, StringComparer.Ordinal))
                {
                    json.WriteFigure(worker.Name, speed);
                }

                json.WriteEndObject();
                break;
            case MembersMeasured measured:
                WriteMeasures(json, measured);
                break;
            case WorkerLate late:
                json.WriteString("event", "late");
                json.WriteString("member", late.Worker.Name);
                json.WriteString("helper", late.Helper.Name);
                json.WriteNumber("step", late.Step);
                break;
            case EpochCompleted completed:
                WriteEpoch(json, completed);
                break;
            case RunAudited audited:
                json.WriteString("event", "audited");
                WriteAudit(json, audited.Totals);
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
                WriteEnd(json, ended.Outcome);
                break;
            default:
                throw new ArgumentException($"unknown event {happened}", nameof(happened));
        }
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <param name="json">An object.</param>
    /// <returns>The event; null when the object is not one.</returns>
    public static RunEvent? Read(JsonElement json) => Text(json, "event") switch
    {
        "waiting" => new RunWaiting(Text(json, "reason")),
        "began" => new RunBegan(Whole(json, "step"), (int)Whole(json, "workers"), (int)Whole(json, "parameterServers")),
        "member" => new MembershipChanged(
            new ActorId(Text(json, "member")), Text(json, "role") == "worker" ? NodeRole.Worker : NodeRole.ParameterServer, Text(json, "what")),
        "progress" => new RunProgress(Whole(json, "step"), Figure(json, "loss"), Figure(json, "samplesPerSecond")),
        "speeds" => new WorkerSpeeds(
            json.GetProperty("rowsPerSecond").EnumerateObject()
                .ToImmutableDictionary(speed => new ActorId(speed.Name), speed => speed.Value.GetFigure())),
        "measures" => ReadMeasures(json),
        "late" => new WorkerLate(new ActorId(Text(json, "member")), new ActorId(Text(json, "helper")), Whole(json, "step")),
        "epoch" => new EpochCompleted(
            new EpochRecord(
                (int)Whole(json, "epoch"), Whole(json, "step"), Figure(json, "loss"),
                json.TryGetProperty("validation", out var validation) ? EvaluationJson.Read(validation) : null, Text(json, "weightsSha256")),
            Figure(json, "samplesPerSecond"), (int)Whole(json, "workers"), TimeSpan.FromSeconds(Figure(json, "remainingSeconds"))),
        "audited" => new RunAudited(
            new AuditTotals(Whole(json, "verifiedStep"), Whole(json, "shares"), Whole(json, "differed"), Whole(json, "missed"))),
        "checkpoint" => new CheckpointSaved(Whole(json, "step")),
        "warning" => new RunWarning(Text(json, "message")),
        "ended" => new RunEnded(Text(json, "outcome") switch
        {
            "completed" => new RunCompleted(
                (int)Whole(json, "epoch"), Whole(json, "step"), Text(json, "weightsSha256"), json.GetProperty("stoppedEarly").GetBoolean()),
            "interrupted" => new RunInterrupted(Whole(json, "step")),
            _ => new RunFailed(Text(json, "reason")),
        }),
        _ => null,
    };

    /// <summary>Writes what an audit has shown as members of the present object.</summary>
    public static void WriteAudit(Utf8JsonWriter json, AuditTotals totals)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentNullException.ThrowIfNull(totals);
        json.WriteNumber("verifiedStep", totals.VerifiedStep);
        json.WriteNumber("shares", totals.Shares);
        json.WriteNumber("differed", totals.Differed);
        json.WriteNumber("missed", totals.Missed);
    }

    private static string Text(JsonElement json, string name) => json.GetProperty(name).GetString()!;

    private static long Whole(JsonElement json, string name) => json.GetProperty(name).GetInt64();

    private static double Figure(JsonElement json, string name) => json.GetProperty(name).GetFigure();

    private static TimeSpan Seconds(JsonElement json, string name) => TimeSpan.FromSeconds(Figure(json, name));

    private static void WriteMeasures(Utf8JsonWriter json, MembersMeasured measured)
    {
        json.WriteString("event", "measures");
        if (measured.Steps is { } steps)
        {
            json.WriteNumber("step", steps.Step);
            json.WriteFigure("awaited", steps.Awaited.TotalSeconds);
            json.WriteFigure("summed", steps.Summed.TotalSeconds);
            json.WriteFigure("updated", steps.Updated.TotalSeconds);
            json.WriteFigure("sent", steps.Sent.TotalSeconds);
            json.WriteFigure("gradientNorm", steps.GradientNorm);
        }

        json.WriteStartArray("workers");
        foreach (var worker in measured.Workers)
        {
            json.WriteStartObject();
            json.WriteString("worker", worker.Worker.Name);
            json.WriteNumber("leaves", worker.Leaves);
            json.WriteFigure("rowsPerSecond", Math.Round(worker.RowsPerSecond));
            json.WriteFigure("compute", worker.ComputePerStep.TotalSeconds);
            json.WriteFigure("wait", worker.WaitPerStep.TotalSeconds);
            json.WriteNumber("bytes", worker.BytesPerStep);
            if (worker.IsLate)
            {
                json.WriteBoolean("late", true);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("serving");
        foreach (var server in measured.Serving)
        {
            json.WriteStringValue(server.Name);
        }

        json.WriteEndArray();
    }

    private static MembersMeasured ReadMeasures(JsonElement json) => new(
        [
            .. json.GetProperty("workers").EnumerateArray().Select(worker => new WorkerMeasure(
                new ActorId(Text(worker, "worker")), (int)Whole(worker, "leaves"), Figure(worker, "rowsPerSecond"), Seconds(worker, "compute"),
                Seconds(worker, "wait"), Whole(worker, "bytes"), worker.TryGetProperty("late", out _))),
        ],
        json.TryGetProperty("step", out var step)
            ? new StepMeasure(
                step.GetInt64(), Seconds(json, "awaited"), Seconds(json, "summed"), Seconds(json, "updated"), Seconds(json, "sent"),
                Figure(json, "gradientNorm"))
            : null,
        [.. json.GetProperty("serving").EnumerateArray().Select(server => new ActorId(server.GetString()!))]);

    private static void WriteEpoch(Utf8JsonWriter json, EpochCompleted completed)
    {
        var record = completed.Record;
        json.WriteString("event", "epoch");
        json.WriteNumber("epoch", record.Epoch);
        json.WriteNumber("step", record.Step);
        json.WriteFigure("loss", record.Loss);
        if (record.Validation is { } validation)
        {
            json.WriteStartObject("validation");
            EvaluationJson.Write(json, validation);
            json.WriteEndObject();
        }

        json.WriteFigure("samplesPerSecond", completed.SamplesPerSecond);
        json.WriteNumber("workers", completed.Workers);
        json.WriteFigure("remainingSeconds", completed.Remaining.TotalSeconds);
        json.WriteString("weightsSha256", record.WeightsSha256);
    }

    private static void WriteEnd(Utf8JsonWriter json, RunOutcome outcome)
    {
        json.WriteString("event", "ended");
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
}
