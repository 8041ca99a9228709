using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using ClusterTrain.Data.Common;

namespace ClusterTrain.Data.Files;

/// <summary>The beginning of an IDX file, see <see cref="IdxFile"/>.</summary>
/// <param name="Bytes">The header as it stands there.</param>
/// <param name="IsFloat">True for big-endian float32 values, false for bytes.</param>
/// <param name="Dimensions">The dimensions, rows first; each at least 1.</param>
/// <param name="RowValues">Values of a row.</param>
internal sealed record IdxHeader(byte[] Bytes, bool IsFloat, ImmutableArray<int> Dimensions, int RowValues)
{
    private const byte ByteType = 0x08;
    private const byte FloatType = 0x0D;
    private const int MostDimensions = 8;

    /// <summary>Bytes of the whole file.</summary>
    public long TotalBytes => Bytes.Length + ((long)Dimensions[0] * RowValues * (IsFloat ? sizeof(float) : sizeof(byte)));

    /// <summary>The dimensions in words.</summary>
    public string Shape => string.Join(" x ", Dimensions);

    /// <summary>Reads the header of a file.</summary>
    /// <exception cref="DataException">It is not that of an IDX file of bytes or floats.</exception>
    public static IdxHeader Read(DataFile file)
    {
        Span<byte> magic = stackalloc byte[4];
        var got = file.Read(magic);
        if (got == 0)
        {
            throw new DataException($"{file.Name}: the file is empty. Fetch it again.");
        }

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

        Span<byte> sizes = stackalloc byte[sizeof(int) * magic[3]];
        if ((got = file.Read(sizes)) < sizes.Length)
        {
            throw Truncated(file.Name, magic.Length + sizes.Length, $"{magic.Length + got}");
        }

        var dimensions = ReadDimensions(file, sizes);
        var row = dimensions.Skip(1).Aggregate((UInt128)1, (product, dimension) => product * (uint)dimension);
        if (row > DataLimits.Columns)
        {
            throw new DataException(
                $"{file.Name}: its header says {string.Join(" x ", dimensions)}, {row} values a row; at most {DataLimits.Columns} " +
                "are read. Check the file.");
        }

        return new IdxHeader([.. magic, .. sizes], magic[2] == FloatType, dimensions, (int)row);
    }

    /// <summary>The error of a file that is shorter than its header says.</summary>
    /// <param name="name">The file.</param>
    /// <param name="got">The bytes it has, in words.</param>
    public DataException Truncated(string name, string got) => Truncated(name, TotalBytes, got);

    /// <exception cref="DataException">The file continues.</exception>
    public void RequireEnd(DataFile file)
    {
        Span<byte> more = stackalloc byte[1];
        if (file.Read(more) != 0)
        {
            throw new DataException(
                $"{file.Name}: the file continues after byte {TotalBytes}, where its header ({Shape}) ends it. It is not what its " +
                "header says: fetch it again.");
        }
    }

    private static ImmutableArray<int> ReadDimensions(DataFile file, ReadOnlySpan<byte> sizes)
    {
        var dimensions = ImmutableArray.CreateBuilder<int>(sizes.Length / sizeof(int));
        for (var i = 0; i < sizes.Length; i += sizeof(int))
        {
            var size = BinaryPrimitives.ReadInt32BigEndian(sizes[i..]);
            if (size < 1)
            {
                throw new DataException(
                    $"{file.Name}: dimension {i / sizeof(int)} at byte {4 + i} is {size}; a data set needs at least one row and one " +
                    "value in it.");
            }

            dimensions.Add(size);
        }

        return dimensions.MoveToImmutable();
    }

    private static DataException Truncated(string name, long expected, string got) => new(
        $"{name}: the file is cut off: its header asks for {expected} bytes and it has {got}. Fetch it again.");

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
