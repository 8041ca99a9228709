using System.Collections.Immutable;
using System.Security.Cryptography;
using ClusterTrain.Learning;
using ClusterTrain.Training;

namespace ClusterTrain.Hosting;

/// <summary>
/// The part one actor of a member's node takes in the run: its link to the coordinator, made anew for as long as it takes, and
/// its links to other members. Meanwhile the actor goes on with those it still has.
/// <para>
/// When the coordinator was started again, actor and id stay. When the same coordinator gave a worker up, it joins as a new one, with a new id
/// and state, so that nothing meant for the former reaches it; a parameter server keeps its id and says what it holds.
/// </para>
/// </summary>
internal sealed class Membership : ILinkOwner, IHost, IDisposable
{
    private readonly MemberShared _shared;
    private readonly NodeRole _role;
    private readonly NodeEndpoint? _listening;
    private readonly CancellationTokenSource _stop = new();
    private readonly object _gate = new();
    private readonly Dictionary<ActorId, ServerLink> _servers = [];
    private readonly LinkTable _inbound = new();
    private readonly Thread _thread;
    private readonly TaskCompletionSource<MemberOutcome> _outcome = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ActorId? _id;
    private MemberActor? _actor;
    private IMailbox? _mailbox;
    private Link? _coordinator;
    private PreparedData? _data;
    private long _joinedTerm;
    private string _lastProblem = "";
    private CancellationTokenSource? _session;

    /// <summary>Creates a membership that has not begun.</summary>
    /// <param name="shared">What the node's actors share.</param>
    /// <param name="role">The actor's role.</param>
    /// <param name="listening">Where a parameter server listens.</param>
    public Membership(MemberShared shared, NodeRole role, NodeEndpoint? listening)
    {
        _shared = shared;
        _role = role;
        _listening = listening;
        _thread = new Thread(() =>
        {
            try
            {
                Run();
            }
            catch (Exception error)
            {
                // Whoever waits for the node gets what ended it.
                _outcome.TrySetException(error);
            }
        })
        { Name = "membership", IsBackground = true };
    }

    /// <summary>How it ended.</summary>
    public Task<MemberOutcome> Outcome => _outcome.Task;

    /// <summary>True while there is a link to the coordinator.</summary>
    public bool IsConnected
    {
        get
        {
            lock (_gate)
            {
                return _coordinator is not null;
            }
        }
    }

    private MemberOptions Options => _shared.Options;

    private PeerRole PeerRole => _role == NodeRole.Worker ? PeerRole.Worker : PeerRole.ParameterServer;

    public void Start() => _thread.Start();

    /// <summary>True when the actor of this id is, or was, this membership's.</summary>
    public bool Is(ActorId id)
    {
        lock (_gate)
        {
            return _id == id;
        }
    }

    /// <summary>Sends a message of the actor over the link to its receiver; drops it when there is none.</summary>
    public void Send(ActorId to, in Envelope envelope)
    {
        Link? link;
        lock (_gate)
        {
            link = to == MemberIds.Coordinator ? _coordinator
                : _servers.TryGetValue(to, out var server) ? server.Link
                : _inbound.Find(to);
        }

        if (link is null)
            envelope.Drop();
        else if (envelope.Message is { } message)
            link.Send(message);
        else
            link.Send(envelope.Tensor);
    }

    /// <summary>Says goodbye after the message in hand, and ends.</summary>
    public void Leave()
    {
        Link? coordinator;
        IMailbox? mailbox;
        Link[] links;
        lock (_gate)
        {
            (coordinator, mailbox) = (_coordinator, _mailbox);
            links = [.. _servers.Values.Select(server => server.Link).OfType<Link>()];
        }

        if (coordinator is not null && mailbox is not null)
        {
            using var said = new SemaphoreSlim(0);
            mailbox.Post(new Envelope(mailbox.Self, new HostCall(() =>
            {
                coordinator.Send(new Leave());
                said.Release();
            }), default));

            // A long computation is not waited for: its leaves are handed back.
            if (!said.Wait(Options.Cluster.FlushTime))
                coordinator.Send(new Leave());

            _outcome.TrySetResult(new MemberLeft());
            foreach (var link in links)
                link.Flush(Options.Cluster.FlushTime, Options.Time);

            coordinator.Finish(Options.Cluster.FlushTime, Options.Time);
        }

        End(new MemberLeft());
    }

