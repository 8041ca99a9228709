using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace ClusterTrain.Data.Models;

/// <summary>
/// A protobuf message under construction: fields in the order they are written. The few wire types that ONNX and TensorBoard
/// files need. Wire format: https://protobuf.dev/programming-guides/encoding/.
/// </summary>
public sealed class ProtobufMessage
{
    private const int Varint = 0;
    private const int Fixed64 = 1;
    private const int LengthDelimited = 2;
    private const int Fixed32 = 5;

    private readonly ArrayBufferWriter<byte> _bytes = new();

    /// <summary>What was written so far.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes.WrittenSpan;

    /// <summary>Writes an int32, int64 or enum field.</summary>
    /// <param name="field">Number of the field.</param>
    /// <param name="value">Its value.</param>
    public ProtobufMessage Integer(int field, long value)
    {
        Tag(field, Varint);
        WriteVarint((ulong)value);
        return this;
    }

    /// <summary>Writes a float field.</summary>
    /// <param name="field">Number of the field.</param>
    /// <param name="value">Its value.</param>
    public ProtobufMessage Single(int field, float value)
    {
        Tag(field, Fixed32);
        BinaryPrimitives.WriteSingleLittleEndian(_bytes.GetSpan(sizeof(float)), value);
        _bytes.Advance(sizeof(float));
        return this;
    }

    /// <summary>Writes a double field.</summary>
    /// <param name="field">Number of the field.</param>
    /// <param name="value">Its value.</param>
    public ProtobufMessage Double(int field, double value)
    {
        Tag(field, Fixed64);
        BinaryPrimitives.WriteDoubleLittleEndian(_bytes.GetSpan(sizeof(double)), value);
        _bytes.Advance(sizeof(double));
        return this;
    }

    /// <summary>Writes a string field.</summary>
    /// <param name="field">Number of the field.</param>
    /// <param name="value">Its value.</param>
    public ProtobufMessage Text(int field, string value)
    {
        Open(field, Encoding.UTF8.GetByteCount(value));
        Encoding.UTF8.GetBytes(value, _bytes);
        return this;
    }

    /// <summary>Writes a field that is a message.</summary>
    /// <param name="field">Number of the field.</param>
    /// <param name="value">The whole message.</param>
    public ProtobufMessage Message(int field, ProtobufMessage value)
    {
        ArgumentNullException.ThrowIfNull(value);
        Open(field, value.Bytes.Length);
        _bytes.Write(value.Bytes);
        return this;
    }

    /// <summary>Writes numbers as a bytes field of little-endian float32.</summary>
    /// <param name="field">Number of the field.</param>
    /// <param name="values">The numbers.</param>
    public ProtobufMessage Floats(int field, ReadOnlySpan<float> values)
    {
        var length = values.Length * sizeof(float);
        Open(field, length);
        var span = _bytes.GetSpan(length);
        for (var index = 0; index < values.Length; index++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(span[(index * sizeof(float))..], values[index]);
        }

        _bytes.Advance(length);
        return this;
    }

    /// <summary>Writes numbers as a bytes field of little-endian 64-bit integers.</summary>
    /// <param name="field">Number of the field.</param>
    /// <param name="values">The numbers.</param>
    public ProtobufMessage Longs(int field, ReadOnlySpan<long> values)
    {
        var length = values.Length * sizeof(long);
        Open(field, length);
        var span = _bytes.GetSpan(length);
        for (var index = 0; index < values.Length; index++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(span[(index * sizeof(long))..], values[index]);
        }

        _bytes.Advance(length);
        return this;
    }

    /// <summary>Writes numbers as a bytes field of little-endian float64.</summary>
    /// <param name="field">Number of the field.</param>
    /// <param name="values">The numbers.</param>
    public ProtobufMessage Doubles(int field, ReadOnlySpan<double> values)
    {
        var length = values.Length * sizeof(double);
        Open(field, length);
        var span = _bytes.GetSpan(length);
        for (var index = 0; index < values.Length; index++)
        {
            BinaryPrimitives.WriteDoubleLittleEndian(span[(index * sizeof(double))..], values[index]);
        }

        _bytes.Advance(length);
        return this;
    }

    private void Open(int field, int length)
    {
        Tag(field, LengthDelimited);
        WriteVarint((ulong)length);
    }

    private void Tag(int field, int wireType) => WriteVarint(((ulong)field << 3) | (uint)wireType);

    // Seven bits a byte, lowest first; the top bit says that more follow.
    private void WriteVarint(ulong value)
    {
        var span = _bytes.GetSpan(10);
        var length = 0;
        for (; value > 0x7F; value >>= 7)
        {
            span[length++] = (byte)(value | 0x80);
        }

        span[length++] = (byte)value;
        _bytes.Advance(length);
    }
}
