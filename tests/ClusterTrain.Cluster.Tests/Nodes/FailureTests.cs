using System.Diagnostics;
using ClusterTrain.Cluster.Nodes;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Cluster.Tests;

/// <summary>Nodes die, leave, join and lose each other; the receipt is that of the undisturbed run.</summary>
[Collection(ClusterGroup.Name)]
public sealed class FailureTests
{
    [Fact]
    public async Task A_worker_dies_and_the_others_continue_at_once()
    {
        using var cluster = Start(TestRuns.Long(TestRuns.Plain), servers: 1, workers: 2);
        var victim = cluster.StartWorker("victim");
        cluster.Events.WaitFor<EpochCompleted>("an epoch with three workers", epoch => epoch.Workers == 3);

        victim.Abort();

        cluster.Events.WaitFor<MembershipChanged>("the coordinator notices", change => change.What.StartsWith("lost", StringComparison.Ordinal));
        await cluster.EndsLikeAloneAsync();
    }

    [Fact]
    public async Task All_workers_die_and_new_ones_take_over()
    {
        using var cluster = Start(TestRuns.Long(TestRuns.Plain), servers: 1, workers: 0);
        var first = cluster.StartWorker("worker-1");
        var second = cluster.StartWorker("worker-2");
        WaitForEpoch(cluster, 5);

        var before = cluster.Events.Count;
        first.Abort();
        second.Abort();
        cluster.Events.WaitFor<RunWaiting>("the run waits for workers", waiting =>
            waiting.Reason.Contains("1 more worker", StringComparison.Ordinal), before);
        cluster.StartWorker("worker-3");

        await cluster.EndsLikeAloneAsync();
    }

    [Theory]
    [InlineData(1, TestRuns.Plain)]
    [InlineData(2, TestRuns.Clipped)]
    public async Task A_parameter_server_dies_and_the_steps_since_the_checkpoint_are_replayed(int servers, string recipe)
    {
        using var cluster = Start(TestRuns.Long(recipe), servers - 1, workers: 2);
        var victim = cluster.StartServer("victim");
        cluster.Events.WaitFor<CheckpointSaved>("a checkpoint", _ => true);

        victim.Abort();
        cluster.StartServer("successor");

        await cluster.EndsLikeAloneAsync();
    }

    [Theory]
    [InlineData(1, TestRuns.Plain)]
    [InlineData(2, TestRuns.Clipped)]
    public async Task The_coordinator_dies_and_another_continues_in_the_same_run_folder(int servers, string recipe)
    {
        using var cluster = Start(TestRuns.Long(recipe), servers, workers: 2);
        for (var life = 0; life < 3; life++)
        {
            // The one that was killed may have recorded that epoch too: this one has to lead before it is killed in its turn.
            cluster.MemberEvents.WaitFor<NodeLeads>("a new coordinator leads", leads => leads.Folder.Identity.Term == life + 1);
            WaitForEpoch(cluster, 10 * (life + 1));
            cluster.Coordinator.Abort();
            await cluster.StoppedAsync();
            cluster.StartCoordinator();
        }

        await cluster.EndsLikeAloneAsync();
    }

    [Fact]
    public async Task A_node_may_be_aborted_while_it_starts()
    {
        using var cluster = Start(TestRuns.Long(TestRuns.Plain), servers: 1, workers: 1);
        cluster.Coordinator.Abort();
        await cluster.StoppedAsync();
        for (var life = 0; life < 20; life++)
        {
            // Every 10 ms there is something else that has not begun yet.
            var coordinator = cluster.StartCoordinator();
            var worker = cluster.StartWorker($"worker-{life + 2}");
            var started = Stopwatch.StartNew();
            SpinWait.SpinUntil(() => started.ElapsedMilliseconds >= life * 10);
            worker.Abort();
            coordinator.Abort();
            await cluster.StoppedAsync();
        }

        cluster.StartCoordinator();

        await cluster.EndsLikeAloneAsync();
    }

    [Fact]
    public async Task Everything_dies_at_once_and_is_started_again()
    {
        using var cluster = Start(TestRuns.Long(TestRuns.Plain), servers: 0, workers: 0);
        ClusterNode[] members = [cluster.StartServer(), cluster.StartWorker("worker-1"), cluster.StartWorker("worker-2")];
        cluster.Events.WaitFor<CheckpointSaved>("a checkpoint", _ => true);

        cluster.Coordinator.Abort();
        foreach (var member in members)
        {
            member.Abort();
        }

        await cluster.StoppedAsync();
        cluster.StartCoordinator();
        cluster.StartServer();
        cluster.StartWorker("worker-3");

        await cluster.EndsLikeAloneAsync();
    }

    [Fact]
    public async Task Workers_join_and_leave_throughout()
    {
        // Long enough for several guests on a busy machine too.
        using var cluster = Start(TestRuns.Long(TestRuns.Plain, epochs: 1500), servers: 1, workers: 1);
        var leaving = cluster.StartWorker("guest-0");
        var guests = 0;
        for (var guest = 1; guest <= 8 && !cluster.Outcome.IsCompleted; guest++)
        {
            var next = cluster.StartWorker($"guest-{guest}");
            cluster.Events.WaitFor<RunEvent>(
                $"guest-{guest} joins, or the run ends",
                happened => happened is RunEnded
                    || (happened is MembershipChanged change && change.Member.Name.StartsWith($"guest-{guest}/", StringComparison.Ordinal)));
            var left = await leaving.LeaveAsync().WaitAsync(Patience.Limit);
            if (left is not NodeLeft)
            {
                // On a slow machine the run may be over before all guests have been there.
                Assert.IsType<NodeFinished>(left);
                break;
            }

            guests++;
            leaving = next;
        }

        await cluster.EndsLikeAloneAsync();
        Assert.True(guests > 0, "the run was over before a guest had left");
        cluster.Events.WaitFor<MembershipChanged>("a guest left in good order", change => change.What == "left");
    }