    /// <summary>Ends at once; links are closed without a word.</summary>
    public void End(MemberOutcome outcome)
    {
        _outcome.TrySetResult(outcome);
        _stop.Cancel();
        Link? coordinator;
        lock (_gate)
        {
            coordinator = _coordinator;
        }

        coordinator?.Close("this node ends");
        foreach (var link in _inbound.All)
            link.Close("this node ends");
    }

    /// <summary>After its end: waits until its threads have ended, and ends its actor.</summary>
    public void Finish()
    {
        _thread.Join();
        DropServers([], "this node ends");
        using var ended = new ManualResetEventSlim();
        if (EndActor(ended.Set))
            ended.Wait();
    }

    public void Dispose() => _stop.Dispose();

    /// <summary>The actor threw: the coordinator is told, which ends the run.</summary>
    public void Failed(Exception error)
    {
        Link? coordinator;
        lock (_gate)
        {
            coordinator = _coordinator;
        }

        var reason = error is TrainingException ? error.Message : $"{_id} failed: {error.Message}";
        _outcome.TrySetResult(new MemberEndedByError(reason));
        coordinator?.Send(new MemberFailed(_id!, reason));
        coordinator?.Flush(Options.Cluster.FlushTime, Options.Time);
        End(new MemberEndedByError(reason));
    }

    Hello IHost.Answer(Hello peer) => Own(new ActorId("")) with { Lane = peer.Lane, Data = _shared.Run?.Data ?? "" };

    void IHost.Check(Hello peer)
    {
        var run = _shared.Run;
        ActorId? id;
        lock (_gate)
        {
            id = _id;
        }

        if (run is null || peer.To != id)
            throw new LinkException(
                RefusalKind.Address, $"({peer.From}) wants to talk to {peer.To}, this is {id?.Name ?? "a node that has not joined yet"}");
        if (peer.Recipe != run.Fingerprint)
            throw new LinkException(RefusalKind.Run, $"({peer.From}) takes part in another run: restart it");
        if (peer.Data.Length > 0 && peer.Data != run.Data)
            throw new LinkException(RefusalKind.Data, $"({peer.From}) has other data: restart it");
    }

    void IHost.Serve(Connection connection, Hello peer)
    {
        if (peer.Lane == Lane.Heartbeat && _inbound.WaitFor(peer, Options.Limits.HandshakeTime, Options.Time) is { } beating)
        {
            _shared.Heartbeats.Read(beating, connection);
        }
        else if (peer.Lane == Lane.Messages)
        {
            var link = new Link(connection, peer.To, peer, peer.Session, _shared.Terms(_shared.Run!), this);
            _shared.Heartbeats.Expect(link);
            _inbound.Add(link);
            link.Run();
            _inbound.Remove(link);
        }
    }

    void IHost.Warn(string message) => _shared.Observe(new MemberWarning(message));

    void ILinkOwner.Received(Link link, IMessage message)
    {
        if (link.Role == PeerRole.Coordinator && message is Topology topology)
            UseServers(topology.Servers, onlyThese: true);

        _shared.Actors.Deliver(link.Self, new Envelope(link.Peer, message, default));
        if (link.Role == PeerRole.Coordinator && message is Stop or Exclude)
        {
            _outcome.TrySetResult(message is Exclude exclude ? new MemberEndedByError($"excluded from the run: {exclude.Reason}") : new MemberFinished());
            link.Close(message is Exclude ? "excluded from the run" : "the run is over");
        }
    }

    void ILinkOwner.Received(Link link, in TensorMessage message) => _shared.Actors.Deliver(link.Self, new Envelope(link.Peer, null, message));

    void ILinkOwner.Unreachable(Link link, ActorId peer, string reason) =>
        throw new LinkException(RefusalKind.Garbage, "told a member what is for the coordinator");

    void ILinkOwner.Closed(Link link, string reason)
    {
        _shared.Heartbeats.Forget(link);
        lock (_gate)
        {
            if (link.Role == PeerRole.Coordinator)
                _session?.Cancel();
        }

        _inbound.Remove(link);
    }

