using ClusterTrain.Hosting.Tests;
using ClusterTrain.Training;

namespace ClusterTrain.Akka.Tests;

/// <summary>Whole clusters of real nodes: the result is that of the undisturbed run in one process, to the last bit.</summary>
public sealed class AkkaClusterTests
{
    private static readonly RunSettings s_settings = new() { LeastWorkers = 2, CheckpointPeriod = TimeSpan.FromMilliseconds(500) };

    [Fact]
    public async Task Two_segments_and_two_workers_give_the_same_bits_and_every_node_hears_of_it()
    {
        using var cluster = new AkkaCluster(TestRuns.Clipped, s_settings with { ParameterServers = 2 });
        var first = cluster.StartCoordinator("c1");
        RunningNode[] others =
            [cluster.StartCoordinator("c2"), cluster.StartServer("s1", 1), cluster.StartServer("s2", 2), cluster.StartWorker("w1"), cluster.StartWorker("w2")];

        var over = Assert.IsType<NodeRunOver>(await first.Outcome.WaitAsync(Patience.Limit));
        Assert.IsType<RunCompleted>(over.Outcome);
        Assert.Equal(TestRuns.Receipt(TestRuns.Clipped), cluster.Receipt);
        foreach (var other in others)
            Assert.IsType<NodeRunOver>(await other.Outcome.WaitAsync(Patience.Limit));
        Assert.Equal(over, await others[0].Outcome);

        // One that was away, and comes to lead what is over, ends in the same way.
        Assert.Equal(over, await cluster.StartCoordinator("c1").Outcome.WaitAsync(Patience.Limit));
    }

    [Fact]
    public async Task When_the_leader_leaves_another_takes_over_and_whoever_asks_is_told_how_it_is()
    {
        var recipe = TestRuns.Long(TestRuns.Plain);
        using var cluster = new AkkaCluster(recipe, s_settings);
        var first = cluster.StartCoordinator("c1");
        await first.WaitForAsync<NodeLeads>();
        var second = cluster.StartCoordinator("c2");
        _ = cluster.StartServer("s1", 1);
        _ = cluster.StartWorker("w1");
        _ = cluster.StartWorker("w2");
        await second.WaitForAsync<NodeHeard>(heard => heard.Json.Contains("\"epoch\"", StringComparison.Ordinal));

        var status = await ClusterStatus.AskAsync(cluster.Seeds, [], Patience.Limit);
        Assert.Equal("training", status.GetProperty("state").GetString());
        Assert.Equal(2, status.GetProperty("workers").GetInt32());
        Assert.Equal(1, status.GetProperty("term").GetInt64());
        Assert.Equal(5, status.GetProperty("nodes").GetArrayLength());

        Assert.True(first.Node.IsUp);

        first.Stop();
        Assert.IsType<NodeLeft>(await first.Outcome.WaitAsync(Patience.Limit));
        Assert.False(first.Node.IsUp);
        Assert.Equal(2, (await second.WaitForAsync<NodeLeads>()).Term);
        Assert.IsType<NodeRunOver>(await second.Outcome.WaitAsync(Patience.Limit));
        Assert.Equal(TestRuns.Receipt(recipe), cluster.Receipt);
    }

    [Fact]
    public async Task When_the_only_leader_is_asked_to_stop_the_run_can_be_gone_on_with()
    {
        var recipe = TestRuns.Long(TestRuns.Plain);
        using var cluster = new AkkaCluster(recipe, s_settings with { LeastWorkers = 1 });
        var leader = cluster.StartCoordinator("c1");
        var server = cluster.StartServer("s1", 1);
        var worker = cluster.StartWorker("w1");
        await leader.WaitForAsync<NodeRunEvent>(happened => happened.Happened is EpochCompleted);
        leader.Stop();

        var over = Assert.IsType<NodeRunOver>(await leader.Outcome.WaitAsync(Patience.Limit));
        Assert.IsType<RunInterrupted>(over.Outcome);
        Assert.IsType<NodeRunOver>(await server.Outcome.WaitAsync(Patience.Limit));
        Assert.IsType<NodeRunOver>(await worker.Outcome.WaitAsync(Patience.Limit));
        Assert.NotEmpty(Directory.GetFiles(Path.Combine(cluster.Run.Folder, "checkpoints"), "step-*.safetensors"));
    }

    [Fact]
    public void A_node_without_a_role_and_one_without_a_secret_at_a_public_address_are_refused()
    {
        var plain = new AkkaNodeOptions { Name = "node" };
        Assert.Contains("no role", Refused(plain), StringComparison.Ordinal);
        Assert.Contains("secret", Refused(plain with { IsWorker = true, Listen = new("10.0.0.5", 7060) }), StringComparison.Ordinal);

        static string Refused(AkkaNodeOptions options) => Assert.Throws<Hosting.ClusterException>(() => new AkkaNode(options, _ => { })).Message;
    }

    [Fact]
    public async Task A_setting_that_is_no_hocon_is_refused()
    {
        var options = new AkkaNodeOptions { Name = "node", IsWorker = true, Configuration = ["akka.loglevel = ${nothing}"] };
        var error = await Assert.ThrowsAsync<Hosting.ClusterException>(() => new AkkaNode(options, _ => { }).RunAsync(CancellationToken.None));
        Assert.Contains("configuration", error.Message, StringComparison.Ordinal);
    }
}
