using System.Collections.Immutable;
using System.Globalization;
using Akka;
using Akka.Actor;
using Akka.Cluster;
using Akka.Cluster.Tools.Singleton;
using ClusterTrain.Cluster.Links;
using ClusterTrain.Cluster.Wire;
using AkkaCluster = Akka.Cluster.Cluster;

namespace ClusterTrain.Cluster.Membership;

/// <summary>
/// This node's membership of the Akka cluster, for as long as the process lives. An actor system that ended unasked (downed in a partition, a failed
/// TLS handshake) or is in another cluster than the coordinator is replaced by a new one; what the node computes continues meanwhile.
/// </summary>
internal sealed class ClusterMembership : IDisposable
{
    private const int MostSeeds = 8;

    // Akka keeps the type to itself.
    private const string HandshakeReason = "TlsHandshakeFailureReason";
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_longestJoin = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan s_longestApart = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_longestLeave = TimeSpan.FromSeconds(6);
    private static readonly TimeSpan s_leastPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_mostPause = TimeSpan.FromSeconds(30);

    private readonly MembershipOptions _options;
    private readonly IMembershipListener _listener;
    private readonly Func<CancellationToken, JoinPlan?> _discover;
    private readonly CancellationTokenSource _stop = new();
    private readonly AutoResetEvent _changed = new(false);
    private readonly Lock _gate = new();
    private readonly Func<CancellationToken, string> _ask;
    private readonly Thread _thread;
    private ActorSystem? _system;
    private AkkaCluster? _cluster;
    private string _leader = "";
    private string _problem = "";
    private bool _isToLeave;
    private bool _isToRestart;

    /// <summary>Creates a membership that has not begun.</summary>
    /// <param name="options">What the node is.</param>
    /// <param name="listener">The node.</param>
    /// <param name="discover">Waits until it is known how to join; null: the node ends.</param>
    /// <param name="ask">Asks the coordinator for its unique address, which it did not know when its link was reached; empty: it still does
    /// not.</param>
    public ClusterMembership(
        MembershipOptions options, IMembershipListener listener, Func<CancellationToken, JoinPlan?> discover, Func<CancellationToken, string> ask)
    {
        _ask = ask;
        _options = options;
        _listener = listener;
        _discover = discover;
        _thread = new Thread(Run) { Name = "membership", IsBackground = true };
    }

    /// <summary>True while this node is a member of its cluster.</summary>
    public bool IsUp => _cluster is { IsTerminated: false, IsUp: true };

    /// <summary>
    /// True when another node may lead the run. One that cannot be reached counts: it may lead the greater part of a cluster that fell in two.
    /// </summary>
    public bool CanOthersLead => _cluster is { } cluster && CoordinatorKeeper.CanOthersLead(cluster);

    /// <summary>The cluster, for others that want to join it.</summary>
    /// <param name="leader">Where members connect to the coordinator that leads; empty: not known.</param>
    public ClusterInfo Info(string leader)
    {
        if (_cluster is not { IsTerminated: false, IsUp: true } cluster)
        {
            return ClusterInfo.None with { Leader = leader };
        }

        var others = cluster.State.Members
            .Where(member => member.Status == MemberStatus.Up && member.UniqueAddress != cluster.SelfUniqueAddress)
            .OrderByDescending(member => member.HasRole(AkkaConfiguration.CoordinatorRole))
            .Select(member => member.Address);
        return new ClusterInfo(
            NameOf(cluster.SelfUniqueAddress),
            [.. others.Prepend(cluster.SelfAddress).Take(MostSeeds)
                .Select(address => string.Create(CultureInfo.InvariantCulture, $"{address.Host}:{address.Port}"))],
            leader);
    }

    /// <summary>Begins; errors of the configuration are thrown here.</summary>
    /// <exception cref="ClusterException">What the user says is not HOCON.</exception>
    public void Start(TimeSpan lostAfter)
    {
        AkkaConfiguration.Check(_options.Hocon);
        LostAfter = lostAfter;
        lock (_gate)
        {
            if (!_stop.IsCancellationRequested)
            {
                _thread.Start();
            }
        }
    }

    /// <summary>The coordinator is the node of this unique address; a membership of another cluster is given up for one of its.</summary>
    public void Follow(string uniqueAddress)
    {
        Volatile.Write(ref _leader, uniqueAddress);
        _changed.Set();
    }

    /// <summary>True when the coordinator that is followed is the node of this Akka address.</summary>
    public bool IsLeader(string address) => Volatile.Read(ref _leader).Split('#')[0] == address;

    /// <summary>Leaves the present cluster, and joins again.</summary>
    public void Restart()
    {
        Volatile.Write(ref _isToRestart, true);
        _changed.Set();
    }

