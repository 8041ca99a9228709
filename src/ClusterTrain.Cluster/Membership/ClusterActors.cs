using Akka.Actor;
using Akka.Cluster.Tools.Client;
using Akka.Cluster.Tools.PublishSubscribe;
using ClusterTrain.Cluster.Wire;
using AkkaCluster = Akka.Cluster.Cluster;

namespace ClusterTrain.Cluster.Membership;

/// <summary>Tells the coordinator's singleton, again and again, which members this node has, and its node what the answer is.</summary>
internal sealed class Registrar : ReceiveActor, IWithTimers
{
    private static readonly TimeSpan s_period = TimeSpan.FromMilliseconds(500);

    /// <summary>Creates the registrar.</summary>
    /// <param name="name">The node's name.</param>
    /// <param name="coordinator">The way to the singleton.</param>
    /// <param name="listener">The node.</param>
    public Registrar(string name, IActorRef coordinator, IMembershipListener listener)
    {
        Receive<Again>(_ => coordinator.Tell(new Register(name, listener.Members), Self));
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
                report = new StatusReport(new StatusBoard().Report(cluster, null, null, []));
            }

            sender.Tell(report);
        });
    }
}
