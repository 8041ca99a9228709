using ClusterTrain.Cluster.Actors;
using ClusterTrain.Cluster.Data;
using ClusterTrain.Cluster.Links;
using ClusterTrain.Cluster.Sharing;
using ClusterTrain.Cluster.Wire;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Training.Tensors;

namespace ClusterTrain.Cluster.Nodes;

/// <summary>What the parts of one node share.</summary>
internal sealed class NodeContext : IDisposable
{
    private readonly Action<NodeEvent> _observe;
    private readonly Lock _gate = new();
    private RunKnowledge? _run;
    private long _highestTerm;

    public NodeContext(NodeOptions options, Action<NodeEvent> observe)
    {
        _observe = observe;
        Options = options;
        LostAfter = options.Cluster.LostAfter;
        Memory = options.SharesMemory && OwnMemory.Create() is { } own ? new NodeMemory(own) : null;
        Tensors = Memory is null ? new TensorPool() : new TensorPool(Memory.Own.Allocate);
        Dialler = new Dialler(options.Security, options.Limits, options.Time);
    }

    public NodeOptions Options { get; }

    /// <summary>The node's actors that train; set before there are any.</summary>
    public AkkaHost Actors { get; set; } = null!;

    public Dialler Dialler { get; }

    /// <summary>Memory shared with other processes of the machine; null: none is.</summary>
    public NodeMemory? Memory { get; }

    public TensorPool Tensors { get; }

    /// <summary>The run its members take part in; null before the first welcome.</summary>
    public RunKnowledge? Run
    {
        get
        {
            lock (_gate)
            {
                return _run;
            }
        }
    }

    /// <summary>Silence after which a peer is lost; the coordinator says it.</summary>
    public TimeSpan LostAfter { get; private set; }

    /// <summary>The highest term of a coordinator met so far.</summary>
    public long HighestTerm
    {
        get
        {
            lock (_gate)
            {
                return _highestTerm;
            }
        }
    }

    /// <summary>What its members' links share, once the run is known.</summary>
    public LinkResources Resources(RunKnowledge run) => new(Options.Limits, Tensors, run.MostFloats, run.Layout.Parameters, Memory)
    {
        PacksGradients = run.Recipe.GradientPrecision == GradientPrecision.BFloat16,
    };

    /// <summary>Accepts a coordinator's term.</summary>
    /// <exception cref="LinkException">A coordinator of a higher term was met before.</exception>
    public void MeetTerm(long term)
    {
        lock (_gate)
        {
            if (term < _highestTerm)
            {
                throw new LinkException(
                    RefusalKind.Term, $"has term {term}, but a coordinator of term {_highestTerm} leads this run: stop the older one");
            }

            _highestTerm = term;
        }
    }

    /// <summary>Takes in what the welcome says of the run, the first time.</summary>
    public RunKnowledge Learn(Welcome welcome, string recipe, NodeEndpoint coordinator)
    {
        LostAfter = welcome.LostAfter;
        lock (_gate)
        {
            return _run ??= new RunKnowledge(welcome, recipe, coordinator);
        }
    }

    public void Dispose() => Memory?.Dispose();

    /// <summary>Tells what happened, one at a time.</summary>
    public void Observe(NodeEvent happened)
    {
        lock (_observe)
        {
            _observe(happened);
        }
    }
}
