using System.Globalization;
using System.Text.Json;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Watching;

/// <summary>
/// A run as Chrome trace events, which chrome://tracing and Perfetto show: once a second a step as it was on average in that second, with a lane for
/// each worker and one for the first parameter server; each epoch; and what happened.
/// </summary>
public sealed class RunTrace : IDisposable
{
    // Lanes: 0 the run, 1 the parameter server, then the workers.
    private const int RunLane = 0;
    private const int ServerLane = 1;

    private readonly TimeProvider _time;
    private readonly long _began;
    private readonly StreamWriter _file;
    private readonly Dictionary<string, int> _lanes = [];
    private TimeSpan _epochBegan;
    private string _separator = "[\n";

    /// <summary>Begins a file.</summary>
    /// <param name="path">The file; one that is there is replaced.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public RunTrace(string path, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(time);
        (_time, _began) = (time, time.GetTimestamp());
        _file = new StreamWriter(path) { NewLine = "\n" };
        Name(RunLane, "run");
        Name(ServerLane, "parameter server");
    }

    private TimeSpan Now => _time.GetElapsedTime(_began);

    /// <summary>Writes down what happened.</summary>
    public void Write(RunEvent happened)
    {
        switch (happened)
        {
            case MembersMeasured measured:
                Step(measured, Now);
                _file.Flush();
                break;
            case EpochCompleted { Record: var record }:
                Span(RunLane, string.Create(CultureInfo.InvariantCulture, $"epoch {record.Epoch}"), _epochBegan, Now - _epochBegan, record.Step);
                _epochBegan = Now;
                break;
            case CheckpointSaved saved:
                Instant(string.Create(CultureInfo.InvariantCulture, $"checkpoint of step {saved.Step}"));
                break;
            case MembershipChanged changed:
                Instant($"{changed.Member} {changed.What}");
                break;
            case WorkerLate late:
                Instant(string.Create(CultureInfo.InvariantCulture,
                    $"{late.Worker} is late in step {late.Step}; {late.Helper} computes its share too"));
                break;
            case RunWarning warning:
                Instant(warning.Message);
                break;
        }
    }

    /// <summary>Ends the file.</summary>
    public void Dispose()
    {
        _file.Write("\n]\n");
        _file.Dispose();
    }

    private void Step(MembersMeasured measured, TimeSpan at)
    {
        var step = measured.Steps?.Step ?? 0;
        foreach (var worker in measured.Workers.Where(worker => worker.Leaves > 0))
        {
            var lane = Lane(worker.Worker.Node);
            Span(lane, "compute", at, worker.ComputePerStep, step);
            Span(lane, "wait", at + worker.ComputePerStep, worker.WaitPerStep, step);
        }

        if (measured.Steps is not { } time)
        {
            return;
        }

        var from = at;
        foreach (var (name, length) in new[] { ("await sums", time.Awaited), ("add sums", time.Summed), ("update", time.Updated),
            ("send weights", time.Sent) })
        {
            Span(ServerLane, name, from, length, step);
            from += length;
        }
    }

    private int Lane(string node)
    {
        if (!_lanes.TryGetValue(node, out var lane))
        {
            _lanes.Add(node, lane = ServerLane + 1 + _lanes.Count);
            Name(lane, node);
        }

        return lane;
    }

    private void Name(int lane, string name) => Add("thread_name", "M", lane, json =>
    {
        json.WriteStartObject("args");
        json.WriteString("name", name);
        json.WriteEndObject();
    });

    private void Span(int lane, string name, TimeSpan from, TimeSpan length, long step) => Add(name, "X", lane, json =>
    {
        json.WriteNumber("ts", from.TotalMicroseconds);
        json.WriteNumber("dur", length.TotalMicroseconds);
        json.WriteStartObject("args");
        json.WriteNumber("step", step);
        json.WriteEndObject();
    });

    private void Instant(string text) => Add(text, "i", RunLane, json =>
    {
        json.WriteNumber("ts", Now.TotalMicroseconds);
        json.WriteString("s", "p");
    });

    private void Add(string name, string kind, int lane, Action<Utf8JsonWriter> more)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteString("name", name);
            json.WriteString("ph", kind);
            json.WriteNumber("pid", 1);
            json.WriteNumber("tid", lane);
            more(json);
            json.WriteEndObject();
        }

        _file.Write(_separator);
        _file.Write(System.Text.Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length));
        _separator = ",\n";
    }
}
