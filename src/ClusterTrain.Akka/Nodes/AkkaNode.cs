using Akka.Actor;
using Akka.Cluster;
using Akka.Cluster.Tools.Client;
using Akka.Cluster.Tools.PublishSubscribe;
using Akka.Cluster.Tools.Singleton;
using ClusterTrain.Hosting;
using ClusterTrain.Training;

namespace ClusterTrain.Akka;

/// <summary>
/// The process of a node of an Akka cluster, in one or several roles. The coordinator and every segment of the parameters are cluster
/// singletons: when the node that has one is lost, another node of its role takes over. No node is special.
/// </summary>
public sealed class AkkaNode
{
    private static readonly TimeSpan s_longestLeave = TimeSpan.FromSeconds(2.5);
    private static readonly TimeSpan s_lastWords = TimeSpan.FromMilliseconds(700);

    private readonly AkkaNodeOptions _options;
    private readonly Action<AkkaNodeEvent> _observe;
    private readonly Lock _observing = new();
    private readonly TaskCompletionSource<AkkaNodeOutcome> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile Cluster? _cluster;

    /// <summary>Checks the options; nothing is opened before <see cref="RunAsync"/>.</summary>
    /// <param name="options">What it does, and how.</param>
    /// <param name="observe">Told what happens; called from several threads, one at a time.</param>
    /// <exception cref="ClusterException">A setting is impossible.</exception>
    public AkkaNode(AkkaNodeOptions options, Action<AkkaNodeEvent> observe)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(observe);
        options.Check();
        _options = options;
        _observe = observe;
    }

    /// <summary>True while this node is a member of its cluster.</summary>
    public bool IsUp => _cluster is { IsTerminated: false, IsUp: true };

    /// <summary>Takes part until the run is over.</summary>
    /// <param name="stop">
    /// When signalled, the node leaves the cluster in good order and ends; with the last node that may lead the run stops, to be resumed.
    /// </param>
    /// <returns>How it ended.</returns>
    /// <exception cref="ClusterException">The address cannot be listened at, or the configuration cannot be read.</exception>
    public async Task<AkkaNodeOutcome> RunAsync(CancellationToken stop)
    {
        using var system = Create();
        var cluster = Cluster.Get(system);
        _cluster = cluster;
        Begin(system, cluster);
        cluster.RegisterOnMemberRemoved(() => _ended.TrySetResult(new NodeFailed(
            "this node was cut off from the majority of the cluster and ended, so that there are never two halves; "
            + "start it again when the network is whole")));
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using (stop.Register(() => stopped.TrySetResult()))
        {
            await Task.WhenAny(_ended.Task, stopped.Task, system.WhenTerminated).ConfigureAwait(false);
        }

        var isAsked = !_ended.Task.IsCompleted && stopped.Task.IsCompleted;
        if (_ended.Task is { IsCompletedSuccessfully: true, Result: NodeRunOver { Outcome: not null } })
        {
            // Everybody ends now, so nothing needs to be handed over; whoever leads says so a few times more.
            await Task.Delay(s_lastWords, _options.Time, CancellationToken.None).ConfigureAwait(false);
            await system.Terminate().ConfigureAwait(false);
        }
        else
        {
            CoordinatedShutdown.Reason reason =
                isAsked ? CoordinatedShutdown.ClusterLeavingReason.Instance : CoordinatedShutdown.ClrExitReason.Instance;
            await CoordinatedShutdown.Get(system).Run(reason).ConfigureAwait(false);
        }

        // The outcome of a run that ended because its last leader was asked to stop is worth more than that this node left.
        if (isAsked && !(_ended.Task.IsCompletedSuccessfully && _ended.Task.Result is NodeRunOver))
            return new NodeLeft();
        return _ended.Task.IsCompleted ? await _ended.Task.ConfigureAwait(false) : new NodeFailed("the actor system ended by itself");
    }

    private ActorSystem Create()
    {
        try
        {
            return ActorSystem.Create(AkkaConfiguration.SystemName, AkkaConfiguration.Of(_options));
        }
        catch (Exception error) when (error is not ClusterException and not OutOfMemoryException)
        {
            // Akka throws many things here; all of them mean that the node cannot begin with these settings.
            throw new ClusterException($"cannot begin at {_options.Listen}: {error.GetBaseException().Message}", error);
        }
    }

    private void Begin(ActorSystem system, Cluster cluster)
    {
        NodeLogger.Follow(system, line => Observe(new NodeNotice(line)));
        Dictionary<string, IActorRef> proxies = [];
        var coordinator = Proxy(AkkaConfiguration.CoordinatorRole);
        Func<Link, IActorRef> wayTo = WayTo;
        var times = ControlHubTimes.Usual(_options.Time);
        var hub = system.ActorOf(
            Props.Create(() => new ControlHub(times, wayTo)).WithDispatcher(TrainingActor.Dispatcher), ControlHub.ActorName);
        system.ActorOf(Props.Create(() => new StatusService(coordinator)), StatusService.ActorName);
        system.ActorOf(
            Props.Create(() => new RunFollower(
                notice => Observe(new NodeHeard(notice.Json)), over => _ended.TrySetResult(new NodeRunOver(over.Outcome)))),
            RunFollower.ActorName);
        if (_options.Run is { } run)
            Singleton(AkkaConfiguration.CoordinatorRole, Props.Create(() => new CoordinatorKeeper(Kept(run), hub, _options.Time)));
        for (var index = 0; index < _options.Segments.Length; index++)
        {
            var name = AkkaConfiguration.SegmentRole(_options.Segments[index]);
            var member = Kept(NodeRole.ParameterServer, name, Port(index + 1));
            Singleton(name, Props.Create(() => new MemberKeeper(member, hub, coordinator)));
        }

        if (_options.IsWorker)
        {
            var member = Kept(NodeRole.Worker, _options.Name, 0);
            var keeper = system.ActorOf(Props.Create(() => new MemberKeeper(member, hub, coordinator)), AkkaConfiguration.WorkerRole);
            CoordinatedShutdown.Get(system).AddTask(CoordinatedShutdown.PhaseBeforeServiceUnbind, "leave-the-run", async () =>
            {
                await LeaveAsync(keeper).ConfigureAwait(false);
                return global::Akka.Done.Instance;
            });
        }

        Address[] seeds = _options.Seeds.IsEmpty
            ? [cluster.SelfAddress]
            : [.. _options.Seeds.Select(seed => new Address(cluster.SelfAddress.Protocol, AkkaConfiguration.SystemName, seed.Host, seed.Port))];
        cluster.JoinSeedNodes(seeds);

        // The hub alone asks, in its turn; before, this method does.
        IActorRef WayTo(Link link)
        {
            if (link.Role == PeerRole.Coordinator)
                return coordinator;

            // The name of a parameter server is that of its singleton; whoever has another is not found.
            var name = link.Peer.Name.Split('/')[0];
            return ActorPath.IsValidPathElement(name) ? Proxy(name) : system.DeadLetters;
        }

        IActorRef Proxy(string role)
        {
            if (!proxies.TryGetValue(role, out var proxy))
            {
                proxy = system.ActorOf(
                    ClusterSingletonProxy.Props($"/user/{role}", ClusterSingletonProxySettings.Create(system).WithRole(role)), $"{role}-proxy");
                proxies.Add(role, proxy);
            }

            return proxy;
        }

        void Singleton(string role, Props props) => system.ActorOf(
            ClusterSingletonManager.Props(props, StepDown.Instance, ClusterSingletonManagerSettings.Create(system).WithRole(role)), role);
    }

    // A worker in the middle of a long step is not waited for: its leaves are computed again elsewhere.
    private async Task LeaveAsync(IActorRef keeper)
    {
        try
        {
            await keeper.GracefulStop(s_longestLeave, StepDown.Instance).ConfigureAwait(false);
        }
        catch (TaskCanceledException)
        {
            Observe(new NodeNotice(
                $"the worker did not leave the run within {s_longestLeave.TotalSeconds} s; its leaves are given away when it is gone"));
        }
    }

    private int Port(int index) => _options.LinkPort == 0 ? 0 : _options.LinkPort + index;

    private KeptRun Kept(AkkaRun run) => new(
        run,
        (folder, engine) => new CoordinatorOptions
        {
            Listen = _options.Listen with { Port = Port(0) },
            Recipe = run.Recipe,
            Data = run.Data,
            Folder = folder,
            Run = run.Settings,
            Cluster = _options.Cluster,
            Security = _options.Security,
            Limits = _options.Limits,
            Time = _options.Time,
            Engine = engine,
        },
        _options.ReachedAt,
        Observe,
        outcome => _ended.TrySetResult(new NodeRunOver(outcome)),
        reason => _ended.TrySetResult(new NodeFailed(reason)));

    private KeptMember Kept(NodeRole role, string name, int port) => new(
        role,
        name,
        new MemberOptions
        {
            Join = [],
            Name = name,
            Threads = _options.Threads,
            Listen = _options.Listen with { Port = port },
            Advertise = port == 0 ? null : new NodeEndpoint(_options.ReachedAt, port),
            OwnData = _options.OwnData,
            Cache = _options.Cache,
            Cluster = _options.Cluster,
            Security = _options.Security,
            Limits = _options.Limits,
            Time = _options.Time,
        },
        happened => Observe(new NodeMemberEvent(name, happened)),
        outcome => _ = EndAfterAsync(outcome));

    /// <summary>A member's end is the node's; when the run is over, the coordinator is given time to say how.</summary>
    private async Task EndAfterAsync(MemberOutcome outcome)
    {
        if (outcome is MemberEndedByError error)
        {
            _ended.TrySetResult(new NodeFailed(error.Reason));
            return;
        }

        await Task.Delay(s_lastWords, _options.Time).ConfigureAwait(false);
        _ended.TrySetResult(new NodeRunOver(null));
    }

    private void Observe(AkkaNodeEvent happened)
    {
        lock (_observing)
        {
            _observe(happened);
        }
    }
}

