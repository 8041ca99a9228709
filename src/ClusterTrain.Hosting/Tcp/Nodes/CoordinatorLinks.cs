using System.Collections.Immutable;
using ClusterTrain.Training;

namespace ClusterTrain.Hosting;

/// <summary>What a coordinator's node is asked and told by its links, apart from messages.</summary>
/// <param name="Self">What it says of itself; lane and receiver are filled in.</param>
/// <param name="Welcome">What it tells members; the servers are filled in.</param>
/// <param name="SendData">Serves a data connection.</param>
/// <param name="Warn">Told of refused connections.</param>
/// <param name="Fenced">Told that a member has seen a coordinator of a higher term.</param>
internal sealed record CoordinatorDesk(
    Hello Self, Welcome Welcome, Action<Connection> SendData, Action<string> Warn, Action<string> Fenced);

/// <summary>The links of a coordinator's node: members connect to it, and it tells the coordinator of those it lost.</summary>
internal sealed class CoordinatorLinks(ActorHost actors, Heartbeats heartbeats, LinkTerms terms, CoordinatorDesk desk)
    : IActorRoute, ILinkOwner, IHost
{
    private readonly object _gate = new();
    private readonly Dictionary<ActorId, Link> _members = [];
    private ImmutableArray<ActorId> _servers = [];

    void IActorRoute.Send(ActorId to, in Envelope envelope)
    {
        Link? link;
        lock (_gate)
        {
            if (envelope.Message is Topology topology)
                _servers = topology.Servers;

            _members.TryGetValue(to, out link);
        }

        if (link is null)
            envelope.Drop();
        else if (envelope.Message is { } message)
            link.Send(message);
        else
            link.Send(envelope.Tensor);
    }

    public Hello Answer(Hello peer) => desk.Self with { Lane = peer.Lane };

    public void Check(Hello peer)
    {
        if (peer.To != desk.Self.From)
            throw new LinkException(RefusalKind.Address, $"wants to talk to {peer.To}, this is {desk.Self.From}: correct its --join");
        if (peer.Role == PeerRole.Coordinator)
            throw new LinkException(RefusalKind.Address, "is another coordinator: a run has one");
        if (peer.Recipe.Length > 0 && peer.Recipe != desk.Self.Recipe)
        {
            throw new LinkException(
                RefusalKind.Run, $"({peer.From}) takes part in another run (recipe {Short(peer.Recipe)}, this run's is {Short(desk.Self.Recipe)}): restart it");
        }

        if (peer.Data.Length > 0 && peer.Data != desk.Self.Data)
        {
            throw new LinkException(
                RefusalKind.Data, $"({peer.From}) has other data (fingerprint {Short(peer.Data)}, this run's is {Short(desk.Self.Data)}): restart it");
        }

        if (peer.Term > desk.Self.Term)
        {
            var reason = $"another coordinator leads this run: {peer.From} has seen its term {peer.Term}, this one's is {desk.Self.Term}";
            desk.Fenced(reason);
            throw new LinkException(RefusalKind.Term, $"({peer.From}) has seen term {peer.Term}, this coordinator's is {desk.Self.Term}: it was replaced");
        }
    }

    public void Serve(Connection connection, Hello peer)
    {
        switch (peer.Lane)
        {
            case Lane.Messages:
                ServeMember(connection, peer);
                break;
            case Lane.Heartbeat when Find(peer.From) is { } link:
                heartbeats.Read(link, connection);
                break;
            case Lane.Data:
                desk.SendData(connection);
                break;
        }
    }

    public void Warn(string message) => desk.Warn(message);

    public void Received(Link link, IMessage message) => actors.Deliver(link.Self, new Envelope(link.Peer, message, default));

    public void Received(Link link, in TensorMessage message) => actors.Deliver(link.Self, new Envelope(link.Peer, null, message));

    /// <summary>A member that cannot reach another one that is there is given up until it can; it holds every step up.</summary>
    public void Unreachable(Link link, ActorId peer, string reason)
    {
        if (Find(peer) is null)
            return;

        Lose(link, $"it cannot reach {peer}: {reason}");
        link.Refuse(RefusalKind.Rejoin, $"you cannot reach {peer}; join again when you can");
    }

    public void Closed(Link link, string reason)
    {
        heartbeats.Forget(link);
        Lose(link, reason);
    }

    /// <summary>Waits until what was sent last has arrived and the members have closed their links.</summary>
    public void Flush(TimeSpan time, TimeProvider clock)
    {
        var start = clock.GetTimestamp();
        lock (_gate)
        {
            while (_members.Count > 0)
            {
                var left = time - clock.GetElapsedTime(start);
                if (left <= TimeSpan.Zero || !Monitor.Wait(_gate, left))
                    return;
            }
        }
    }

    private static string Short(string fingerprint) => fingerprint.Length > 12 ? fingerprint[..12] : fingerprint;

    private Link? Find(ActorId id)
    {
        lock (_gate)
        {
            return _members.GetValueOrDefault(id);
        }
    }

    private void ServeMember(Connection connection, Hello peer)
    {
        ImmutableArray<ActorId> servers;
        lock (_gate)
        {
            servers = [.. _servers.Distinct().Where(_members.ContainsKey)];
        }

        var writer = new WireWriter();
        (desk.Welcome with { Servers = servers }).Write(writer);
        try
        {
            connection.WriteFrame(FrameKind.Welcome, writer.Written);
        }
        catch (Exception error) when (LinkErrors.IsLost(error))
        {
            // It went before it was a member.
            return;
        }

        Find(peer.From)?.Close("it connected anew");
        var link = new Link(connection, desk.Self.From, peer, terms, this);
        heartbeats.Expect(link);
        lock (_gate)
        {
            _members[peer.From] = link;
        }

        link.Run();
    }

    private void Lose(Link link, string reason)
    {
        lock (_gate)
        {
            if (!_members.TryGetValue(link.Peer, out var present) || present != link)
                return;

            _members.Remove(link.Peer);
            Monitor.PulseAll(_gate);
        }

        actors.Post(link.Self, link.Self, new MemberLost(link.Peer, reason));
    }
}
