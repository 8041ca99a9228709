using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using ClusterTrain.Data.Common;

namespace ClusterTrain.Data.Tests;

/// <summary>A folder of its own for one test, and the data files a test writes into it.</summary>
internal sealed class TempFolder : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("clustertrain-tests-");

    public string Path => _folder.FullName;

    public DataLocations Locations => new(Path, [], System.IO.Path.Combine(Path, "cache"));

    public string Write(string name, byte[] content)
    {
        var path = System.IO.Path.Combine(Path, name);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, content);
        return path;
    }

    public string Write(string name, string content) => Write(name, Encoding.UTF8.GetBytes(content));

    public static byte[] Gzip(byte[] content)
    {
        using var packed = new MemoryStream();
        using (var stream = new GZipStream(packed, CompressionMode.Compress))
        {
            stream.Write(content);
        }

        return packed.ToArray();
    }

    public static byte[] Idx(byte type, int[] dimensions, byte[] values)
    {
        var file = new byte[4 + (4 * dimensions.Length) + values.Length];
        file[2] = type;
        file[3] = (byte)dimensions.Length;
        foreach (var (i, size) in dimensions.Index())
        {
            BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(4 + (4 * i)), size);
        }

        values.CopyTo(file, 4 + (4 * dimensions.Length));
        return file;
    }

    public static byte[] BigEndian(params float[] values)
    {
        var bytes = new byte[4 * values.Length];
        foreach (var (i, value) in values.Index())
        {
            BinaryPrimitives.WriteSingleBigEndian(bytes.AsSpan(4 * i), value);
        }

        return bytes;
    }

    public void Dispose() => _folder.Delete(recursive: true);
}
