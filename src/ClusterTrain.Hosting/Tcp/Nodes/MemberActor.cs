using ClusterTrain.Learning;
using ClusterTrain.Numerics;
using ClusterTrain.Training;

namespace ClusterTrain.Hosting;

/// <summary>One life of a member's actor, with what it owns.</summary>
internal sealed class MemberActor : IDisposable
{
    private readonly Action<IActorContext> _start;
    private readonly IDisposable[] _owned;

    private MemberActor(IActor actor, Action<IActorContext> start, params IDisposable[] owned)
    {
        Actor = actor;
        _start = start;
        _owned = owned;
    }

    public IActor Actor { get; }

    public static MemberActor Worker(RunKnowledge run, PreparedData data, MemberShared shared)
    {
        var pool = new ComputePool(shared.Options.Threads, shared.Options.Name);
        var network = new Network(run.Layout, run.Recipe.Loss, Kernels.Active, pool);
        var worker = new Worker(run.Plan, run.Layout, data.Train, network, shared.Tensors);
        return new MemberActor(worker, context => worker.Start(context, MemberIds.Coordinator), worker, pool);
    }

    public static MemberActor ParameterServer(RunKnowledge run, MemberShared shared)
    {
        var server = new ParameterServer(run.Plan, run.Layout, Kernels.Active, shared.Tensors);
        return new MemberActor(server, context => server.Start(context, MemberIds.Coordinator), server);
    }

    /// <summary>Announces the actor to a coordinator; in the actor's turn.</summary>
    public void Start(IActorContext context) => _start(context);

    public void Dispose()
    {
        foreach (var owned in _owned)
            owned.Dispose();
    }
}
