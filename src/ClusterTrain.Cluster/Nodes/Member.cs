using System.Collections.Immutable;
using System.Net;
using System.Security.Cryptography;
using ClusterTrain.Actors;
using ClusterTrain.Cluster.Actors;
using ClusterTrain.Cluster.Data;
using ClusterTrain.Cluster.Links;
using ClusterTrain.Cluster.Wire;
using ClusterTrain.Data.Prepared;
using ClusterTrain.Runs;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Cluster.Nodes;

/// <summary>
/// A worker or a parameter server of this node: its link to the coordinator, made again for as long as it takes, and its links to other members.
/// Meanwhile its actor works with those it still has.
/// <para>
/// When another coordinator leads, actor and id stay. When the same coordinator gave a worker up, it joins as a new one, with a new id
/// and state, so that nothing meant for the former reaches it; a parameter server keeps its id and says what it holds.
/// </para>
/// </summary>
internal sealed class Member : ILinkOwner, IDisposable
{
    // A coordinator lets a server go within 5 s, or when a checkpoint is written.
    private static readonly TimeSpan s_longestDeparture = TimeSpan.FromSeconds(7);

    // Characters of the reason for which the node ends; what is longer would not fit a message.
    private const int MostReason = 4096;

    private readonly NodeContext _node;
    private readonly NodeRole _role;
    private readonly NodeEndpoint? _listening;
    private readonly Action<MetCoordinator> _follow;
    private readonly Action _joined;
    private readonly CancellationTokenSource _stop = new();
    private readonly object _gate = new();
    private readonly ServerLinks _servers;
    private readonly LinkTable _inbound = new();

    // Touched by the thread that reads the coordinator's link alone.
    private readonly Dictionary<int, ImmutableArray<ActorId>> _spares = [];
    private readonly Thread _thread;
    private readonly TaskCompletionSource<NodeOutcome> _outcome = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly HashSet<string> _problems = [];

    private ActorId? _id;
    private MemberMachine? _machine;
    private ActorHandle? _actor;
    private Link? _coordinator;
    private PreparedData? _data;
    private NodeEndpoint? _led;
    private long _joinedTerm;
    private bool _isLeaving;
    private string _lastProblem = "";
    private CancellationTokenSource? _session;
    private CancellationTokenSource? _dialling;

    /// <summary>Creates a member that has not begun.</summary>
    /// <param name="node">What the parts of the node share.</param>
    /// <param name="role">The actor's role.</param>
    /// <param name="listening">Where a parameter server listens.</param>
    /// <param name="follow">Told of each coordinator it reached.</param>
    /// <param name="joined">Told when it takes part.</param>
    public Member(NodeContext node, NodeRole role, NodeEndpoint? listening, Action<MetCoordinator> follow, Action joined)
    {
        _node = node;
        _role = role;
        _listening = listening;
        _follow = follow;
        _joined = joined;
        _servers = new ServerLinks(server => new ServerLink(_node, Own(server), server, this, Restored, Unreachable));
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
        { Name = "member", IsBackground = true };
    }

    /// <summary>How it ended.</summary>
    public Task<NodeOutcome> Outcome => _outcome.Task;

    /// <summary>True while there is a link to the coordinator.</summary>
    public bool IsConnected => CoordinatorLink is not null;

    private Link? CoordinatorLink
    {
        get
        {
            lock (_gate)
            {
                return _coordinator;
            }
        }
    }

    private NodeOptions Options => _node.Options;

    public PeerRole PeerRole => _role == NodeRole.Worker ? PeerRole.Worker : PeerRole.ParameterServer;

    public void Start() => _thread.Start();

    /// <summary>Its id in this incarnation; null before it knows where it is reached.</summary>
    public ActorId? Id
    {
        get
        {
            lock (_gate)
            {
                return _id;
            }
        }
    }

    /// <summary>True when the id is this member's.</summary>
    public bool Is(ActorId id) => Id == id;

