using Akka.TestKit;
using ClusterTrain.Cluster.Actors;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Threading;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Servers;
using ClusterTrain.Training.Tests;

namespace ClusterTrain.Cluster.Tests;

/// <summary>The conversation of a parameter server's actor with a coordinator and workers.</summary>
public sealed class ParameterServerActorTests : Stage
{
    private const long Term = 1;

    private readonly ActorHandle _server;

    public ParameterServerActorTests()
    {
        var machine = new ParameterServer(Plan, Layout, Kernels.Active, new ComputePool(1), Pool);
        _server = Begin("server", machine, context => machine.Start(context, LineRun.Coordinator));
    }

    [Fact]
    public void It_registers_with_what_it_holds()
    {
        var join = Expect<Join>(Coordinator);
        Assert.Equal(NodeRole.ParameterServer, join.Role);
        Assert.Empty(join.Holding);
    }

    [Fact]
    public void The_mean_gradient_goes_through_momentum_as_worked_by_hand_and_is_broadcast()
    {
        Serve();
        var worker = Subscribe("worker-1");
        Assert.Equal([LineRun.FirstWeight], ExpectTensor(worker).Values);

        Push(0, 0, 1, 5, 2.5);
        Push(0, 1, 1, 25, 12.5);
        var second = ExpectTensor(worker);
        Assert.Equal((LineRun.Weights(Term, 1), LineRun.SecondWeight), (second.Key, second.Values[0]));

        Push(1, 0, 2, 30 * LineRun.SecondWeight, 0.1);
        var third = ExpectTensor(Coordinator);
        while (third.Key.Step < 2)
        {
            third = ExpectTensor(Coordinator);
        }

        Assert.Equal([LineRun.ThirdWeight], third.Values);
    }

    [Fact]
    public void Start_weights_of_an_earlier_order_are_not_taken_for_those_of_the_next()
    {
        Tell(_server, "coordinator", LineRun.Weights(Term - 1, 0), 0, 99f);
        Tell(_server, "coordinator", LineRun.State(Term - 1, 0), 0, 99f);
        Serve();
        Assert.Equal([LineRun.FirstWeight], ExpectTensor(Subscribe("worker-1")).Values);
    }

    [Fact]
    public void A_push_that_comes_twice_counts_once()
    {
        Serve();
        var worker = Subscribe("worker-1");
        ExpectTensor(worker);
        Push(0, 0, 1, 5, 2.5);
        Push(0, 0, 1, 5, 2.5);
        ExpectNothing(worker);
        Push(0, 1, 1, 25, 12.5);
        Assert.Equal([LineRun.SecondWeight], ExpectTensor(worker).Values);
    }

    [Fact]
    public void What_belongs_to_another_term_changes_nothing()
    {
        Serve();
        var worker = Subscribe("worker-1");
        ExpectTensor(worker);
        Tell(_server, "worker-1", LineRun.Sum(Term - 1, 0, 0, 2), 15, 30f);
        Tell(_server, "coordinator", new Topology(Term - 1, LineRun.Ids("other")));
        ExpectNothing(worker);
        Push(0, 0, 2, 30, 15);
        Assert.Equal([LineRun.SecondWeight], ExpectTensor(worker).Values);
    }

    [Fact]
    public void A_coordinator_of_a_new_term_finds_what_is_held_where_it_was_left()
    {
        Serve();
        Push(0, 0, 2, 30, 15);
        Tell(_server, "coordinator", new Topology(Term + 1, LineRun.Ids("server")));
        Tell(_server, "worker-1", new Subscribe(Term + 1, 0));
        var weights = ExpectTensor(Probe("worker-1"));
        Assert.Equal((LineRun.Weights(Term + 1, 1), LineRun.SecondWeight), (weights.Key, weights.Values[0]));
    }

    private void Serve()
    {
        Order();
        Tell(_server, "coordinator", LineRun.Weights(Term, 0), 0, LineRun.FirstWeight);
        Tell(_server, "coordinator", LineRun.State(Term, 0), 0, 0f);
    }

    private void Order()
    {
        Tell(_server, "coordinator", new Serve(Term, 0, 1, 0, 0, 0));
        Tell(_server, "coordinator", new Topology(Term, LineRun.Ids("server")));
        Tell(_server, "coordinator", new Advance(Term, 2, 0));
    }

    private TestProbe Subscribe(string worker)
    {
        Tell(_server, worker, new Subscribe(Term, 0));
        return Probe(worker);
    }

    private void Push(long step, int leaf, int leaves, float sum, double loss) =>
        Tell(_server, "worker-1", LineRun.Sum(Term, step, leaf, leaves), loss, sum);
}
