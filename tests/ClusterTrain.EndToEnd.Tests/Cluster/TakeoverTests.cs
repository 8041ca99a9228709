using System.Diagnostics;
using System.Globalization;

namespace ClusterTrain.EndToEnd.Tests;

/// <summary>Several nodes that may lead one run, on one run folder: processes that are killed and that hang.</summary>
[Collection(IncidentCollection.Name)]
public sealed class TakeoverTests(IncidentRun undisturbed) : IDisposable
{
    private const string Secret = "a secret of the takeover tests, long enough";

    private readonly TemporaryFolder _folder = new();
    private readonly List<ClusterTrainProcess> _all = [];
    private readonly string[] _addresses = Machine.FreeAddresses(3);

    // The lower one first.
    private readonly string[] _clusterPorts =
        [.. Machine.FreeAddresses(2).Select(address => address.Split(':')[1]).OrderBy(port => int.Parse(port, CultureInfo.InvariantCulture))];

    public void Dispose()
    {
        foreach (var process in _all)
        {
            process.Dispose();
        }

        _folder.Dispose();
    }

    [IncidentFact]
    public void A_leader_that_is_killed_is_replaced_by_one_that_stands_by()
    {
        var leader = Start(out var next);
        var since = Stopwatch.GetTimestamp();
        leader.Kill();

        AssertLeadsWithin(next, since, 3);
        AssertEnds(next);
    }

    [IncidentFact]
    public void A_leader_that_hangs_is_replaced_and_writes_nothing_when_it_wakes() => Hang(isLeaderLower: true);

    [IncidentFact]
    public void A_leader_that_hangs_is_replaced_when_it_has_the_higher_address_too() => Hang(isLeaderLower: false);

    private void Hang(bool isLeaderLower)
    {
        if (!isLeaderLower)
        {
            Array.Reverse(_clusterPorts);
        }

        var leader = Start(out var next);
        var since = Stopwatch.GetTimestamp();
        leader.Signal("STOP");

        AssertLeadsWithin(next, since, 16);
        leader.Signal("CONT");
        AssertEnds(next);

        // It found out, its outcome is that of the run folder, and each epoch is recorded once.
        Assert.True(leader.WaitForExit() == 0, $"the woken coordinator ended with exit code {leader.WaitForExit()}:\n{leader.Errors}");
        Assert.Contains("took the run over", leader.Errors, StringComparison.Ordinal);
        var epochs = File.ReadLines(Path.Combine(_folder["run"], "epochs.csv")).Skip(1).Select(line => line.Split(',')[0]).ToArray();
        Assert.Equal(epochs.Distinct(), epochs);
    }

    [IncidentFact]
    public void A_member_of_another_build_is_refused_unless_the_operator_allows_it()
    {
        var other = OtherBuild();
        var coordinator = StartCoordinator(0, "--join", _addresses[0]);
        coordinator.WaitForLine("\"event\":\"run\"");
        var stranger = Run(other, "worker", "--json", "--join", _addresses[0], "--name", "stranger", "--give-up-seconds", "60");
        Assert.Equal(1, stranger.WaitForExit());
        Assert.Contains("runs another build of ClusterTrain", stranger.Errors + string.Join('\n', stranger.Lines), StringComparison.Ordinal);
    }

    private ClusterTrainProcess Start(out ClusterTrainProcess next)
    {
        var join = string.Join(',', _addresses[..2]);
        var leader = StartCoordinator(0, "--join", join);
        leader.WaitForLine("\"event\":\"run\"");
        next = StartCoordinator(1, "--join", join);
        var standby = next;
        Assert.True(SpinWait.SpinUntil(() => standby.Errors.Contains("standing by", StringComparison.Ordinal), TimeSpan.FromMinutes(2)), next.Errors);
        Run(null, "parameter-server", "--json", "--join", join, "--name", "server", "--listen", "127.0.0.1:0");
        for (var worker = 1; worker <= 2; worker++)
        {
            Run(null, "worker", "--json", "--join", join, "--name", string.Create(CultureInfo.InvariantCulture, $"worker-{worker}"), "--threads",
                "1");
        }

        leader.WaitForLine("\"event\":\"checkpoint\"");
        return leader;
    }

    private static void AssertLeadsWithin(ClusterTrainProcess next, long since, double seconds)
    {
        next.WaitForLine("\"event\":\"run\"");
        var took = Stopwatch.GetElapsedTime(since);
        Assert.True(took < IncidentRun.Bound(seconds), $"another node leads only after {took.TotalSeconds:F1} s");
        next.WaitForLine("\"event\":\"epoch\"");
    }

    private void AssertEnds(ClusterTrainProcess leader)
    {
        Assert.True(leader.WaitForExit() == 0, $"the coordinator ended with exit code {leader.WaitForExit()}:\n{leader.Errors}");
        Assert.Equal(undisturbed.Receipt, File.ReadAllText(Path.Combine(_folder["run"], "receipt.jsonl")));
    }

    private ClusterTrainProcess StartCoordinator(int number, params string[] options) => Run(
        null, ["coordinator", "--json", .. IncidentRun.Recipe, "--out", _folder["run"], "--listen", _addresses[number],
            "--cluster-port", _clusterPorts[number], .. options]);

    private ClusterTrainProcess Run(string? program, params string[] args)
    {
        var process = ClusterTrainProcess.Start(new Dictionary<string, string> { ["CLUSTERTRAIN_SECRET"] = Secret }, args, program: program);
        _all.Add(process);
        return process;
    }

    /// <summary>Copies the program, with another name of a method of its kernels.</summary>
    private string OtherBuild()
    {
        var copy = Directory.CreateDirectory(_folder["other"]).FullName;
        foreach (var file in Directory.EnumerateFiles(Path.GetDirectoryName(ClusterTrainProcess.Program)!))
        {
            File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        }

        var kernels = Path.Combine(copy, "ClusterTrain.Numerics.dll");
        var bytes = File.ReadAllBytes(kernels);
        var at = bytes.AsSpan().IndexOf("SpinUntilZero"u8);
        Assert.True(at > 0, "the method was not found");
        bytes[at]++;
        File.WriteAllBytes(kernels, bytes);
        return Path.Combine(copy, "clustertrain.dll");
    }
}
