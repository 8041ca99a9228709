using System.Text.Json;

namespace ClusterTrain.Cli.Output;

/// <summary>What a run is, as the first JSON line of a command that trains.</summary>
internal static class RunDescriptionJson
{
    /// <summary>Writes it as members of the present object; the first is <c>event</c>.</summary>
    public static void Write(Utf8JsonWriter json, RunDescription run)
    {
        json.WriteString("event", "run");
        json.WriteString("recipe", run.Recipe);
        json.WriteString("folder", run.Folder);
        json.WriteBoolean("resumed", run.IsResumed);
        json.WriteStartArray("layers");
        foreach (var width in run.Widths)
        {
            json.WriteNumberValue(width);
        }

        json.WriteEndArray();
        json.WriteNumber("parameters", run.Parameters);
        json.WriteNumber("gradientBytes", run.GradientBytes);
        json.WriteNumber("rows", run.Rows);
        json.WriteNumber("batchRows", run.BatchRows);
        json.WriteNumber("leaves", run.Leaves);
        json.WriteNumber("epochs", run.Epochs);
        json.WriteNumber("stepsPerEpoch", run.StepsPerEpoch);
        json.WriteBoolean("classification", run.IsClassification);
        json.WriteNumber("workers", run.Workers);
        json.WriteNumber("threads", run.Threads);
        json.WriteNumber("parameterServers", run.ParameterServers);
        json.WriteString("kernels", run.Kernels);
        if (run.Address is { } address)
        {
            json.WriteString("address", address);
        }

        json.WriteString("resumeCommand", run.ResumeCommand);
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    public static RunDescription Read(JsonElement json) => new()
    {
        Recipe = json.GetProperty("recipe").GetString()!,
        Folder = json.GetProperty("folder").GetString()!,
        IsResumed = json.GetProperty("resumed").GetBoolean(),
        Widths = [.. json.GetProperty("layers").EnumerateArray().Select(width => width.GetInt32())],
        Parameters = json.GetProperty("parameters").GetInt64(),
        GradientBytes = json.GetProperty("gradientBytes").GetInt32(),
        Rows = json.GetProperty("rows").GetInt64(),
        BatchRows = json.GetProperty("batchRows").GetInt32(),
        Leaves = json.GetProperty("leaves").GetInt32(),
        Epochs = json.GetProperty("epochs").GetInt32(),
        StepsPerEpoch = json.GetProperty("stepsPerEpoch").GetInt64(),
        IsClassification = json.GetProperty("classification").GetBoolean(),
        Workers = json.GetProperty("workers").GetInt32(),
        Threads = json.GetProperty("threads").GetInt32(),
        ParameterServers = json.GetProperty("parameterServers").GetInt32(),
        Kernels = json.GetProperty("kernels").GetString()!,
        Address = json.TryGetProperty("address", out var address) ? address.GetString() : null,
        ResumeCommand = json.GetProperty("resumeCommand").GetString()!,
    };
}
