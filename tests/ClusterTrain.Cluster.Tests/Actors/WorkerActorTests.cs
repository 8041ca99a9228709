using ClusterTrain.Cluster.Actors;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Threading;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Tests;
using ClusterTrain.Training.Workers;

namespace ClusterTrain.Cluster.Tests;

/// <summary>The conversation of a worker's actor with a coordinator and a parameter server.</summary>
public sealed class WorkerActorTests : Stage
{
    private const long Term = 3;

    private readonly ActorHandle _worker;
    private readonly ComputePool _compute = new(1, "test");

    public WorkerActorTests()
    {
        var machine = new Worker(Plan, Layout, LineRun.Data(Recipe).Train, new Network(Layout, Recipe.Loss, Kernels.Active, _compute), Pool);
        _worker = Begin("worker-1", machine, context => machine.Start(context, LineRun.Coordinator));
    }

    [Fact]
    public void It_registers() => Assert.Equal(NodeRole.Worker, Expect<Join>(Coordinator).Role);

    [Fact]
    public void It_subscribes_computes_its_leaves_and_pushes_their_sum()
    {
        Assign(1, "worker-1");
        Assert.Equal(new Subscribe(Term, 0), Expect<Subscribe>(Probe("server")));
        Weights(0, LineRun.FirstWeight);
        var sum = ExpectTensor(Probe("server"));
        Assert.Equal((LineRun.Sum(Term, 0, 0, 2), 30f, 15.0), (sum.Key, sum.Values[0], sum.Loss));
    }

    [Fact]
    public void The_leaves_of_a_lost_worker_are_computed_in_the_step_in_hand()
    {
        Assign(1, "worker-1", "worker-2");
        Weights(0, LineRun.FirstWeight);
        Assert.Equal(LineRun.Sum(Term, 0, 0, 1), ExpectTensor(Probe("server")).Key);
        Assign(2, "worker-1");
        Assert.Equal(LineRun.Sum(Term, 0, 1, 1), ExpectTensor(Probe("server")).Key);
    }

    [Fact]
    public void Weights_of_another_term_and_an_older_assignment_are_dropped()
    {
        Assign(2, "worker-1");
        Expect<Subscribe>(Probe("server"));
        Tell(_worker, "coordinator", new Assignment(Term, 1, LineRun.Ids("worker-2")));
        Tell(_worker, "server", LineRun.Weights(Term - 1, 0), 0, 99f);
        ExpectNothing(Probe("server"));
        Weights(0, LineRun.FirstWeight);
        Assert.Equal([30f], ExpectTensor(Probe("server")).Values);
    }

    [Fact]
    public void A_link_that_was_lost_and_is_there_again_is_subscribed_to_again()
    {
        Assign(1, "worker-1");
        Expect<Subscribe>(Probe("server"));
        Tell(_worker, "worker-1", new LinkRestored(new ActorId("server")));
        Assert.Equal(new Subscribe(Term, 0), Expect<Subscribe>(Probe("server")));
    }

    [Fact]
    public void After_its_end_nothing_is_handled_and_the_last_thing_is_done_once()
    {
        using var done = new CountdownEvent(1);
        Expect<Join>(Coordinator);
        End(_worker, () => done.Signal());
        Assert.True(done.Wait(Patience.Limit));
        Assign(1, "worker-1");
        ExpectNothing(Probe("server"));
        Assert.Equal(0, done.CurrentCount);
    }

    protected override void AfterAll()
    {
        base.AfterAll();
        _compute.Dispose();
    }

    private void Assign(long version, params string[] workers)
    {
        Tell(_worker, "coordinator", new Topology(Term, LineRun.Ids("server")));
        Tell(_worker, "coordinator", new Assignment(Term, version, LineRun.Ids(workers)));
    }

    private void Weights(long step, float weight) => Tell(_worker, "server", LineRun.Weights(Term, step), 0, weight);
}
