using System.Buffers.Binary;
using System.Text;

namespace ClusterTrain.Hosting;

/// <summary>Reads what <see cref="WireWriter"/> wrote; bytes that are missing, or too many, are garbage.</summary>
internal ref struct WireReader(ReadOnlySpan<byte> bytes)
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    private ReadOnlySpan<byte> _rest = bytes;

    public byte Byte() => Take(sizeof(byte))[0];

    public int UInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(sizeof(ushort)));

    public int Int32() => BinaryPrimitives.ReadInt32LittleEndian(Take(sizeof(int)));

    public long Int64() => BinaryPrimitives.ReadInt64LittleEndian(Take(sizeof(long)));

    public double Double() => BinaryPrimitives.ReadDoubleLittleEndian(Take(sizeof(double)));

    public ReadOnlySpan<byte> Bytes(int count) => Take(count);

    public string Text(int most)
    {
        var count = UInt16();
        return count <= most ? Decode(Take(count)) : throw Garbage($"a text of {count} bytes where at most {most} are allowed");
    }

    public string LongText() => Decode(Take(Int32()));

    /// <summary>A number of items that follow, each of at least some bytes.</summary>
    public int Count(int bytesEach)
    {
        var count = Int32();
        return count >= 0 && (long)count * bytesEach <= _rest.Length ? count : throw Garbage($"a list of {count} items in {_rest.Length} bytes");
    }

    public readonly void End()
    {
        if (!_rest.IsEmpty)
            throw Garbage($"{_rest.Length} bytes too many");
    }

    private static LinkException Garbage(string what) => new(RefusalKind.Garbage, $"sent a message that cannot be read: {what}");

    private static string Decode(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return Strict.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            throw Garbage("a text that is not UTF-8");
        }
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count < 0 || count > _rest.Length)
            throw Garbage($"{count} bytes are announced, {_rest.Length} are left");

        var taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }
}
