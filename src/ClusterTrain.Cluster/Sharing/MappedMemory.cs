using System.Buffers;

namespace ClusterTrain.Cluster.Sharing;

/// <summary>A mapped file; it is unmapped when nothing refers to it or to a piece of it any more.</summary>
internal sealed unsafe class MappedMemory(byte* start, long bytes)
{
    ~MappedMemory() => LinuxMemory.Unmap(start, bytes);

    public long Bytes => bytes;

    /// <summary>The bytes from an offset on.</summary>
    public Span<byte> Span(long offset, int length) => new(start + offset, length);

    /// <summary>A piece as floats.</summary>
    public Memory<float> Floats(long offset, int length) => new Piece(this, (float*)(start + offset), length).Memory;

    /// <summary>Where a piece begins; -1 when it is not in this memory.</summary>
    public long OffsetOf(ReadOnlySpan<float> piece)
    {
        fixed (float* first = piece)
        {
            var offset = (byte*)first - start;
            return offset >= 0 && offset < bytes ? offset : -1;
        }
    }

    private sealed class Piece(MappedMemory memory, float* start, int length) : MemoryManager<float>
    {
        /// <summary>Keeps it mapped.</summary>
        public MappedMemory Whole => memory;

        public override Span<float> GetSpan() => new(start, length);

        public override MemoryHandle Pin(int elementIndex = 0) => new(start + elementIndex, pinnable: this);

        public override void Unpin()
        {
            // It never moves.
        }

        protected override void Dispose(bool disposing)
        {
            // The whole is unmapped when its last piece is gone.
        }
    }
}
