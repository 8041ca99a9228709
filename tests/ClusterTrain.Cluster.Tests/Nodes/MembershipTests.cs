using System.Net;
using System.Net.Sockets;
using Akka.Actor;
using ClusterTrain.Cluster.Links;
using ClusterTrain.Cluster.Membership;
using ClusterTrain.Cluster.Nodes;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Cluster.Tests;

/// <summary>Clusters of one, two, three and ten real nodes stay one cluster, whoever is killed, and train to the bits of one process.</summary>
[Collection(ClusterGroup.Name)]
public sealed class MembershipTests
{
    private static readonly RunSettings s_settings = new() { LeastWorkers = 1, CheckpointPeriod = TimeSpan.FromMilliseconds(500) };

    [Fact]
    public async Task One_node_in_all_roles_trains_alone()
    {
        using var cluster = new TestCluster(TestRuns.Plain) { Run = s_settings };
        var endpoint = cluster.SharedEndpoints(1)[0];
        cluster.StartCoordinator(options => options with
        {
            Listen = endpoint,
            Join = [endpoint],
            IsWorker = true,
            IsParameterServer = true,
            OwnData = (_, _) => TestRuns.Data,
        });

        await cluster.EndsLikeAloneAsync();
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(10)]
    public async Task A_coordinator_that_is_killed_and_started_again_is_found_by_all_others(int nodes)
    {
        using var cluster = new TestCluster(TestRuns.Endless(TestRuns.Plain)) { Run = s_settings };
        cluster.StartCoordinator();
        if (nodes == 2)
        {
            cluster.StartBoth("both");
        }
        else
        {
            cluster.StartServer();
        }

        for (var worker = 1; worker <= nodes - 2 && nodes > 2; worker++)
        {
            cluster.StartWorker($"worker-{worker}");
        }

        await HasNodesAsync(cluster, cluster.Endpoint, nodes);

        cluster.Coordinator.Abort();
        await cluster.StoppedAsync();
        cluster.StartCoordinator();

        await HasNodesAsync(cluster, cluster.Endpoint, nodes);
        await cluster.TrainsLikeAloneAsync();
    }

    [Fact]
    public async Task Ten_nodes_lose_five_workers_and_then_two_of_three_that_may_lead()
    {
        using var cluster = new TestCluster(TestRuns.Endless(TestRuns.Plain)) { Run = s_settings };
        var (coordinators, _) = StartCoordinators(cluster);
        cluster.StartServer("server-1");
        cluster.StartServer("server-2");
        var workers = Enumerable.Range(1, 5).Select(number => cluster.StartWorker($"worker-{number}")).ToArray();
        await HasNodesAsync(cluster, cluster.Endpoint, 10);

        // A majority of the nodes is gone at once; those that may lead are all there.
        foreach (var worker in workers)
        {
            worker.Abort();
        }

        var status = await HasNodesAsync(cluster, cluster.Endpoint, 5);
        Assert.Equal(1, status.Term);

        cluster.StartWorker("worker-6");
        cluster.StartWorker("worker-7");
        cluster.Events.WaitFor<EpochCompleted>("an epoch with two workers", epoch => epoch.Workers == 2);
        var before = cluster.MemberEvents.Count;
        coordinators[0].Abort();
        coordinators[1].Abort();
        Assert.Equal(2, cluster.MemberEvents.WaitFor<NodeLeads>("the third leads", _ => true, before).Folder.Identity.Term);

        await HasNodesAsync(cluster, cluster.SharedEndpoints(3)[2], 5);
        await cluster.TrainsLikeAloneAsync();
    }

    [Fact]
    public async Task Ten_nodes_are_killed_at_once_and_started_again_in_another_order()
    {
        using var cluster = new TestCluster(TestRuns.Endless(TestRuns.Plain)) { Run = s_settings };
        var (coordinators, outcomes) = StartCoordinators(cluster);
        ClusterNode[] members =
        [
            cluster.StartServer("server-1"), cluster.StartServer("server-2"),
            .. Enumerable.Range(1, 5).Select(number => cluster.StartWorker($"worker-{number}")),
        ];
        await HasNodesAsync(cluster, cluster.Endpoint, 10);

        foreach (var node in members.Concat(coordinators))
        {
            node.Abort();
        }

        await Task.WhenAll(outcomes).WaitAsync(Patience.Limit);
        await cluster.StoppedAsync();

        for (var number = 8; number > 3; number--)
        {
            cluster.StartWorker($"worker-{number}");
        }

        cluster.StartServer("server-4");
        StartCoordinators(cluster);
        cluster.StartServer("server-3");

        await HasNodesAsync(cluster, cluster.SharedEndpoints(3)[1], 10);
        await cluster.TrainsLikeAloneAsync();
    }

