using System.IO.Compression;

namespace ClusterTrain.Data.Common;

/// <summary>
/// The unpacked content of a gzip file. What follows its last member would be left out without a word by <see cref="GZipStream"/>; here it is an
/// error, but for the zeros that fill a block.
/// </summary>
internal sealed class PackedStream : Stream
{
    private readonly Steps _packed;
    private readonly GZipStream _unpacked;

    /// <param name="packed">The file; closed with this one.</param>
    /// <param name="length">Bytes of the file; null: not known, and what follows is not looked at.</param>
    public PackedStream(Stream packed, long? length)
    {
        _packed = new Steps(packed, length);
        _unpacked = new GZipStream(_packed, CompressionMode.Decompress);
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        var count = _unpacked.Read(buffer);
        if (count == 0 && !buffer.IsEmpty)
            _packed.RefuseRest();
        return count;
    }

    public override void Flush() => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _unpacked.Dispose();
        base.Dispose(disposing);
    }

    // Gives the end of a file byte by byte, so that what its reader took is no more than what it needed.
    private sealed class Steps(Stream content, long? length) : Stream
    {
        private const int End = 4096;
        private long _left = length ?? long.MaxValue;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public void RefuseRest()
        {
            var rest = new byte[End];
            while (length is not null && content.Read(rest) is > 0 and var count)
            {
                if (rest.AsSpan(0, count).ContainsAnyExcept((byte)0))
                    throw new InvalidDataException("Bytes follow that are not packed.");
            }
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            var count = content.Read(buffer[..(int)Math.Min(buffer.Length, Math.Max(1, _left - End))]);
            _left -= count;
            return count;
        }

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                content.Dispose();
            base.Dispose(disposing);
        }
    }
}
