using System.Text.Json;
using Xunit.Abstractions;

namespace ClusterTrain.EndToEnd.Tests;

/// <summary>ARM64 gives the bits of x64: its kernels, whole runs, and a worker among those of x64.</summary>
public sealed class Arm64Tests(Arm64Programs arm64, ITestOutputHelper output) : IClassFixture<Arm64Programs>, IDisposable
{
    private const string Secret = "a secret of the tests on ARM64, long enough";

    private readonly TemporaryFolder _folder = new();

    /// <summary>
    /// The tests that compare kernels with plain loops, with recorded hashes, and in full with the orders drawn for their sums.
    /// </summary>
    private static string[] KernelTests { get; } =
    [
        "GoldenBitsTests", "LossTests", "MapTests", "NaiveProductsTests", "ReduceTests", "UpdateTests",
        .. IncidentRun.IsFull ? ["SumOrderTests"] : Array.Empty<string>(), // half of the time
    ];

    public void Dispose() => _folder.Dispose();

    [Arm64Fact]
    public void The_kernels_pass_their_tests_with_NEON()
    {
        using var tests = arm64.StartKernelTests(KernelTests);
        var exitCode = tests.WaitForExit();
        output.WriteLine(string.Join('\n', tests.Lines));
        Assert.True(exitCode == 0, $"{string.Join('\n', tests.Lines)}\n{tests.Errors}");
        Assert.Equal("kernels: vector128, scalar", tests.Lines[0]);
        Assert.Matches("^[0-9]{2,} passed, 0 failed$", tests.LastLine);
    }

    [Arm64Fact]
    public void The_small_recipes_have_the_receipts_of_x64()
    {
        List<string[]> runs =
        [
            [Machine.Recipe("xor.yaml"), "--set", "epochs=500"],
            [Machine.Recipe("digits.yaml"), "--set", "epochs=3"],
        ];
        var data = Environment.GetEnvironmentVariable("CLUSTERTRAIN_DATA") ?? "";
        if (data.Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, "california_housing.csv"))))
        {
            runs.Add([Machine.Recipe("california.yaml"), "--set", "epochs=2", "--workers", "3"]);
        }
        else
        {
            output.WriteLine("california: left out, california_housing.csv is in no folder of CLUSTERTRAIN_DATA");
        }

        foreach (var (run, index) in runs.Select((run, index) => (run, index)))
        {
            using var here = ClusterTrainProcess.Run(["train", .. run, "--out", _folder[$"x64-{index}"]]);
            using var there = arm64.Start(
                new Dictionary<string, string>(), ["train", .. run, "--out", _folder[$"arm64-{index}"]]);
            Assert.True(there.WaitForExit() == 0, there.Errors);
            output.WriteLine($"{there.Lines[0]}\n{there.Lines[1]}\n{there.LastLine}");
            Assert.Contains("vector128", there.Lines[1], StringComparison.Ordinal);
            Assert.Equal(here.LastLine, there.LastLine);
            Assert.Equal(Receipt($"x64-{index}"), Receipt($"arm64-{index}"));
        }
    }

    [Arm64Fact]
    public void A_worker_on_ARM64_among_those_of_x64_leaves_the_receipt_as_it_is()
    {
        string[] recipe = [Machine.Recipe("digits.yaml"), "--set", "epochs=20"];
        using var alone = ClusterTrainProcess.Run(["train", .. recipe, "--out", _folder["alone"]]);
        var variables = new Dictionary<string, string> { ["CLUSTERTRAIN_SECRET"] = Secret };
        using var coordinator = ClusterTrainProcess.Start(
            variables,
            ["coordinator", "--json", .. recipe, "--out", _folder["run"], "--listen", "127.0.0.1:0", "--min-workers", "2"]);
        var run = JsonDocument.Parse(coordinator.WaitForLine("\"event\":\"run\""));
        var address = run.RootElement.GetProperty("address").GetString()!;
        string[] Member(string role, string name) => [role, "--json", "--join", address, "--name", name];
        using var server = ClusterTrainProcess.Start(
            variables, [.. Member("parameter-server", "server"), "--listen", "127.0.0.1:0"]);
        using var here = ClusterTrainProcess.Start(variables, [.. Member("worker", "x64"), "--threads", "1"]);
        using var there = arm64.Start(variables, [.. Member("worker", "arm64"), "--threads", "1"]);
        coordinator.Patience = there.Patience;
        coordinator.WaitForLine("\"event\":\"began\",\"step\":0,\"workers\":2");
        Assert.True(coordinator.WaitForExit() == 0, coordinator.Errors);
        Assert.Equal(Receipt("alone"), Receipt("run"));
        Assert.Equal(0, here.WaitForExit());

        // On a busy machine the emulated one is so slow that it is given up. When it is back the run is over, and it waits for another.
        there.Signal("TERM");
        Assert.True(there.WaitForExit() is 0 or 143, $"{string.Join('\n', there.Lines)}\n{there.Errors}");
    }

    private string Receipt(string name) => File.ReadAllText(Path.Combine(_folder[name], "receipt.jsonl"));
}
