using System.Collections.Immutable;
using System.Globalization;
using Akka.Actor;
using ClusterTrain.Cluster.Actors;
using ClusterTrain.Cluster.Links;
using ClusterTrain.Cluster.Membership;
using ClusterTrain.Cluster.Wire;
using ClusterTrain.Runs;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;
using Envelope = ClusterTrain.Actors.Envelope;

namespace ClusterTrain.Cluster.Nodes;

/// <summary>
/// The process of a node of a cluster, in one or several roles. Akka.NET carries who is there: membership, who leads, what happens in the run.
/// Links carry what is computed. A member dials the coordinator's link first and takes part as soon as that stands; it joins the Akka
/// cluster, whose addresses the coordinator tells it, meanwhile.
/// </summary>
public sealed class ClusterNode : IActorRoute, ILinkAcceptor, IMembershipListener, IDisposable
{
    private static readonly TimeSpan s_settling = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan s_longestSettling = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_lookPeriod = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_answerPatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(200);

    private readonly NodeContext _node;
    private readonly LinkListener? _listener;
    private readonly ImmutableArray<Member> _members;
    private readonly Discovery? _discovery;
    private readonly NodeEndpoint? _reachedAt;
    private readonly Task<ActorSystem> _system;
    private readonly CancellationTokenSource _leave = new();
    private readonly CancellationTokenSource _end = new();
    private readonly TaskCompletionSource<NodeOutcome> _outcome = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<LeadableRun> _run = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private readonly ManualResetEventSlim _takesPart = new();
    private ClusterMembership? _membership;
    private volatile Leadership? _leadership;
    private volatile Registered? _leader;
    private long _ledAt;
    private MetCoordinator? _met;
    private PendingLeadership? _early;
    private bool _hasLed;
    private bool _hasSettled;
    private long? _lookedElsewhere;
    private Task<NodeOutcome>? _running;

    /// <summary>Opens the port of its links; a node that may lead begins to find or found its cluster.</summary>
    /// <param name="options">What it does, and how.</param>
    /// <param name="observe">Told what happens; called from several threads, one at a time.</param>
    /// <exception cref="ClusterException">The address cannot be listened at, or a setting is impossible.</exception>
    public ClusterNode(NodeOptions options, Action<NodeEvent> observe)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(observe);
        options.Check();
        _node = new NodeContext(options, observe);
        if (options.Listens)
        {
            _listener = new LinkListener(options.Listen, options.Security, options.Limits, options.Time);
            Endpoint = _listener.Endpoint;
        }

        _members =
        [
            .. options.IsParameterServer ? [new Member(_node, NodeRole.ParameterServer, _listener!.Endpoint, Follow, _takesPart.Set)]
                : Array.Empty<Member>(),
            .. options.IsWorker ? [new Member(_node, NodeRole.Worker, null, Follow, _takesPart.Set)] : Array.Empty<Member>(),
        ];

        // Creating it takes a while, in which the run's data are read or the coordinator is dialled.
        var threads = _members.Length + (options.MayLead ? 1 : 0);
        _system = Task.Factory.StartNew(
            () => ActorSystem.Create("clustertrain-run", AkkaHost.Configuration(threads)),
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        if (!options.MayLead)
        {
            return;
        }

        _reachedAt = options.Advertise ?? Endpoint! with { Host = Discovery.HostOf(options) };
        _discovery = new Discovery(_node, _reachedAt);
        Begin(Discovery.HostOf(options), options.Join.IsEmpty ? Found : _discovery.Find);
    }

    /// <summary>Where it listens: the address, and the port even when any free one was asked for; null for a mere worker.</summary>
    public NodeEndpoint? Endpoint { get; }

    /// <summary>True while the node takes part: its members are linked to the coordinator; one that may lead leads, or knows who does.</summary>
    public bool TakesPart =>
        _members.All(member => member.IsConnected) && (!_node.Options.MayLead || _leadership?.Answer is not null || IsLed);

