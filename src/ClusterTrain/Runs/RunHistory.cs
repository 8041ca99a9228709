using System.Text;
using System.Text.Json;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Runs;

/// <summary>What the log of a run folder tells, also while another process writes it.</summary>
public static class RunHistory
{
    /// <summary>The events of <c>log.jsonl</c>; lines that cannot be read are left out.</summary>
    /// <param name="folder">The run folder.</param>
    public static IEnumerable<(RunEvent Happened, DateTimeOffset At)> Read(string folder)
    {
        var position = 0L;
        return Read(folder, ref position);
    }

    /// <summary>The events that were added since a position.</summary>
    /// <param name="folder">The run folder.</param>
    /// <param name="position">The position in bytes; moves behind the last whole line.</param>
    public static IReadOnlyList<(RunEvent Happened, DateTimeOffset At)> Read(string folder, ref long position)
    {
        var path = Path.Combine(folder, "log.jsonl");
        if (!File.Exists(path))
        {
            return [];
        }

        byte[] bytes;
        using (var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite))
        {
            if (file.Length <= position)
            {
                return [];
            }

            file.Position = position;
            bytes = new byte[file.Length - position];
            file.ReadExactly(bytes);
        }

        var whole = Array.LastIndexOf(bytes, (byte)'\n') + 1;
        position += whole;
        var events = new List<(RunEvent, DateTimeOffset)>();
        for (var start = 0; start < whole;)
        {
            var end = Array.IndexOf(bytes, (byte)'\n', start);
            if (Parse(bytes.AsMemory(start, end - start)) is { } line)
            {
                events.Add(line);
            }

            start = end + 1;
        }

        return events;
    }

    /// <summary>What the audits of a run have shown so far.</summary>
    /// <param name="folder">The run folder.</param>
    public static AuditTotals Audited(string folder)
    {
        var path = Path.Combine(folder, "log.jsonl");
        if (!File.Exists(path))
        {
            return AuditTotals.None;
        }

        // Most runs have none: only the lines that may be one are read.
        using var file = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        var last = AuditTotals.None;
        while (file.ReadLine() is { } line)
        {
            if (line.Contains("\"audited\"", StringComparison.Ordinal) && Parse(Encoding.UTF8.GetBytes(line)) is { Happened: RunAudited audited })
            {
                last = audited.Totals;
            }
        }

        return last;
    }

    private static (RunEvent Happened, DateTimeOffset At)? Parse(ReadOnlyMemory<byte> line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            return RunEventJson.Read(json.RootElement) is { } happened ? (happened, json.RootElement.GetProperty("time").GetDateTimeOffset()) : null;
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            // As everywhere a log is read: a damaged line tells nothing.
            return null;
        }
    }
}
