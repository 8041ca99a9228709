namespace ClusterTrain.Data.Prepared;

/// <summary>Gathers small pieces into large writes, and knows where in the file it is.</summary>
/// <param name="stream">Receives the bytes in order.</param>
/// <param name="bufferBytes">Size of a write; a larger piece makes the buffer grow to it.</param>
/// <param name="written">Told the position after every write.</param>
internal sealed class BlockWriter(Stream stream, int bufferBytes, Action<long> written)
{
    private byte[] _buffer = new byte[bufferBytes];
    private int _used;
    private long _flushed;

    /// <summary>Room for the next bytes, which the caller has to fill entirely before the next call.</summary>
    public Span<byte> Next(int bytes)
    {
        if (bytes > _buffer.Length - _used)
        {
            Flush();
        }

        if (bytes > _buffer.Length)
        {
            _buffer = new byte[bytes];
        }

        _used += bytes;
        return _buffer.AsSpan(_used - bytes, bytes);
    }

    public void Write(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Next(bytes.Length));

    /// <summary>Writes zeros up to a position not far ahead.</summary>
    public void PadTo(long position) => Next(checked((int)(position - _flushed - _used))).Clear();

    public void Flush()
    {
        stream.Write(_buffer.AsSpan(0, _used));
        _flushed += _used;
        _used = 0;
        written(_flushed);
    }
}
