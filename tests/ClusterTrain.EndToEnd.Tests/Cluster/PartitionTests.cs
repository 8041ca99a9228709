using System.Diagnostics;
using Xunit.Abstractions;

namespace ClusterTrain.EndToEnd.Tests;

/// <summary>
/// A worker in a network namespace of its own, whose way to the parameter server alone is cut: the coordinator hears of it, continues without the
/// worker, and takes it back when the way is there again.
/// </summary>
[Collection(IncidentCollection.Name)]
public sealed class PartitionTests(IncidentRun undisturbed, ITestOutputHelper output) : IDisposable
{
    private const string Inside = "clustertrain-a";
    private const string Outside = "clustertrain-b";
    private const string CoordinatorHost = "10.99.0.1";
    private const string ServerHost = "10.99.0.2";

    private readonly Dictionary<string, string> _secret = new() { ["CLUSTERTRAIN_SECRET"] = "a secret of the partition test, long enough" };
    private readonly TemporaryFolder _folder = new();

    public void Dispose()
    {
        _folder.Dispose();
        if (IncidentRun.IsFull)
        {
            Machine.Run("ip", "netns", "del", Inside);
            Machine.Run("ip", "netns", "del", Outside);
        }
    }

    [FullIncidentFact(needsRoot: true)]
    public void A_worker_that_cannot_reach_the_parameter_server_is_lost_and_rejoins_when_it_can()
    {
        MakeNetwork();
        using var coordinator = Start(
            Inside, ["coordinator", "--json", .. IncidentRun.Recipe, "--listen", $"{CoordinatorHost}:7070", "--out", _folder["run"]]);
        coordinator.WaitForLine("\"event\":\"run\"");
        using var server = Start(
            Inside, "parameter-server", "--join", CoordinatorHost, "--name", "server", "--listen", $"{ServerHost}:7071", "--advertise",
                $"{ServerHost}:7071");
        using var near = Start(Inside, "worker", "--join", CoordinatorHost, "--name", "near", "--threads", "1");
        using var far = Start(Outside, "worker", "--join", CoordinatorHost, "--name", "far", "--threads", "1");
        WaitForMember(coordinator, "far", "joined");
        coordinator.WaitForLine("\"event\":\"progress\"");

        var cut = Stopwatch.GetTimestamp();
        Machine.Run("ip", "-n", Outside, "route", "add", "blackhole", $"{ServerHost}/32");
        WaitForMember(coordinator, "far", "lost: ");
        coordinator.WaitForLine("\"event\":\"progress\"");
        output.WriteLine($"went on without it after {Stopwatch.GetElapsedTime(cut).TotalSeconds:F2} s");

        Machine.Run("ip", "-n", Outside, "route", "del", "blackhole", $"{ServerHost}/32");
        WaitForMember(coordinator, "far", "joined");
        Assert.Equal(0, coordinator.WaitForExit());
        Assert.Equal(undisturbed.Receipt, File.ReadAllText(Path.Combine(_folder["run"], "receipt.jsonl")));
    }

    private static void WaitForMember(ClusterTrainProcess coordinator, string name, string what) => coordinator.WaitForLine(
        line => line.Contains($"\"member\":\"{name}/", StringComparison.Ordinal) && line.Contains($"\"what\":\"{what}", StringComparison.Ordinal),
        $"of {name} that {what}");

    private static void MakeNetwork()
    {
        Machine.Run("ip", "netns", "add", Inside);
        Machine.Run("ip", "netns", "add", Outside);
        Machine.Run("ip", "-n", Inside, "link", "set", "lo", "up");
        Machine.Run("ip", "-n", Outside, "link", "set", "lo", "up");
        Machine.Run("ip", "-n", Inside, "link", "add", "to-b", "type", "veth", "peer", "name", "to-a", "netns", Outside);
        foreach (var host in (string[])[CoordinatorHost, ServerHost])
        {
            Machine.Run("ip", "-n", Inside, "address", "add", $"{host}/24", "dev", "to-b");
        }

        Machine.Run("ip", "-n", Outside, "address", "add", "10.99.0.3/24", "dev", "to-a");
        Machine.Run("ip", "-n", Inside, "link", "set", "to-b", "up");
        Machine.Run("ip", "-n", Outside, "link", "set", "to-a", "up");
    }

    private ClusterTrainProcess Start(string network, params string[] args) =>
        ClusterTrainProcess.Start(_secret, args, launcher: ["ip", "netns", "exec", network]);
}
