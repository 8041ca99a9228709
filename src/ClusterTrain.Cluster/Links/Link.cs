using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using ClusterTrain.Actors;
using ClusterTrain.Cluster.Sharing;
using ClusterTrain.Cluster.Wire;
using ClusterTrain.Numerics.Maps;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Tensors;

namespace ClusterTrain.Cluster.Links;

/// <summary>Takes what arrives over links; called on each link's own thread.</summary>
internal interface ILinkOwner
{
    /// <summary>A message of the state machines arrived.</summary>
    void Received(Link link, IMessage message);

    /// <summary>A tensor arrived, with one reference to it.</summary>
    void Received(Link link, in TensorMessage message);

    /// <summary>A member cannot reach another one.</summary>
    void Unreachable(Link link, ActorId peer, string reason);

    /// <summary>The link is closed; called once, from any thread.</summary>
    void Closed(Link link, string reason);
}

/// <summary>What the links of one node share.</summary>
/// <param name="Limits">The bounds.</param>
/// <param name="Tensors">Lends the buffers tensors are received into.</param>
/// <param name="MostFloats">Floats of the largest tensor the model has.</param>
/// <param name="Parameters">Floats of the model.</param>
/// <param name="Memory">Memory shared with other processes of the machine; null: none is.</param>
internal sealed record LinkResources(LinkLimits Limits, TensorPool Tensors, long MostFloats, long Parameters, NodeMemory? Memory)
{
    /// <summary>True: gradient sums are rounded to bfloat16, and sent in half the bytes.</summary>
    public bool PacksGradients { get; init; }

    public long MostWaitingBytes => Limits.WaitingBytes + (4L * sizeof(float) * Parameters);
}

/// <summary>
/// The authenticated connection between an actor of this process and one elsewhere: control messages and tensors, in the order sent, until it
/// is closed.
/// </summary>
internal sealed class Link
{
    private static readonly TimeSpan s_refusalTime = TimeSpan.FromMilliseconds(200);

    private readonly Connection _connection;
    private readonly LinkResources _resources;
    private readonly ILinkOwner _owner;
    private readonly SendQueue _queue;
    private readonly LinkSharing _sharing;
    private readonly object _gate = new();
    private readonly ArrayBufferWriter<byte> _writer = new(256);
    private byte[] _content = new byte[1024];
    private bool _closed;
    private string _reason = "";

    public Link(Connection connection, ActorId self, Hello peer, LinkResources resources, ILinkOwner owner)
    {
        _connection = connection;
        Self = self;
        Peer = peer.From;
        Role = peer.Role;
        _resources = resources;
        _owner = owner;
        _sharing = new LinkSharing(resources.Memory, self, Peer, () => _queue!.SendGivenBack());
        _queue = new SendQueue(
            connection, Peer.Name, resources.MostWaitingBytes, Role == PeerRole.Worker, resources.PacksGradients, _sharing, Close);
    }

    /// <summary>The actor here.</summary>
    public ActorId Self { get; }

    /// <summary>The actor elsewhere.</summary>
    public ActorId Peer { get; }

    public PeerRole Role { get; }

    public bool IsClosed => Volatile.Read(ref _closed);

    /// <summary>Why it was closed.</summary>
    public string Reason
    {
        get
        {
            lock (_gate)
            {
                return _reason;
            }
        }
    }

    /// <summary>Sends a message, see <see cref="MessageCodec"/>.</summary>
    public void Send(object message) => _queue.Send(Frame(message));

    /// <summary>Sends a tensor and gives up its reference.</summary>
    public void Send(in TensorMessage message) => _queue.Send(message);

    /// <summary>Sends what an actor sends: a message or a tensor.</summary>
    public void Send(in Envelope envelope)
    {
        if (envelope.Message is { } message)
        {
            Send(message);
        }
        else
        {
            Send(envelope.Tensor);
        }
    }

    /// <summary>Closes the link after telling the peer why.</summary>
    public void Refuse(RefusalKind kind, string reason)
    {
        lock (_gate)
        {
            _reason = _closed ? _reason : reason;
        }

        _queue.Send(Connection.Frame(FrameKind.Refusal, Handshake.RefusalContent(kind, reason, _resources.Limits)), isLast: true);
    }

    /// <summary>Receives until the link is closed; runs on the link's own thread.</summary>
    public void Run()
    {
        try
        {
            if (_sharing.Offer is { } offer)
            {
                Send(offer);
            }

            while (true)
            {
                Receive();
            }
        }
        catch (LinkException error)
        {
            if (!error.IsRefusal)
            {
                Refuse(error.Kind, error.Message);
                Flush(s_refusalTime, TimeProvider.System);
            }

            Close(LinkErrors.Cause(error));
        }
        catch (Exception error) when (LinkErrors.IsLost(error))
        {
            Close(LinkErrors.Cause(error));
        }
    }

    /// <summary>Closes the link; the first reason counts.</summary>
    public void Close(string reason)
    {
        lock (_gate)
        {
            if (_closed)
            {
                return;
            }

            _closed = true;
            _reason = _reason.Length > 0 ? _reason : reason;
            Monitor.PulseAll(_gate);
        }

        _queue.Close();
        _connection.Dispose();
        _sharing.Close();
        _owner.Closed(this, _reason);
    }