    /// <summary>Leaves the cluster in good order, so that a coordinator is replaced at once, and ends.</summary>
    public void Leave()
    {
        Volatile.Write(ref _isToLeave, true);
        End();
    }

    /// <summary>Ends at once, as when the process dies: nothing is said to anyone.</summary>
    public void End()
    {
        lock (_gate)
        {
            _stop.Cancel();
        }

        _changed.Set();
        if (_thread.IsAlive && Thread.CurrentThread != _thread)
        {
            _thread.Join();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        End();
        _changed.Dispose();
        _stop.Dispose();
    }

    private TimeSpan LostAfter { get; set; }

    private void Run()
    {
        var pause = s_leastPause;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var leader = Volatile.Read(ref _leader);
                if (_discover(_stop.Token) is not { } plan)
                {
                    return;
                }

                var began = _options.Clock.GetTimestamp();
                TakePart(plan, leader);
                pause = _options.Clock.GetElapsedTime(began) > s_mostPause ? s_leastPause : pause * 2 < s_mostPause ? pause * 2 : s_mostPause;
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (ClusterException error)
            {
                Report(error.Message);
            }

            _stop.Token.WaitHandle.WaitOne(pause);
        }
    }

    private void TakePart(JoinPlan plan, string plannedFor)
    {
        var system = Create();
        var cluster = AkkaCluster.Get(system);
        var up = new ManualResetEventSlim();
        cluster.RegisterOnMemberUp(() =>
        {
            up.Set();
            _changed.Set();
        });
        lock (_gate)
        {
            (_system, _cluster) = (system, cluster);
        }

        Begin(system);
        system.WhenTerminated.ContinueWith(_ => SetChanged(), TaskScheduler.Default);
        if (plan.Seeds.IsEmpty)
        {
            cluster.Join(cluster.SelfAddress);
        }
        else
        {
            cluster.JoinSeedNodes(plan.Seeds.Select(seed => AddressOf(cluster, seed)));
        }

        Watch(system, cluster, plan, plannedFor, up);
        End(system);
        lock (_gate)
        {
            (_system, _cluster) = (null, null);
        }
    }

    private void SetChanged()
    {
        if (!_stop.IsCancellationRequested)
        {
            _changed.Set();
        }
    }

    /// <summary>Returns when this actor system is no longer of use.</summary>
    private void Watch(ActorSystem system, AkkaCluster cluster, JoinPlan plan, string plannedFor, ManualResetEventSlim up)
    {
        var began = _options.Clock.GetTimestamp();
        long? apartSince = null;
        var met = "";
        // A node that was removed is of no use even when its shutdown was held up before (OutliveFailedHandshakes).
        while (!_stop.IsCancellationRequested && !system.WhenTerminated.IsCompleted && !cluster.IsTerminated)
        {
            _changed.WaitOne(s_look);
            if (Interlocked.Exchange(ref _isToRestart, false))
            {
                return;
            }

            if (!up.IsSet)
            {
                // Another coordinator leads by now: there is no use in asking the former one's cluster.
                if (plannedFor.Length > 0 && Volatile.Read(ref _leader) is { Length: > 0 } present && present != plannedFor)
                {
                    return;
                }

                if (_options.Clock.GetElapsedTime(began) < s_longestJoin)
                {
                    continue;
                }

                Report(plan.Seeds.IsEmpty
                    ? $"the cluster at {cluster.SelfAddress} did not come up within {s_longestJoin.TotalSeconds} s; trying again"
                    : $"the cluster could not be joined through {string.Join(", ", plan.Seeds)} within {s_longestJoin.TotalSeconds} s; trying again. "
                        + $"Can this node reach those addresses, and they {cluster.SelfAddress.Host}:{cluster.SelfAddress.Port}? See --advertise and "
                            + "--cluster-port");
                return;
            }

            _problem = "";
            var leader = Leader();
            if (cluster.State.Members.Any(member => NameOf(member.UniqueAddress) == leader))
            {
                met = leader;
            }

            // A leader that was in this cluster and is no more has died: whoever comes next is in it too.
            var isApart = leader.Length > 0 && leader != met;
            apartSince = isApart ? apartSince ?? _options.Clock.GetTimestamp() : null;
            if (apartSince is { } since && _options.Clock.GetElapsedTime(since) > s_longestApart)
            {
                return;
            }
        }
    }

    private string Leader()
    {
        var leader = Volatile.Read(ref _leader);
        if (leader.Length > 0 || _ask(_stop.Token) is not { Length: > 0 } answer)
        {
            return leader;
        }

        // Another one may lead by now.
        return Interlocked.CompareExchange(ref _leader, answer, leader) == leader ? answer : Volatile.Read(ref _leader);
    }

