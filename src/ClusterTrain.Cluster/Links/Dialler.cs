using ClusterTrain.Cluster.Wire;
using ClusterTrain.Runs;

namespace ClusterTrain.Cluster.Links;

/// <summary>Connects to listening nodes and authenticates.</summary>
/// <param name="Security">How nodes know each other.</param>
/// <param name="Limits">The bounds.</param>
/// <param name="Clock">The clock.</param>
internal sealed record Dialler(LinkSecurity Security, LinkLimits Limits, TimeProvider Clock)
{
    /// <summary>Connects, and then shakes hands, each within the time given.</summary>
    /// <exception cref="IOException">There is no connection.</exception>
    /// <exception cref="LinkException">One side refused.</exception>
    public (Connection Connection, Hello Peer) Dial(
        NodeEndpoint endpoint, Func<Connection, Hello> own, TimeSpan time, CancellationToken cancellation)
    {
        var connection = Connection.Dial(endpoint, time, Clock, cancellation);
        try
        {
            using var watchdog = Clock.CreateTimer(_ => connection.Dispose(), null, time, Timeout.InfiniteTimeSpan);
            using var stop = cancellation.Register(connection.Dispose);
            return (connection, Handshake.Dial(connection, own(connection), Security, Limits));
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Reads the one message that the peer sends first.</summary>
    /// <typeparam name="T">The message.</typeparam>
    /// <exception cref="LinkException">The peer refused, or sent something else.</exception>
    public T ReadFirst<T>(Connection connection)
        where T : class
    {
        using var watchdog = Clock.CreateTimer(_ => connection.Dispose(), null, Limits.HandshakeTime, Timeout.InfiniteTimeSpan);
        var (kind, length) = connection.ReadHeader();
        return kind switch
        {
            FrameKind.Message => MessageCodec.Read<T>(connection.ReadContent(kind, length, Limits.WelcomeBytes)),
            FrameKind.Refusal => throw Handshake.Refused(connection, length, Limits),
            _ => throw new LinkException(RefusalKind.Garbage, $"sent a frame of kind {(byte)kind} instead of its {typeof(T).Name}"),
        };
    }

    /// <summary>Asks a node that may lead where its cluster is.</summary>
    /// <param name="endpoint">The node.</param>
    /// <param name="time">How long to wait.</param>
    /// <param name="cancellation">Ends the attempt.</param>
    /// <exception cref="IOException">There is no connection.</exception>
    /// <exception cref="LinkException">One side refused.</exception>
    public ClusterInfo Ask(NodeEndpoint endpoint, TimeSpan time, CancellationToken cancellation)
    {
        var own = new Hello(Lane.Query, Security.HasSecret, PeerRole.Client, new("client"), MemberIds.Coordinator, "", "", 0, Receipt.Build);
        var (connection, _) = Dial(endpoint, _ => own, time, cancellation);
        using (connection)
        {
            return ReadFirst<ClusterInfo>(connection);
        }
    }
}
