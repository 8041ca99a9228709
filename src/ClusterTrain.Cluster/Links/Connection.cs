using System.Buffers.Binary;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using ClusterTrain.Cluster.Wire;

namespace ClusterTrain.Cluster.Links;

/// <summary>
/// A TCP connection, encrypted or not, read by one thread and written by one at a time, both blocking: a blocking socket answers
/// faster than an asynchronous one. Closing it from any thread ends both.
/// </summary>
internal sealed class Connection : IDisposable
{
    // Frames up to this size are read together with what follows them, and written as one.
    public const int BufferBytes = 64 * 1024;

    // Large enough that a socket which can be written at all takes CreditBytes without blocking.
    private const int SendBufferBytes = 8 * BufferBytes;

    // What is written before the system is asked again whether there is room, and what each frame counts at least: the system keeps a small one in
    // a buffer of its own.
    private const int CreditBytes = BufferBytes;
    private const int LeastFrameBytes = 2048;

    // Two nodes that write to each other and do not read would wait for ever.
    private const int StuckMilliseconds = 60_000;

    // A network that carries nothing any more is noticed by the system itself: an idle connection is probed, and what was sent must be
    // acknowledged in time. A process that hangs still acknowledges; that is for Akka's failure detector to find out.
    private const int ProbeAfterSeconds = 1;
    private const int ProbeEverySeconds = 1;
    private const int MostProbes = 2;
    private const int AcknowledgeMilliseconds = 3000;
    private const int TcpLevel = 6;
    private const int TcpUserTimeout = 18;

    private readonly Socket _socket;
    private readonly byte[] _buffer = new byte[BufferBytes];
    private SslStream? _encrypted;
    private int _start;
    private int _end;
    private int _closed;
    private int _credit;

    public Connection(Socket socket)
    {
        socket.NoDelay = true;
        socket.SendBufferSize = SendBufferBytes;
        socket.SendTimeout = StuckMilliseconds;
        WatchTheNetwork(socket);
        _socket = socket;
        Peer = Describe(socket.RemoteEndPoint);
    }

    /// <summary>Address of the other side.</summary>
    public string Peer { get; }

    /// <summary>Address of this side, as the other one sees it.</summary>
    public IPAddress LocalAddress
    {
        get
        {
            var address = ((IPEndPoint)_socket.LocalEndPoint!).Address;
            return address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        }
    }

    /// <summary>True once this side closed the connection.</summary>
    public bool IsClosed => Volatile.Read(ref _closed) != 0;

    /// <summary>True when a frame can be written at once, without waiting for the peer to read.</summary>
    /// <param name="bytes">The frame's bytes.</param>
    public bool CanWriteNow(int bytes)
    {
        if (_encrypted is not null || IsClosed || bytes > CreditBytes)
        {
            return false;
        }

        if (Math.Max(bytes, LeastFrameBytes) > _credit)
        {
            if (!_socket.Poll(0, SelectMode.SelectWrite))
            {
                return false;
            }

            _credit = CreditBytes;
        }

        return true;
    }

