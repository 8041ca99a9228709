using Akka.TestKit;
using ClusterTrain.Cluster.Actors;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Tests;

namespace ClusterTrain.Cluster.Tests;

/// <summary>The conversation of a coordinator's actor with its members.</summary>
public sealed class CoordinatorActorTests : Stage
{
    private const long FirstTerm = (1L << 20) + 1;

    private readonly ActorHandle _coordinator;
    private readonly List<RunEvent> _events = [];

    public CoordinatorActorTests()
    {
        var machine = new Coordinator(
            Plan, Layout, new RunSettings { LeastWorkers = 1 },
                new RunStart(1, new RunState(0, 0, new float[] { 1 }, new float[] { 0 }), [], 0, null),
            new MemoryRecorder(), Pool, happened =>
            {
                lock (_events)
                {
                    _events.Add(happened);
                }
            });
        _coordinator = Begin("coordinator", machine, machine.Start);
    }

    [Fact]
    public void A_server_is_ordered_to_serve_and_sent_weights_and_a_worker_is_assigned_all_leaves()
    {
        Join("server", NodeRole.ParameterServer);
        var server = Probe("server");
        Assert.Equal(new Serve(FirstTerm, 0, 1, 0, 0, 0), Expect<Serve>(server));
        Assert.Equal(LineRun.Weights(FirstTerm, 0), server.ExpectMsg<Seen>().Key);
        Assert.Equal(LineRun.State(FirstTerm, 0), server.ExpectMsg<Seen>().Key);
        Assert.Equal(LineRun.Ids("server"), Expect<Topology>(server).Servers.AsEnumerable());
        Assert.Equal(new Advance(FirstTerm, 2, 0), Expect<Advance>(server));

        Join("worker-1", NodeRole.Worker);
        Assert.Equal(FirstTerm, Expect<Topology>(Probe("worker-1")).Term);
        Assert.Equal(LineRun.Ids("worker-1"), Expect<Assignment>(Probe("worker-1")).Workers.AsEnumerable());
    }

    [Fact]
    public void The_leaves_of_a_worker_that_is_lost_are_assigned_to_the_others()
    {
        Join("server", NodeRole.ParameterServer);
        Join("worker-1", NodeRole.Worker);
        Join("worker-2", NodeRole.Worker);
        ExpectAssignment(Probe("worker-1"), "worker-1", "worker-2");
        Tell(_coordinator, "coordinator", new MemberLost(new ActorId("worker-2"), "its node is unreachable"));
        ExpectAssignment(Probe("worker-1"), "worker-1");
    }

    [Fact]
    public void The_next_server_begins_again_from_the_checkpoint_in_a_new_term()
    {
        Join("server", NodeRole.ParameterServer);
        var first = Expect<Serve>(Probe("server"));
        Tell(_coordinator, "coordinator", new MemberLost(new ActorId("server"), "its node is gone"));
        Join("server-2", NodeRole.ParameterServer);
        var second = Expect<Serve>(Probe("server-2"));
        Assert.True(second.Term > first.Term);
        Assert.Equal(first with { Term = second.Term }, second);
    }

    [Fact]
    public void A_report_of_an_earlier_term_is_not_shown()
    {
        Join("server", NodeRole.ParameterServer);
        Join("worker-1", NodeRole.Worker);
        ExpectAssignment(Probe("worker-1"), "worker-1");
        Tell(_coordinator, "server", new StepReport(FirstTerm - 1, 0, 1, 77, TimeSpan.Zero));
        Tell(_coordinator, "server", new StepReport(FirstTerm, 0, 1, 0.5, TimeSpan.Zero));
        AwaitAssert(() => Assert.Equal([0.5], Happened<RunProgress>().Select(progress => progress.Loss)));
    }

    [Fact]
    public void A_state_machine_that_throws_is_stopped_and_the_host_is_told_once()
    {
        _coordinator.Start(_ => throw new TrainingException("worn out"));
        AwaitAssert(() => Assert.Equal("worn out", Assert.Single(Failures).Error.Message));
        using var ended = new ManualResetEventSlim();
        End(_coordinator, ended.Set);
        Assert.True(ended.Wait(Patience.Limit));
        Join("server", NodeRole.ParameterServer);
        ExpectNothing(Probe("server"));
        Assert.Single(Failures);
    }

    private void Join(string name, NodeRole role) => Tell(_coordinator, name, new Join(role, []));

    private static void ExpectAssignment(TestProbe worker, params string[] workers) => worker.FishForMessage(
        message => message is Seen { Message: Assignment assignment } && assignment.Workers.SequenceEqual(LineRun.Ids(workers)));

    private List<T> Happened<T>()
    {
        lock (_events)
        {
            return [.. _events.OfType<T>()];
        }
    }
}
