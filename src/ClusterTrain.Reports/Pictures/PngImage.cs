using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace ClusterTrain.Reports.Pictures;

/// <summary>Small pictures of pixels as PNG. Format: https://www.w3.org/TR/png-3/.</summary>
internal static class PngImage
{
    private const byte Grey = 0;
    private const byte ColourWithAlpha = 6;

    private static readonly uint[] s_table = MakeTable();

    /// <summary>A grey picture as a data URI.</summary>
    /// <param name="width">Pixels of a row.</param>
    /// <param name="height">Rows.</param>
    /// <param name="pixels">(height, width), 0 is black.</param>
    public static string OfGrey(int width, int height, ReadOnlySpan<byte> pixels) => Uri(Encode(width, height, Grey, 1, pixels));

    /// <summary>A coloured picture as a data URI.</summary>
    /// <param name="width">Pixels of a row.</param>
    /// <param name="height">Rows.</param>
    /// <param name="pixels">(height, width, 4): red, green, blue, opacity.</param>
    public static string OfColours(int width, int height, ReadOnlySpan<byte> pixels) => Uri(Encode(width, height, ColourWithAlpha, 4, pixels));

    internal static byte[] Encode(int width, int height, byte colours, int pixelBytes, ReadOnlySpan<byte> pixels)
    {
        if (pixels.Length != width * height * pixelBytes)
        {
            throw new ArgumentException($"{width} x {height} pixels need {width * height * pixelBytes} bytes, not {pixels.Length}.", nameof(pixels));
        }

        using var png = new MemoryStream();
        png.Write([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]);
        Span<byte> header = stackalloc byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header[4..], height);
        (header[8], header[9]) = (8, colours);
        Chunk(png, "IHDR", header);
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.SmallestSize, leaveOpen: true))
        {
            for (var row = 0; row < height; row++)
            {
                // Each row begins with the number of its filter: none.
                zlib.WriteByte(0);
                zlib.Write(pixels.Slice(row * width * pixelBytes, width * pixelBytes));
            }
        }

        Chunk(png, "IDAT", packed.ToArray());
        Chunk(png, "IEND", []);
        return png.ToArray();
    }

    private static string Uri(byte[] png) => "data:image/png;base64," + Convert.ToBase64String(png);

    private static void Chunk(MemoryStream png, string kind, ReadOnlySpan<byte> content)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, content.Length);
        png.Write(number);
        var checkedBytes = new byte[4 + content.Length];
        Encoding.ASCII.GetBytes(kind, checkedBytes);
        content.CopyTo(checkedBytes.AsSpan(4));
        png.Write(checkedBytes);
        var sum = uint.MaxValue;
        foreach (var part in checkedBytes)
        {
            sum = s_table[(sum ^ part) & 0xFF] ^ (sum >> 8);
        }

        BinaryPrimitives.WriteUInt32BigEndian(number, ~sum);
        png.Write(number);
    }

    // CRC-32 of ISO 3309, bits reversed.
    private static uint[] MakeTable()
    {
        var table = new uint[256];
        for (var index = 0u; index < table.Length; index++)
        {
            var value = index;
            for (var bit = 0; bit < 8; bit++)
            {
                value = (value & 1) == 1 ? 0xEDB88320 ^ (value >> 1) : value >> 1;
            }

            table[index] = value;
        }

        return table;
    }
}
