using System.Globalization;
using System.Text.RegularExpressions;

namespace ClusterTrain.EndToEnd.Tests;

/// <summary><c>clustertrain up</c>: a cluster of child processes.</summary>
[Collection(IncidentCollection.Name)]
public sealed class UpTests(IncidentRun undisturbed) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [IncidentFact]
    public void A_local_cluster_gives_the_receipt_of_one_process_and_leaves_no_process_behind()
    {
        using var up = Start("--workers", "3", "--parameter-servers", "2");
        up.WaitForLine("epoch 1/");
        var children = Children(up);
        Assert.Equal(6, children.Count);
        Assert.Equal(0, up.WaitForExit());
        Assert.Equal(undisturbed.Receipt, Receipt);
        Assert.Matches("^weights sha256 [0-9a-f]{64}$", up.LastLine);

        // Two leaves for three workers: two machines have work.
        Assert.Matches(
            "^each step a worker pushed [0-9.]+ kB of sums and received 76.8 kB of weights; ring all-reduce between 2 machines would move 76.8 kB "
            + "each way$",
            Assert.Single(up.Lines, line => line.StartsWith("each step", StringComparison.Ordinal)));
        AssertEnd(children);
    }

    [FullIncidentFact]
    public void A_local_cluster_on_a_busy_machine_warns_of_nothing()
    {
        using var others = new OtherWork(Environment.ProcessorCount);
        using var up = Start("--workers", "3", "--parameter-servers", "2");
        Assert.Equal(0, up.WaitForExit());
        AssertNoWarning(up);
    }

    [IncidentFact]
    public void A_child_that_is_killed_is_started_again()
    {
        using var up = Start("--workers", "2", "--colocate", "--json");
        up.WaitForLine("\"event\":\"progress\"");
        ClusterTrainProcess.Signal(Children(up).First(child => child.CommandLine.Contains("worker-2", StringComparison.Ordinal)).Id, "KILL");
        Assert.Contains("starting it again", up.WaitForLine("worker-2 was killed"), StringComparison.Ordinal);
        up.WaitForLine("\"event\":\"progress\"");
        ClusterTrainProcess.Signal(Children(up).First(child => child.CommandLine.Contains("coordinator", StringComparison.Ordinal)).Id, "KILL");
        Assert.Contains("starting it again", up.WaitForLine("the coordinator was killed"), StringComparison.Ordinal);
        Assert.Equal(0, up.WaitForExit());
        Assert.Equal(undisturbed.Receipt, Receipt);
    }

    [IncidentFact]
    public void Servers_with_several_segments_each_lose_a_worker_and_its_server_and_give_the_receipt_of_one_process() =>
        LoseOneOfSeveralSegments("worker-2", "--colocate");

    [IncidentFact]
    public void Servers_with_several_segments_each_lose_a_server_on_plain_links_and_give_the_receipt_of_one_process() =>
        LoseOneOfSeveralSegments("parameter-server-2", "--parameter-servers", "2", "--no-shared-memory");

    [IncidentFact]
    public void Ctrl_C_leaves_a_run_that_up_resumes()
    {
        using var up = Start("--workers", "2", "--json");
        up.WaitForLine("\"event\":\"progress\"");
        up.Signal("INT");
        Assert.Equal(130, up.WaitForExit());
        if (IncidentRun.IsFull)
        {
            AssertNoWarning(up);
        }

        using var again = ClusterTrainProcess.Run("up", "--out", _folder["run"]);
        Assert.Equal(undisturbed.Receipt, Receipt);
    }

    [IncidentFact]
    public void When_up_itself_is_killed_its_children_end_too()
    {
        using var up = Start("--workers", "2", "--json");
        up.WaitForLine("\"event\":\"progress\"");
        var children = Children(up);
        Assert.Equal(4, children.Count);
        up.Signal("KILL");
        AssertEnd(children);
    }

    // 540,010 parameters: four segments for each of two servers, which exchange their parts of the norm.
    private void LoseOneOfSeveralSegments(string killed, params string[] options)
    {
        string[] recipe =
            [Machine.Recipe("digits.yaml"), "--set", "layers[0].units=7200", "--set", "clip_norm=0.5", "--set", "epochs=12", "--set", "batch=256"];
        using var alone = ClusterTrainProcess.Run(["train", .. recipe, "--out", _folder["alone"]]);
        using var up = ClusterTrainProcess.Start(["up", .. recipe, "--out", _folder["run"], "--workers", "2", "--json", .. options]);
        up.WaitForLine("\"event\":\"progress\"");
        var child = Children(up).First(process => process.CommandLine.Contains(killed, StringComparison.Ordinal));
        ClusterTrainProcess.Signal(child.Id, "KILL");
        Assert.Contains("starting it again", up.WaitForLine("was killed"), StringComparison.Ordinal);
        Assert.Equal(0, up.WaitForExit());
        Assert.Equal(File.ReadAllText(Path.Combine(_folder["alone"], "receipt.jsonl")), Receipt);
        Assert.Contains(up.Lines, line => line.Contains("\"parameterServers\":2", StringComparison.Ordinal));
    }

    private static void AssertNoWarning(ClusterTrainProcess up)
    {
        Assert.DoesNotContain(up.Lines, line => line.Contains("warning", StringComparison.Ordinal));
        Assert.DoesNotContain("warning", up.Errors, StringComparison.Ordinal);
    }

    private string Receipt => File.ReadAllText(Path.Combine(_folder["run"], "receipt.jsonl"));

    private ClusterTrainProcess Start(params string[] options) =>
        ClusterTrainProcess.Start(["up", .. IncidentRun.Recipe, "--out", _folder["run"], .. options]);

    private static List<(int Id, string CommandLine)> Children(ClusterTrainProcess parent) =>
    [
        .. Directory.EnumerateDirectories("/proc").Select(Path.GetFileName).OfType<string>().Where(name => name.All(char.IsAsciiDigit))
            .Select(id => (Id: int.Parse(id, CultureInfo.InvariantCulture), Status: Read($"/proc/{id}/status"),
                CommandLine: Read($"/proc/{id}/cmdline")))
            .Where(process => Regex.IsMatch(process.Status, $@"^PPid:\s+{parent.Id}$", RegexOptions.Multiline))
            .Select(process => (process.Id, process.CommandLine)),
    ];

    private static void AssertEnd(List<(int Id, string CommandLine)> children) => Assert.All(children, child =>
        Assert.True(SpinWait.SpinUntil(() => HasEnded(child.Id), TimeSpan.FromMinutes(2)),
            $"process {child.Id} outlived its parent: {child.CommandLine}"));

    // The first process of a container may never reap orphans: they have ended, but stay on the list as zombies.
    private static bool HasEnded(int id) => Read($"/proc/{id}/status") is var status
        && (status.Length == 0 || Regex.IsMatch(status, @"^State:\s+[ZX]", RegexOptions.Multiline));

    // Processes come and go while they are listed; those of other users may be hidden.
    private static string Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    /// <summary>Threads that keep processors busy, until it is disposed.</summary>
    private sealed class OtherWork : IDisposable
    {
        private volatile bool _isOver;

        public OtherWork(int threads)
        {
            for (var thread = 0; thread < threads; thread++)
            {
                new Thread(Work) { IsBackground = true }.Start();
            }
        }

        public void Dispose() => _isOver = true;

        private void Work()
        {
            while (!_isOver)
            {
                Thread.SpinWait(1000);
            }
        }
    }
}
