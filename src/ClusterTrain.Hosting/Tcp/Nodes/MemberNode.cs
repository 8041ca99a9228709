using ClusterTrain.Training;

namespace ClusterTrain.Hosting;

/// <summary>
/// The process of a worker, of a parameter server, or of both: it connects to the coordinator, takes part in its run, and
/// connects again, for as long as it takes, whenever the connection is lost.
/// </summary>
public sealed class MemberNode : IDisposable, IActorRoute
{
    private readonly MemberOptions _options;
    private readonly MemberShared _shared;
    private readonly Reception? _reception;
    private readonly Membership[] _memberships;
    private readonly CancellationTokenSource _leave = new();
    private readonly Lock _gate = new();
    private Task<MemberOutcome>? _running;

    /// <summary>Binds the address when it is a parameter server; nothing is connected before <see cref="RunAsync"/>.</summary>
    /// <param name="options">What it does, and how.</param>
    /// <param name="observe">Told what happens; called from several threads, one at a time.</param>
    /// <exception cref="ClusterException">The address cannot be listened at, or a setting is impossible.</exception>
    public MemberNode(MemberOptions options, Action<MemberEvent> observe)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(observe);
        if (!BitConverter.IsLittleEndian)
            throw new ClusterException("cluster nodes need a little-endian machine: floats cross the network as they lie in memory.");
        if (!options.IsWorker && !options.IsParameterServer)
            throw new ClusterException("a member must be a worker, a parameter server, or both.");
        if (options.Join.IsDefaultOrEmpty && options.Engine is null)
            throw new ClusterException("a member must know where the coordinator is: name it with --join HOST:PORT.");

        MemberIds.CheckName(options.Name);
        options.Cluster.Check();
        _options = options;
        if (options.IsParameterServer)
            _reception = new Reception(options.Listen, options.Security, options.Limits, options.Time);

        _shared = new MemberShared(options, observe, (id, error) => Find(id)?.Failed(error));
        _shared.Actors.Route = this;
        _memberships =
        [
            .. options.IsParameterServer ? [new Membership(_shared, NodeRole.ParameterServer, _reception!.Endpoint)] : Array.Empty<Membership>(),
            .. options.IsWorker ? [new Membership(_shared, NodeRole.Worker, null)] : Array.Empty<Membership>(),
        ];
    }

    /// <summary>Where a parameter server listens; null for a mere worker.</summary>
    public NodeEndpoint? Endpoint => _reception?.Endpoint;

    /// <summary>True while the node takes part: its links to the coordinator are up.</summary>
    public bool IsConnected => Array.TrueForAll(_memberships, membership => membership.IsConnected);

    /// <summary>Takes part until the run is over.</summary>
    /// <param name="stop">When signalled, the node leaves the run and ends.</param>
    /// <returns>How it ended.</returns>
    public Task<MemberOutcome> RunAsync(CancellationToken stop)
    {
        lock (_gate)
        {
            return _running ??= Task.Factory.StartNew(
                () => Run(stop), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }
    }

    /// <summary>Leaves the run: after what it has in hand it says goodbye, so that its leaves are given away at once, and ends.</summary>
    public Task<MemberOutcome> LeaveAsync()
    {
        _leave.Cancel();
        lock (_gate)
        {
            return _running ?? Task.FromResult<MemberOutcome>(new MemberLeft());
        }
    }

    /// <summary>Closes all connections at once, as when the process dies: nothing is said to anyone.</summary>
    public void Abort()
    {
        _reception?.Dispose();
        foreach (var membership in _memberships)
            membership.End(new MemberEndedByError("the node was aborted"));
    }

    /// <summary>Releases what the node holds, once <see cref="RunAsync"/> is over.</summary>
    public void Dispose()
    {
        _reception?.Dispose();
        _shared.Dispose();
        foreach (var membership in _memberships)
            membership.Dispose();

        _leave.Dispose();
    }

    void IActorRoute.Send(ActorId to, in Envelope envelope)
    {
        if (Find(envelope.Sender) is { } membership)
            membership.Send(to, envelope);
        else
            envelope.Drop();
    }

    private Membership? Find(ActorId id) => Array.Find(_memberships, membership => membership.Is(id));

    private MemberOutcome Run(CancellationToken stop)
    {
        if (_reception is not null)
            _reception.Start(_memberships[0]);

        foreach (var membership in _memberships)
            membership.Start();

        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using (stop.Register(() => asked.TrySetResult()))
        using (_leave.Token.Register(() => asked.TrySetResult()))
        {
            // What ends one actor of a node ends the node; when the run is over, it is for both.
            Task<MemberOutcome>[] outcomes = [.. _memberships.Select(membership => membership.Outcome)];
            if (Task.WaitAny([.. outcomes, asked.Task], CancellationToken.None) == outcomes.Length)
                Leave();

            var first = outcomes[Task.WaitAny(outcomes, CancellationToken.None)];
            foreach (var membership in _memberships)
                membership.End(first.IsCompletedSuccessfully ? first.Result : new MemberLeft());

            _reception?.Dispose();
            foreach (var membership in _memberships)
                membership.Finish();

            return first.GetAwaiter().GetResult();
        }
    }

    private void Leave()
    {
        // A parameter server of this node stays until its worker has left: it holds the steps the worker finishes.
        foreach (var membership in _memberships.Reverse())
            membership.Leave();
    }
}
