using ClusterTrain.Cluster.Data;
using ClusterTrain.Cluster.Links;
using ClusterTrain.Data.Prepared;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Threading;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Servers;
using ClusterTrain.Training.Workers;

namespace ClusterTrain.Cluster.Nodes;

/// <summary>The state machine of one incarnation of a member, with what it owns.</summary>
internal sealed class MemberMachine : IDisposable
{
    // Memory, not arithmetic, bounds an update: more threads gain nothing.
    private const int MostServerThreads = 4;

    private readonly Action<IActorContext> _start;
    private readonly IDisposable[] _owned;

    private MemberMachine(IActor actor, Action<IActorContext> start, params IDisposable[] owned)
    {
        Actor = actor;
        _start = start;
        _owned = owned;
    }

    public IActor Actor { get; }

    public static MemberMachine Worker(RunKnowledge run, PreparedData data, NodeContext node)
    {
        var pool = new ComputePool(node.Options.Threads, node.Options.Name);
        var network = new Network(run.Layout, run.Recipe.Loss, Kernels.Active, pool);
        var worker = new Worker(run.Plan, run.Layout, data.Train, network, node.Tensors);
        return new MemberMachine(worker, context => worker.Start(context, MemberIds.Coordinator), worker, pool);
    }

    public static MemberMachine ParameterServer(RunKnowledge run, NodeContext node)
    {
        // While it adds and updates the last segments, the workers it serves wait for it: on its machine cores are idle.
        var pool = new ComputePool(Math.Min(Environment.ProcessorCount, MostServerThreads), node.Options.Name);
        var server = new ParameterServer(run.Plan, run.Layout, Kernels.Active, pool, node.Tensors);
        return new MemberMachine(server, context => server.Start(context, MemberIds.Coordinator), server, pool);
    }

    /// <summary>Announces the member to a coordinator; in the actor's turn.</summary>
    public void Start(IActorContext context) => _start(context);

    public void Dispose()
    {
        foreach (var owned in _owned)
        {
            owned.Dispose();
        }
    }
}
