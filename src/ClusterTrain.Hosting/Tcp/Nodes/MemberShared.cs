using ClusterTrain.Training;

namespace ClusterTrain.Hosting;

/// <summary>What the actors of one member's node share.</summary>
internal sealed class MemberShared : IDisposable
{
    private readonly Action<MemberEvent> _observe;
    private readonly Lock _gate = new();
    private RunKnowledge? _run;
    private long _highestTerm;

    public MemberShared(MemberOptions options, Action<MemberEvent> observe, Action<ActorId, Exception> actorFailed)
    {
        _observe = observe;
        Options = options;
        Heartbeats = new Heartbeats(options.Cluster.HeartbeatPeriod, options.Cluster.LostAfter, options.Limits.HandshakeTime, options.Time);
        LostAfter = options.Cluster.LostAfter;
        Actors = new ActorHost(options.Time, actorFailed) { Engine = options.Engine };
        Dispatcher = new Dispatcher("actor", options is { IsWorker: true, IsParameterServer: true } ? 2 : 1);
    }

    public MemberOptions Options { get; }

    public ActorHost Actors { get; }

    public Dispatcher Dispatcher { get; }

    public Heartbeats Heartbeats { get; }

    public TensorPool Tensors { get; } = new();

    /// <summary>The run; null before the first welcome.</summary>
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

    /// <summary>Bounds of the links, once the run is known.</summary>
    public LinkTerms Terms(RunKnowledge run) => new(Options.Limits, Tensors, run.MostFloats, run.Layout.Parameters, Options.Engine?.Control);

    /// <summary>Accepts a coordinator's term.</summary>
    /// <exception cref="LinkException">A coordinator of a higher term was met before.</exception>
    public void MeetTerm(long term)
    {
        lock (_gate)
        {
            if (term < _highestTerm)
                throw new LinkException(
                    RefusalKind.Term, $"has term {term}, but a coordinator of term {_highestTerm} leads this run: stop the older one");

            _highestTerm = term;
        }
    }

    /// <summary>Takes the welcome in: what it says of the run the first time, the heartbeats each time.</summary>
    public RunKnowledge Learn(Welcome welcome, string recipe, NodeEndpoint coordinator)
    {
        Heartbeats.Use(welcome.HeartbeatPeriod, welcome.LostAfter);
        LostAfter = welcome.LostAfter;
        lock (_gate)
        {
            return _run ??= new RunKnowledge(welcome, recipe, coordinator);
        }
    }

    public void Observe(MemberEvent happened)
    {
        lock (_observe)
        {
            _observe(happened);
        }
    }

    public void Dispose()
    {
        Actors.Stop();
        Heartbeats.Dispose();
        Dispatcher.Dispose();
        Actors.Dispose();
    }
}
