using System.Runtime.InteropServices;
using ClusterTrain.Training;

namespace ClusterTrain.Hosting;

/// <summary>Takes what arrives over links; called on each link's own thread.</summary>
internal interface ILinkOwner
{
    void Received(Link link, IMessage message);

    void Received(Link link, in TensorMessage message);

    /// <summary>A member cannot reach another one.</summary>
    void Unreachable(Link link, ActorId peer, string reason);

    /// <summary>The link is closed; called once, from any thread.</summary>
    void Closed(Link link, string reason);
}

/// <summary>What links of one node share.</summary>
/// <param name="Limits">The bounds.</param>
/// <param name="Tensors">Lends the buffers tensors are received into.</param>
/// <param name="MostFloats">Floats of the largest tensor the model has.</param>
/// <param name="Parameters">Floats of the model.</param>
/// <param name="Control">Carries control messages; null: the links themselves do.</param>
internal sealed record LinkTerms(LinkLimits Limits, TensorPool Tensors, long MostFloats, long Parameters, IControlLane? Control = null)
{
    public long MostWaitingBytes => Limits.WaitingBytes + (4L * sizeof(float) * Parameters);
}

/// <summary>
/// The proven message connection between an actor of this process and one elsewhere. Frames that fit the socket's buffer are
/// written by the sender itself, others wait in a bounded queue for the link's own thread: an actor never waits for a peer.
/// </summary>
internal sealed class Link
{
    private static readonly TimeSpan RefusalTime = TimeSpan.FromMilliseconds(200);

    private readonly Connection _connection;
    private readonly LinkTerms _terms;
    private readonly ILinkOwner _owner;
    private readonly object _gate = new();
    private readonly List<Outgoing> _waiting = [];
    private readonly WireWriter _writer = new();
    private readonly byte[] _frame = new byte[Connection.BufferBytes];
    private byte[] _content = new byte[1024];
    private Thread? _sender;
    private long _waitingBytes;
    private bool _writing;
    private bool _closed;
    private string _reason = "";

    public Link(Connection connection, ActorId self, Hello peer, long session, LinkTerms terms, ILinkOwner owner)
    {
        _connection = connection;
        Self = self;
        Peer = peer.From;
        Role = peer.Role;
        Session = session;
        _terms = terms;
        _owner = owner;
    }

    /// <summary>The actor here.</summary>
    public ActorId Self { get; }

    /// <summary>The actor elsewhere.</summary>
    public ActorId Peer { get; }

    public PeerRole Role { get; }

    /// <summary>Tells this link from others between the same actors.</summary>
    public long Session { get; }

    /// <summary>True when this side made the connection.</summary>
    public bool IsDialled { get; init; }

    /// <summary>Name and address of the peer, for messages.</summary>
    public string Description => $"{Peer} ({_connection.Peer})";

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

    /// <summary>Sends a control message.</summary>
    public void Send(IMessage message)
    {
        if (_terms.Control is { } control)
        {
            control.Send(this, message);
            return;
        }

        byte[] frame;
        lock (_writer)
        {
            frame = Encode(FrameKind.Control, writer => MessageCodec.Write(writer, message));
        }

        Send(new Outgoing(frame, default, ClosesLink: false));
    }

    /// <summary>Sends a tensor and its reference.</summary>
    public void Send(in TensorMessage message) => Send(new Outgoing(null, message, ClosesLink: false));

    /// <summary>Sends the welcome.</summary>
    public void Send(Welcome welcome)
    {
        byte[] frame;
        lock (_writer)
        {
            frame = Encode(FrameKind.Welcome, welcome.Write);
        }

        Send(new Outgoing(frame, default, ClosesLink: false));
    }

    /// <summary>Tells the coordinator that a peer cannot be reached.</summary>
    public void SendUnreachable(ActorId peer, string reason)
    {
        byte[] frame;
        lock (_writer)
        {
            frame = Encode(FrameKind.Unreachable, writer =>
            {
                writer.Text(peer.Name);
                writer.LongText(reason);
            });
        }

        Send(new Outgoing(frame, default, ClosesLink: false));
    }

