using ClusterTrain.Cluster.Links;
using ClusterTrain.Cluster.Membership;
using ClusterTrain.Cluster.Nodes;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Cluster.Tests;

/// <summary>Who leads, and who takes over: whole clusters of real nodes, with the bits of the undisturbed run in one process.</summary>
[Collection(ClusterGroup.Name)]
public sealed class LeadershipTests
{
    private static readonly RunSettings s_settings = new() { LeastWorkers = 2, CheckpointPeriod = TimeSpan.FromMilliseconds(500) };

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task When_the_leader_is_gone_another_node_takes_over(bool leaves)
    {
        var recipe = TestRuns.Long(TestRuns.Plain);
        using var cluster = new TestCluster(recipe) { Run = s_settings };
        var first = StartShared(cluster, 0);
        var firstOutcome = cluster.Outcome;
        cluster.MemberEvents.WaitFor<NodeLeads>("the first leads", _ => true);
        StartShared(cluster, 1);
        var standsBy = cluster.MemberEvents.WaitFor<NodeStandsBy>("the second stands by", _ => true);
        Assert.Equal((first.Endpoint!.ToString(), 1L), (standsBy.Leader, standsBy.Term));
        cluster.StartServer();
        cluster.StartWorker("w1");
        cluster.StartWorker("w2");
        cluster.Events.WaitFor<EpochCompleted>("an epoch with two workers", epoch => epoch.Workers == 2);

        var before = cluster.MemberEvents.Count;
        if (leaves)
        {
            Assert.IsType<NodeLeft>(await first.LeaveAsync().WaitAsync(Patience.Limit));
        }
        else
        {
            first.Abort();
        }

        await firstOutcome.WaitAsync(Patience.Limit);
        var leads = cluster.MemberEvents.WaitFor<NodeLeads>("the second leads", _ => true, before);
        Assert.Equal(2, leads.Folder.Identity.Term);

        await cluster.EndsLikeAloneAsync();
    }

    [Fact]
    public async Task Whoever_asks_is_told_how_the_cluster_is()
    {
        // A run that ends meanwhile would have nobody left to answer.
        using var cluster = new TestCluster(TestRuns.Endless(TestRuns.Plain)) { Run = s_settings };
        cluster.StartCoordinator();
        cluster.StartServer();
        cluster.StartWorker("w1");
        cluster.StartWorker("w2");
        cluster.Events.WaitFor<EpochCompleted>("an epoch with two workers", epoch => epoch.Workers == 2);

        var status = await ClusterStatus.AskAsync(cluster.Endpoint, TestCluster.Secret, [], Patience.Limit);

        Assert.Equal("training", status.GetProperty("state").GetString());
        Assert.Equal(2, status.GetProperty("workers").GetInt32());
        Assert.Equal(1, status.GetProperty("term").GetInt64());
        Assert.Equal(cluster.Endpoint.ToString(), status.GetProperty("coordinator").GetString());
    }

    [Fact]
    public async Task When_the_only_leader_is_asked_to_stop_the_run_ends_after_a_checkpoint()
    {
        using var cluster = new TestCluster(TestRuns.Long(TestRuns.Plain)) { Run = s_settings with { LeastWorkers = 1 } };
        var leader = cluster.StartCoordinator();
        cluster.StartServer();
        cluster.StartWorker();
        cluster.Events.WaitFor<EpochCompleted>("an epoch", _ => true);

        var outcome = Assert.IsType<NodeLed>(await leader.LeaveAsync().WaitAsync(Patience.Limit));

        Assert.IsType<RunInterrupted>(outcome.Outcome);
        foreach (var member in cluster.MemberOutcomes)
        {
            Assert.IsType<NodeFinished>(await member.WaitAsync(Patience.Limit));
        }

        Assert.NotEmpty(Directory.GetFiles(Path.Combine(cluster.FolderPath, "checkpoints"), "step-*.safetensors"));
    }

    [Fact]
    public async Task A_node_that_comes_to_lead_what_is_over_ends_with_the_run_folders_result()
    {
        using var cluster = new TestCluster(TestRuns.Plain) { Run = s_settings with { LeastWorkers = 1 } };
        cluster.StartCoordinator();
        cluster.StartServer();
        cluster.StartWorker();
        await cluster.EndsLikeAloneAsync();
        var first = await cluster.Outcome;
        await cluster.StoppedAsync();

        cluster.StartCoordinator();

        Assert.Equal(first, await cluster.Outcome.WaitAsync(Patience.Limit));
    }

    [Fact]
    public void A_node_without_a_role_and_one_without_a_secret_at_a_public_address_are_refused()
    {
        var plain = new NodeOptions { Name = "node" };
        Assert.Contains("no role", Refused(plain), StringComparison.Ordinal);
        Assert.Contains("--join", Refused(plain with { IsWorker = true }), StringComparison.Ordinal);
        Assert.Contains("secret", Refused(plain with { MayLead = true, Listen = new("0.0.0.0", 0) }), StringComparison.Ordinal);
        Assert.Contains("configuration", Refused(plain with { MayLead = true, AkkaConfiguration = ["akka.loglevel = ${nothing}"] }),
            StringComparison.Ordinal);

        static string Refused(NodeOptions options) => Assert.Throws<ClusterException>(() => new ClusterNode(options, _ => { }).Dispose()).Message;
    }

    /// <summary>Starts one of two nodes that may lead.</summary>
    private static ClusterNode StartShared(TestCluster cluster, int number)
    {
        var join = cluster.SharedEndpoints(2);
        return cluster.StartCoordinator(options => options with { Listen = join[number], Join = join });
    }
}