    private void Run()
    {
        var pause = Options.Cluster.LeastRetryPause;
        var lastContact = Options.Time.GetTimestamp();
        for (var attempt = 0; !_outcome.Task.IsCompleted && !_stop.IsCancellationRequested; attempt++)
        {
            if (Coordinator(attempt) is not { } endpoint)
            {
                _stop.Token.WaitHandle.WaitOne(Options.Cluster.LeastRetryPause);
                continue;
            }

            try
            {
                TakePart(endpoint);
                pause = Options.Cluster.LeastRetryPause;
                lastContact = Options.Time.GetTimestamp();
            }
            catch (LinkException error) when (error.IsFinal)
            {
                End(new MemberEndedByError($"the coordinator at {endpoint} {(error.IsRefusal ? "refused this node: it" : "")} {error.Message}"));
            }
            catch (Exception error) when (LinkErrors.IsLost(error))
            {
                Report($"the coordinator at {endpoint}{(error is LinkException ? ":" : " cannot be reached:")} {LinkErrors.Cause(error)}");
            }

            var giveUpAfter = Options.Cluster.GiveUpAfter;
            if (giveUpAfter > TimeSpan.Zero && Options.Time.GetElapsedTime(lastContact) >= giveUpAfter)
            {
                End(new MemberEndedByError(
                    $"no coordinator was reached at {string.Join(" or ", Options.Join)} for {giveUpAfter.TotalSeconds} s; the last problem: {_lastProblem}"));
            }

            _stop.Token.WaitHandle.WaitOne(pause);
            pause = pause * 2 < Options.Cluster.MostRetryPause ? pause * 2 : Options.Cluster.MostRetryPause;
        }

        if (_stop.IsCancellationRequested)
            _outcome.TrySetResult(new MemberLeft());
    }

    private NodeEndpoint? Coordinator(int attempt) =>
        Options.Engine is { } engine ? engine.Coordinator : Options.Join[attempt % Options.Join.Length];

    /// <summary>Says what keeps the node from taking part, each cause once.</summary>
    private void Report(string problem)
    {
        if (problem != _lastProblem && !_stop.IsCancellationRequested)
            _shared.Observe(new MemberWarning($"{problem}; trying again"));

        _lastProblem = problem;
    }

    /// <summary>Connects to the coordinator and takes part until the link is lost or the run is over.</summary>
    private void TakePart(NodeEndpoint endpoint)
    {
        var number = Dialling.NewSession();
        var (connection, peer) = Dialling.Dial(
            endpoint, connected => Introduce(connected) with { Session = number }, Options, Options.Limits.HandshakeTime, _stop.Token);
        using (connection)
        {
            if (peer.Role != PeerRole.Coordinator)
                throw new LinkException(RefusalKind.Address, $"is {peer.From}, not a coordinator");

            _shared.MeetTerm(peer.Term);
            if (_role == NodeRole.Worker && peer.Term == _joinedTerm)
            {
                Renew();
                return;
            }

            var welcome = ReadWelcome(connection);
            var run = _shared.Learn(welcome, peer.Recipe, endpoint);
            var link = new Link(connection, _id!, peer, number, _shared.Terms(run), this) { IsDialled = true };
            using var session = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
            lock (_gate)
            {
                _session = session;
            }

            Dialling.OpenHeartbeat(link, endpoint, Own(MemberIds.Coordinator) with { Session = number }, _shared, _stop.Token);
            try
            {
                Join(link, run, welcome, peer, endpoint, session.Token);
                link.Run();
            }
            catch (Exception error) when (LinkErrors.IsLost(error))
            {
                link.Close(LinkErrors.Cause(error));
                throw;
            }
            finally
            {
                lock (_gate)
                {
                    (_coordinator, _session) = (null, null);
                }
            }

            if (!_outcome.Task.IsCompleted)
                Report($"lost the coordinator at {endpoint}: {link.Reason}");
        }
    }

    private void Join(Link link, RunKnowledge run, Welcome welcome, Hello peer, NodeEndpoint endpoint, CancellationToken session)
    {
        if (_role == NodeRole.Worker)
            _data ??= MemberData.Get(run, endpoint, Own(MemberIds.Coordinator), _shared, session);

        UseServers(welcome.Servers, onlyThese: false);
        WaitForServers(welcome.Servers);
        lock (_gate)
        {
            _coordinator = link;
            if (_actor is null)
            {
                _actor = _role == NodeRole.Worker ? MemberActor.Worker(run, _data!, _shared) : MemberActor.ParameterServer(run, _shared);
                _mailbox = _shared.Actors.Add(_id!, _actor.Actor, _shared.Dispatcher);
            }
        }

        _joinedTerm = peer.Term;
        _lastProblem = "";
        var (actor, mailbox) = (_actor, _mailbox!);
        mailbox.Post(new Envelope(_id!, new HostCall(() => actor.Start(mailbox)), default));
        _shared.Observe(new MemberJoined(_id!, _role, endpoint));
    }

