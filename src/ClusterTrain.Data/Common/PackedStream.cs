using System.IO.Compression;

namespace ClusterTrain.Data.Common;

/// <summary>
/// The unpacked content of a gzip file. What follows its last member would be left out without a word by <see cref="GZipStream"/>; here it is an
/// error, but for the zeros that fill a block.
/// </summary>
internal sealed class PackedStream : ForwardStream
{
    private readonly Steps _packed;

    /// <param name="packed">The file; closed with this one.</param>
    /// <param name="length">Bytes of the file; null: not known, and what follows is not looked at.</param>
    public PackedStream(Stream packed, long? length)
        : this(new Steps(packed, length))
    {
    }

    private PackedStream(Steps packed)
        : base(new GZipStream(packed, CompressionMode.Decompress)) => _packed = packed;

    public override int Read(Span<byte> buffer)
    {
        var count = Inner.Read(buffer);
        if (count == 0 && !buffer.IsEmpty)
        {
            _packed.RefuseRest();
        }

        return count;
    }

    // Gives the end of a file byte by byte, so that what its reader took is no more than what it needed.
    private sealed class Steps(Stream content, long? length) : ForwardStream(content)
    {
        private const int End = 4096;
        private long _left = length ?? long.MaxValue;

        public void RefuseRest()
        {
            var rest = new byte[End];
            while (length is not null && Inner.Read(rest) is > 0 and var count)
            {
                if (rest.AsSpan(0, count).ContainsAnyExcept((byte)0))
                {
                    throw new InvalidDataException("Bytes follow that are not packed.");
                }
            }
        }

        public override int Read(Span<byte> buffer)
        {
            var count = Inner.Read(buffer[..(int)Math.Min(buffer.Length, Math.Max(1, _left - End))]);
            _left -= count;
            return count;
        }
    }
}