    /// <summary>Sends a message of the actor over the link to its receiver; drops it when there is none.</summary>
    public void Send(ActorId to, in Envelope envelope)
    {
        var link = to == MemberIds.Coordinator ? CoordinatorLink : _servers.TryFind(to, out var server) ? server : _inbound.Find(to);
        if (link is null)
        {
            envelope.Drop();
        }
        else
        {
            link.Send(envelope);
        }
    }

    /// <summary>Says goodbye after the message in hand, and ends.</summary>
    public void Leave()
    {
        Link? coordinator;
        ActorHandle? actor;
        lock (_gate)
        {
            (coordinator, actor) = (_coordinator, _actor);
        }

        Link[] links = [.. _servers.All];

        if (coordinator is not null && actor is not null && _role == NodeRole.ParameterServer)
        {
            // It goes when a checkpoint holds what it holds, unless that takes too long.
            Volatile.Write(ref _isLeaving, true);
            actor.Post(new Envelope(actor.Id, new StopRequested(), default));
            _outcome.Task.Wait(s_longestDeparture);
        }

        if (coordinator is not null && actor is not null && !_outcome.Task.IsCompleted)
        {
            // Not disposed: the actor may still set it when this end no longer waits.
            var said = new ManualResetEventSlim();
            actor.Call(() =>
            {
                coordinator.Send(new Leave());
                said.Set();
            });

            // A long computation is not waited for: its leaves are handed back.
            if (!said.Wait(Options.Cluster.FlushTime))
            {
                coordinator.Send(new Leave());
            }

            _outcome.TrySetResult(new NodeLeft());
            foreach (var link in links)
            {
                link.Flush(Options.Cluster.FlushTime, Options.Time);
            }

            coordinator.Finish(Options.Cluster.FlushTime, Options.Time);
        }

        End(new NodeLeft());
    }

    /// <summary>Ends at once; links are closed without a word.</summary>
    public void End(NodeOutcome outcome)
    {
        _outcome.TrySetResult(outcome);
        _stop.Cancel();
        CoordinatorLink?.Close("this node ends");
        foreach (var link in _inbound.All)
        {
            link.Close("this node ends");
        }
    }

    /// <summary>After its end: waits until its threads have ended, and ends its actor.</summary>
    public void Finish()
    {
        _thread.Join();
        _servers.Drop(except: ImmutableHashSet<ActorId>.Empty, "this node ends");
        using var ended = new ManualResetEventSlim();
        if (EndActor(ended.Set))
        {
            ended.Wait();
        }
    }

    public void Dispose() => _stop.Dispose();

    /// <summary>The actor threw: the coordinator is told, which ends the run.</summary>
    public void Failed(Exception error)
    {
        var coordinator = CoordinatorLink;
        var reason = error is TrainingException ? error.Message : $"{_id} failed: {error.Message}";
        reason = reason.Length > MostReason ? reason[..MostReason] : reason;
        _outcome.TrySetResult(new NodeFailed(reason));
        coordinator?.Send(new MemberFailed(_id!, reason));
        coordinator?.Flush(Options.Cluster.FlushTime, Options.Time);
        End(new NodeFailed(reason));
    }

    /// <summary>What it says of itself to a peer that connects to it.</summary>
    public Hello Answer(Hello peer) => Own(new ActorId("")) with { Lane = peer.Lane, Data = _node.Run?.Data ?? "" };

    /// <summary>Throws when an authenticated peer that connected to it does not fit.</summary>
    public void Check(Hello peer)
    {
        var run = _node.Run;
        if (run is null || peer.To != Id || peer.Lane != Lane.Messages)
        {
            throw new LinkException(
                RefusalKind.Address, $"({peer.From}) asks for {peer.To}, but this is {Id?.Name ?? "a node that has not joined yet"}");
        }

        if (peer.Recipe != run.Fingerprint)
        {
            throw new LinkException(RefusalKind.Run, $"({peer.From}) takes part in another run: restart it");
        }

        if (peer.Data.Length > 0 && peer.Data != run.Data)
        {
            throw new LinkException(RefusalKind.Data, $"({peer.From}) has other data: restart it");
        }
    }

    /// <summary>Serves an authenticated peer until the connection ends.</summary>
    public void Serve(Connection connection, Hello peer)
    {
        var link = new Link(connection, peer.To, peer, _node.Resources(_node.Run!), this);
        _inbound.Add(link);
        link.Run();
        _inbound.Remove(link);
    }

