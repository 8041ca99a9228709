using System.Net;
using System.Net.Sockets;
using ClusterTrain.Cluster.Links;

namespace ClusterTrain.Cluster.Tests;

/// <summary>A connection says whether a write would wait for the peer.</summary>
public sealed class ConnectionTests
{
    [Theory]
    [InlineData(16)]
    [InlineData(100)]
    [InlineData(3000)]
    [InlineData(Connection.BufferBytes)]
    public async Task Where_the_peer_does_not_read_no_write_that_is_allowed_waits(int bytes)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(listener.LocalEndPoint!);
        using var peer = listener.Accept();
        using var connection = new Connection(socket);
        var frame = new byte[bytes];

        var written = await Task.Run(WriteWhileAllowed).WaitAsync(Patience.Limit);

        Assert.True(written >= bytes, $"{written} bytes");

        // The peer reads all there is: it can be written again.
        peer.ReceiveTimeout = 1000;
        for (var (buffer, left) = (new byte[Connection.BufferBytes], written); left > 0;)
        {
            left -= peer.Receive(buffer);
        }

        Assert.True(SpinWait.SpinUntil(() => connection.CanWriteNow(bytes), Patience.Limit));

        long WriteWhileAllowed()
        {
            // The system goes on taking a little for a while.
            var count = 0L;
            while (SpinWait.SpinUntil(() => connection.CanWriteNow(bytes), TimeSpan.FromMilliseconds(100)))
            {
                connection.Write(frame);
                count += bytes;
            }

            return count;
        }
    }
}