    [Fact]
    public async Task A_worker_and_a_server_in_one_process_leave_together()
    {
        using var cluster = Start(TestRuns.Long(TestRuns.Plain), servers: 0, workers: 1);
        var both = cluster.StartBoth("both");
        WaitForEpoch(cluster, 5);

        Assert.IsType<NodeLeft>(await both.LeaveAsync().WaitAsync(Patience.Limit));
        cluster.StartBoth("others");

        await cluster.EndsLikeAloneAsync();
    }

    [Fact]
    public async Task The_run_waits_for_the_least_number_of_workers_and_continues_with_those_that_stayed()
    {
        using var cluster = new TestCluster(TestRuns.Long(TestRuns.Plain)) { Run = new RunSettings { LeastWorkers = 2 } };
        cluster.StartCoordinator();
        cluster.StartServer();
        cluster.StartWorker("stays");
        var leaves = cluster.StartWorker("leaves");
        WaitForEpoch(cluster, 5);

        var before = cluster.Events.Count;
        await leaves.LeaveAsync();
        cluster.Events.WaitFor<RunWaiting>("the run waits for a second worker", waiting =>
            waiting.Reason.Contains("1 more worker", StringComparison.Ordinal), before);
        cluster.StartWorker("comes");

        await cluster.EndsLikeAloneAsync();
    }

    [Fact]
    public async Task A_worker_cut_off_from_the_server_is_given_up_and_comes_back_when_the_network_heals()
    {
        // The worker knows the server under the proxy's address; the other worker is in the server's own process.
        using var proxy = new CuttableProxy();
        using var cluster = new TestCluster(TestRuns.Long(TestRuns.Plain));
        cluster.StartCoordinator();
        var server = cluster.StartServer("server", options => options with { Advertise = proxy.Endpoint, IsWorker = true });
        proxy.PassTo(server.Endpoint!);
        cluster.StartWorker("cut");
        cluster.Events.WaitFor<EpochCompleted>("an epoch with two workers", epoch => epoch.Workers == 2);

        var before = cluster.Events.Count;
        proxy.Cut();
        cluster.Events.WaitFor<MembershipChanged>(
            "the cut worker is given up", change => change.What.Contains("cannot reach server/", StringComparison.Ordinal), before);
        cluster.Events.WaitFor<EpochCompleted>("an epoch without it", epoch => epoch.Workers == 1, before);
        proxy.Heal();

        await cluster.EndsLikeAloneAsync();
    }

    [Fact]
    public async Task A_worker_whose_link_to_the_coordinator_breaks_joins_as_a_new_one()
    {
        // The run waits for the cut worker, so that it is not over before that one is back.
        using var proxy = new CuttableProxy();
        using var cluster = new TestCluster(TestRuns.Long(TestRuns.Plain)) { Run = new RunSettings { LeastWorkers = 2 } };
        proxy.PassTo(cluster.StartCoordinator().Endpoint!);
        cluster.StartServer();
        cluster.StartWorker("steady");

        // A node that does not lead yet would answer with the address of the one that does, and the worker would go there without the proxy.
        cluster.Events.WaitFor<MembershipChanged>("the coordinator leads", change => change.What == "joined");
        cluster.StartWorker("cut", options => options with { Join = [proxy.Endpoint] });
        cluster.Events.WaitFor<EpochCompleted>("an epoch with two workers", epoch => epoch.Workers == 2);

        var before = cluster.Events.Count;
        proxy.Cut();
        var lost = cluster.Events.WaitFor<MembershipChanged>(
            "the cut worker is lost", change => IsCut(change) && change.What.StartsWith("lost", StringComparison.Ordinal), before);
        proxy.Heal();
        cluster.Events.WaitFor<MembershipChanged>(
            "it joins as another member", change => IsCut(change) && change.What == "joined" && change.Member != lost.Member, before);

        await cluster.EndsLikeAloneAsync();

        static bool IsCut(MembershipChanged change) => change.Member.Name.StartsWith("cut/", StringComparison.Ordinal);
    }

    private static TestCluster Start(string recipe, int servers, int workers)
    {
        var cluster = new TestCluster(recipe)
        {
            Run = new RunSettings
            {
                ParameterServers = Math.Max(1, recipe.Contains("clip_norm", StringComparison.Ordinal) ? 2 : 1),
                CheckpointPeriod = TimeSpan.FromMilliseconds(100)
            },
        };
        cluster.StartCoordinator();
        for (var server = 1; server <= servers; server++)
        {
            cluster.StartServer($"server-{server}");
        }

        for (var worker = 1; worker <= workers; worker++)
        {
            cluster.StartWorker($"steady-{worker}");
        }

        return cluster;
    }

    private static void WaitForEpoch(TestCluster cluster, int epoch) =>
        cluster.Events.WaitFor<EpochCompleted>($"epoch {epoch} is done", completed => completed.Record.Epoch >= epoch);
}