    /// <summary>Another coordinator leads: it is connected to at once.</summary>
    /// <param name="endpoint">Where.</param>
    /// <param name="term">Its term.</param>
    public void Led(NodeEndpoint endpoint, long term)
    {
        Link? former;
        lock (_gate)
        {
            // A host that is gone does not even refuse: what is being dialled is given up for the one that answers.
            if (_led != endpoint)
            {
                _dialling?.Cancel();
            }

            (_led, former) = (endpoint, term > _joinedTerm && _joinedTerm > 0 ? _coordinator : null);
        }

        former?.Close($"a coordinator of term {term} leads at {endpoint}");
    }

    /// <summary>The coordinator's node is unreachable, dead or gone.</summary>
    public void CoordinatorLost(string reason) => CoordinatorLink?.Close(reason);

    void ILinkOwner.Received(Link link, IMessage message)
    {
        if (link.Role == PeerRole.Coordinator && message is Topology topology)
        {
            _spares.Clear();
            UseServers(topology.Servers, onlyThese: true);
        }
        else if (link.Role == PeerRole.Coordinator && message is Spares spares)
        {
            _spares[spares.Segment] = spares.Servers;
            UseServers([], onlyThese: false);
        }

        _node.Actors.Deliver(link.Self, new Envelope(link.Peer, message, default));
        if (link.Role == PeerRole.Coordinator && message is Stop or Exclude)
        {
            _outcome.TrySetResult(message is Exclude exclude ? new NodeFailed($"excluded from the run: {exclude.Reason}")
                : Volatile.Read(ref _isLeaving) ? new NodeLeft() : new NodeFinished());
            link.Close(message is Exclude ? "excluded from the run" : "the run is over");
        }
    }

    void ILinkOwner.Received(Link link, in TensorMessage message) => _node.Actors.Deliver(link.Self, new Envelope(link.Peer, null, message));

    void ILinkOwner.Unreachable(Link link, ActorId peer, string reason) =>
        throw new LinkException(RefusalKind.Garbage, "told a member what is for the coordinator");

    void ILinkOwner.Closed(Link link, string reason)
    {
        lock (_gate)
        {
            if (link.Role == PeerRole.Coordinator)
            {
                _session?.Cancel();
            }
        }

        _inbound.Remove(link);
    }

    private void Run()
    {
        var pause = Options.Cluster.LeastRetryPause;
        var lastContact = Options.Time.GetTimestamp();
        for (var attempt = 0; !_outcome.Task.IsCompleted && !_stop.IsCancellationRequested; attempt++)
        {
            var endpoint = Coordinator(attempt);
            var isThere = true;
            using var dialling = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
            lock (_gate)
            {
                _dialling = dialling;
            }

            try
            {
                TakePart(endpoint, dialling.Token);
                lastContact = Options.Time.GetTimestamp();
            }
            catch (LinkException error) when (error is { Kind: RefusalKind.NotLeading, IsRefusal: true })
            {
                // A node that stands by: it may know who leads.
                Redirect(error.Message);
                lastContact = Options.Time.GetTimestamp();
            }
            catch (LinkException error) when (error.IsFinal)
            {
                End(new NodeFailed($"the coordinator at {endpoint} {(error.IsRefusal ? "refused this node: it " : "")}{error.Message}"));
            }
            catch (Exception error) when (LinkErrors.IsLost(error) && dialling.IsCancellationRequested)
            {
                // Next, the coordinator it was told of.
                attempt = -1;
            }
            catch (Exception error) when (LinkErrors.IsLost(error))
            {
                isThere = false;
                Report($"the coordinator at {endpoint}{(error is LinkException ? ":" : " cannot be reached:")} {LinkErrors.Cause(error)}");
            }

            lock (_gate)
            {
                _dialling = null;
            }

            var giveUpAfter = Options.Cluster.GiveUpAfter;
            if (giveUpAfter > TimeSpan.Zero && Options.Time.GetElapsedTime(lastContact) >= giveUpAfter)
            {
                End(new NodeFailed(
                    $"no coordinator was reached at {string.Join(" or ", Options.Join)} for {giveUpAfter.TotalSeconds} s; the last problem: "
                        + $"{_lastProblem}"));
            }

            _stop.Token.WaitHandle.WaitOne(pause);
            pause = isThere ? Options.Cluster.LeastRetryPause
                : pause * 2 < Options.Cluster.MostRetryPause ? pause * 2 : Options.Cluster.MostRetryPause;
        }

        if (_stop.IsCancellationRequested)
        {
            _outcome.TrySetResult(new NodeLeft());
        }
    }

