using System.Runtime.InteropServices;
using ClusterTrain.Cluster.Sharing;
using ClusterTrain.Cluster.Wire;
using ClusterTrain.Numerics.Maps;
using ClusterTrain.Training.Actors;

namespace ClusterTrain.Cluster.Links;

/// <summary>
/// What is sent over one connection, in order. A frame that fits the socket's buffer is written by the sender itself when nothing waits before
/// it; others wait in a bounded queue for a thread of the queue's own: an actor never waits for a peer.
/// </summary>
/// <param name="connection">The connection.</param>
/// <param name="peer">The receiver's name, for the thread.</param>
/// <param name="mostWaitingBytes">Bytes that may wait; beyond it the connection is given up.</param>
/// <param name="keepsNewestWeights">True: of the weights of a segment that wait only the newest are sent, for a worker that lags.</param>
/// <param name="packsGradients">True: gradient sums are rounded to bfloat16, and sent in half the bytes.</param>
/// <param name="sharing">The memory shared with the peer.</param>
/// <param name="failed">Told, once, why nothing more can be sent.</param>
internal sealed class SendQueue(
    Connection connection,
    string peer,
    long mostWaitingBytes,
    bool keepsNewestWeights,
    bool packsGradients,
    LinkSharing sharing,
    Action<string> failed)
{
    private const long NotShared = -1;
    private const int MostGivenBackBytes = 1024;

    private readonly object _gate = new();
    private readonly List<Outgoing> _waiting = [];
    private readonly byte[] _frame = new byte[Connection.BufferBytes];
    private ushort[] _packed = [];
    private Thread? _sender;
    private long _waitingBytes;
    private bool _writing;
    private bool _closed;

    /// <summary>Sends a frame.</summary>
    /// <param name="frame">The frame with its header.</param>
    /// <param name="isLast">True: nothing follows it, and the peer is told so.</param>
    public void Send(byte[] frame, bool isLast = false) => Send(new Outgoing(frame, default, isLast, NotShared, sharing.IsTold));

    /// <summary>Sends a tensor, or names it where the peer sees it, and gives up its reference.</summary>
    public void Send(in TensorMessage message) => Send(new Outgoing(null, message, IsLast: false, sharing.OffsetOf(message), sharing.IsTold));

    /// <summary>Sends what is to be given back; otherwise it goes with what is sent next.</summary>
    public void SendGivenBack() => Send(new Outgoing([], default, IsLast: false, NotShared, GivesBack: true));

    /// <summary>Waits until everything is written, or the queue is closed.</summary>
    public void Flush(TimeSpan time, TimeProvider clock)
    {
        var start = clock.GetTimestamp();
        lock (_gate)
        {
            while (!_closed && (_waiting.Count > 0 || _writing))
            {
                var left = time - clock.GetElapsedTime(start);
                if (left <= TimeSpan.Zero || !Monitor.Wait(_gate, left))
                {
                    return;
                }
            }
        }
    }

    /// <summary>Drops what waits and sends nothing more.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _closed = true;
            foreach (var outgoing in _waiting)
            {
                outgoing.Drop();
            }

            _waiting.Clear();
            Monitor.PulseAll(_gate);
        }
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

            if (!_writing && _waiting.Count == 0 && connection.CanWriteNow(outgoing.BytesOnTheWire))
            {
                _writing = true;
                tooMany = 0;
            }
            else
            {
                tooMany = Enqueue(outgoing);
                if (tooMany == 0)
                {
                    return;
                }
            }
        }

        if (tooMany > 0)
        {
            failed($"it does not read what it is sent: {tooMany:N0} bytes wait, at most {mostWaitingBytes:N0} may");
            return;
        }

        Write(outgoing);
        lock (_gate)
        {
            _writing = false;
            if (_waiting.Count > 0 || _closed)
            {
                Monitor.PulseAll(_gate);
            }
        }
    }

    /// <summary>Adds to the queue; returns the bytes that wait when they are too many, otherwise 0.</summary>
    private long Enqueue(in Outgoing outgoing)
    {
        if (keepsNewestWeights && outgoing.IsWeights)
        {
            DropOlderWeights(outgoing.Tensor.Key);
        }

        _waiting.Add(outgoing);
        _waitingBytes += outgoing.Bytes;
        if (_waitingBytes > mostWaitingBytes)
        {
            return _waitingBytes;
        }

        if (_sender is null)
        {
            _sender = new Thread(SendWaiting, 256 * 1024) { Name = $"to {peer}", IsBackground = true };
            _sender.Start();
        }

        Monitor.PulseAll(_gate);
        return 0;
    }

    // The step before is kept: where there are several segments, a server that lacks a sum of that step needs it computed again.
    private void DropOlderWeights(TensorKey key)
    {
        for (var index = _waiting.Count - 1; index >= 0; index--)
        {
            var older = _waiting[index];
            if (older.IsWeights && older.Tensor.Key.Segment == key.Segment && older.Tensor.Key != key with { Step = key.Step - 1 })
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
                {
                    Monitor.Wait(_gate);
                }

                if (_closed)
                {
                    return;
                }

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
                {
                    Monitor.PulseAll(_gate);
                }
            }
        }
    }

    private void Write(in Outgoing outgoing)
    {
        try
        {
            var before = outgoing.GivesBack ? sharing.WriteGivenBack(_frame.AsSpan(0, MostGivenBackBytes)) : 0;
            if (outgoing.Frame is { } frame)
            {
                Write(before, frame);
                if (outgoing.IsLast)
                {
                    connection.EndWriting();
                }
            }
            else
            {
                WriteTensor(before, outgoing);
            }
        }
        catch (Exception error) when (LinkErrors.IsLost(error))
        {
            failed(LinkErrors.Cause(error));
        }
        finally
        {
            // A tensor that was named is the peer's until it is given back.
            if (outgoing.Offset == NotShared)
            {
                outgoing.Drop();
            }
        }
    }

    /// <summary>Writes what stands in the buffer, and a frame.</summary>
    private void Write(int before, ReadOnlySpan<byte> frame)
    {
        if (before == 0)
        {
            connection.Write(frame);
        }
        else if (frame.Length <= _frame.Length - before)
        {
            frame.CopyTo(_frame.AsSpan(before));
            connection.Write(_frame.AsSpan(0, before + frame.Length));
        }
        else
        {
            connection.Write(_frame.AsSpan(0, before));
            connection.Write(frame);
        }
    }

    private void WriteTensor(int before, in Outgoing outgoing)
    {
        const int Head = Protocol.FrameHeaderBytes + Protocol.TensorKeyBytes;
        if (outgoing.Offset != NotShared)
        {
            sharing.Lend(outgoing.Offset, outgoing.Tensor.Lease);
            TensorFrame.WriteNamed(_frame.AsSpan(before), outgoing.Tensor, outgoing.Offset);
            connection.Write(_frame.AsSpan(0, before + Head + Protocol.TensorOffsetBytes));
            return;
        }

        var values = outgoing.Tensor.Values;
        if (packsGradients && outgoing.Tensor.Key.Kind == TensorKind.GradientSum && TryPack(values, out var packed))
        {
            TensorFrame.Write(_frame.AsSpan(before), outgoing.Tensor, TensorEncoding.BFloat16);
            Write(before + Head, MemoryMarshal.AsBytes(packed));
            return;
        }

        TensorFrame.Write(_frame.AsSpan(before), outgoing.Tensor, TensorEncoding.Float32);
        Write(before + Head, MemoryMarshal.AsBytes(values));
    }

    /// <summary>The upper halves of a sum; false where a lower half is not 0, as a worker that computes wrongly may have it.</summary>
    private bool TryPack(ReadOnlySpan<float> values, out ReadOnlySpan<ushort> packed)
    {
        if (_packed.Length < values.Length)
        {
            _packed = new ushort[values.Length];
        }

        var halves = _packed.AsSpan(0, values.Length);
        packed = halves;
        return BFloat16.TryPack(values, halves);
    }

    /// <summary>
    /// A frame to be written, or a tensor when that is null: where the peer sees it, and whether something may be given back before
    /// it.
    /// </summary>
    private readonly record struct Outgoing(byte[]? Frame, TensorMessage Tensor, bool IsLast, long Offset, bool GivesBack)
    {
        public int BytesOnTheWire => Offset == NotShared ? Bytes : Protocol.FrameHeaderBytes + Protocol.TensorKeyBytes + Protocol.TensorOffsetBytes;

        public int Bytes => Frame?.Length ?? (Protocol.FrameHeaderBytes + Protocol.TensorKeyBytes + (Tensor.Length * sizeof(float)));

        public bool IsWeights => Frame is null && Tensor.Key.Kind == TensorKind.Weights;

        public void Drop()
        {
            if (Frame is null)
            {
                Tensor.Lease.Release();
            }
        }
    }
}