    /// <summary>Takes part until the run is over.</summary>
    /// <param name="run">The run a node that may lead leads; otherwise null.</param>
    /// <param name="stop">
    /// When signalled, the node leaves the run and ends; a leader, when no other node may lead, ends the run after a checkpoint.
    /// </param>
    /// <returns>How it ended; faulted with a <see cref="RunFolderException"/> when the run folder cannot be used.</returns>
    public Task<NodeOutcome> RunAsync(LeadableRun? run, CancellationToken stop)
    {
        lock (_gate)
        {
            return _running ??= Task.Factory.StartNew(
                () => Run(run, stop), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }
    }

    /// <summary>Leaves the run: after what it has in hand it says goodbye, so that its leaves are given away at once, and ends.</summary>
    public Task<NodeOutcome> LeaveAsync()
    {
        _leave.Cancel();
        lock (_gate)
        {
            return _running ?? Task.FromResult<NodeOutcome>(new NodeLeft());
        }
    }

    /// <summary>Closes all connections at once, as when the process dies: nothing is said to anyone.</summary>
    public void Abort()
    {
        _outcome.TrySetResult(new NodeFailed("the node was aborted"));
        _end.Cancel();
        _listener?.Dispose();
        foreach (var member in _members)
        {
            member.End(new NodeFailed("the node was aborted"));
        }

        EndMembership();
    }

    /// <summary>Releases what the node holds, once <see cref="RunAsync"/> is over.</summary>
    public void Dispose()
    {
        _end.Cancel();
        _listener?.Dispose();
        _membership?.Dispose();
        foreach (var member in _members)
        {
            member.Dispose();
        }

        _system.ContinueWith(system => system.Result.Dispose(), TaskScheduler.Default);
        _node.Dispose();
        _takesPart.Dispose();
        _leave.Dispose();
        _end.Dispose();
    }

    ImmutableArray<ActorId> IMembershipListener.Members => [.. _members.Select(member => member.Id).OfType<ActorId>()];

    void IActorRoute.Send(ActorId to, in Envelope envelope)
    {
        if (envelope.Sender == MemberIds.Coordinator && _leadership?.Links is { } links)
        {
            links.Send(to, envelope);
        }
        else if (Find(envelope.Sender) is { } member)
        {
            member.Send(to, envelope);
        }
        else
        {
            envelope.Drop();
        }
    }

    Hello ILinkAcceptor.Answer(Hello peer)
    {
        var answer = peer.To == MemberIds.Coordinator && _node.Options.MayLead
            ? _leadership?.Links?.Self ?? Standby()
            : (Find(peer.To) ?? _members.FirstOrDefault(member => member.PeerRole == PeerRole.ParameterServer))?.Answer(peer) ?? Standby();
        return answer with { Lane = peer.Lane };
    }

    void ILinkAcceptor.Check(Hello peer, Hello own)
    {
        if (peer.To != MemberIds.Coordinator)
        {
            var member = Find(peer.To)
                ?? throw new LinkException(RefusalKind.Address, $"({peer.From}) asks for {peer.To}, which is not on this node");
            member.Check(peer);
        }
        else if (!_node.Options.MayLead)
        {
            throw new LinkException(RefusalKind.Address, $"({peer.From}) asks for the coordinator, which is not on this node: correct its --join");
        }
        else if (peer.Lane != Lane.Query)
        {
            if (_leadership?.Links is { } links && links.Self.Term == own.Term)
            {
                links.Check(peer);
            }
            else
            {
                throw new LinkException(RefusalKind.NotLeading, _leader?.Endpoint ?? "");
            }
        }
    }

    void ILinkAcceptor.Serve(Connection connection, Hello peer)
    {
        if (peer.Lane == Lane.Query)
        {
            connection.WriteFrame(FrameKind.Message, MessageCodec.Bytes(Info()));
        }
        else if (peer.To == MemberIds.Coordinator)
        {
            _leadership?.Links?.Serve(connection, peer);
        }
        else
        {
            Find(peer.To)?.Serve(connection, peer);
        }
    }

    void ILinkAcceptor.Warn(string message)
    {
        if (_leadership is { Answer: not null } leadership)
        {
            leadership.Observe(new RunWarning(message));
        }
        else
        {
            _node.Observe(new NodeWarning(message));
        }
    }

    ILeadership IMembershipListener.BeginToLead(Action<RunEvent> happened, Action<bool> ended)
    {
        PendingLeadership leadership;
        lock (_gate)
        {
            leadership = _early ?? BeginToLead();
            (_early, _hasLed) = (null, true);
        }

        leadership.Attach(happened, ended);
        return leadership;
    }

    void IMembershipListener.Led(Registered leader)
    {
        // A node that may lead stands by once it is a member: before, the leader could not hand over to it.
        if (_node.Options.MayLead && _membership?.IsUp != true)
        {
            return;
        }

        var isNew = _leader != leader;
        _leader = leader;
        Volatile.Write(ref _ledAt, _node.Options.Time.GetTimestamp());
        if (isNew && _node.Options.HasMembers)
        {
            _node.Observe(new NodeRegistered(leader.Endpoint, leader.Term));
        }

        if (!isNew || leader.Endpoint == _reachedAt?.ToString())
        {
            return;
        }

        foreach (var member in _members)
        {
            member.Led(NodeEndpoint.Parse(leader.Endpoint, NodeEndpoint.CoordinatorPort), leader.Term);
        }

        if (_node.Options.MayLead)
        {
            _node.Observe(new NodeStandsBy(leader.Endpoint, leader.Term));
        }
    }

    void IMembershipListener.NodeLost(string address, string reason)
    {
        _leadership?.Links?.NodeLost(address, reason);
        if (_membership?.IsLeader(address) != true)
        {
            return;
        }

        // A coordinator that hangs does not close its links: another one is looked for.
        foreach (var member in _members)
        {
            member.CoordinatorLost(reason);
        }
    }

    void IMembershipListener.Heard(string json)
    {
        if (_leadership is not null)
        {
            return;
        }

        using var document = System.Text.Json.JsonDocument.Parse(json);
        if (RunEventJson.Read(document.RootElement) is not { } happened)
        {
            return;
        }

        _node.Observe(new NodeHeard(happened));
        if (happened is RunEnded { Outcome: RunFailed failed })
        {
            _outcome.TrySetResult(new NodeFinished(failed.Reason));
        }
    }

    void IMembershipListener.Say(string message) => _node.Observe(new NodeWarning(message));

    /// <summary>True while a coordinator answers, which is asked twice a second.</summary>
    private bool IsLed => _leader is not null && _node.Options.Time.GetElapsedTime(Volatile.Read(ref _ledAt)) < s_answerPatience;

    private Member? Find(ActorId id) => _members.FirstOrDefault(member => member.Is(id));

    private Hello Standby() => new(
        Lane.Messages, _node.Options.Security.HasSecret, PeerRole.Coordinator, MemberIds.Coordinator, new ActorId(""), "", "", 0, Receipt.Build);

    private ClusterInfo Info() => _membership?.Info(_leadership?.Answer?.Endpoint ?? _leader?.Endpoint ?? "") ?? ClusterInfo.None;

    private void Begin(string publicHost, Func<CancellationToken, JoinPlan?> discover)
    {
        var options = _node.Options;
        List<string> roles = [];
        if (options.MayLead)
        {
            roles.Add(AkkaConfiguration.CoordinatorRole);
        }

        if (options.IsParameterServer)
        {
            roles.Add("parameter-server");
        }

        if (options.IsWorker)
        {
            roles.Add("worker");
        }

        var membership = new ClusterMembership(
            new MembershipOptions
            {
                Name = string.Create(CultureInfo.InvariantCulture, $"{options.Name}-{Environment.ProcessId}-{GetHashCode():x}"),
                MayLead = options.MayLead,
                Roles = [.. roles],
                BindHost = options.Security.HasSecret && !options.Listen.IsLoopback ? "0.0.0.0" : publicHost,
                PublicHost = publicHost,
                Port = options.ClusterPort,
                Security = options.Security,
                Hocon = options.AkkaConfiguration,
                Clock = options.Time,
            },
            this,
            discover,
            AskForLeader);
        _membership = membership;
        membership.Start(_node.LostAfter);
    }

    private PendingLeadership BeginToLead()
    {
        var leadership = new PendingLeadership();
        new Thread(() => Lead(leadership)) { Name = "leadership", IsBackground = true }.Start();
        return leadership;
    }

    /// <summary>Founds a cluster, once this node leads: nothing the first steps need waits for it.</summary>
    private JoinPlan Found(CancellationToken cancellation)
    {
        Settle(cancellation);
        return new JoinPlan([]);
    }

    /// <summary>Asks the coordinator for its Akka cluster, once this node takes part: nothing the first steps need waits for it.</summary>
    private JoinPlan Ask(CancellationToken cancellation)
    {
        Settle(cancellation);
        var former = ImmutableArray<string>.Empty;
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            var met = Volatile.Read(ref _met)!;
            if (Discovery.Ask(_node, met.Endpoint, cancellation) is { Seeds.IsEmpty: false } present)
            {
                _membership!.Follow(present.Self);
                return new JoinPlan(present.Seeds);
            }

            // It may hang or be gone: one that stands by is in its cluster, or will lead on in another.
            foreach (var other in _node.Options.Join.Where(other => other != met.Endpoint))
            {
                if (Discovery.Ask(_node, other, cancellation) is { Seeds.IsEmpty: false } standby)
                {
                    return new JoinPlan(standby.Seeds);
                }
            }

            // A coordinator whose own membership is being made again knows none, and a member never founds a cluster.
            if (!met.Cluster.Seeds.IsEmpty && met.Cluster.Seeds == former)
            {
                return new JoinPlan(former);
            }

            former = met.Cluster.Seeds;
            cancellation.WaitHandle.WaitOne(s_pause);
        }
    }

