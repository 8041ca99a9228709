namespace ClusterTrain.Watching;

/// <summary>The disk that a run is written to.</summary>
/// <param name="Used">Bytes of the run folder.</param>
/// <param name="Free">Bytes free on its disk.</param>
public sealed record RunDisk(long Used, long Free)
{
    /// <summary>Looks at a run folder.</summary>
    /// <param name="folder">The folder.</param>
    public static RunDisk Of(string folder)
    {
        try
        {
            var used = new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length);
            return new RunDisk(used, new DriveInfo(Path.GetFullPath(folder)).AvailableFreeSpace);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // A checkpoint was removed between being listed and being measured: the next look is right.
            return new RunDisk(0, 0);
        }
    }
}
