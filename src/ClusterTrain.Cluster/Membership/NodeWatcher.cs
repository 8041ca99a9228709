using System.Collections.Immutable;
using System.Net.Sockets;
using Akka.Actor;
using Akka.Cluster;
using Akka.Remote;
using AkkaCluster = Akka.Cluster.Cluster;

namespace ClusterTrain.Cluster.Membership;

/// <summary>
/// Tells its node which other nodes are lost: those that Akka's failure detector here finds silent, and those that were removed. A node that was
/// itself asleep judges nobody until it has listened for a while.
/// <para>
/// On nodes that may lead it also decides who stays in the cluster. A port that refuses connections twice has no process any more: its node is
/// quarantined and downed at once. Nodes that only fall silent are downed after a while, by the side of the cluster that stays
/// (<see cref="Stays"/>); a node on the other side downs itself, and joins again.
/// </para>
/// </summary>
internal sealed class NodeWatcher : UntypedActor, IWithTimers
{
    private static readonly TimeSpan s_tick = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan s_longestConnect = TimeSpan.FromMilliseconds(500);

    // How long a node must have been unreachable: a network that is only disturbed recovers meanwhile.
    private static readonly TimeSpan s_stable = TimeSpan.FromSeconds(7);
    private const int Proof = 2;

    private readonly IMembershipListener _listener;
    private readonly TimeProvider _clock;
    private readonly TimeSpan _lostAfter;
    private readonly bool _mayLead;
    private readonly AkkaCluster _cluster = AkkaCluster.Get(Context.System);

    // Refused connections in a row, by the address of nodes that may be dead.
    private readonly Dictionary<Address, int> _suspects = [];

    // Since when nodes have been unreachable. Each has a time of its own: members that come and go must not put off the decision about the others.
    private readonly Dictionary<UniqueAddress, long> _unreachableSince = [];

    // Unreachable nodes that have been reported as lost, each once.
    private readonly HashSet<UniqueAddress> _reported = [];
    private long _lastTick;
    private long? _wokeAt;

