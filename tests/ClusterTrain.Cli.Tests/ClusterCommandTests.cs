namespace ClusterTrain.Cli.Tests;

/// <summary>The commands of a cluster's nodes: options, the environment, mistakes.</summary>
public sealed class ClusterCommandTests
{
    [Fact]
    public void A_coordinator_without_a_secret_listens_on_loopback_only()
    {
        using var folder = new RunDirectory();
        var run = CommandRun.Of("coordinator", "--listen", "0.0.0.0:0", "--out", folder["run"]);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("cannot listen at 0.0.0.0:0 without a cluster secret", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("CLUSTERTRAIN_THREADS", "many", "--threads is 'many'; allowed are whole numbers from 1 to 256.")]
    [InlineData("CLUSTERTRAIN_JOIN", "host:port", "'host:port' is not an address.")]
    [InlineData("CLUSTERTRAIN_JOIN", "1:2:x", "'1:2:x' is not an address.")]
    [InlineData("CLUSTERTRAIN_NAME", "a b", "'a b' cannot be a node's name")]
    [InlineData("CLUSTERTRAIN_COLOCATE", "perhaps", "CLUSTERTRAIN_COLOCATE is 'perhaps'; allowed are true and false.")]
    [InlineData("CLUSTERTRAIN_SECRET", "short", "CLUSTERTRAIN_SECRET: the cluster secret has 5 bytes")]
    [InlineData("CLUSTERTRAIN_SECRET_FILE", "/no/such/file", "/no/such/file: cannot read the cluster secret")]
    [InlineData("CLUSTERTRAIN_CERTIFICATE", "cert.pem", "--certificate, --key and --authority belong together")]
    public void Options_of_a_worker_come_from_the_environment_too_and_are_checked(string variable, string value, string problem)
    {
        var run = CommandRun.With(new Dictionary<string, string> { [variable] = value }, "worker", "--give-up-seconds", "0.1");
        Assert.Equal(2, run.ExitCode);
        Assert.Contains(problem, run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void The_command_line_wins_over_the_environment()
    {
        var run = CommandRun.With(
            new Dictionary<string, string>
            {
                ["CLUSTERTRAIN_THREADS"] = "3",
                ["CLUSTERTRAIN_GIVE_UP_SECONDS"] = "0.1",
                ["CLUSTERTRAIN_JOIN"] = "127.0.0.1:1"
            },
            "worker", "--threads", "2");
        Assert.Equal(1, run.ExitCode);
        Assert.StartsWith("worker of 2 threads; joining 127.0.0.1:1", run.Out, StringComparison.Ordinal);
        Assert.Contains("error: no coordinator was reached at 127.0.0.1:1 for 0.1 s", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Nodes_that_may_lead_the_same_run_must_name_its_folder()
    {
        var run = CommandRun.Of("coordinator", "--join", "10.0.0.5,10.0.0.6");
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("--out is missing", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Status_says_that_nobody_answers()
    {
        var run = CommandRun.Of("status", "127.0.0.1:1");
        Assert.Equal(2, run.ExitCode);
        Assert.StartsWith("error: no answer from 127.0.0.1:1:", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_coordinator_refuses_a_folder_of_another_recipe_and_leaves_it_alone()
    {
        using var folder = new RunDirectory();
        Assert.Equal(0, CommandRun.Of("train", "--set", "epochs=1", "--out", folder["run"]).ExitCode);
        var run = CommandRun.Of("coordinator", "--set", "epochs=2", "--out", folder["run"], "--listen", "127.0.0.1:0");
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("holds a run of another recipe", run.Error, StringComparison.Ordinal);
        var complete = CommandRun.Of("coordinator", "--out", folder["run"]);
        Assert.Equal(0, complete.ExitCode);
        Assert.Matches("^weights sha256 [0-9a-f]{64}$", complete.LastLine);
    }
}
