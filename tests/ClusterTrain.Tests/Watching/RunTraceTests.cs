using System.Text.Json;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;
using ClusterTrain.Watching;

namespace ClusterTrain.Tests;

/// <summary>The trace of a run is what trace viewers read.</summary>
public sealed class RunTraceTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_step_has_a_lane_for_each_worker_and_one_for_the_server()
    {
        var path = Path.Combine(_folder.Path, "trace.json");
        using (var trace = new RunTrace(path, TimeProvider.System))
        {
            trace.Write(new MembershipChanged(new ActorId("worker-1/aa"), NodeRole.Worker, "joined"));
            trace.Write(new MembersMeasured(
                [Worker("worker-1/aa", 2), Worker("worker-2/aa", 3)],
                new StepMeasure(40, Milliseconds(4), Milliseconds(0.5), Milliseconds(0.25), Milliseconds(0.125), double.NaN),
                    [new ActorId("server/aa")]));
            trace.Write(new EpochCompleted(new EpochRecord(1, 40, 0.5, null, "aa"), 1000, 2, TimeSpan.Zero));
        }

        using var json = JsonDocument.Parse(File.ReadAllText(path));
        var events = json.RootElement.EnumerateArray().ToArray();
        var lanes = events.Where(one => Text(one, "ph") == "M")
            .ToDictionary(one => one.GetProperty("args").GetProperty("name").GetString()!, one => one.GetProperty("tid").GetInt32());
        Assert.Equal(["run", "parameter server", "worker-1", "worker-2"], lanes.Keys);
        Assert.Equal(4, lanes.Values.Distinct().Count());
        var compute = events.Single(one => Text(one, "name") == "compute" && one.GetProperty("tid").GetInt32() == lanes["worker-2"]);
        Assert.Equal(3000, compute.GetProperty("dur").GetDouble(), 3);
        Assert.Equal(40, compute.GetProperty("args").GetProperty("step").GetInt64());
        Assert.Equal(
            ["await sums", "add sums", "update", "send weights"],
            events.Where(one => Text(one, "ph") == "X" && one.GetProperty("tid").GetInt32() == lanes["parameter server"])
                .Select(one => Text(one, "name")));
        Assert.Contains(events, one => Text(one, "name") == "epoch 1");
        Assert.Contains(events, one => Text(one, "ph") == "i" && Text(one, "name") == "worker-1/aa joined");
    }

    private static string Text(JsonElement json, string name) => json.GetProperty(name).GetString()!;

    private static TimeSpan Milliseconds(double time) => TimeSpan.FromMilliseconds(time);

    private static WorkerMeasure Worker(string id, double compute) =>
        new(new ActorId(id), 4, 1000, Milliseconds(compute), Milliseconds(1), 4000, false);
}