    /// <summary>Where to look for the coordinator: where one was last said to lead, and in turn where nodes that may lead listen.</summary>
    private NodeEndpoint Coordinator(int attempt)
    {
        lock (_gate)
        {
            var (led, join) = (_led, Options.Join);
            if (led is null || join.Contains(led))
            {
                return attempt % 2 == 0 && led is not null ? led : join[attempt % join.Length];
            }

            return attempt % (join.Length + 1) is var turn and > 0 ? join[turn - 1] : led;
        }
    }

    private void Redirect(string leader)
    {
        if (leader.Length == 0)
        {
            return;
        }

        lock (_gate)
        {
            _led = NodeEndpoint.Parse(leader, NodeEndpoint.CoordinatorPort);
        }
    }

    /// <summary>Says what keeps the node from taking part, each cause once.</summary>
    private void Report(string problem)
    {
        if (_problems.Add(problem) && !_stop.IsCancellationRequested)
        {
            _node.Observe(new NodeWarning($"{problem}; trying again"));
        }

        _lastProblem = problem;
    }

    /// <summary>Connects to the coordinator and takes part until the link is lost or the run is over.</summary>
    private void TakePart(NodeEndpoint endpoint, CancellationToken dialling)
    {
        var (connection, peer) = _node.Dialler.Dial(endpoint, Introduce, Options.Limits.HandshakeTime, dialling);
        using (connection)
        {
            if (peer.Role != PeerRole.Coordinator)
            {
                throw new LinkException(RefusalKind.Address, $"is {peer.From}, not a coordinator");
            }

            // It began to lead between its hello and the check of this node: the hello does not say yet what it leads, the next one will.
            if (peer.Recipe.Length == 0)
            {
                throw new LinkException(RefusalKind.NotLeading, "", isRefusal: true);
            }

            _node.MeetTerm(peer.Term);
            if (_role == NodeRole.Worker && peer.Term == _joinedTerm)
            {
                Renew();
                return;
            }

            var welcome = _node.Dialler.ReadFirst<Welcome>(connection);
            var run = _node.Learn(welcome, peer.Recipe, endpoint);
            _follow(new MetCoordinator(endpoint, welcome.Cluster, connection.LocalAddress));
            var link = new Link(connection, _id!, peer, _node.Resources(run), this);
            using var session = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
            lock (_gate)
            {
                _session = session;
            }

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
            {
                Report($"lost the coordinator at {endpoint}: {link.Reason}");
            }
        }
    }

    private void Join(Link link, RunKnowledge run, Welcome welcome, Hello peer, NodeEndpoint endpoint, CancellationToken session)
    {
        if (_role == NodeRole.Worker)
        {
            _data ??= new MemberData(run, Sources()).Get(() => DialData(endpoint, session), session);
        }

        UseServers(welcome.Servers, onlyThese: false);
        WaitForServers(welcome.Servers);
        lock (_gate)
        {
            (_coordinator, _led) = (link, endpoint);
            if (_machine is null)
            {
                _machine = _role == NodeRole.Worker ? MemberMachine.Worker(run, _data!, _node) : MemberMachine.ParameterServer(run, _node);
                _actor = _node.Actors.Add(_id!, _machine.Actor);
            }
        }

        _joinedTerm = peer.Term;
        _problems.Clear();
        _lastProblem = "";
        _actor!.Start(_machine.Start);
        _joined();
        _node.Observe(new MemberJoined(_id!, _role, endpoint));
    }

