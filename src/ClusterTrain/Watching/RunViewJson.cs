using System.Text.Json;
using ClusterTrain.Runs;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Watching;

/// <summary>A run's live state as JSON, for <c>status</c>, <c>top</c> and <c>/api/runs</c>.</summary>
public static class RunViewJson
{
    /// <summary>Writes it as members of the present object.</summary>
    /// <param name="json">Receives the members.</param>
    /// <param name="view">The state.</param>
    /// <param name="now">The time, for ages.</param>
    /// <param name="mostMachines">Machines at most: those that need a look come first.</param>
    public static void Write(Utf8JsonWriter json, RunView view, DateTimeOffset now, int mostMachines)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentNullException.ThrowIfNull(view);
        json.WriteString("state", view.State);
        if (view.Run is { } run)
        {
            json.WriteString("recipe", run.Recipe.Name);
            json.WriteString("folder", run.Folder);
            json.WriteNumber("epochs", run.Recipe.Epochs);
            if (run.Steps > 0)
            {
                json.WriteNumber("steps", run.Steps);
            }
        }

        if (view.Leader is not null)
        {
            json.WriteString("coordinator", view.Leader);
            json.WriteNumber("term", view.Term);
        }

        json.WriteNumber("workers", view.Machines.Count(machine => machine is { IsThere: true, Role: NodeRole.Worker }));
        WritePace(json, view);
        if (view.CheckpointStep is { } step)
        {
            json.WriteNumber("checkpointStep", step);
            json.WriteFigure("checkpointAgeSeconds", Math.Round(Math.Max(0, (now - view.CheckpointAt!.Value).TotalSeconds), 1));
        }

        if (view.Bottleneck.Length > 0)
        {
            json.WriteString("bottleneck", view.Bottleneck);
        }

        if (view.Audit is { } audit)
        {
            json.WriteStartObject("audit");
            RunEventJson.WriteAudit(json, audit);
            json.WriteString("sentence", audit.Sentence);
            json.WriteEndObject();
        }

        if (view.StepTime is { } time)
        {
            json.WriteStartObject("stepSeconds");
            json.WriteFigure("awaited", time.Awaited.TotalSeconds);
            json.WriteFigure("summed", time.Summed.TotalSeconds);
            json.WriteFigure("updated", time.Updated.TotalSeconds);
            json.WriteFigure("sent", time.Sent.TotalSeconds);
            json.WriteEndObject();
        }

        json.WriteStartArray("machines");
        foreach (var machine in InOrder(view.Machines).Take(mostMachines))
        {
            Write(json, machine);
        }

        json.WriteEndArray();
    }

    /// <summary>Machines that need a look first: gone or late ones, then the slowest.</summary>
    public static IEnumerable<MachineView> InOrder(IEnumerable<MachineView> machines) => machines
        .OrderBy(machine => machine.State is MachineState.Late or MachineState.Lost or MachineState.Excluded ? 0 : machine.Role == NodeRole.Worker ? 1
            : 2)
        .ThenByDescending(machine => machine.Measure?.ComputePerStep ?? TimeSpan.Zero);

    /// <summary>The state in a word, as it is written.</summary>
    public static string Word(MachineState state) => state.ToString().ToLowerInvariant();

    private static void WritePace(Utf8JsonWriter json, RunView view)
    {
        if (view.Step > 0)
        {
            json.WriteNumber("step", view.Step);
            json.WriteFigure("loss", view.Loss);
            json.WriteFigure("samplesPerSecond", view.SamplesPerSecond);
        }

        if (double.IsFinite(view.IdealSamplesPerSecond))
        {
            json.WriteFigure("idealSamplesPerSecond", Math.Round(view.IdealSamplesPerSecond));
        }

        if (view.Remaining is { } remaining)
        {
            json.WriteFigure("remainingSeconds", Math.Round(remaining.TotalSeconds, 1));
        }

        if (view.Recorded > 0)
        {
            json.WriteNumber("epoch", view.Recorded);
            json.WriteString("weightsSha256", view.Newest[^1].Record.WeightsSha256);
        }
    }

    private static void Write(Utf8JsonWriter json, MachineView machine)
    {
        json.WriteStartObject();
        json.WriteString("name", machine.Name);
        json.WriteString("member", machine.Id.Name);
        json.WriteString("role", machine.Role == NodeRole.Worker ? "worker" : "parameter-server");
        json.WriteString("state", Word(machine.State));
        json.WriteNumber("restarts", machine.Restarts);
        if (machine.Measure is { } measure)
        {
            json.WriteNumber("leaves", measure.Leaves);
            json.WriteFigure("computeSeconds", measure.ComputePerStep.TotalSeconds);
            json.WriteFigure("waitSeconds", measure.WaitPerStep.TotalSeconds);
            json.WriteNumber("bytesPerStep", measure.BytesPerStep);
            json.WriteFigure("rowsPerSecond", Math.Round(measure.RowsPerSecond));
        }

        json.WriteEndObject();
    }
}
