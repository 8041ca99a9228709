using System.Text.Json;
using ClusterTrain.Cli.Bench;

namespace ClusterTrain.Cli.Tests;

public sealed class OtherCommandTests : IDisposable
{
    private readonly RunDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("")]
    [InlineData("train")]
    [InlineData("predict")]
    [InlineData("score")]
    [InlineData("data list")]
    [InlineData("data get")]
    [InlineData("data prepare")]
    [InlineData("data export")]
    [InlineData("bench kernels")]
    [InlineData("bench train")]
    [InlineData("bench cluster")]
    [InlineData("bench network")]
    public void Help_has_examples_and_says_where_the_exit_codes_are(string command)
    {
        var run = CommandRun.Of([.. command.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"]);
        Assert.Equal(0, run.ExitCode);
        Assert.Equal("", run.Error);
        Assert.Contains($"Examples:\n  ", run.Out, StringComparison.Ordinal);
        Assert.Contains($"clustertrain {command}".TrimEnd(), run.Out, StringComparison.Ordinal);
        Assert.EndsWith("Exit codes: clustertrain help exit-codes\n", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void The_exit_codes_are_explained_once()
    {
        var run = CommandRun.Of("help", "exit-codes");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("129  stopped by SIGHUP", run.Out, StringComparison.Ordinal);
        Assert.Contains("130  stopped by Ctrl-C", run.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("cluster")]
    [InlineData("network")]
    public void A_benchmark_of_clusters_says_how_to_get_its_data(string what)
    {
        var nowhere = new Dictionary<string, string> { ["CLUSTERTRAIN_CACHE"] = _directory.Folder };
        var run = CommandRun.With(nowhere, "bench", what);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("clustertrain data get mnist", Assert.Single(run.ErrorLines), StringComparison.Ordinal);
    }

    [Fact]
    public void Without_arguments_the_help_is_shown()
    {
        Assert.Equal(CommandRun.Of("--help").Out, CommandRun.Of().Out);
        Assert.Equal(CommandRun.Of("--help").Out, CommandRun.Of("help").Out);
    }

    [Theory]
    [InlineData("optimiser.rate", "optimiser.rate\n  (not lbfgs) The learning rate")]
    [InlineData("learning-rate", "optimiser.rate\n")]
    [InlineData("layers.units", "layers[0].units\n")]
    [InlineData("data", "\ndata.class_weights\n")]
    [InlineData("", "\nearly_stopping\n")]
    public void A_key_of_a_recipe_is_explained(string key, string expected)
    {
        var run = CommandRun.Of(["help", "recipe", .. key.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains(expected, run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void A_key_that_no_recipe_has_is_refused()
    {
        var run = CommandRun.Of("help", "recipe", "nonsense");
        Assert.Equal((2, "error: A recipe has no key 'nonsense'. `clustertrain help recipe` lists all keys."),
            (run.ExitCode, Assert.Single(run.ErrorLines)));
    }

    [Fact]
    public void The_version_is_a_line() => Assert.Matches(@"^clustertrain \d+\.\d+\.\d+", Assert.Single(CommandRun.Of("--version").Lines));

    [Fact]
    public void Data_sets_are_listed_with_their_places()
    {
        var variables = new Dictionary<string, string> { ["CLUSTERTRAIN_CACHE"] = _directory.Folder };
        var run = CommandRun.With(variables, "data", "list", "--json");
        var sets = run.Lines.Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.Equal(["mnist", "fashion-mnist", "digits"], sets.Select(set => set.GetProperty("name").GetString()));
        Assert.True(sets[2].GetProperty("found").GetBoolean());
        Assert.Contains("part of the program", CommandRun.With(variables, "data", "list").Out, StringComparison.Ordinal);
    }

    [Fact]
    public void A_data_set_that_is_part_of_the_program_is_always_there() =>
        Assert.Equal("digits: part of the program\n", CommandRun.Of("data", "get", "digits").Out);

    [Fact]
    public void The_kernel_benchmark_states_the_peak_first()
    {
        var run = CommandRun.Of("bench", "kernels", "--rounds", "1", "--json");
        var json = JsonDocument.Parse(Assert.Single(run.Lines)).RootElement;
        Assert.True(json.GetProperty("peakGflopsPerSecond").GetDouble() > 0);
        Assert.True(json.GetProperty("measurements").GetArrayLength() > 10);
        Assert.Contains("the peak of one core is", CommandRun.Of("bench", "kernels", "--rounds", "1").Lines[0], StringComparison.Ordinal);
    }

    [Fact]
    public void The_training_benchmark_measures_both_networks()
    {
        var run = CommandRun.With(
            new Dictionary<string, string> { ["CLUSTERTRAIN_CACHE"] = _directory.Folder }, "bench", "train", "--seconds", "0.3", "--turns", "1",
                "--json");
        Assert.Equal(0, run.ExitCode);
        var results = run.Lines.Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.Equal(["784-500-500-10", "784-10-10"], results.Select(result => result.GetProperty("network").GetString()));
        Assert.All(results, result => Assert.True(result.GetProperty("programs")[0].GetProperty("samplesPerSecond").GetDouble() > 0));
    }

    [Fact]
    public void A_peer_that_cannot_run_is_told_and_not_hidden()
    {
        var script = _directory.Write("peer.py", "");
        var network = BenchmarkNetwork.All[1];
        var missing = new PeerProgram("Peer", script, _directory["no-such-python"]).Run(network, null, 0.1, CancellationToken.None);
        Assert.Null(missing.SamplesPerSecond);
        Assert.Contains("cannot be started", missing.Problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("echo 'numpy is not installed' >&2; exit 3", "numpy is not installed")]
    [InlineData("echo 'the loss did not fall' >&2; exit 1", "exit code 1: the loss did not fall")]
    [InlineData("echo hello", "did not print a JSON line")]
    public void A_peer_that_fails_is_told_with_its_reason(string script, string problem)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        var result = new PeerProgram("Peer", _directory.Write("peer.sh", script), "/bin/sh")
            .Run(BenchmarkNetwork.All[1], null, 0.1, CancellationToken.None);
        Assert.Contains(problem, result.Problem, StringComparison.Ordinal);
    }
}