    /// <summary>Creates the watcher.</summary>
    /// <param name="listener">Its node.</param>
    /// <param name="clock">The clock.</param>
    /// <param name="lostAfter">Silence after which a node is lost.</param>
    /// <param name="mayLead">True: it decides who stays in the cluster.</param>
    public NodeWatcher(IMembershipListener listener, TimeProvider clock, TimeSpan lostAfter, bool mayLead)
    {
        _listener = listener;
        _clock = clock;
        _lostAfter = lostAfter;
        _mayLead = mayLead;
        _lastTick = clock.GetTimestamp();
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart()
    {
        _cluster.Subscribe(
            Self, ClusterEvent.SubscriptionInitialStateMode.InitialStateAsEvents, typeof(ClusterEvent.UnreachableMember),
                typeof(ClusterEvent.MemberRemoved));
        Context.System.EventStream.Subscribe(Self, typeof(DisassociatedEvent));
        Context.System.EventStream.Subscribe(Self, typeof(AssociationErrorEvent));
        Timers.StartPeriodicTimer("tick", Tick.Instance, s_tick);
    }

    protected override void PostStop() => _cluster.Unsubscribe(Self);

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case Tick:
                NoticeWaking();
                ReportSilent();
                foreach (var suspect in _suspects.Keys.ToArray())
                {
                    Probe(suspect);
                }

                if (_mayLead)
                {
                    LookForPartition();
                }

                break;
            case ClusterEvent.UnreachableMember unreachable:
                Suspect(unreachable.Member.Address);
                break;
            case ClusterEvent.MemberRemoved removed:
                _suspects.Remove(removed.Member.Address);
                _listener.NodeLost(removed.Member.Address.ToString(), "its node left the cluster");
                break;
            case AssociationEvent association:
                Suspect(association.RemoteAddress);
                break;
            case Probed probed:
                Conclude(probed);
                break;
        }
    }

    private void NoticeWaking()
    {
        var now = _clock.GetTimestamp();
        if (_clock.GetElapsedTime(_lastTick, now) > s_tick + (_lostAfter / 2))
        {
            _wokeAt = now;
        }

        _lastTick = now;
    }

    // Asked on every tick and not when the event comes: there the cluster's state is still that from before it.
    private void ReportSilent()
    {
        var unreachable = _cluster.State.Unreachable;
        _reported.IntersectWith(unreachable.Select(member => member.UniqueAddress));
        if (_wokeAt is { } woke && _clock.GetElapsedTime(woke) < _lostAfter * 2)
        {
            return;
        }

        foreach (var member in unreachable)
        {
            if (IsSilent(member.Address) && _reported.Add(member.UniqueAddress))
            {
                _listener.NodeLost(member.Address.ToString(), $"its node does not answer for {_lostAfter.TotalSeconds:0.#} s");
            }
        }
    }

    // Others may find it silent because of the network between them and it. What this node does not watch itself, it takes from them.
    private bool IsSilent(Address node) =>
        !_cluster.FailureDetector.IsMonitoring(node) || !_cluster.FailureDetector.IsAvailable(node);

    private void Suspect(Address node)
    {
        if (_mayLead && node != _cluster.SelfAddress && _cluster.State.Members.Any(member => member.Address == node))
        {
            _suspects.TryAdd(node, 0);
        }
    }

    // One attempt at a time for each: the next begins when this one has been judged.
    private void Probe(Address node)
    {
        if (_suspects[node] < 0)
        {
            return;
        }

        var refusals = _suspects[node];
        _suspects[node] = -1;
        ProbeAsync(node).PipeTo(Self, success: state => new Probed(node, refusals, state));
    }

    private static async Task<PortState> ProbeAsync(Address node)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        using var limit = new CancellationTokenSource(s_longestConnect);
        try
        {
            await socket.ConnectAsync(node.Host, node.Port ?? 0, limit.Token).ConfigureAwait(false);
            return PortState.Open;
        }
        catch (SocketException error)
        {
            return error.SocketErrorCode == SocketError.ConnectionRefused ? PortState.Refused : PortState.Silent;
        }
        catch (OperationCanceledException)
        {
            return PortState.Silent;
        }
    }

    private void Conclude(Probed probed)
    {
        if (!_suspects.ContainsKey(probed.Node))
        {
            return;
        }

        var member = _cluster.State.Members.FirstOrDefault(member => member.Address == probed.Node);
        var isUnreachable = _cluster.State.Unreachable.Any(other => other.Address == probed.Node);
        if (member is null || (probed.State == PortState.Open && !isUnreachable))
        {
            _suspects.Remove(probed.Node);
            return;
        }

        var refusals = probed.State == PortState.Refused ? probed.Refusals + 1 : 0;
        if (refusals < Proof)
        {
            _suspects[probed.Node] = refusals;
            return;
        }

        _suspects.Remove(probed.Node);
        _listener.NodeLost(probed.Node.ToString(), "its process is gone");
        ((IRemoteActorRefProvider)((ExtendedActorSystem)Context.System).Provider).Quarantine(probed.Node, member.UniqueAddress.Uid);
        _cluster.Down(probed.Node);
    }

    private void LookForPartition()
    {
        var now = _clock.GetTimestamp();
        var unreachable = _cluster.State.Unreachable
            .Where(member => member.Status != MemberStatus.Down).Select(member => member.UniqueAddress).ToImmutableHashSet();
        foreach (var recovered in _unreachableSince.Keys.Where(node => !unreachable.Contains(node)).ToArray())
        {
            _unreachableSince.Remove(recovered);
        }

        foreach (var node in unreachable)
        {
            _unreachableSince.TryAdd(node, now);
        }

        var due = unreachable.Where(node => _clock.GetElapsedTime(_unreachableSince[node], now) >= s_stable).ToArray();
        if (due.Length == 0 || (_wokeAt is { } woke && _clock.GetElapsedTime(woke, now) < s_stable)
            || _cluster.SelfMember.Status != MemberStatus.Up)
        {
            return;
        }

        var names = string.Join(", ", due.Select(node => $"{node.Address.Host}:{node.Address.Port}").Order(StringComparer.Ordinal));
        var silence = $"{names}: no answer for {(_lostAfter + s_stable).TotalSeconds:0.#} s;";
        var (there, here) = (SideOf(unreachable.Contains), SideOf(node => !unreachable.Contains(node)));
        if (Stays(here, there))
        {
            _listener.Say($"{silence} removed from the cluster");
            foreach (var node in due)
            {
                _cluster.Down(node.Address);
            }
        }
        else
        {
            _listener.Say($"{silence} they are in the greater part of the cluster, so this node leaves it and joins again");
            _cluster.Down(_cluster.SelfAddress);
        }

        // Should nothing come of it, it is decided again after the same time.
        foreach (var node in due)
        {
            _unreachableSince[node] = now;
        }
    }

    private (int MayLead, int All) SideOf(Func<UniqueAddress, bool> isOnSide)
    {
        var side = _cluster.State.Members
            .Where(member => member.Status is MemberStatus.Joining or MemberStatus.Up or MemberStatus.Leaving && isOnSide(member.UniqueAddress))
                .ToArray();
        return (side.Count(member => member.HasRole(AkkaConfiguration.CoordinatorRole)), side.Length);
    }

    /// <summary>
    /// True when this side of a cluster that fell apart stays: it has more nodes that may lead than the other, or as many and no fewer nodes in all.
    /// Two equal sides both stay.
    /// <para>
    /// Only how soon training resumes depends on it: that no two coordinators lead one run is certain by the lock and the claim of its folder. The
    /// node without the folder finds the other's cluster and joins it. Workers and servers break the tie because a coordinator is of no
    /// use without them; they are not counted first because one that loses most of them at once carries on.
    /// </para>
    /// </summary>
    /// <param name="here">How many nodes may lead and how many there are, on this side.</param>
    /// <param name="there">The same of the other.</param>
    internal static bool Stays((int MayLead, int All) here, (int MayLead, int All) there) => here.CompareTo(there) >= 0;

    private enum PortState
    {
        Open,
        Refused,
        Silent,
    }

    private sealed record Probed(Address Node, int Refusals, PortState State);

    private sealed record Tick
    {
        public static Tick Instance { get; } = new();
    }
}