    /// <summary>
    /// The unique address of the coordinator that was reached last; empty: it is in no cluster yet, or there is none but this
    /// node.
    /// </summary>
    private string AskForLeader(CancellationToken cancellation)
    {
        try
        {
            return Volatile.Read(ref _met) is { } met ? Discovery.Ask(_node, met.Endpoint, cancellation)?.Self ?? "" : "";
        }
        catch (ClusterException)
        {
            // The member's own link to it is refused too, and says so.
            return "";
        }
    }

    /// <summary>Creating an actor system keeps two cores busy for a second: training begins before it.</summary>
    private void Settle(CancellationToken cancellation)
    {
        if (!_hasSettled && _takesPart.Wait(s_longestSettling, cancellation))
        {
            cancellation.WaitHandle.WaitOne(s_settling);
        }

        _hasSettled = true;
    }

    /// <summary>A member reached the coordinator, which says where its Akka cluster is.</summary>
    private void Follow(MetCoordinator met)
    {
        lock (_gate)
        {
            _met = met;
            if (_membership is null && !_end.IsCancellationRequested)
            {
                Begin(_node.Options.Advertise?.Host ?? met.LocalAddress.ToString(), Ask);
            }
        }

        _membership?.Follow(met.Cluster.Self);
    }

    private NodeOutcome Run(LeadableRun? run, CancellationToken stop)
    {
        using var actors = new AkkaHost(_system.Result, _node.Options.Time, this, ActorFailed);
        _node.Actors = actors;
        if (run is not null)
        {
            LeadAtOnce(run);
        }

        _listener?.Start(this);
        foreach (var member in _members)
        {
            member.Start();
        }

        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using (stop.Register(() => asked.TrySetResult()))
        using (_leave.Token.Register(() => asked.TrySetResult()))
        {
            // What ends one actor of a node ends the node; when the run is over, it is for all of them.
            Task<NodeOutcome>[] outcomes = [_outcome.Task, .. _members.Select(member => member.Outcome)];
            if (Task.WaitAny([.. outcomes, asked.Task], CancellationToken.None) == outcomes.Length)
            {
                Leave();
            }

            var first = outcomes[Task.WaitAny(outcomes, CancellationToken.None)];
            End(first.IsCompletedSuccessfully ? first.Result : new NodeLeft());
            return first.GetAwaiter().GetResult();
        }
    }