    [Fact]
    public void A_node_outlives_a_peer_that_dies_in_the_handshake()
    {
        using var peer = new TcpListener(IPAddress.Loopback, 0);
        peer.Start();
        var options = new MembershipOptions
        {
            Name = "node",
            Roles = [],
            BindHost = "127.0.0.1",
            PublicHost = "127.0.0.1",
            Security = TestCluster.Secret,
            Clock = TimeProvider.System,
        };
        using var system = AkkaConfiguration.Create("node", AkkaConfiguration.Of(options, TimeSpan.FromSeconds(5)), TestCluster.Secret);
        ClusterMembership.OutliveFailedHandshakes(system);
        var address = $"akka.ssl.tcp://node@{peer.LocalEndpoint}/user/nobody";

        for (var attempt = 0; attempt < 3; attempt++)
        {
            // An address that failed is not dialled for a second.
            Assert.True(SpinWait.SpinUntil(
                () =>
                {
                    system.ActorSelection(address).Tell("hello");
                    return peer.Pending();
                },
                Patience.Limit));
            using var connection = peer.AcceptTcpClient();
            Assert.NotEqual(0, connection.GetStream().Read(new byte[16]));
            connection.Client.Close(0);
        }

        Assert.NotNull(CoordinatedShutdown.Get(system).ShutdownReason);
        Assert.False(system.WhenTerminated.IsCompleted);
    }

    [Theory]
    [InlineData(2, 2, 1, 7, true)]
    [InlineData(1, 7, 2, 2, false)]
    [InlineData(1, 1, 0, 5, true)]
    [InlineData(1, 4, 1, 1, true)]
    [InlineData(1, 1, 1, 4, false)]
    [InlineData(1, 3, 1, 3, true)]
    public void The_side_that_stays_has_more_nodes_that_may_lead_or_else_more_nodes(int mayLead, int all, int othersMayLead, int others,
        bool stays) =>
        Assert.Equal(stays, NodeWatcher.Stays((mayLead, all), (othersMayLead, others)));

    /// <summary>Starts three nodes that may lead; the first of them does, the first time.</summary>
    private static (ClusterNode[] Nodes, Task<NodeOutcome>[] Outcomes) StartCoordinators(TestCluster cluster)
    {
        List<ClusterNode> nodes = [];
        List<Task<NodeOutcome>> outcomes = [];
        var join = cluster.SharedEndpoints(3);
        foreach (var endpoint in join)
        {
            var before = cluster.MemberEvents.Count;
            nodes.Add(cluster.StartCoordinator(options => options with { Name = $"coordinator-{nodes.Count + 1}", Listen = endpoint, Join = join }));
            outcomes.Add(cluster.Outcome);
            cluster.MemberEvents.WaitFor<NodeEvent>("it leads or stands by", happened => happened is NodeLeads or NodeStandsBy, before);
        }

        return ([.. nodes], [.. outcomes]);
    }

    /// <summary>Waits until the cluster has exactly so many nodes, all of them up.</summary>
    private static async Task<(int Nodes, long Term)> HasNodesAsync(TestCluster cluster, NodeEndpoint coordinator, int count)
    {
        var last = "nobody answered";
        for (var deadline = DateTime.UtcNow + Patience.Limit; DateTime.UtcNow < deadline;)
        {
            try
            {
                var status = await ClusterStatus.AskAsync(coordinator, TestCluster.Secret, [], TimeSpan.FromSeconds(10));
                last = status.ToString();
                var nodes = status.GetProperty("nodes").EnumerateArray().Select(node => node.GetProperty("status").GetString()).ToArray();
                if (nodes.Length == count && nodes.All(node => node == "Up") && status.TryGetProperty("term", out var term))
                {
                    return (nodes.Length, term.GetInt64());
                }
            }
            catch (ClusterException error)
            {
                last = error.Message;
            }
        }

        throw new TimeoutException(
            $"the cluster of {coordinator} did not come to have {count} nodes; the last answer: {last}\n"
            + string.Join('\n', cluster.MemberEvents.From(0).Where(happened => happened is not (NodeRunEvent or NodeHeard)).TakeLast(40)));
    }
}
