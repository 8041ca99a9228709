namespace ClusterTrain.Hosting;

/// <summary>Connecting to a listening node and proving oneself, within the time for it.</summary>
internal static class Dialling
{
    /// <summary>Connects, and then shakes hands, each within the time given.</summary>
    /// <exception cref="IOException">There is no connection.</exception>
    /// <exception cref="LinkException">One side refused.</exception>
    public static (Connection Connection, Hello Peer) Dial(
        NodeEndpoint endpoint, Func<Connection, Hello> own, MemberOptions options, TimeSpan time, CancellationToken cancellation)
    {
        var connection = Connection.Dial(endpoint, time, options.Time, cancellation);
        try
        {
            using var watchdog = options.Time.CreateTimer(_ => connection.Dispose(), null, time, Timeout.InfiniteTimeSpan);
            using var stop = cancellation.Register(connection.Dispose);
            return (connection, Handshake.Dial(connection, own(connection), options.Security, options.Limits));
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Opens a link's heartbeat connection and reads it, on a thread of its own.</summary>
    public static void OpenHeartbeat(Link link, NodeEndpoint endpoint, Hello own, MemberShared shared, CancellationToken cancellation)
    {
        shared.Heartbeats.Expect(link);
        new Thread(
            () =>
            {
                try
                {
                    var (lane, _) = Dial(endpoint, _ => own with { Lane = Lane.Heartbeat }, shared.Options, shared.Options.Limits.HandshakeTime, cancellation);
                    shared.Heartbeats.Read(link, lane);
                    lane.Dispose();
                }
                catch (Exception error) when (LinkErrors.IsLost(error))
                {
                    link.Close($"its heartbeat connection: {LinkErrors.Cause(error)}");
                }
            },
            256 * 1024)
        { Name = $"heartbeat of {link.Peer}", IsBackground = true }.Start();
    }
}
