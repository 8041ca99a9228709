using System.Text.Json;
using Xunit.Abstractions;

namespace ClusterTrain.EndToEnd.Tests;

public sealed class TrainProcessTests(ITestOutputHelper output) : IDisposable
{
    private const int MostStarts = 8;
    private static readonly TimeSpan s_firstStep = IncidentRun.Bound(1);

    private readonly TemporaryFolder _folder = new();

    /// <summary>Environments that make the kernels take another path.</summary>
    public static TheoryData<string, string, string> Paths => new()
    {
        { "DOTNET_EnableAVX512", "0", "digits.yaml" },
        { "DOTNET_EnableAVX2", "0", "digits.yaml" },
        { "DOTNET_EnableHWIntrinsic", "0", "digits.yaml" },
        { "CLUSTERTRAIN_KERNELS", "scalar", "digits.yaml" },
        { "DOTNET_EnableAVX512", "0", "or-gate.yaml" },
        { "DOTNET_EnableAVX2", "0", "xor.yaml" },
        { "DOTNET_EnableHWIntrinsic", "0", "xor-3-4-1.yaml" },
    };

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Paths))]
    public void Processors_with_fewer_instructions_give_the_same_receipt(string variable, string value, string recipe)
    {
        using var widest = ClusterTrainProcess.Run(Train("widest", Machine.Recipe(recipe), "--set", "epochs=20"));
        using var narrow = ClusterTrainProcess.Run(new Dictionary<string, string> { [variable] = value },
            Train("narrow", Machine.Recipe(recipe), "--set", "epochs=20"));
        Assert.Equal(widest.LastLine, narrow.LastLine);
        Assert.Equal(Receipt("widest"), Receipt("narrow"));
        output.WriteLine($"{variable}={value}: {narrow.Lines[1]}");
    }

    [Theory]
    [InlineData("INT", 130)]
    [InlineData("TERM", 143)]
    [InlineData("HUP", 129)]
    public void A_run_stopped_by_a_signal_in_mid_epoch_and_resumed_gives_the_bits_of_one_left_alone(string signal, int exitCode)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        using var alone = ClusterTrainProcess.Run(Train("alone", "--set", "epochs=400"));
        using var stopped = ClusterTrainProcess.Start(Train("stopped", "--set", "epochs=400", "--json"));
        stopped.WaitForLine("\"event\":\"began\"");
        stopped.Signal(signal);
        Assert.Equal(exitCode, stopped.WaitForExit());
        Assert.Contains("\"outcome\":\"interrupted\"", stopped.LastLine, StringComparison.Ordinal);
        using var resumed = ClusterTrainProcess.Run("train", "--resume", _folder["stopped"], "--workers", "2");
        Assert.Equal(alone.LastLine, resumed.LastLine);
        Assert.Equal(Receipt("alone"), Receipt("stopped"));
    }

    [Fact]
    public void A_process_that_is_killed_resumes_from_its_last_checkpoint()
    {
        using var alone = ClusterTrainProcess.Run(Train("alone", "--set", "epochs=100"));
        using var killed = ClusterTrainProcess.Start(Train("killed", "--set", "epochs=100", "--json", "--checkpoint-steps", "30"));
        killed.WaitForLine("\"event\":\"checkpoint\"");
        killed.Kill();
        using var resumed = ClusterTrainProcess.Run("train", "--resume", _folder["killed"]);
        Assert.Equal(alone.LastLine, resumed.LastLine);
        Assert.Equal(Receipt("alone"), Receipt("killed"));
    }

    [Fact]
    public void Without_an_out_folder_two_runs_in_one_second_get_two_folders_below_the_current_one()
    {
        var none = new Dictionary<string, string>();
        string[] arguments = ["train", "--set", "epochs=1", "--quiet"];
        using var first = ClusterTrainProcess.Start(none, arguments, _folder.Path);
        using var second = ClusterTrainProcess.Start(none, arguments, _folder.Path);
        Assert.Equal(0, first.WaitForExit());
        Assert.Equal(0, second.WaitForExit());
        Assert.Equal(first.LastLine, second.LastLine);
        var runs = Directory.GetDirectories(_folder["runs"]);
        Assert.Equal(2, runs.Length);
        Assert.All(runs, run => Assert.Matches("digits-[0-9]{8}-[0-9]{6}(-2)?$", run));
    }

    [Fact]
    public void The_first_step_comes_soon_after_the_start()
    {
        // The machine may be busy: the fastest of a few counts. The launcher's ahead-of-time build starts in half the time of this one.
        var fastest = double.MaxValue;
        for (var attempt = 1; attempt <= MostStarts && fastest > s_firstStep.TotalSeconds; attempt++)
        {
            using var run = ClusterTrainProcess.Start(Train($"quick-{attempt}", "--json", "--threads", "1"));
            var first = JsonDocument.Parse(run.WaitForLine("\"event\":\"progress\"")).RootElement;
            Assert.Equal(1, first.GetProperty("step").GetInt64());
            Assert.Equal(0, run.WaitForExit());
            fastest = Math.Min(fastest, first.GetProperty("secondsSinceStart").GetDouble());
        }

        output.WriteLine($"first step after {fastest:F3} s");
        Assert.InRange(fastest, 0, s_firstStep.TotalSeconds);
    }

    [Fact]
    public void One_process_loads_no_Akka_and_no_web_server()
    {
        using var run = ClusterTrainProcess.Start(["train", "--set", "epochs=100000", "--out", _folder["slow"], "--json"]);
        run.WaitForLine("\"event\":\"epoch\"");
        var loaded = File.ReadAllText($"/proc/{run.Id}/maps");
        run.Kill();
        Assert.Contains("ClusterTrain.Training.dll", loaded, StringComparison.Ordinal);
        Assert.DoesNotContain("Akka", loaded, StringComparison.Ordinal);
        Assert.DoesNotContain("ClusterTrain.Cluster.dll", loaded, StringComparison.Ordinal);
        Assert.DoesNotContain("AspNetCore", loaded, StringComparison.Ordinal);
    }

    private string[] Train(string name, params string[] more) =>
        ["train", "--set", "epochs=2", "--out", _folder[name], .. more];

    private string[] Receipt(string name) => File.ReadAllLines(Path.Combine(_folder[name], "receipt.jsonl"));
}
