using System.Text.Json;
using ClusterTrain.Watching;

namespace ClusterTrain.Dashboard.Telemetry;

/// <summary>The runs that this process shows.</summary>
internal sealed class WatchedRuns
{
    private static readonly TimeSpan s_diskPeriod = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly TimeProvider _time;
    private readonly Dictionary<string, (long At, RunDisk Disk)> _disks = [];
    private int _readers;

    public WatchedRuns(IReadOnlyList<RunWatch> runs, TimeProvider time)
    {
        _time = time;
        All = [.. runs.Select((watch, index) => new WatchedEntry(index, watch))];
    }

    /// <summary>The runs.</summary>
    public IReadOnlyList<WatchedEntry> All { get; }

    /// <summary>Pages that are open.</summary>
    public int Readers => Volatile.Read(ref _readers);

    /// <summary>A page was opened, or closed.</summary>
    public void Count(int change) => Interlocked.Add(ref _readers, change);

    /// <summary>The disk that a run is written to; asked every few seconds. Null: there is no folder.</summary>
    public RunDisk? Disk(RunView view)
    {
        if (view.Run is not { Folder: { Length: > 0 } folder } || !Directory.Exists(folder))
        {
            return null;
        }

        lock (_gate)
        {
            if (!_disks.TryGetValue(folder, out var known) || _time.GetElapsedTime(known.At) > s_diskPeriod)
            {
                _disks[folder] = known = (_time.GetTimestamp(), RunDisk.Of(folder));
            }

            return known.Disk;
        }
    }

    /// <summary>All runs as JSON.</summary>
    public byte[] Json()
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartArray();
            foreach (var run in All)
            {
                json.WriteStartObject();
                RunViewJson.Write(json, run.Watch.View(), _time.GetUtcNow(), int.MaxValue);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        return bytes.ToArray();
    }
}

/// <summary>A run that is shown.</summary>
/// <param name="Index">Its number, from 0.</param>
/// <param name="Watch">What is known of it.</param>
public sealed record WatchedEntry(int Index, RunWatch Watch)
{
    /// <summary>Its name on the page: that of its folder.</summary>
    public string Name =>
        Watch.View().Run is not { } run ? "waiting for a run"
        : Path.GetFileName(Path.TrimEndingDirectorySeparator(run.Folder)) is { Length: > 0 } folder ? folder
        : run.Recipe.Name;
}
