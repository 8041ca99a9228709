namespace ClusterTrain.Data.Common;

/// <summary>A stream that is read from front to back by somebody else, with a say for who watches the number of bytes.</summary>
/// <param name="inner">The stream; closed with this one.</param>
/// <param name="counted">Told after each reading how many bytes it were in all; what it throws ends the reading.</param>
internal sealed class CountedStream(Stream inner, Action<long> counted) : ForwardStream(inner)
{
    private long _read;

    public override long Position
    {
        get => _read;
        set => throw new NotSupportedException();
    }

    public override int Read(Span<byte> buffer)
    {
        var read = Inner.Read(buffer);
        _read += read;
        if (read > 0)
        {
            counted(_read);
        }

        return read;
    }
}
