using System.Buffers.Binary;

namespace ClusterTrain.Learning.ModelFiles;

/// <summary>The bytes of a safetensors file: length, header, numbers; all little-endian on any machine.</summary>
internal static class SafetensorsContent
{
    private const int ChunkFloats = 16 * 1024;

    public static void Write(Stream stream, byte[] header, IReadOnlyList<NamedTensor> tensors)
    {
        Span<byte> length = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
        stream.Write(length);
        stream.Write(header);
        var chunk = new byte[ChunkFloats * sizeof(float)];
        foreach (var tensor in tensors)
        {
            for (var done = 0; done < tensor.Values.Length; done += ChunkFloats)
            {
                var part = tensor.Values.Span[done..Math.Min(done + ChunkFloats, tensor.Values.Length)];
                for (var i = 0; i < part.Length; i++)
                {
                    BinaryPrimitives.WriteSingleLittleEndian(chunk.AsSpan(i * sizeof(float)), part[i]);
                }

                stream.Write(chunk, 0, part.Length * sizeof(float));
            }
        }
    }

    /// <summary>Reads a whole file; nothing is allocated for numbers that are not there.</summary>
    /// <exception cref="SafetensorsException">The bytes are no safetensors file.</exception>
    public static SafetensorsFile Read(Stream stream, string path)
    {
        if (stream.Length < sizeof(ulong))
        {
            throw new SafetensorsException($"{path}: {stream.Length} bytes are not a safetensors file; {SafetensorsHeader.Remedy}");
        }

        Span<byte> prefix = stackalloc byte[sizeof(ulong)];
        stream.ReadExactly(prefix);
        var headerLength = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        var rest = stream.Length - sizeof(ulong);
        if (headerLength > SafetensorsFile.LongestHeader)
        {
            throw new SafetensorsException($"{path}: the header's length is given as {headerLength} bytes, above the limit of "
                + $"{SafetensorsFile.LongestHeader}: this is not a safetensors file, or it is damaged; {SafetensorsHeader.Remedy}");
        }

        if ((long)headerLength > rest)
        {
            throw new SafetensorsException($"{path}: the header's length is given as {headerLength} bytes, but only {rest} bytes follow: "
                + $"the file is truncated or damaged; {SafetensorsHeader.Remedy}");
        }

        var header = new byte[headerLength];
        stream.ReadExactly(header);
        var (entries, metadata) = SafetensorsHeader.Parse(header, path, rest - (long)headerLength);
        var chunk = new byte[ChunkFloats * sizeof(float)];
        return new([.. entries.Select(entry => new NamedTensor(entry.Name, entry.Shape, Floats(stream, entry.Count, chunk)))], metadata);
    }

    private static float[] Floats(Stream stream, int count, byte[] chunk)
    {
        var values = new float[count];
        for (var done = 0; done < count; done += ChunkFloats)
        {
            var part = values.AsSpan(done, Math.Min(ChunkFloats, count - done));
            stream.ReadExactly(chunk, 0, part.Length * sizeof(float));
            for (var i = 0; i < part.Length; i++)
            {
                part[i] = BinaryPrimitives.ReadSingleLittleEndian(chunk.AsSpan(i * sizeof(float)));
            }
        }

        return values;
    }
}
