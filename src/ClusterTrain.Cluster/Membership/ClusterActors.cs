using Akka.Actor;
using Akka.Cluster.Tools.Client;
using Akka.Cluster.Tools.PublishSubscribe;
using ClusterTrain.Cluster.Wire;
using AkkaCluster = Akka.Cluster.Cluster;

namespace ClusterTrain.Cluster.Membership;

/// <summary>
/// Tells the coordinator's singleton, again and again, which members this node has, and its node what the answer is. It does so before it is a
/// member of the cluster, and even when others cannot reach it: to the address that the coordinator's link told.
/// </summary>
internal sealed class Registrar : ReceiveActor, IWithTimers
{
    private static readonly TimeSpan s_period = TimeSpan.FromMilliseconds(500);

    /// <summary>Creates the registrar.</summary>
    /// <param name="name">The node's name.</param>
    /// <param name="coordinator">The way to the singleton in the cluster.</param>
    /// <param name="leader">The Akka address of the node whose link was reached last; empty: none was.</param>
    /// <param name="listener">The node.</param>
    public Registrar(string name, IActorRef coordinator, Func<string> leader, IMembershipListener listener)
    {
        Receive<Again>(_ =>
        {
            var register = new Register(name, listener.Members);
            if (leader() is { Length: > 0 } address)
            {
                Context.ActorSelection($"{address}/user/{AkkaConfiguration.CoordinatorRole}/singleton").Tell(register, Self);
            }
            else
            {
                coordinator.Tell(register, Self);
            }
        });
        Receive<Registered>(listener.Led);
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart()
    {
        Self.Tell(Again.Instance);
        Timers.StartPeriodicTimer("again", Again.Instance, s_period);
    }

    private sealed record Again
    {
        public static Again Instance { get; } = new();
    }
}

/// <summary>Hears what is published about the run, on nodes that may lead.</summary>
internal sealed class RunFollower : ReceiveActor
{
    /// <summary>Creates the follower.</summary>
    /// <param name="listener">The node.</param>
    public RunFollower(IMembershipListener listener)
    {
        DistributedPubSub.Get(Context.System).Mediator.Tell(new Akka.Cluster.Tools.PublishSubscribe.Subscribe(RunNotice.Topic, Self));
        Receive<SubscribeAck>(_ => { });
        Receive<RunNotice>(notice => listener.Heard(notice.Json));
    }
}

/// <summary>Answers those who ask from outside how the cluster is; there is one on every node that may lead.</summary>
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
            var (sender, cluster) = (Sender, AkkaCluster.Get(Context.System));
            StatusReport report;
            try
            {
                report = await coordinator.Ask<StatusReport>(request, s_longestAnswer).ConfigureAwait(false);
            }
            catch (AskTimeoutException)
            {
                report = new StatusReport(StatusBoard.Report(null, default, cluster, []));
            }

            sender.Tell(report);
        });
    }
}