    /// <summary>Closes the link after telling the peer why.</summary>
    public void Refuse(RefusalKind kind, string reason)
    {
        byte[] frame;
        lock (_writer)
        {
            frame = Encode(FrameKind.Refusal, writer => writer.Bytes(Handshake.RefusalContent(kind, reason, _terms.Limits)));
        }

        lock (_gate)
        {
            _reason = _closed ? _reason : reason;
        }

        Send(new Outgoing(frame, default, ClosesLink: true));
    }

    /// <summary>Takes a control message of the peer that did not come over the connection.</summary>
    public void Deliver(IMessage message)
    {
        if (IsClosed)
            return;

        try
        {
            _owner.Received(this, message);
        }
        catch (LinkException error)
        {
            Refuse(error.Kind, error.Message);
        }
    }

    /// <summary>Receives until the link is closed; runs on the link's own thread.</summary>
    public void Run()
    {
        try
        {
            _terms.Control?.Opened(this);
            while (true)
                Receive();
        }
        catch (LinkException error)
        {
            if (!error.IsRefusal)
            {
                Refuse(error.Kind, error.Message);
                Flush(RefusalTime, TimeProvider.System);
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
                return;

            _closed = true;
            _reason = _reason.Length > 0 ? _reason : reason;
            foreach (var outgoing in _waiting)
                outgoing.Drop();

            _waiting.Clear();
            Monitor.PulseAll(_gate);
        }

        _connection.Dispose();
        _terms.Control?.Closed(this);
        _owner.Closed(this, _reason);
    }

    /// <summary>Waits until everything given to the link is written, or it is closed.</summary>
    public void Flush(TimeSpan time, TimeProvider clock)
    {
        var start = clock.GetTimestamp();
        _terms.Control?.Flush(this, time);
        lock (_gate)
        {
            while (!_closed && (_waiting.Count > 0 || _writing))
            {
                var left = time - clock.GetElapsedTime(start);
                if (left <= TimeSpan.Zero || !Monitor.Wait(_gate, left))
                    return;
            }
        }
    }

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
                    break;
            }
        }

        Close("this node left");
    }

    private byte[] Encode(FrameKind kind, Action<WireWriter> content)
    {
        _writer.Clear();
        _writer.Byte((byte)kind);
        _writer.Bytes([0, 0, 0]);
        _writer.Int32(0);
        content(_writer);
        _writer.Patch(4, _writer.Written.Length - Protocol.FrameHeaderBytes);
        return _writer.Written.ToArray();
    }

    private void Send(in Outgoing outgoing)
    {
        long tooMany;
        lock (_gate)
        {
            if (_closed)
            {
                outgoing.Drop();
                return;
            }

            if (!_writing && _waiting.Count == 0 && outgoing.Bytes <= Connection.BufferBytes && _connection.CanWriteNow)
            {
                _writing = true;
                tooMany = 0;
            }
            else
            {
                tooMany = Enqueue(outgoing);
                if (tooMany == 0)
                    return;
            }
        }

        if (tooMany > 0)
        {
            Close($"it does not read what it is sent: {tooMany:N0} bytes wait, at most {_terms.MostWaitingBytes:N0} may");
            return;
        }

        Write(outgoing);
        lock (_gate)
        {
            _writing = false;
            if (_waiting.Count > 0 || _closed)
                Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Adds to the queue; returns its bytes when they are too many.</summary>
    private long Enqueue(in Outgoing outgoing)
    {
        if (Role == PeerRole.Worker && outgoing.Frame is null && outgoing.Tensor.Key.Kind == TensorKind.Weights)
            DropOlderWeights(outgoing.Tensor.Key);

        _waiting.Add(outgoing);
        _waitingBytes += outgoing.Bytes;
        if (_waitingBytes > _terms.MostWaitingBytes)
            return _waitingBytes;

        if (_sender is null)
        {
            _sender = new Thread(SendWaiting, 256 * 1024) { Name = $"to {Peer}", IsBackground = true };
            _sender.Start();
        }

        Monitor.PulseAll(_gate);
        return 0;
    }

    /// <summary>A worker that lags needs only the newest weights.</summary>
    private void DropOlderWeights(TensorKey key)
    {
        for (var index = _waiting.Count - 1; index >= 0; index--)
        {
            var older = _waiting[index];
            if (older.Frame is null && older.Tensor.Key.Kind == TensorKind.Weights && older.Tensor.Key.Segment == key.Segment)
            {
                _waitingBytes -= older.Bytes;
                _waiting.RemoveAt(index);
                older.Drop();
            }
        }
    }

    private void SendWaiting()
    {
        while (true)
        {
            Outgoing outgoing;
            lock (_gate)
            {
                while (!_closed && (_waiting.Count == 0 || _writing))
                    Monitor.Wait(_gate);

                if (_closed)
                    return;

                outgoing = _waiting[0];
                _waiting.RemoveAt(0);
                _waitingBytes -= outgoing.Bytes;
                _writing = true;
            }

            Write(outgoing);
            lock (_gate)
            {
                _writing = false;
                if (_waiting.Count == 0)
                    Monitor.PulseAll(_gate);
            }
        }
    }

    private void Write(in Outgoing outgoing)
    {
        try
        {
            if (outgoing.Frame is { } frame)
            {
                _connection.Write(frame);
                if (outgoing.ClosesLink)
                    _connection.EndWriting();
            }
            else
            {
                WriteTensor(outgoing.Tensor);
            }
        }
        catch (Exception error) when (LinkErrors.IsLost(error))
        {
            Close(LinkErrors.Cause(error));
        }
        finally
        {
            outgoing.Drop();
        }
    }

    private void WriteTensor(in TensorMessage message)
    {
        const int Head = Protocol.FrameHeaderBytes + Protocol.TensorKeyBytes;
        TensorFrame.Write(_frame, message);
        var floats = MemoryMarshal.AsBytes(message.Values);
        if (floats.Length <= _frame.Length - Head)
        {
            floats.CopyTo(_frame.AsSpan(Head));
            _connection.Write(_frame.AsSpan(0, Head + floats.Length));
        }
        else
        {
            _connection.Write(_frame.AsSpan(0, Head));
            _connection.Write(floats);
        }
    }

    private void Receive()
    {
        var (kind, length) = _connection.ReadHeader();
        switch (kind)
        {
            case FrameKind.Control:
                _owner.Received(this, MessageCodec.Read(Content(kind, length), _terms.Limits));
                break;
            case FrameKind.Tensor:
                ReceiveTensor(length);
                break;
            case FrameKind.Unreachable:
                var reader = new WireReader(Content(kind, length));
                var peer = new ActorId(reader.Text(_terms.Limits.NameBytes));
                var reason = reader.LongText();
                reader.End();
                _owner.Unreachable(this, peer, reason);
                break;
            case FrameKind.Refusal:
                throw Handshake.Refused(_connection, length, _terms.Limits);
            default:
                throw new LinkException(
                    RefusalKind.Garbage, $"sent a frame of kind {(byte)kind}, which does not belong on a message connection");
        }
    }

    private ReadOnlySpan<byte> Content(FrameKind kind, int length)
    {
        if (length > _terms.Limits.ControlBytes)
            throw new LinkException(
                RefusalKind.Limit, $"sent a {kind} frame of {length} bytes; at most {_terms.Limits.ControlBytes} are allowed");

        if (_content.Length < length)
            _content = new byte[Math.Max(length, 2 * _content.Length)];

        _connection.Read(_content.AsSpan(0, length));
        return _content.AsSpan(0, length);
    }

    private void ReceiveTensor(int length)
    {
        if (length < Protocol.TensorKeyBytes)
            throw new LinkException(RefusalKind.Garbage, $"sent a tensor frame of {length} bytes");

        Span<byte> bytes = stackalloc byte[Protocol.TensorKeyBytes];
        _connection.Read(bytes);
        var (key, loss, floats) = TensorFrame.Read(bytes, length, _terms.MostFloats);
        var lease = _terms.Tensors.Rent(floats);
        try
        {
            _connection.Read(MemoryMarshal.AsBytes(lease.Span));
        }
        catch
        {
            lease.Release();
            throw;
        }

        _owner.Received(this, new TensorMessage(key, lease, 0, floats, loss));
    }

    /// <summary>A frame to be written, or a tensor when that is null.</summary>
    private readonly record struct Outgoing(byte[]? Frame, TensorMessage Tensor, bool ClosesLink)
    {
        public int Bytes => Frame?.Length ?? (Protocol.FrameHeaderBytes + Protocol.TensorKeyBytes + (Tensor.Length * sizeof(float)));

        public void Drop()
        {
            if (Frame is null)
                Tensor.Lease.Release();
        }
    }
}
