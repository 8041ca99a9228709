using System.Net;
using System.Net.Sockets;
using ClusterTrain.Cluster.Links;

namespace ClusterTrain.Cluster.Tests;

/// <summary>
/// Stands between nodes and a listening one. When it is cut, it breaks every connection, and until it is healed it accepts none that lasts.
/// </summary>
internal sealed class CuttableProxy : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private bool _isCut;
    private readonly List<Socket> _sockets = [];

    public CuttableProxy()
    {
        _listener.Start();
        Endpoint = new NodeEndpoint("127.0.0.1", ((IPEndPoint)_listener.LocalEndpoint).Port);
    }

    public NodeEndpoint Endpoint { get; }

    /// <summary>Begins to pass connections on.</summary>
    public void PassTo(NodeEndpoint target) => new Thread(() => Accept(target)) { IsBackground = true }.Start();

    public void Cut()
    {
        lock (_sockets)
        {
            _isCut = true;
            foreach (var socket in _sockets)
            {
                socket.Dispose();
            }

            _sockets.Clear();
        }
    }

    public void Heal()
    {
        lock (_sockets)
        {
            _isCut = false;
        }
    }

    public void Dispose()
    {
        _listener.Stop();
        lock (_sockets)
        {
            foreach (var socket in _sockets)
            {
                socket.Dispose();
            }
        }
    }

    private void Accept(NodeEndpoint target)
    {
        try
        {
            while (true)
            {
                var near = _listener.AcceptSocket();
                var far = new Socket(SocketType.Stream, ProtocolType.Tcp);
                far.Connect(target.Host, target.Port);
                lock (_sockets)
                {
                    if (_isCut)
                    {
                        near.Dispose();
                        far.Dispose();
                        continue;
                    }

                    _sockets.AddRange([near, far]);
                }

                new Thread(() => Pass(near, far)) { IsBackground = true }.Start();
                new Thread(() => Pass(far, near)) { IsBackground = true }.Start();
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // The listener was stopped, or the target is gone; nothing is passed on any more.
        }
    }

    private static void Pass(Socket from, Socket to)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            int count;
            do
            {
                count = from.Receive(buffer);
                for (var sent = 0; sent < count;)
                {
                    sent += to.Send(buffer, sent, count - sent, SocketFlags.None);
                }
            }
            while (count > 0);

            to.Shutdown(SocketShutdown.Send);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // One side is gone; the other side's reads end by themselves.
            from.Dispose();
            to.Dispose();
        }
    }
}
