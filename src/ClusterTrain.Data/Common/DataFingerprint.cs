using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace ClusterTrain.Data.Common;

/// <summary>
/// SHA-256 over the canonical stream of a data set. In it, integers are 8 bytes and floats 4 bytes, little-endian; a text is
/// its length in bytes and its UTF-8. The stream is:
/// <list type="number">
/// <item>the text "clustertrain data 1";</item>
/// <item>rows, features, outputs;</item>
/// <item>the number of classes, and each class name as a text;</item>
/// <item>the form of the features: the text "bytes", the number of factors, the factors and the shifts, for features that are all
/// whole numbers from 0 to 255; the text "floats" for others;</item>
/// <item>where classes have weights, the text "weights" and the weights;</item>
/// <item>the features row by row: the raw byte, or the prepared float;</item>
/// <item>the targets row by row: the class index (an integer), or the floats.</item>
/// </list>
/// </summary>
internal sealed class DataFingerprint : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] _buffer = new byte[1 << 16];
    private int _used;

    public DataFingerprint() => Add("clustertrain data 1");

    public void Add(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        Add(bytes.Length);
        Add(bytes);
    }

    public void Add(long value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        Add(bytes);
    }

    public void Add(ReadOnlySpan<float> values)
    {
        if (BitConverter.IsLittleEndian)
        {
            Add(MemoryMarshal.AsBytes(values));
            return;
        }

        Span<byte> bytes = stackalloc byte[sizeof(float)];
        foreach (var value in values)
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
            Add(bytes);
        }
    }

    /// <summary>Adds bytes as they are. Small pieces are gathered, because each call of the hash has a cost of its own.</summary>
    public void Add(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > _buffer.Length - _used)
        {
            Flush();
        }

        if (bytes.Length > _buffer.Length)
        {
            _hash.AppendData(bytes);
            return;
        }

        bytes.CopyTo(_buffer.AsSpan(_used));
        _used += bytes.Length;
    }

    /// <summary>Ends the stream: lower-case hex.</summary>
    public string Finish()
    {
        Flush();
        return Convert.ToHexStringLower(_hash.GetHashAndReset());
    }

    public void Dispose() => _hash.Dispose();

    private void Flush()
    {
        _hash.AppendData(_buffer.AsSpan(0, _used));
        _used = 0;
    }
}
