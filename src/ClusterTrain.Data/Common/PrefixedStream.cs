namespace ClusterTrain.Data.Common;

/// <summary>A stream of which the first bytes were read already: they come again, then the rest.</summary>
/// <param name="prefix">The bytes that were read.</param>
/// <param name="rest">What follows; closed with this one.</param>
internal sealed class PrefixedStream(byte[] prefix, Stream rest) : ForwardStream(rest)
{
    private int _used;

    public override int Read(Span<byte> buffer)
    {
        if (_used == prefix.Length)
        {
            return Inner.Read(buffer);
        }

        var count = Math.Min(buffer.Length, prefix.Length - _used);
        prefix.AsSpan(_used, count).CopyTo(buffer);
        _used += count;
        return count;
    }
}