    private void LeadAtOnce(LeadableRun run)
    {
        _run.TrySetResult(run);
        if (!_node.Options.Join.IsEmpty)
        {
            return;
        }

        // It founds its cluster, and will have the singleton: it need not wait for it. The folder's lock and the term keep any other from harm.
        lock (_gate)
        {
            _early = _hasLed ? null : BeginToLead();
            _hasLed = true;
        }
    }

    private void Leave()
    {
        // A parameter server of this node stays until its worker has left: it holds the steps the worker finishes.
        foreach (var member in _members.Reverse())
        {
            member.Leave();
        }

        if (!_node.Options.MayLead)
        {
            return;
        }

        // With nobody left to lead, the run ends after a checkpoint, and that is the node's outcome; otherwise the singleton moves on.
        if (_leadership is { } leadership && _membership?.CanOthersLead != true)
        {
            leadership.Stop();
            return;
        }

        _membership?.Leave();
        _outcome.TrySetResult(new NodeLeft());
    }

    private void End(NodeOutcome outcome)
    {
        foreach (var member in _members)
        {
            member.End(outcome);
        }

        _end.Cancel();
        EndMembership();
        _listener?.Dispose();
        foreach (var member in _members)
        {
            member.Finish();
        }
    }

    private void EndMembership()
    {
        ClusterMembership? membership;
        lock (_gate)
        {
            membership = _membership;
        }

        membership?.End();
    }

