using System.Security.Cryptography;
using ClusterTrain.Cluster.Wire;
using ClusterTrain.Numerics.Memory;
using Microsoft.Win32.SafeHandles;

namespace ClusterTrain.Cluster.Sharing;

/// <summary>
/// The memory in which a node keeps its tensors, so that other processes of the machine can read them where they lie. It has no name in any
/// file system: when the last process that has it ends, it is gone.
/// <para>
/// A tensor that was shown to a reader is not written again before the reader gave it back, or its process has ended.
/// </para>
/// </summary>
internal sealed unsafe class OwnMemory : IDisposable
{
    /// <summary>Name of the memory's file, as <c>/proc</c> shows it.</summary>
    public const string FileName = "clustertrain";

    /// <summary>Bytes of the token at the start of the memory, which proves to the node that a reader sees the same memory.</summary>
    public const int TokenBytes = 32;

    /// <summary>Shorter tensors are copied: telling where they lie, and giving them back, costs more.</summary>
    public const int LeastFloats = 1024;

    // Address space, not memory: pages that are never written take none.
    private const long Capacity = 16L << 30;
    private const int PageBytes = 4096;

    // Nine lines of a cache beside whole pages: tensors of one length that begin at the same place of a page would compete for the same cache lines.
    private const int StaggerBytes = 576;

    private readonly SafeFileHandle _file;
    private readonly MappedMemory _memory;
    private readonly byte[] _token;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Reader> _readers = [];
    private long _used = PageBytes;

    private OwnMemory(SafeFileHandle file, MappedMemory memory)
    {
        (_file, _memory) = (file, memory);
        _token = RandomNumberGenerator.GetBytes(TokenBytes);
        _token.CopyTo(memory.Span(0, TokenBytes));
    }

    /// <summary>What others are told, to look for it.</summary>
    public SharedMemory Offer => new(Environment.ProcessId, (int)_file.DangerousGetHandle());

    /// <summary>Creates a node's memory; null where the system has none to share.</summary>
    public static OwnMemory? Create()
    {
        if (LinuxMemory.Create(FileName, Capacity) is not { } file)
        {
            return null;
        }

        var start = LinuxMemory.Map(file, Capacity, isWritable: true);
        if (start != null)
        {
            return new OwnMemory(file, new MappedMemory(start, Capacity));
        }

        file.Dispose();
        return null;
    }

    /// <summary>Memory for a tensor; ordinary memory for a short one, and when this is used up.</summary>
    public Memory<float> Allocate(int length)
    {
        ReleaseWhatTheDeadHeld();
        if (length < LeastFloats)
        {
            return AlignedFloats.Allocate(length);
        }

        var bytes = ((((long)length * sizeof(float)) + PageBytes - 1) / PageBytes * PageBytes) + StaggerBytes;
        lock (_gate)
        {
            if (bytes <= Capacity - _used)
            {
                var offset = _used;
                _used += bytes;
                return _memory.Floats(offset, length);
            }
        }

        return AlignedFloats.Allocate(length);
    }

    /// <summary>Where a tensor lies in the memory; -1 when it does not.</summary>
    public long OffsetOf(ReadOnlySpan<float> tensor) => tensor.Length < LeastFloats ? -1 : _memory.OffsetOf(tensor);

    /// <summary>A node says that it has mapped the memory; null when that was another memory.</summary>
    /// <param name="seen">What it says. What it does not say it holds, though it was lent it over an earlier link, is given back.</param>
    public Reader? Opened(SharedMemorySeen seen)
    {
        if (!CryptographicOperations.FixedTimeEquals(_token, Bytes(seen.Token)))
        {
            return null;
        }

        lock (_gate)
        {
            if (!_readers.TryGetValue(seen.Reader, out var reader))
            {
                _readers.Add(seen.Reader, reader = new Reader(new ProcessIdentity(seen.Process, seen.Started)));
            }

            reader.Opened(seen.Held);
            return reader;
        }
    }

    /// <summary>A link over which a reader was told of tensors is closed: what it holds stays lent until it says or its process ends.</summary>
    public void Closed(Reader reader)
    {
        reader.Closed();
        ReleaseWhatTheDeadHeld();
    }

    /// <summary>Offers the memory to nobody any more; who has mapped it keeps it.</summary>
    public void Dispose() => _file.Dispose();

    private static byte[] Bytes(string token)
    {
        try
        {
            return Convert.FromHexString(token);
        }
        catch (FormatException)
        {
            throw new LinkException(RefusalKind.Garbage, "sent a token of shared memory that is not hexadecimal");
        }
    }

    private void ReleaseWhatTheDeadHeld()
    {
        lock (_gate)
        {
            foreach (var (name, reader) in _readers.ToArray())
            {
                if (reader.ReleaseIfDead())
                {
                    _readers.Remove(name);
                }
            }
        }
    }
}
