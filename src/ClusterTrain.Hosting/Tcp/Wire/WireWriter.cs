using System.Buffers.Binary;
using System.Text;

namespace ClusterTrain.Hosting;

/// <summary>Writes little-endian fields one after the other into a buffer that grows and is used again.</summary>
internal sealed class WireWriter
{
    private byte[] _bytes = new byte[256];
    private int _length;

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, _length);

    public void Clear() => _length = 0;

    public void Byte(byte value) => Space(sizeof(byte))[0] = value;

    public void UInt16(int value) => BinaryPrimitives.WriteUInt16LittleEndian(Space(sizeof(ushort)), checked((ushort)value));

    public void Int32(int value) => BinaryPrimitives.WriteInt32LittleEndian(Space(sizeof(int)), value);

    public void Int64(long value) => BinaryPrimitives.WriteInt64LittleEndian(Space(sizeof(long)), value);

    public void Double(double value) => BinaryPrimitives.WriteDoubleLittleEndian(Space(sizeof(double)), value);

    public void Bytes(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Space(bytes.Length));

    /// <summary>A text: its number of UTF-8 bytes (2 bytes), and these.</summary>
    public void Text(string text)
    {
        var count = Encoding.UTF8.GetByteCount(text);
        UInt16(count);
        Encoding.UTF8.GetBytes(text, Space(count));
    }

    /// <summary>A text that may be long: its number of UTF-8 bytes (4 bytes), and these.</summary>
    public void LongText(string text)
    {
        var count = Encoding.UTF8.GetByteCount(text);
        Int32(count);
        Encoding.UTF8.GetBytes(text, Space(count));
    }

    /// <summary>Overwrites four bytes written before.</summary>
    public void Patch(int position, int value) => BinaryPrimitives.WriteInt32LittleEndian(_bytes.AsSpan(position), value);

    private Span<byte> Space(int count)
    {
        if (_bytes.Length - _length < count)
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _length + count));

        _length += count;
        return _bytes.AsSpan(_length - count, count);
    }
}
