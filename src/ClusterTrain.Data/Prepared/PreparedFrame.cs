using System.Buffers.Binary;
using System.Security.Cryptography;
using ClusterTrain.Data.Common;

namespace ClusterTrain.Data.Prepared;

/// <summary>All of a prepared file before its rows, see <see cref="PreparedDataFile"/>.</summary>
/// <param name="Header">What the file says about its rows.</param>
/// <param name="HeaderBytes">The same as it stands there.</param>
/// <param name="Layout">Where the rows lie.</param>
internal sealed record PreparedFrame(PreparedHeader Header, byte[] HeaderBytes, PreparedLayout Layout)
{
    private const int Version = 1;
    private const int PreambleBytes = 24;
    private const int FrameBytes = PreambleBytes + SHA256.HashSizeInBytes;

    private static ReadOnlySpan<byte> Magic => "ctdata\r\n"u8;

    /// <summary>True when a file begins as those of prepared data do.</summary>
    public static bool IsStartOf(FileStream file)
    {
        Span<byte> start = stackalloc byte[Magic.Length];
        return file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) == start.Length && start.SequenceEqual(Magic);
    }

    public static PreparedFrame Of(PreparedHeader header)
    {
        var bytes = header.ToBytes();
        return new PreparedFrame(header, bytes, PreparedLayout.Of(header, FrameBytes + bytes.Length));
    }

    /// <summary>Preamble, checksum and header.</summary>
    public byte[] ToBytes()
    {
        var bytes = new byte[FrameBytes + HeaderBytes.Length];
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8), Version);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), HeaderBytes.Length);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(16), Layout.Length);
        HeaderBytes.CopyTo(bytes, FrameBytes);
        Checksum(bytes.AsSpan(0, PreambleBytes), HeaderBytes).CopyTo(bytes, PreambleBytes);
        return bytes;
    }

    /// <summary>Reads and checks all of a file before its rows, and that the file is as long as it should be.</summary>
    /// <exception cref="DataException">It is no prepared file, or not whole; the message does not name it.</exception>
    public static PreparedFrame Read(FileStream file)
    {
        Span<byte> start = stackalloc byte[FrameBytes];
        var got = file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        if (got < Magic.Length || !start.StartsWith(Magic))
        {
            throw new DataException("not a file of prepared data: it does not begin as those do");
        }

        if (got < FrameBytes)
        {
            throw new DataException($"the file is cut off: it has {got} bytes");
        }

        var version = BinaryPrimitives.ReadInt32LittleEndian(start[8..]);
        if (version != Version)
        {
            throw new DataException($"written in version {version} of the format; this program reads version {Version}");
        }

        var headerBytes = BinaryPrimitives.ReadInt32LittleEndian(start[12..]);
        if (headerBytes is < 2 or > DataLimits.PreparedHeaderBytes)
        {
            throw new DataException($"the file is damaged: it says that its header has {headerBytes} bytes");
        }

        var length = BinaryPrimitives.ReadInt64LittleEndian(start[16..]);
        if (file.Length < FrameBytes + headerBytes)
        {
            throw new DataException($"the file is cut off: it has {file.Length} of {length} bytes");
        }

        var bytes = new byte[headerBytes];
        file.ReadExactly(bytes);
        if (!start[PreambleBytes..].SequenceEqual(Checksum(start[..PreambleBytes], bytes)))
        {
            throw new DataException("the file is damaged: its header does not have the checksum written beside it");
        }

        if (file.Length != length)
        {
            throw new DataException(
                $"the file is {(file.Length < length ? "cut off" : "too long")}: it has {file.Length} bytes of {length}");
        }

        var header = PreparedHeader.FromBytes(bytes);
        var layout = PreparedLayout.Of(header, FrameBytes + headerBytes);
        return layout.Length == length
            ? new PreparedFrame(header, bytes, layout)
            : throw new DataException($"its header asks for {layout.Length} bytes where the file has {length}");
    }

    private static byte[] Checksum(ReadOnlySpan<byte> preamble, ReadOnlySpan<byte> header)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(preamble);
        hash.AppendData(header);
        return hash.GetHashAndReset();
    }
}
