using System.Security.Cryptography;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Files;
using ClusterTrain.Learning.Files;

namespace ClusterTrain.Data.Store;

/// <summary>
/// The unpacked files of known data sets in the user's cache. Only this class writes there, and only content whose SHA-256
/// was right, so that reading need not unpack and hash again: that saves half of a short run's start.
/// </summary>
internal sealed class VerifiedFiles(DataLocations locations)
{
    /// <summary>Where a file lies once it is there.</summary>
    public string PathOf(KnownDataSet set, KnownFile file) => Path.Combine(locations.Cache, "verified", set.Name, file.Name);

    /// <summary>True when the file is there; one of another length is not what was written and does not count.</summary>
    public bool Has(KnownDataSet set, KnownFile file) =>
        new FileInfo(PathOf(set, file)) is { Exists: true } info && info.Length == file.Bytes;

    /// <summary>The file, or null when it is not there.</summary>
    public IdxFile? Read(KnownDataSet set, KnownFile file)
    {
        if (!Has(set, file))
        {
            return null;
        }

        using var data = DataFile.Open(PathOf(set, file));
        return IdxFile.Read(data);
    }

    /// <summary>Reads a file from elsewhere and checks that it is the known one.</summary>
    /// <exception cref="DataException">It is not.</exception>
    public static IdxFile Verify(KnownDataSet set, KnownFile file, DataFile data)
    {
        var idx = IdxFile.Read(data);
        Verify(set, file, idx.Content, data.Name);
        return idx;
    }

    /// <summary>Checks that unpacked content is that of the known file.</summary>
    /// <exception cref="DataException">It is not.</exception>
    public static void Verify(KnownDataSet set, KnownFile file, ReadOnlySpan<byte> content, string name)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(content));
        if (hash != file.Sha256)
        {
            throw new DataException(
                $"{name}: not the {file.Name} of {set.Name}: SHA-256 of the unpacked content is {hash} instead of " +
                $"{file.Sha256}. Remove the file or fetch it again.");
        }
    }

    /// <summary>Keeps verified content.</summary>
    /// <exception cref="IOException">The cache cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The cache cannot be written.</exception>
    public void Keep(KnownDataSet set, KnownFile file, byte[] content)
    {
        var path = PathOf(set, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        AtomicFile.Write(path, stream => stream.Write(content));
    }
}
