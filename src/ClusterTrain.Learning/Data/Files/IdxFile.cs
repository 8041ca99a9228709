using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;
using ClusterTrain.Numerics;

namespace ClusterTrain.Learning;

/// <summary>
/// A file in the IDX format of the MNIST data: two zero bytes, a byte for the type of the values, a byte for the number of
/// dimensions, the dimensions as big-endian 32-bit integers, then the values, row-major and big-endian.
/// </summary>
internal sealed class IdxFile
{
    private const byte ByteType = 0x08;
    private const byte FloatType = 0x0D;
    private const int MostDimensions = 8;

    private IdxFile(string name, byte[] content, int start, bool isFloat, ImmutableArray<int> dimensions) =>
        (Name, Content, Start, IsFloat, Dimensions) = (name, content, start, isFloat, dimensions);

    /// <summary>What messages call it.</summary>
    public string Name { get; }

    /// <summary>The whole file, its header included.</summary>
    public byte[] Content { get; }

    /// <summary>Index of the first value in <see cref="Content"/>.</summary>
    public int Start { get; }

    /// <summary>True for big-endian float32 values, false for bytes.</summary>
    public bool IsFloat { get; }

    /// <summary>The dimensions, rows first; each at least 1.</summary>
    public ImmutableArray<int> Dimensions { get; }

    /// <summary>Number of rows.</summary>
    public int Rows => Dimensions[0];

    /// <summary>Values of a row.</summary>
    public int RowValues => Dimensions.Skip(1).Aggregate(1, (product, dimension) => product * dimension);

    /// <summary>Reads a whole file.</summary>
    /// <exception cref="DataException">It is not a complete IDX file of bytes or floats.</exception>
    public static IdxFile Read(DataFile file)
    {
        Span<byte> magic = stackalloc byte[4];
        var got = file.Read(magic);
        if (got == 0)
            throw new DataException($"{file.Name}: the file is empty. Fetch it again.");
        if (got < magic.Length || magic[0] != 0 || magic[1] != 0 || magic[3] is 0 or > MostDimensions)
        {
            throw new DataException(
                $"{file.Name}: not an IDX file: it begins with {Hex(magic[..got])} where 00 00 08 03 (images of bytes) or " +
                "00 00 08 01 (labels) was expected. Check that this is the right file, and unpacked no further than IDX or " +
                "IDX in gzip.");
        }

        if (magic[2] is not (ByteType or FloatType))
        {
            throw new DataException(
                $"{file.Name}: values of type 0x{magic[2]:X2} ({TypeName(magic[2])}) at byte 2; this program reads 0x08 " +
                "(bytes) and 0x0D (32-bit floats). Convert the file.");
        }

        var isFloat = magic[2] == FloatType;
        Span<byte> sizes = stackalloc byte[4 * magic[3]];
        if ((got = file.Read(sizes)) < sizes.Length)
            throw Truncated(file, magic.Length + sizes.Length, magic.Length + got);
        var dimensions = ReadDimensions(file, sizes);
        var header = magic.Length + sizes.Length;
        var total = header + Bytes(file, dimensions, isFloat);
        if (total > file.MostBytes)
            throw Truncated(file, total, null);

        var content = GC.AllocateUninitializedArray<byte>((int)total);
        magic.CopyTo(content);
        sizes.CopyTo(content.AsSpan(magic.Length));
        if ((got = file.Read(content.AsSpan(header))) < content.Length - header)
            throw Truncated(file, total, header + got);
        Span<byte> more = stackalloc byte[1];
        if (file.Read(more) != 0)
        {
            throw new DataException(
                $"{file.Name}: the file goes on after byte {total}, where its header ({Shape(dimensions)}) ends it. It is " +
                "not what its header says: fetch it again.");
        }

        return new IdxFile(file.Name, content, header, isFloat, dimensions);
    }

    /// <summary>The values as floats.</summary>
    /// <exception cref="DataException">One is not finite.</exception>
    public float[] ToFloats()
    {
        var values = GC.AllocateUninitializedArray<float>(Rows * RowValues);
        if (!IsFloat)
        {
            Kernels.Active.ScaleBytes(Content.AsSpan(Start), 1, 0, values);
            return values;
        }

        var bits = MemoryMarshal.Cast<float, int>(values.AsSpan());
        Content.AsSpan(Start).CopyTo(MemoryMarshal.AsBytes(bits));
        if (BitConverter.IsLittleEndian)
            BinaryPrimitives.ReverseEndianness(bits, bits);
        for (var i = 0; i < values.Length; i++)
        {
            if (!float.IsFinite(values[i]))
            {
                throw new DataException(
                    $"{Name}: row {i / RowValues}, value {i % RowValues} is " +
                    $"{values[i].ToString(CultureInfo.InvariantCulture)}, not a finite number. Correct or leave out the " +
                    "row.");
            }
        }

        return values;
    }

    private static ImmutableArray<int> ReadDimensions(DataFile file, ReadOnlySpan<byte> sizes)
    {
        var dimensions = ImmutableArray.CreateBuilder<int>(sizes.Length / 4);
        for (var i = 0; i < sizes.Length; i += 4)
        {
            var size = BinaryPrimitives.ReadInt32BigEndian(sizes[i..]);
            if (size < 1)
            {
                throw new DataException(
                    $"{file.Name}: dimension {i / 4} at byte {4 + i} is {size}; a data set needs at least one row and one " +
                    "value in it.");
            }

            dimensions.Add(size);
        }

        return dimensions.MoveToImmutable();
    }

    private static long Bytes(DataFile file, ImmutableArray<int> dimensions, bool isFloat)
    {
        var row = dimensions.Skip(1).Aggregate((UInt128)1, (product, dimension) => product * (uint)dimension);
        var bytes = row * (uint)dimensions[0] * (isFloat ? 4u : 1u);
        if (row > DataLimits.Columns || bytes > DataLimits.Values - 1024)
        {
            throw new DataException(
                $"{file.Name}: its header says {Shape(dimensions)}, {bytes} bytes, {row} values a row; at most " +
                $"{DataLimits.Values - 1024} bytes and {DataLimits.Columns} values a row are held in memory. Check the " +
                "file, or use fewer rows.");
        }

        return (long)bytes;
    }

    private static DataException Truncated(DataFile file, long expected, long? got) => new(
        $"{file.Name}: the file is cut off: its header asks for {expected} bytes and it has " +
        (got is { } bytes ? $"{bytes}" : $"at most {file.MostBytes}") + ". Fetch it again.");

    private static string Shape(ImmutableArray<int> dimensions) => string.Join(" x ", dimensions);

    private static string Hex(ReadOnlySpan<byte> bytes) =>
        string.Join(' ', bytes.ToArray().Select(value => value.ToString("X2", CultureInfo.InvariantCulture)));

    private static string TypeName(byte type) => type switch
    {
        0x09 => "signed bytes",
        0x0B => "16-bit integers",
        0x0C => "32-bit integers",
        0x0E => "64-bit floats",
        _ => "unknown",
    };
}
