using System.Collections.Immutable;
using ClusterTrain.Actors;
using ClusterTrain.Cluster.Links;
using ClusterTrain.Cluster.Wire;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Cluster.Nodes;

/// <summary>What the links of a node that leads tell, and whom they ask.</summary>
/// <param name="Self">What it says of itself.</param>
/// <param name="Welcome">Makes what a member is told when it connects, with the parameter servers in force.</param>
/// <param name="SendData">Serves a data connection.</param>
/// <param name="Fenced">Told that a member has seen a coordinator of a higher term.</param>
/// <param name="Warn">Told what a person should know.</param>
internal sealed record CoordinatorPart(
    Hello Self, Func<ImmutableArray<ActorId>, Welcome> Welcome, Action<Connection> SendData, Action<string> Fenced, Action<string> Warn);

/// <summary>The links of a node that leads: members connect to it, and it tells the coordinator of those it lost.</summary>
internal sealed class CoordinatorLinks(NodeContext node, LinkResources resources, CoordinatorPart part) : ILinkOwner
{
    // A node that joins has to reach Akka's port first, on a machine that may be busy; one that has registered does so twice a second.
    private static readonly TimeSpan s_joiningPatience = TimeSpan.FromSeconds(30);
    private const int JoiningMultiple = 10;
    private static readonly TimeSpan s_leastRegisteredPatience = TimeSpan.FromSeconds(2);
    private const int RegisteredMultiple = 2;

    private readonly LinkTable _members = new();
    private readonly Lock _gate = new();

    // Nodes by their Akka addresses, with their members and when they last registered; members that connected and whose node has not yet.
    private readonly Dictionary<string, (ImmutableArray<ActorId> Members, long At)> _nodes = [];
    private readonly Dictionary<ActorId, long> _unregistered = [];
    private long _lastLook = node.Options.Time.GetTimestamp();
    private volatile IReadOnlyList<ActorId> _servers = [];

    /// <summary>What it says of itself to a peer.</summary>
    public Hello Self => part.Self;

    /// <summary>Sends a message of the coordinator to a member; drops it when there is no link.</summary>
    public void Send(ActorId to, in Envelope envelope)
    {
        if (envelope.Message is Topology topology)
        {
            _servers = topology.Servers;
        }

        if (_members.Find(to) is { } link)
        {
            link.Send(envelope);
        }
        else
        {
            envelope.Drop();
        }
    }

    /// <summary>Throws when an authenticated peer does not fit.</summary>
    public void Check(Hello peer)
    {
        if (peer.To != part.Self.From)
        {
            throw new LinkException(RefusalKind.Address, $"asks for {peer.To}, but this is {part.Self.From}: correct its --join");
        }

        if (peer.Role == PeerRole.Coordinator)
        {
            throw new LinkException(RefusalKind.Address, "is another coordinator: a run has one");
        }

        CheckBuild(peer);
        if (peer.Recipe.Length > 0 && peer.Recipe != part.Self.Recipe)
        {
            throw new LinkException(
                RefusalKind.Run, $"({peer.From}) takes part in another run (recipe {Short(peer.Recipe)}, this run's is {Short(part.Self.Recipe)}): "
                    + "restart it");
        }

        if (peer.Data.Length > 0 && peer.Data != part.Self.Data)
        {
            throw new LinkException(
                RefusalKind.Data, $"({peer.From}) has other data (fingerprint {Short(peer.Data)}, this run's is {Short(part.Self.Data)}): restart "
                    + "it");
        }

        if (peer.Term > part.Self.Term)
        {
            var reason = $"another coordinator leads this run: {peer.From} has seen its term {peer.Term}, this one's is {part.Self.Term}";
            part.Fenced(reason);
            throw new LinkException(
                RefusalKind.Term, $"({peer.From}) has seen term {peer.Term}, this coordinator's is {part.Self.Term}: it was replaced");
        }
    }

    /// <summary>Another build may compute other bits: it is refused, or named.</summary>
    private void CheckBuild(Hello peer)
    {
        if (peer.Build == part.Self.Build)
        {
            return;
        }

        if (!node.Options.AllowOtherBuilds)
        {
            throw new LinkException(
                RefusalKind.Build,
                $"({peer.From}) runs another build of ClusterTrain ({peer.Build}, this node runs {part.Self.Build}): run the same on all nodes, or "
                + "start the coordinator with --allow-other-builds");
        }

        if (peer.Lane == Lane.Messages)
        {
            part.Warn($"{peer.From} runs another build of ClusterTrain ({peer.Build}, this node runs {part.Self.Build}); its bits may differ");
        }
    }

    /// <summary>Serves an authenticated peer until the connection ends.</summary>
    public void Serve(Connection connection, Hello peer)
    {
        if (peer.Lane == Lane.Data)
        {
            part.SendData(connection);
        }
        else
        {
            ServeMember(connection, peer);
        }
    }