    /// <summary>Waits until everything given to the link is written, or it is closed.</summary>
    public void Flush(TimeSpan time, TimeProvider clock) => _queue.Flush(time, clock);

    /// <summary>Sends what waits, says that nothing more follows, and waits until the peer has read it all and closed.</summary>
    public void Finish(TimeSpan time, TimeProvider clock)
    {
        var start = clock.GetTimestamp();
        Flush(time, clock);
        _connection.EndWriting();
        lock (_gate)
        {
            while (!_closed)
            {
                var left = time - clock.GetElapsedTime(start);
                if (left <= TimeSpan.Zero || !Monitor.Wait(_gate, left))
                {
                    break;
                }
            }
        }

        Close("this node left");
    }

    private byte[] Frame(object message)
    {
        lock (_writer)
        {
            _writer.ResetWrittenCount();
            _writer.Write((ReadOnlySpan<byte>)[(byte)FrameKind.Message, 0, 0, 0, 0, 0, 0, 0]);
            MessageCodec.Write(_writer, message);
            var frame = _writer.WrittenSpan.ToArray();
            BinaryPrimitives.WriteInt32LittleEndian(frame.AsSpan(4), frame.Length - Protocol.FrameHeaderBytes);
            return frame;
        }
    }

    private void Receive()
    {
        var (kind, length) = _connection.ReadHeader();
        switch (kind)
        {
            case FrameKind.Message:
                Take(MessageCodec.Read(Content(kind, length)));
                break;
            case FrameKind.Tensor:
                ReceiveTensor(length);
                break;
            case FrameKind.NamedTensor:
                ReceiveNamedTensor(length);
                break;
            case FrameKind.GivenBack when length % sizeof(long) == 0:
                _sharing.GivenBack(Content(kind, length).Span);
                break;
            case FrameKind.Refusal:
                throw Handshake.Refused(_connection, length, _resources.Limits);
            default:
                throw new LinkException(RefusalKind.Garbage, $"sent a frame of kind {(byte)kind}, which does not belong on a link");
        }
    }

    private void Take(object message)
    {
        switch (message)
        {
            case IMessage known:
                _owner.Received(this, known);
                break;
            case Unreachable unreachable:
                _owner.Unreachable(this, unreachable.Peer, unreachable.Reason);
                break;
            case SharedMemory offer:
                if (_sharing.Offered(offer) is { } answer)
                {
                    Send(answer);
                    _sharing.Told();
                }

                break;
            case SharedMemorySeen seen:
                _sharing.Seen(seen);
                break;
            default:
                throw new LinkException(RefusalKind.Garbage, $"sent a message {message.GetType().Name}, which does not belong on a link");
        }
    }

    private ReadOnlyMemory<byte> Content(FrameKind kind, int length)
    {
        if (length > _resources.Limits.MessageBytes)
        {
            throw new LinkException(
                RefusalKind.Limit, $"sent a {kind} frame of {length} bytes; at most {_resources.Limits.MessageBytes} are allowed");
        }

        return Content(length);
    }

    private ReadOnlyMemory<byte> Content(int length)
    {
        if (_content.Length < length)
        {
            _content = new byte[Math.Max(length, 2 * _content.Length)];
        }

        _connection.Read(_content.AsSpan(0, length));
        return _content.AsMemory(0, length);
    }

    private void ReceiveTensor(int length)
    {
        if (length < Protocol.TensorKeyBytes)
        {
            throw new LinkException(RefusalKind.Garbage, $"sent a tensor frame of {length} bytes");
        }

        Span<byte> bytes = stackalloc byte[Protocol.TensorKeyBytes];
        _connection.Read(bytes);
        var (key, loss, floats, encoding) = TensorFrame.Read(
            bytes, length - Protocol.TensorKeyBytes, _resources.MostFloats, _resources.PacksGradients);
        var lease = _resources.Tensors.Rent(floats);
        try
        {
            if (encoding == TensorEncoding.BFloat16)
            {
                BFloat16.Unpack(MemoryMarshal.Cast<byte, ushort>(Content(floats * sizeof(ushort)).Span), lease.Span);
            }
            else
            {
                _connection.Read(MemoryMarshal.AsBytes(lease.Span));
            }
        }
        catch
        {
            lease.Release();
            throw;
        }

        _owner.Received(this, new TensorMessage(key, lease, 0, floats, loss));
    }

    private void ReceiveNamedTensor(int length)
    {
        const int Bytes = Protocol.TensorKeyBytes + Protocol.TensorOffsetBytes;
        if (length != Bytes)
        {
            throw new LinkException(RefusalKind.Garbage, $"named a tensor in a frame of {length} bytes");
        }

        Span<byte> bytes = stackalloc byte[Bytes];
        _connection.Read(bytes);
        var (key, loss, floats, _) = TensorFrame.Read(bytes, -1, _resources.MostFloats, packsGradients: false);
        var lease = _sharing.Take(BinaryPrimitives.ReadInt64LittleEndian(bytes[Protocol.TensorKeyBytes..]), floats);
        _owner.Received(this, new TensorMessage(key, lease, 0, floats, loss));
    }
}
