using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace ClusterTrain.Data.Rows;

/// <summary>Between float32 values and the little-endian bytes of a file, whatever the order of this machine.</summary>
internal static class LittleEndian
{
    /// <param name="values">(n).</param>
    /// <param name="bytes">Receives (4n).</param>
    public static void Write(ReadOnlySpan<float> values, Span<byte> bytes)
    {
        if (BitConverter.IsLittleEndian)
        {
            MemoryMarshal.AsBytes(values).CopyTo(bytes);
            return;
        }

        for (var i = 0; i < values.Length; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes[(sizeof(float) * i)..], values[i]);
        }
    }

    /// <param name="bytes">(4n).</param>
    /// <param name="values">Receives (n).</param>
    public static void Read(ReadOnlySpan<byte> bytes, Span<float> values)
    {
        if (BitConverter.IsLittleEndian)
        {
            bytes.CopyTo(MemoryMarshal.AsBytes(values));
            return;
        }

        for (var i = 0; i < values.Length; i++)
        {
            values[i] = BinaryPrimitives.ReadSingleLittleEndian(bytes[(sizeof(float) * i)..]);
        }
    }
}