    private void Lead(PendingLeadership pending)
    {
        var leadsAgain = false;
        try
        {
            void Happened(RunEvent happened)
            {
                pending.Happened(happened);
                if (happened is RunBegan)
                {
                    _takesPart.Set();
                }
            }

            _run.Task.Wait(_end.Token);
            var run = _run.Task.Result;
            var leadership = new Leadership(
                _node, run, new LeadershipSurroundings(Endpoint!, _reachedAt!, !_node.Options.Join.IsEmpty, Info, Happened, FolderIsHeld));
            _leadership = leadership;
            using var ended = _end.Token.Register(leadership.Abort);
            pending.Begin(leadership);
            if (leadership.Lead() is { } outcome)
            {
                _outcome.TrySetResult(new NodeLed(outcome));
            }
            else
            {
                leadsAgain = !_outcome.Task.IsCompleted && !_end.IsCancellationRequested;
            }
        }
        catch (OperationCanceledException)
        {
            // The node ends before it had a run to lead.
        }
        catch (Exception error)
        {
            // Whoever waits for the node gets what ended it.
            _outcome.TrySetException(error);
        }
        finally
        {
            _leadership = null;
            pending.End(leadsAgain);
        }
    }

    /// <summary>Another process leads the run: when it is in another cluster, this node joins that one.</summary>
    private void FolderIsHeld()
    {
        // Only the leadership's thread asks.
        if (_lookedElsewhere is { } then && _node.Options.Time.GetElapsedTime(then) < s_lookPeriod)
        {
            return;
        }

        _lookedElsewhere = _node.Options.Time.GetTimestamp();
        if (_discovery!.IsElsewhere(Info().Seeds, _end.Token))
        {
            _membership?.Restart();
        }
    }

    private void ActorFailed(ActorId id, Exception error)
    {
        if (id == MemberIds.Coordinator)
        {
            _leadership?.Failed(error);
        }
        else
        {
            Find(id)?.Failed(error);
        }
    }
}
