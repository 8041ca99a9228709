using ClusterTrain.Cluster.Links;
using ClusterTrain.Cluster.Wire;
using ClusterTrain.Training.Actors;

namespace ClusterTrain.Cluster.Nodes;

/// <summary>
/// Keeps a link from an actor here to a parameter server elsewhere: makes it, makes it again when it is lost, and says when the
/// server cannot be reached for longer than a peer may be silent. Runs on a thread of its own until it is ended.
/// </summary>
internal sealed class ServerLink : IDisposable
{
    private readonly NodeContext _node;
    private readonly Hello _own;
    private readonly NodeEndpoint _endpoint;
    private readonly ILinkOwner _owner;
    private readonly Action<ServerLink> _restored;
    private readonly Action<ActorId, string> _unreachable;
    private readonly CancellationTokenSource _end = new();
    private readonly Thread _thread;
    private Link? _link;

    /// <summary>Begins to connect.</summary>
    /// <param name="node">What the parts of the node share.</param>
    /// <param name="own">What the actor says of itself.</param>
    /// <param name="server">The parameter server; its id says where it is.</param>
    /// <param name="owner">Takes what arrives.</param>
    /// <param name="restored">Told of each link made.</param>
    /// <param name="unreachable">Told, again and again, that the server cannot be reached, and why.</param>
    public ServerLink(
        NodeContext node, Hello own, ActorId server, ILinkOwner owner, Action<ServerLink> restored, Action<ActorId, string> unreachable)
    {
        _node = node;
        _own = own with { To = server };
        _endpoint = EndpointOf(server);
        _owner = owner;
        _restored = restored;
        _unreachable = unreachable;
        Server = server;
        _thread = new Thread(Run) { Name = $"link to {server}", IsBackground = true };
        _thread.Start();
    }

    public ActorId Server { get; }

    /// <summary>The link; null while there is none.</summary>
    public Link? Link => Volatile.Read(ref _link) is { IsClosed: false } link ? link : null;

    /// <summary>Closes the link and makes none any more.</summary>
    public void End(string reason)
    {
        _end.Cancel();
        Volatile.Read(ref _link)?.Close(reason);
    }

    /// <summary>Waits until the thread of an ended link has ended.</summary>
    public void Dispose()
    {
        _thread.Join();
        _end.Dispose();
    }

    private static NodeEndpoint EndpointOf(ActorId server)
    {
        try
        {
            if (MemberIds.Endpoint(server) is { } endpoint)
            {
                return endpoint;
            }
        }
        catch (ClusterException)
        {
            // What follows the '@' is no address; told below with the whole id.
        }

        throw new LinkException(RefusalKind.Garbage, $"named the parameter server {server}, whose id does not say where it is");
    }

    private void Run()
    {
        var (clock, settings) = (_node.Options.Time, _node.Options.Cluster);
        var pause = settings.LeastRetryPause;
        var downSince = clock.GetTimestamp();
        var toldAt = downSince;
        while (!_end.IsCancellationRequested)
        {
            string cause;
            try
            {
                cause = Connect();
                (pause, downSince) = (settings.LeastRetryPause, clock.GetTimestamp());
                toldAt = downSince;
            }
            catch (Exception error) when (LinkErrors.IsLost(error))
            {
                cause = LinkErrors.Cause(error);
            }

            if (clock.GetElapsedTime(downSince) > _node.LostAfter && clock.GetElapsedTime(toldAt) > _node.LostAfter / 2)
            {
                _unreachable(Server, cause);
                toldAt = clock.GetTimestamp();
            }

            _end.Token.WaitHandle.WaitOne(pause);
            pause = pause * 2 < settings.MostRetryPause ? pause * 2 : settings.MostRetryPause;
        }
    }

    /// <summary>Makes the link and serves it until it is closed.</summary>
    /// <returns>Why it was closed.</returns>
    private string Connect()
    {
        var (connection, peer) = _node.Dialler.Dial(_endpoint, _ => _own, _node.LostAfter, _end.Token);
        if (peer.From != Server || peer.Role != PeerRole.ParameterServer || peer.Recipe != _own.Recipe)
        {
            connection.Dispose();
            throw new LinkException(RefusalKind.Address, $"{_endpoint} is now {peer.From}");
        }

        var link = new Link(connection, _own.From, peer, _node.Resources(_node.Run!), _owner);
        Volatile.Write(ref _link, link);
        if (_end.IsCancellationRequested)
        {
            link.Close("this node ends");
        }

        _restored(this);
        link.Run();
        return link.Reason;
    }
}