    private DataSources Sources() => new(
        Options.OwnData, Options.Cache, Options.Limits, Options.Time,
        problem => _node.Observe(new NodeNotice(problem)), (bytes, total) => _node.Observe(new MemberFetching(bytes, total)));

    private Connection DialData(NodeEndpoint endpoint, CancellationToken session) => _node.Dialler.Dial(
        endpoint, _ => Own(MemberIds.Coordinator) with { Lane = Lane.Data }, Options.Limits.HandshakeTime, session).Connection;

    /// <summary>What this node says of itself to the coordinator; the first connection shows where a parameter server is reached.</summary>
    private Hello Introduce(Connection connection)
    {
        lock (_gate)
        {
            _id ??= _role == NodeRole.Worker
                ? MemberIds.Worker(Options.Name, NewIncarnation())
                : MemberIds.ParameterServer(
                    Options.Name, NewIncarnation(), Options.Advertise ?? new NodeEndpoint(connection.LocalAddress.ToString(), _listening!.Port));
        }

        return Own(MemberIds.Coordinator);
    }

    private Hello Own(ActorId to)
    {
        lock (_gate)
        {
            return new Hello(
                Lane.Messages, Options.Security.HasSecret, PeerRole, _id ?? new ActorId(""), to,
                _node.Run?.Fingerprint ?? "", _data?.Fingerprint ?? "",
                _node.HighestTerm, Receipt.Build);
        }
    }

    private static string NewIncarnation() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4));

    /// <summary>Keeps links to these parameter servers; to others only when not told otherwise.</summary>
    private void UseServers(ImmutableArray<ActorId> servers, bool onlyThese)
    {
        // Parameter servers talk to each other only about the norm by which gradients are clipped, and to the spares of their segments.
        var wanted = (_role == NodeRole.Worker || _node.Run!.Recipe.ClipNorm is not null ? servers : [])
            .Concat(_spares.Values.SelectMany(spares => spares))
            .Where(server => !_node.Actors.Has(server)).ToHashSet();
        if (onlyThese)
        {
            _servers.Drop(except: wanted, "it no longer serves a segment");
        }

        _servers.Add(wanted);
    }

    /// <summary>A worker that cannot reach a parameter server would hold up every step: it joins when it can.</summary>
    private void WaitForServers(ImmutableArray<ActorId> servers)
    {
        if (_servers.WaitFor(servers, Options.Limits.HandshakeTime, Options.Time, _stop.Token) is { } missing)
        {
            throw new LinkException(RefusalKind.Rejoin, $"{missing} cannot be reached from here");
        }
    }

    private void Restored(ServerLink link)
    {
        _servers.Restored();
        var id = Id!;
        _node.Actors.Post(id, new Envelope(id, new LinkRestored(link.Server), default));
    }

    private void Unreachable(ActorId server, string reason) => CoordinatorLink?.Send(new Unreachable(server, reason));

    /// <summary>Begins a new incarnation: the coordinator gave the present one up.</summary>
    private void Renew()
    {
        _servers.Drop(except: ImmutableHashSet<ActorId>.Empty, "this worker rejoins");
        EndActor(() => { });
        lock (_gate)
        {
            _id = MemberIds.Worker(Options.Name, NewIncarnation());
        }

        _joinedTerm = 0;
    }

    /// <summary>Ends the actor after the message it has in hand; false when there was none.</summary>
    private bool EndActor(Action then)
    {
        MemberMachine? machine;
        ActorId? id;
        lock (_gate)
        {
            (machine, id) = (_machine, _id);
            (_machine, _actor) = (null, null);
        }

        if (machine is null)
        {
            return false;
        }

        _node.Actors.Remove(id!, () =>
        {
            machine.Dispose();
            then();
        });
        return true;
    }
}

/// <summary>A coordinator that a member reached.</summary>
/// <param name="Endpoint">Where its links are reached.</param>
/// <param name="Cluster">Its Akka cluster, as far as it was in one.</param>
/// <param name="LocalAddress">This node's address, as the coordinator sees it.</param>
internal sealed record MetCoordinator(NodeEndpoint Endpoint, ClusterInfo Cluster, IPAddress LocalAddress);
