using System.Net;
using System.Net.Sockets;
using ClusterTrain.Cluster.Wire;

namespace ClusterTrain.Cluster.Links;

/// <summary>What a listening node tells and asks those who connect.</summary>
internal interface ILinkAcceptor
{
    /// <summary>What this node says of itself to a peer that says so much of itself, before either has authenticated.</summary>
    Hello Answer(Hello peer);

    /// <summary>Throws when an authenticated peer does not fit, or this node is not any more what it answered.</summary>
    void Check(Hello peer, Hello own);

    /// <summary>Serves an authenticated peer, on the connection's own thread, until the connection ends.</summary>
    void Serve(Connection connection, Hello peer);

    /// <summary>A connection was refused.</summary>
    void Warn(string message);
}

/// <summary>
/// Listens for connections and lets in those that authenticate. Each has a thread of its own, and few may be unauthenticated at a
/// time: the oldest makes room, so that neither idle nor hostile connections cost more than that.
/// </summary>
internal sealed class LinkListener : IDisposable
{
    private readonly Socket _listener;
    private readonly LinkSecurity _security;
    private readonly LinkLimits _limits;
    private readonly TimeProvider _clock;
    private readonly object _gate = new();
    private readonly LinkedList<Connection> _pending = [];
    private readonly HashSet<Connection> _served = [];
    private ILinkAcceptor _acceptor = null!;
    private RateLimitedWarnings _warnings = null!;
    private Thread? _thread;
    private int _running;
    private bool _closed;

    /// <summary>Binds the address; nothing is accepted yet.</summary>
    /// <exception cref="ClusterException">The address cannot be listened at.</exception>
    public LinkListener(NodeEndpoint listen, LinkSecurity security, LinkLimits limits, TimeProvider clock)
    {
        _security = security;
        _limits = limits;
        _clock = clock;
        var address = Address(listen, security);
        _listener = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (address.Equals(IPAddress.IPv6Any))
            {
                _listener.DualMode = true;
            }

            _listener.Bind(new IPEndPoint(address, listen.Port));
            _listener.Listen(512);
        }
        catch (SocketException error)
        {
            _listener.Dispose();
            throw new ClusterException(
                $"cannot listen at {listen}: {error.Message}. Choose another address or port, or stop the process that has it.", error);
        }