    /// <summary>What this node says of itself to the coordinator; the first connection shows where a parameter server is reached.</summary>
    private Hello Introduce(Connection connection)
    {
        lock (_gate)
        {
            _id ??= _role == NodeRole.Worker
                ? MemberIds.Worker(Options.Name, NewLife())
                : MemberIds.ParameterServer(
                    Options.Name, NewLife(), Options.Advertise ?? new NodeEndpoint(connection.LocalAddress.ToString(), _listening!.Port));
        }

        return Own(MemberIds.Coordinator);
    }

    private Hello Own(ActorId to)
    {
        lock (_gate)
        {
            return new Hello(
                Lane.Messages, Options.Security.HasSecret, PeerRole, _id ?? new ActorId(""), to,
                _shared.Run?.Fingerprint ?? "", _data?.Fingerprint ?? "",
                _shared.HighestTerm, 0);
        }
    }

    private static string NewLife() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4));

    private Welcome ReadWelcome(Connection connection)
    {
        using var watchdog = Options.Time.CreateTimer(_ => connection.Dispose(), null, Options.Limits.HandshakeTime, Timeout.InfiniteTimeSpan);
        var (kind, length) = connection.ReadHeader();
        return kind switch
        {
            FrameKind.Welcome => Welcome.Read(connection.ReadContent(kind, length, Options.Limits.WelcomeBytes), Options.Limits),
            FrameKind.Refusal => throw Handshake.Refused(connection, length, Options.Limits),
            _ => throw new LinkException(
                RefusalKind.Garbage, $"sent a frame of kind {(byte)kind} instead of its welcome"),
        };
    }

    /// <summary>Keeps links to these parameter servers; to others only when not told otherwise.</summary>
    private void UseServers(ImmutableArray<ActorId> servers, bool onlyThese)
    {
        // Parameter servers talk to each other only about the norm by which gradients are clipped.
        var wanted = _role == NodeRole.Worker || _shared.Run!.Recipe.ClipNorm is not null
            ? servers.Where(server => !_shared.Actors.Has(server)).ToHashSet()
            : [];
        if (onlyThese)
            DropServers(wanted, "it serves no segment any more");

        lock (_gate)
        {
            foreach (var server in wanted)
            {
                if (!_servers.ContainsKey(server))
                    _servers.Add(server, new ServerLink(_shared, Own(server), server, this, Restored, Unreachable));
            }
        }
    }

    private void DropServers(HashSet<ActorId> wanted, string reason)
    {
        ServerLink[] dropped;
        lock (_gate)
        {
            dropped = [.. _servers.Values.Where(server => !wanted.Contains(server.Server))];
            foreach (var server in dropped)
                _servers.Remove(server.Server);
        }

        foreach (var server in dropped)
            server.End(reason);
        foreach (var server in dropped)
            server.Dispose();
    }

    /// <summary>A worker that cannot reach a parameter server would hold up every step: it joins when it can.</summary>
    private void WaitForServers(ImmutableArray<ActorId> servers)
    {
        var start = Options.Time.GetTimestamp();
        lock (_gate)
        {
            while (Array.Find([.. servers], server => _servers.TryGetValue(server, out var link) && link.Link is null) is { } missing)
            {
                var left = Options.Limits.HandshakeTime - Options.Time.GetElapsedTime(start);
                if (left <= TimeSpan.Zero || _stop.IsCancellationRequested)
                    throw new LinkException(RefusalKind.Rejoin, $"{missing} cannot be reached from here");

                Monitor.Wait(_gate, left);
            }
        }
    }

    private void Restored(ServerLink link)
    {
        ActorId id;
        lock (_gate)
        {
            id = _id!;
            Monitor.PulseAll(_gate);
        }

        _shared.Actors.Post(id, id, new LinkRestored(link.Server));
    }

    private void Unreachable(ActorId server, string reason)
    {
        Link? coordinator;
        lock (_gate)
        {
            coordinator = _coordinator;
        }

        coordinator?.SendUnreachable(server, reason);
    }

    /// <summary>Begins a new life: the coordinator gave the present one up.</summary>
    private void Renew()
    {
        DropServers([], "this worker joins anew");
        EndActor(() => { });
        lock (_gate)
        {
            _id = MemberIds.Worker(Options.Name, NewLife());
        }

        _joinedTerm = 0;
    }

    /// <summary>Ends the actor's life after the message it has in hand; false when there was none.</summary>
    private bool EndActor(Action then)
    {
        MemberActor? actor;
        ActorId? id;
        lock (_gate)
        {
            (actor, id) = (_actor, _id);
            (_actor, _mailbox) = (null, null);
        }

        if (actor is null)
            return false;

        _shared.Actors.Remove(id!, () =>
        {
            actor.Dispose();
            then();
        });
        return true;
    }
}
