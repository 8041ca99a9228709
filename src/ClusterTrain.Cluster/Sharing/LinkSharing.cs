using System.Buffers.Binary;
using ClusterTrain.Cluster.Wire;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Tensors;

namespace ClusterTrain.Cluster.Sharing;

/// <summary>
/// The memory that the two ends of a link share, where they do: each offers its own, and once the other has proven that it sees the same bytes,
/// tensors there are named instead of sent.
/// </summary>
/// <param name="node">The node's memory; null: it shares none.</param>
/// <param name="self">The actor here.</param>
/// <param name="peer">The actor elsewhere.</param>
/// <param name="flush">Sends what was given back, from any thread; called when much has gathered and nothing else was sent meanwhile.</param>
internal sealed class LinkSharing(NodeMemory? node, ActorId self, ActorId peer, Action flush)
{
    // What is given back goes with the next frame; beyond this many without one, by itself.
    private const int MostGathered = 16;

    private readonly Lock _gate = new();
    private readonly List<long> _givenBack = [];
    private ForeignMemory? _foreign;
    private Reader? _reader;
    private bool _closed;
    private volatile bool _told;

    /// <summary>True once the peer was told that its memory is seen: only what is sent after that may give tensors back.</summary>
    public bool IsTold => _told;

    /// <summary>What to tell the peer at the start; null: nothing.</summary>
    public SharedMemory? Offer => node?.Own.Offer;

    /// <summary>The peer offers its memory.</summary>
    /// <returns>What to answer; null when it cannot be seen from here.</returns>
    public SharedMemorySeen? Offered(SharedMemory offer)
    {
        if (node is null || node.Open(offer) is not { } foreign)
        {
            return null;
        }

        lock (_gate)
        {
            if (_closed)
            {
                return null;
            }

            _foreign = foreign;
        }

        var held = foreign.Opened(this, self, peer);
        return new SharedMemorySeen(foreign.Token, node.Name, ProcessIdentity.Own.Id, ProcessIdentity.Own.Started, held);
    }

    /// <summary>The answer to the offer was sent.</summary>
    public void Told() => _told = true;

    /// <summary>The peer says that it sees this node's memory.</summary>
    public void Seen(SharedMemorySeen seen)
    {
        if (node?.Own.Opened(seen) is not { } reader)
        {
            return;
        }

        lock (_gate)
        {
            if (!_closed && _reader is null)
            {
                _reader = reader;
                return;
            }
        }

        node.Own.Closed(reader);
    }

    /// <summary>Where the peer can read a tensor; -1 when it is to be sent.</summary>
    public long OffsetOf(in TensorMessage message)
    {
        lock (_gate)
        {
            return _reader is null ? -1 : node!.Own.OffsetOf(message.Values);
        }
    }

    /// <summary>A tensor is about to be named; the peer holds the message's reference from now on.</summary>
    public void Lend(long offset, TensorLease lease)
    {
        lock (_gate)
        {
            if (_reader is { } reader)
            {
                reader.Lend(offset, lease);
            }
            else
            {
                lease.Release();
            }
        }
    }

    /// <summary>The peer named a tensor of its own memory.</summary>
    public TensorLease Take(long offset, int floats)
    {
        lock (_gate)
        {
            if (_foreign is null)
            {
                throw new LinkException(RefusalKind.Garbage, "named a tensor in memory that is not shared");
            }
        }

        return _foreign.Take(this, offset, floats);
    }

    /// <summary>A tensor of the peer's is not needed here any more.</summary>
    public void GiveBack(long offset)
    {
        lock (_gate)
        {
            _givenBack.Add(offset);
            if (_givenBack.Count != MostGathered)
            {
                return;
            }
        }

        // Not from here: whoever gives a tensor up may hold a lock.
        ThreadPool.UnsafeQueueUserWorkItem(static flush => flush(), flush, preferLocal: false);
    }

    /// <summary>The peer gave tensors of this node back.</summary>
    public void GivenBack(ReadOnlySpan<byte> offsets)
    {
        Reader? reader;
        lock (_gate)
        {
            reader = _reader;
        }

        if (reader is null && offsets.Length > 0)
        {
            throw new LinkException(RefusalKind.Garbage, "gave back memory that it was not lent");
        }

        for (; offsets.Length > 0; offsets = offsets[sizeof(long)..])
        {
            reader!.GivenBack(BinaryPrimitives.ReadInt64LittleEndian(offsets));
        }
    }

    /// <summary>Writes a frame of what is to be given back, as much as fits.</summary>
    /// <returns>Its bytes; 0 when there is nothing.</returns>
    public int WriteGivenBack(Span<byte> frame)
    {
        lock (_gate)
        {
            var count = Math.Min(_givenBack.Count, (frame.Length - Protocol.FrameHeaderBytes) / sizeof(long));
            if (count == 0)
            {
                return 0;
            }

            frame[0] = (byte)FrameKind.GivenBack;
            frame[1..4].Clear();
            BinaryPrimitives.WriteInt32LittleEndian(frame[4..], count * sizeof(long));
            for (var index = 0; index < count; index++)
            {
                BinaryPrimitives.WriteInt64LittleEndian(frame[(Protocol.FrameHeaderBytes + (index * sizeof(long)))..], _givenBack[index]);
            }

            _givenBack.RemoveRange(0, count);
            return Protocol.FrameHeaderBytes + (count * sizeof(long));
        }
    }

    /// <summary>The link is closed.</summary>
    public void Close()
    {
        Reader? reader;
        ForeignMemory? foreign;
        lock (_gate)
        {
            if (_closed)
            {
                return;
            }

            _closed = true;
            (reader, _reader) = (_reader, null);
            foreign = _foreign;
        }

        foreign?.Closed(this);
        if (reader is not null)
        {
            node!.Own.Closed(reader);
        }
    }
}