        Endpoint = new NodeEndpoint(address.ToString(), ((IPEndPoint)_listener.LocalEndPoint!).Port);
    }

    /// <summary>Where it listens.</summary>
    public NodeEndpoint Endpoint { get; }

    /// <summary>Begins to accept, unless it is closed already.</summary>
    public void Start(ILinkAcceptor acceptor)
    {
        lock (_gate)
        {
            if (_closed)
            {
                return;
            }

            _acceptor = acceptor;
            _warnings = new RateLimitedWarnings(acceptor.Warn, _limits.WarningsPerTenSeconds, _clock);
            _thread = new Thread(Accept, 256 * 1024) { Name = "listen", IsBackground = true };
            _thread.Start();
        }
    }

    /// <summary>Closes the listener and all connections, and waits until no thread serves one any more.</summary>
    public void Dispose()
    {
        Connection[] open;
        lock (_gate)
        {
            _closed = true;
            open = [.. _pending, .. _served];
        }

        _listener.Dispose();
        foreach (var connection in open)
        {
            connection.Dispose();
        }

        _thread?.Join();
        lock (_gate)
        {
            while (_running > 0)
            {
                Monitor.Wait(_gate);
            }
        }
    }

    private static IPAddress Address(NodeEndpoint listen, LinkSecurity security)
    {
        IPAddress? address;
        try
        {
            address = IPAddress.TryParse(listen.Host, out var parsed) ? parsed
                : listen.Host is "*" ? IPAddress.Any
                : Dns.GetHostAddresses(listen.Host).OrderBy(found => found.AddressFamily).FirstOrDefault();
        }
        catch (SocketException error)
        {
            throw new ClusterException($"cannot listen at {listen}: {error.Message}", error);
        }

        return address is null ? throw new ClusterException($"cannot listen at {listen}: the name has no address.")
            : security.HasSecret || IPAddress.IsLoopback(address) ? address
            : throw new ClusterException(
                $"cannot listen at {listen} without a cluster secret: anyone who reaches that address could join. Give all nodes the same secret, or "
                    + $"listen at 127.0.0.1:{listen.Port}.");
    }

    private void Accept()
    {
        while (true)
        {
            try
            {
                Begin(_listener.Accept());
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                lock (_gate)
                {
                    if (_closed)
                    {
                        return;
                    }
                }

                // Mostly a connection that was gone before it was accepted; with no descriptors left, waiting lets some come back.
                _warnings.Warn($"a connection could not be accepted: {error.Message}");
                Thread.Yield();
            }
        }
    }

    private void Begin(Socket socket)
    {
        Connection connection;
        try
        {
            connection = new Connection(socket);
        }
        catch (SocketException)
        {
            // Gone between connecting and being accepted.
            socket.Dispose();
            return;
        }

        Connection? oldest = null;
        lock (_gate)
        {
            if (_closed)
            {
                connection.Dispose();
                return;
            }

            if (_pending.Count >= _limits.PendingConnections)
            {
                oldest = _pending.First!.Value;
                _pending.RemoveFirst();
            }

            _pending.AddLast(connection);
            _running++;
        }

        if (oldest is not null)
        {
            _warnings.Warn($"{oldest.Peer} had not authenticated when {_limits.PendingConnections} newer connections waited; it was closed");
            oldest.Dispose();
        }

        new Thread(() => Run(connection), 512 * 1024) { Name = $"from {connection.Peer}", IsBackground = true }.Start();
    }

    private void Run(Connection connection)
    {
        try
        {
            if (Prove(connection) is { } peer)
            {
                _acceptor.Serve(connection, peer);
            }
        }
        catch (Exception error) when (LinkErrors.IsLost(error))
        {
            // The peer went before it was served, for example one that asked where the cluster is and found out elsewhere.
        }
        finally
        {
            connection.Dispose();
            lock (_gate)
            {
                _pending.Remove(connection);
                _served.Remove(connection);
                _running--;
                Monitor.PulseAll(_gate);
            }
        }
    }

    private Hello? Prove(Connection connection)
    {
        var isLate = false;
        using var watchdog = _clock.CreateTimer(
            _ =>
            {
                Volatile.Write(ref isLate, true);
                connection.Dispose();
            },
            null,
            _limits.HandshakeTime,
            Timeout.InfiniteTimeSpan);
        try
        {
            var peer = Handshake.Accept(connection, _acceptor.Answer, Admit, _security, _limits);
            return peer;
        }
        catch (LinkException error)
        {
            if (error.Kind != RefusalKind.NotLeading)
            {
                _warnings.Warn($"refused {connection.Peer}: it {error.Message}");
            }

            if (!error.IsRefusal && error.Kind is not RefusalKind.Garbage and not RefusalKind.Version)
            {
                Handshake.Refuse(connection, error.Kind, error.Message, _limits);
            }
        }
        catch (Exception error) when (LinkErrors.IsLost(error))
        {
            // Whoever connects and goes without a word (a health check, a port scan) is not worth a line.
            if (Volatile.Read(ref isLate))
            {
                _warnings.Warn($"refused {connection.Peer}: it did not authenticate within {_limits.HandshakeTime.TotalSeconds} s");
            }
        }

        return null;

        void Admit(Hello peer, Hello own)
        {
            _acceptor.Check(peer, own);
            lock (_gate)
            {
                if (_served.Count >= _limits.Connections)
                {
                    throw new LinkException(RefusalKind.Limit, $"exceeds the limit: {_limits.Connections} connections are open");
                }

                _pending.Remove(connection);
                _served.Add(connection);
            }
        }
    }
}
