using System.Diagnostics.CodeAnalysis;
using Akka.Actor;
using ClusterTrain.Hosting;
using ClusterTrain.Training;

namespace ClusterTrain.Akka;

/// <summary>To a keeper or a coordinator's singleton: end what you do, and then yourself.</summary>
internal sealed record StepDown
{
    public static readonly StepDown Instance = new();
}

/// <summary>A member that one of this node's keepers keeps, and whom to tell.</summary>
/// <param name="Role">Its role.</param>
/// <param name="Name">Its name: for a parameter server that of its singleton, by which others find it.</param>
/// <param name="Options">Everything else about it.</param>
/// <param name="Observe">Told what happens.</param>
/// <param name="Ended">Told how it ended, unless it was told to step down.</param>
internal sealed record KeptMember(
    NodeRole Role, string Name, MemberOptions Options, Action<MemberEvent> Observe, Action<MemberOutcome> Ended);

/// <summary>
/// Keeps one member: tells the coordinator, again and again, what it is and where it is reached, learns from the answer where the
/// coordinator is, and supervises the member's actor. A worker's keeper lives as long as its node; a parameter server's is a cluster singleton.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "An actor has no Dispose; the node is disposed when it has ended.")]
internal sealed class MemberKeeper : UntypedActor, IWithTimers
{
    private static readonly TimeSpan s_registerEvery = TimeSpan.FromMilliseconds(500);

    private readonly KeptMember _member;
    private readonly IActorRef _hub;
    private readonly IActorRef _coordinator;
    private readonly AkkaEngine _engine;
    private MemberNode? _node;
    private bool _isLeaving;
    private long _term;

    /// <summary>Creates a keeper.</summary>
    /// <param name="member">Whom it keeps.</param>
    /// <param name="hub">The node's hub of control messages.</param>
    /// <param name="coordinator">The way to the coordinator's singleton.</param>
    public MemberKeeper(KeptMember member, IActorRef hub, IActorRef coordinator)
    {
        _member = member;
        _hub = hub;
        _coordinator = coordinator;
        _engine = new AkkaEngine(Self, new ControlLane(hub));
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(_ => Directive.Stop);

    protected override void PreStart()
    {
        var options = _member.Options with
        {
            Name = _member.Name,
            IsWorker = _member.Role == NodeRole.Worker,
            IsParameterServer = _member.Role == NodeRole.ParameterServer,
            Engine = _engine,
        };
        try
        {
            _node = new MemberNode(options, _member.Observe);
        }
        catch (ClusterException error)
        {
            _member.Ended(new MemberEndedByError(error.Message));
            return;
        }

        var self = Self;
        _node.RunAsync(CancellationToken.None).ContinueWith(
            task => self.Tell(new Ended(
                task.IsCompletedSuccessfully ? task.Result : new MemberEndedByError(task.Exception!.GetBaseException().Message))),
            TaskScheduler.Default);
        Register();
        Timers.StartPeriodicTimer("register", RegisterAgain.Instance, s_registerEvery);
    }

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case RunMachine machine:
                Sender.Tell(Context.ActorOf(machine.Props), Self);
                break;
            case LinkMessage:
                _hub.Forward(message);
                break;
            case RegisterAgain:
                Register();
                break;
            case Registered registered when registered.Term >= _term:
                _term = registered.Term;
                _engine.Coordinator = NodeEndpoint.Parse(registered.Endpoint, NodeEndpoint.CoordinatorPort);
                break;
            case StepDown when _node is null:
                Context.Stop(Self);
                break;
            case StepDown when !_isLeaving:
                _isLeaving = true;
                _ = _node.LeaveAsync();
                break;
            case Ended ended:
                End(ended.Outcome);
                break;
        }
    }

    // The node's threads are gone when it has ended; when the actor system ends before, its connections at least are.
    protected override void PostStop() => _node?.Abort();

    private void Register() =>
        _coordinator.Tell(new Register(_member.Role, _member.Name, _node!.Endpoint?.ToString() ?? ""), Self);

    private void End(MemberOutcome outcome)
    {
        Timers.CancelAll();
        _node!.Dispose();
        _node = null;
        if (_isLeaving)
            Context.Stop(Self);
        else
            _member.Ended(outcome);
    }

    private sealed record RegisterAgain
    {
        public static readonly RegisterAgain Instance = new();
    }

    private sealed record Ended(MemberOutcome Outcome);
}