    /// <summary>Connects; a time-out or <paramref name="cancellation"/> ends the attempt.</summary>
    public static Connection Dial(NodeEndpoint endpoint, TimeSpan time, TimeProvider clock, CancellationToken cancellation)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            using var watchdog = clock.CreateTimer(_ => socket.Dispose(), null, time, Timeout.InfiniteTimeSpan);
            using var stop = cancellation.Register(socket.Dispose);
            socket.Connect(endpoint.Host, endpoint.Port);
            return new Connection(socket);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            socket.Dispose();
            var isOver = error is not SocketException
            {
                SocketErrorCode: not (SocketError.OperationAborted or SocketError.Interrupted or SocketError.NotSocket),
            };
            var cause = isOver ? $"no answer within {time.TotalSeconds} s" : error.Message;
            throw new IOException($"cannot connect to {endpoint}: {cause}", error);
        }
    }

    /// <summary>Encrypts the connection when this node has certificates.</summary>
    public void Encrypt(LinkSecurity security, bool isDialler)
    {
        if (security.Certificate is null)
        {
            return;
        }

        var stream = new SslStream(new NetworkStream(_socket, ownsSocket: false), false, (_, peer, _, _) => security.Accepts(peer));
        try
        {
            if (isDialler)
            {
                stream.AuthenticateAsClient(new SslClientAuthenticationOptions
                {
                    TargetHost = "clustertrain",
                    ClientCertificates = [security.Certificate],
                    LocalCertificateSelectionCallback = (_, _, _, _, _) => security.Certificate,
                    EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
                });
            }
            else
            {
                stream.AuthenticateAsServer(new SslServerAuthenticationOptions
                {
                    ServerCertificate = security.Certificate,
                    ClientCertificateRequired = true,
                    EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
                });
            }
        }
        catch (AuthenticationException error)
        {
            throw new LinkException(RefusalKind.Secret, $"TLS: {error.InnerException?.Message ?? error.Message}");
        }

        _encrypted = stream;
    }

    /// <summary>Fills the span.</summary>
    /// <exception cref="EndOfStreamException">The peer closed the connection.</exception>
    public void Read(Span<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (_start == _end)
            {
                if (bytes.Length >= BufferBytes / 2)
                {
                    bytes = bytes[Receive(bytes)..];
                    continue;
                }

                _start = 0;
                _end = Receive(_buffer);
            }

            var count = Math.Min(bytes.Length, _end - _start);
            _buffer.AsSpan(_start, count).CopyTo(bytes);
            _start += count;
            bytes = bytes[count..];
        }
    }

    /// <summary>Reads a frame's header.</summary>
    public (FrameKind Kind, int Length) ReadHeader()
    {
        Span<byte> header = stackalloc byte[Protocol.FrameHeaderBytes];
        Read(header);
        var length = BinaryPrimitives.ReadInt32LittleEndian(header[4..]);
        if (header[1] != 0 || header[2] != 0 || header[3] != 0 || length < 0)
        {
            throw new LinkException(RefusalKind.Garbage, $"sent bytes that are not a frame ({Convert.ToHexString(header)})");
        }

        return ((FrameKind)header[0], length);
    }

    /// <summary>Reads the content of a frame, which must not be longer than a bound.</summary>
    public byte[] ReadContent(FrameKind kind, int length, int most)
    {
        if (length > most)
        {
            throw new LinkException(RefusalKind.Limit, $"sent a {kind} frame of {length} bytes; at most {most} are allowed");
        }

        var bytes = new byte[length];
        Read(bytes);
        return bytes;
    }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        if (_encrypted is not null)
        {
            _encrypted.Write(bytes);
            return;
        }

        _credit = Math.Max(0, _credit - Math.Max(bytes.Length, LeastFrameBytes));
        while (!bytes.IsEmpty)
        {
            bytes = bytes[_socket.Send(bytes, SocketFlags.None)..];
        }
    }

    /// <summary>Writes a frame as one piece.</summary>
    public void WriteFrame(FrameKind kind, ReadOnlySpan<byte> content) => Write(Frame(kind, content));

    /// <summary>A frame with its header.</summary>
    public static byte[] Frame(FrameKind kind, ReadOnlySpan<byte> content)
    {
        var frame = new byte[Protocol.FrameHeaderBytes + content.Length];
        frame[0] = (byte)kind;
        BinaryPrimitives.WriteInt32LittleEndian(frame.AsSpan(4), content.Length);
        content.CopyTo(frame.AsSpan(Protocol.FrameHeaderBytes));
        return frame;
    }

    /// <summary>Says that nothing more is written, so that what was written last still arrives.</summary>
    public void EndWriting()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // The peer closed it first: there is nobody left to tell.
            Dispose();
        }
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _closed, 1) != 0)
        {
            return;
        }

        try
        {
            // Wakes whoever is blocked in a read or write of it.
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (SocketException)
        {
            // Not connected any more, which is what is wanted.
        }

        _socket.Dispose();
    }

    private int Receive(Span<byte> bytes)
    {
        var count = _encrypted is null ? _socket.Receive(bytes, SocketFlags.None) : _encrypted.Read(bytes);
        return count > 0 ? count : throw new EndOfStreamException("the peer closed the connection");
    }

    private static void WatchTheNetwork(Socket socket)
    {
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, ProbeAfterSeconds);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, ProbeEverySeconds);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, MostProbes);
        if (OperatingSystem.IsLinux())
        {
            socket.SetRawSocketOption(TcpLevel, TcpUserTimeout, BitConverter.GetBytes(AcknowledgeMilliseconds));
        }
    }

    private static string Describe(EndPoint? endpoint) =>
        endpoint is IPEndPoint { Address.IsIPv4MappedToIPv6: true } mapped ? new IPEndPoint(mapped.Address.MapToIPv4(), mapped.Port).ToString()
        : endpoint?.ToString() ?? "a peer that is gone";
}
