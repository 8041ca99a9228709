using System.IO.MemoryMappedFiles;
using ClusterTrain.Learning.Files;

namespace ClusterTrain.Data.Prepared;

/// <summary>
/// A file read as memory: the operating system brings pages in as they are touched and drops them when memory is short, so
/// the file may be far larger than the memory.
/// </summary>
/// <remarks>
/// The mapping lives as long as anything refers to this object, or until it is disposed of by someone who knows that nobody reads
/// any more. A reader must call <see cref="GC.KeepAlive"/> on it after
/// the last use of a span of <see cref="Slice"/>. The file must not be cut off while it is mapped; replacing it, as
/// <see cref="AtomicFile"/> does, is harmless.
/// </remarks>
internal sealed unsafe class MappedFile : IDisposable
{
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _start;

    /// <summary>Maps a whole file.</summary>
    /// <param name="stream">The file, not empty; it may be closed afterwards.</param>
    /// <exception cref="IOException">It cannot be mapped.</exception>
    public MappedFile(FileStream stream)
    {
        Length = stream.Length;
        _file = MemoryMappedFile.CreateFromFile(
            stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        _view = _file.CreateViewAccessor(0, Length, MemoryMappedFileAccess.Read);
        byte* start = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        _start = start + _view.PointerOffset;
    }

    ~MappedFile()
    {
        // Null when the constructor failed.
        if (_start != null)
        {
            Unmap();
        }
    }

    /// <summary>Bytes of the file; 0 once it is unmapped.</summary>
    public long Length { get; private set; }

    /// <summary>Bytes of the file as memory.</summary>
    /// <exception cref="ArgumentOutOfRangeException">They are not all in the file.</exception>
    public ReadOnlySpan<byte> Slice(long offset, int length)
    {
        if ((ulong)offset > (ulong)Length || (ulong)length > (ulong)(Length - offset))
        {
            throw new ArgumentOutOfRangeException(nameof(offset), offset, $"Bytes {offset} to {offset + length} of {Length}.");
        }

        return new ReadOnlySpan<byte>(_start + offset, length);
    }

    public void Dispose()
    {
        if (Length > 0)
        {
            Unmap();
        }

        GC.SuppressFinalize(this);
    }

    private void Unmap()
    {
        // The handles' own finalisers would run, but never unmap what the pointer still holds.
        Length = 0;
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }
}