    /// <summary>A node registered: its members are lost when it is.</summary>
    public void Register(string address, Register register)
    {
        lock (_gate)
        {
            // A node whose membership was recreated registers from a new address.
            var former = _nodes.Where(known => known.Key != address && known.Value.Members.Intersect(register.Members).Any());
            foreach (var (formerAddress, _) in former.ToArray())
            {
                _nodes.Remove(formerAddress);
            }

            _nodes[address] = (register.Members, node.Options.Time.GetTimestamp());
            foreach (var member in register.Members)
            {
                _unregistered.Remove(member);
            }
        }
    }

    /// <summary>Akka found a node unreachable, dead or gone.</summary>
    public void NodeLost(string address, string reason)
    {
        ImmutableArray<ActorId> members;
        lock (_gate)
        {
            members = _nodes.Remove(address, out var lost) ? lost.Members : [];
        }

        foreach (var member in members)
        {
            _members.Find(member)?.Close(reason);
        }
    }

    /// <summary>
    /// Gives up the members of nodes that do not register, or no more: a process that hangs before it has joined the cluster is found out by this
    /// alone. To be called every <paramref name="period"/>; when that was missed, this node was itself asleep, and judges nobody.
    /// </summary>
    public void LookForSilent(TimeSpan period)
    {
        var clock = node.Options.Time;
        var patience = RegisteredMultiple * node.Options.Cluster.LostAfter;
        patience = patience > s_leastRegisteredPatience ? patience : s_leastRegisteredPatience;
        var joining = JoiningMultiple * node.Options.Cluster.LostAfter;
        joining = joining > s_joiningPatience ? joining : s_joiningPatience;
        List<(ActorId Member, string Reason)> silent = [];
        lock (_gate)
        {
            var now = clock.GetTimestamp();
            if (clock.GetElapsedTime(_lastLook, now) > 2 * period)
            {
                foreach (var address in _nodes.Keys.ToArray())
                {
                    _nodes[address] = _nodes[address] with { At = now };
                }

                foreach (var member in _unregistered.Keys.ToArray())
                {
                    _unregistered[member] = now;
                }
            }

            _lastLook = now;
            foreach (var (address, registered) in _nodes.Where(known => clock.GetElapsedTime(known.Value.At, now) > patience).ToArray())
            {
                _nodes.Remove(address);
                silent.AddRange(registered.Members.Select(member => (member, $"its node has not registered for {patience.TotalSeconds:0.#} s")));
            }

            foreach (var (member, _) in _unregistered.Where(known => clock.GetElapsedTime(known.Value, now) > joining).ToArray())
            {
                _unregistered.Remove(member);
                silent.Add((
                    member,
                    $"its node has not registered over Akka within {joining.TotalSeconds:0.#} s: "
                    + "let it reach this node's cluster port (--cluster-port, --advertise)"));
            }
        }

        foreach (var (member, reason) in silent)
        {
            if (_members.Find(member) is { } link)
            {
                Lose(link, reason);
                link.Refuse(RefusalKind.Rejoin, $"{reason}; join again");
            }
        }
    }

    public void Received(Link link, IMessage message) => node.Actors.Deliver(link.Self, new Envelope(link.Peer, message, default));

    public void Received(Link link, in TensorMessage message) => node.Actors.Deliver(link.Self, new Envelope(link.Peer, null, message));

    /// <summary>A member that cannot reach another one that is there is given up until it can; it holds every step up.</summary>
    public void Unreachable(Link link, ActorId peer, string reason)
    {
        if (_members.Find(peer) is null)
        {
            return;
        }

        Lose(link, $"it cannot reach {peer}: {reason}");
        link.Refuse(RefusalKind.Rejoin, $"you cannot reach {peer}; join again when you can");
    }

    public void Closed(Link link, string reason) => Lose(link, reason);

    /// <summary>Closes all links.</summary>
    public void CloseAll(string reason)
    {
        foreach (var link in _members.All)
        {
            link.Close(reason);
        }
    }

    /// <summary>Waits until the members, told that the run is over, have closed their links.</summary>
    public void WaitForMembersToGo(TimeSpan time) => _members.WaitUntilEmpty(time, node.Options.Time);

    private static string Short(string fingerprint) => fingerprint.Length > 12 ? fingerprint[..12] : fingerprint;

    private void ServeMember(Connection connection, Hello peer)
    {
        var link = new Link(connection, part.Self.From, peer, resources, this);
        _members.Find(peer.From)?.Close("it reconnected");
        link.Send(part.Welcome([.. _servers.Distinct().Where(server => _members.Find(server) is not null)]));
        lock (_gate)
        {
            if (!_nodes.Values.Any(known => known.Members.Contains(peer.From)))
            {
                _unregistered[peer.From] = node.Options.Time.GetTimestamp();
            }
        }

        _members.Add(link);
        link.Run();

        // One that broke before it was in the table was not found there when it was closed.
        Lose(link, link.Reason);
    }

    private void Lose(Link link, string reason)
    {
        if (!_members.Remove(link))
        {
            return;
        }

        lock (_gate)
        {
            _unregistered.Remove(link.Peer);
        }

        node.Actors.Post(link.Self, new Envelope(link.Self, new MemberLost(link.Peer, reason), default));
    }
}