/// <summary>Hears what is published about the run, and that it is over, for its node.</summary>
internal sealed class RunFollower : ReceiveActor
{
    /// <summary>Its name below <c>/user</c>.</summary>
    public const string ActorName = "follower";

    /// <summary>Creates the follower.</summary>
    /// <param name="heard">Told what is published.</param>
    /// <param name="over">Told when the run is over.</param>
    public RunFollower(Action<RunNotice> heard, Action<RunOver> over)
    {
        DistributedPubSub.Get(Context.System).Mediator.Tell(new global::Akka.Cluster.Tools.PublishSubscribe.Subscribe(RunNotice.Topic, Self));
        Receive<SubscribeAck>(_ => { });
        Receive<RunNotice>(heard);
        Receive<RunOver>(over);
    }
}

/// <summary>Answers those who ask from outside how the cluster is; there is one on every node.</summary>
internal sealed class StatusService : ReceiveActor
{
    /// <summary>Its name below <c>/user</c>.</summary>
    public const string ActorName = "status";

    private static readonly TimeSpan s_longestAnswer = TimeSpan.FromSeconds(1.5);

    /// <summary>Creates the service.</summary>
    /// <param name="coordinator">The way to the coordinator's singleton.</param>
    public StatusService(IActorRef coordinator)
    {
        ClusterClientReceptionist.Get(Context.System).RegisterService(Self);
        ReceiveAsync<StatusRequest>(async request =>
        {
            var (sender, cluster) = (Sender, Cluster.Get(Context.System));
            StatusReport report;
            try
            {
                report = await coordinator.Ask<StatusReport>(request, s_longestAnswer).ConfigureAwait(false);
            }
            catch (AskTimeoutException)
            {
                report = new StatusReport(new StatusBoard().Report(cluster, null, null, []));
            }

            sender.Tell(report);
        });
    }
}
