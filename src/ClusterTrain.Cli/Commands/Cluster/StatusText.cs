using System.Globalization;
using System.Text.Json;
using ClusterTrain.Cli.Output;
using ClusterTrain.Runs;
using ClusterTrain.Watching;

namespace ClusterTrain.Cli.Commands.Cluster;

/// <summary>The status of a cluster as people read it.</summary>
internal static class StatusText
{
    /// <summary>Writes it.</summary>
    /// <param name="status">What the cluster answered.</param>
    /// <param name="output">Receives it.</param>
    public static void Show(JsonElement status, TextWriter output)
    {
        foreach (var field in status.EnumerateObject().Where(field => field.Value.ValueKind is not (JsonValueKind.Array or JsonValueKind.Object)))
        {
            output.WriteLine($"{field.Name,-22} {Shown(field)}");
        }

        if (status.TryGetProperty("audit", out var audit))
        {
            output.WriteLine($"{"audit",-22} {audit.GetProperty("sentence").GetString()}");
        }

        if (status.TryGetProperty("stepSeconds", out var parts))
        {
            output.WriteLine($"{"time of a step",-22} "
                + $"{string.Join(", ", parts.EnumerateObject().Select(part => $"{part.Name} {Time(part.Value)}"))}");
        }

        if (status.TryGetProperty("machines", out var machines) && machines.GetArrayLength() > 0)
        {
            output.WriteLine();
            foreach (var line in Table(machines).Lines())
            {
                output.WriteLine(line);
            }

            output.WriteLine();
        }

        foreach (var node in status.GetProperty("nodes").EnumerateArray())
        {
            output.WriteLine(
                $"{"node",-22} {node.GetProperty("address").GetString()}  {node.GetProperty("status").GetString()}  "
                    + $"{node.GetProperty("roles").GetString()}");
        }

        foreach (var member in status.GetProperty("members").EnumerateArray())
        {
            output.WriteLine($"{"member",-22} {member.GetString()}");
        }
    }

    private static TextTable Table(JsonElement machines)
    {
        var table = new TextTable("machine", "role", "state", "leaves", "computes", "waits", "pushes", "rows/s", "restarts");
        foreach (var machine in machines.EnumerateArray())
        {
            var isMeasured = machine.TryGetProperty("leaves", out var leaves);
            table.Add(
                machine.GetProperty("name").GetString()!,
                machine.GetProperty("role").GetString()!,
                machine.GetProperty("state").GetString()!,
                isMeasured ? leaves.ToString() : "",
                isMeasured ? Time(machine.GetProperty("computeSeconds")) : "",
                isMeasured ? Time(machine.GetProperty("waitSeconds")) : "",
                isMeasured ? Figures.Bytes(machine.GetProperty("bytesPerStep").GetInt64()) : "",
                isMeasured ? Figures.Count((long)machine.GetProperty("rowsPerSecond").GetFigure()) : "",
                machine.GetProperty("restarts").ToString());
        }

        return table;
    }

    private static string Time(JsonElement seconds) => Bottleneck.Time(TimeSpan.FromSeconds(seconds.GetFigure()));

    private static string Shown(JsonProperty field) => field.Name switch
    {
        "samplesPerSecond" or "idealSamplesPerSecond" => Figures.Count((long)field.Value.GetFigure()),
        "remainingSeconds" => Figures.Time(TimeSpan.FromSeconds(field.Value.GetFigure())),
        "loss" => field.Value.GetFigure().ToString("0.######", CultureInfo.InvariantCulture),
        _ => field.Value.ToString(),
    };
}