    /// <summary>Names one incarnation of a node.</summary>
    private static string NameOf(UniqueAddress node) => string.Create(CultureInfo.InvariantCulture, $"{node.Address}#{node.Uid}");

    /// <summary>The Akka address of the node that leads; empty once the cluster itself knows it.</summary>
    private string LeaderAddress() => IsUp ? "" : Volatile.Read(ref _leader).Split('#')[0];

    private ActorSystem Create()
    {
        try
        {
            return AkkaConfiguration.Create(AkkaConfiguration.SystemName, AkkaConfiguration.Of(_options, LostAfter), _options.Security);
        }
        catch (Exception error) when (error is not ClusterException and not OutOfMemoryException)
        {
            // Akka throws many things here; all of them mean that it cannot begin with these settings.
            throw new ClusterException(
                $"the cluster's port {_options.BindHost}:{_options.Port} cannot be opened: {error.GetBaseException().Message}", error);
        }
    }

    /// <summary>
    /// Akka shuts down a node that dials one which dies in the TLS handshake, and so a whole cluster when several die at once. The first phase
    /// of such a shutdown never ends; its time is set in configs/akka.conf.
    /// </summary>
    internal static void OutliveFailedHandshakes(ActorSystem system)
    {
        var shutdown = CoordinatedShutdown.Get(system);
        shutdown.AddTask(CoordinatedShutdown.PhaseBeforeServiceUnbind, "outlive failed handshakes", () =>
            shutdown.ShutdownReason?.GetType().Name == HandshakeReason ? new TaskCompletionSource<Done>().Task : Task.FromResult(Done.Instance));
    }

    private void Begin(ActorSystem system)
    {
        OutliveFailedHandshakes(system);
        NodeLogger.Follow(system, _listener.Say);
        var (listener, clock, lostAfter) = (_listener, _options.Clock, LostAfter);
        var coordinator = system.ActorOf(
            ClusterSingletonProxy.Props(
                $"/user/{AkkaConfiguration.CoordinatorRole}",
                ClusterSingletonProxySettings.Create(system).WithRole(AkkaConfiguration.CoordinatorRole)),
            "coordinator-proxy");
        var (name, mayLead) = (_options.Name, _options.MayLead);
        system.ActorOf(Props.Create(() => new NodeWatcher(listener, clock, lostAfter, mayLead)), "watcher");
        Func<string> leader = LeaderAddress;
        system.ActorOf(Props.Create(() => new Registrar(name, coordinator, leader, listener)), "registrar");
        if (!mayLead)
        {
            return;
        }

        system.ActorOf(Props.Create(() => new StatusService(coordinator)), StatusService.ActorName);
        system.ActorOf(Props.Create(() => new RunFollower(listener)), "follower");

        // A node that hung and wakes hands over to its successor. Akka's manager then waits for its node to be removed, which a node that was
        // removed long ago never hears of; should the successor die, nobody would lead.
        Action steppedDown = Restart;
        system.ActorOf(
            ClusterSingletonManager.Props(
                Props.Create(() => new CoordinatorKeeper(listener, steppedDown)), StepDown.Instance,
                ClusterSingletonManagerSettings.Create(system).WithRole(AkkaConfiguration.CoordinatorRole)),
            AkkaConfiguration.CoordinatorRole);
    }

    private void End(ActorSystem system)
    {
        if (Volatile.Read(ref _isToLeave) && !system.WhenTerminated.IsCompleted)
        {
            // A shutdown that was held up cannot run again.
            var shutdown = CoordinatedShutdown.Get(system);
            if (shutdown.ShutdownReason is null)
            {
                shutdown.Run(CoordinatedShutdown.ClusterLeavingReason.Instance).Wait(s_longestLeave);
            }
            else
            {
                AkkaCluster.Get(system).LeaveAsync().Wait(s_longestLeave);
            }
        }

        // One whose shutdown is held up never terminates, and to dispose it would wait for that.
        if (system.Terminate().Wait(s_longestLeave))
        {
            system.Dispose();
        }
    }

    private static Address AddressOf(AkkaCluster cluster, string seed)
    {
        var endpoint = NodeEndpoint.Parse(seed, 0);
        return new Address(cluster.SelfAddress.Protocol, AkkaConfiguration.SystemName, endpoint.Host, endpoint.Port);
    }

    /// <summary>Says what keeps the node from being a member, each cause once.</summary>
    private void Report(string problem)
    {
        if (problem != _problem)
        {
            _listener.Say(problem);
        }

        _problem = problem;
    }
}

/// <summary>How to join the cluster.</summary>
/// <param name="Seeds">Akka addresses (<c>HOST:PORT</c>) of nodes of the cluster; empty: this node founds it.</param>
internal sealed record JoinPlan(ImmutableArray<string> Seeds);
