using ClusterTrain.Data.Common;

namespace ClusterTrain.Data.Store;

/// <summary>
/// Lets one process at a time download a data set; the others wait and find it there. Released when the process ends.
/// </summary>
internal static class FileLock
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(200);

    /// <summary>Waits for the lock; disposing of the stream releases it.</summary>
    /// <exception cref="IOException">It was not free within <see cref="DataLimits.DownloadLock"/>, or the file cannot be
    /// made.</exception>
    public static async Task<FileStream> TakeAsync(string path, TimeProvider time, CancellationToken cancellation)
    {
        var start = time.GetTimestamp();
        for (; ; )
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
            }
            catch (IOException exception) when (IsHeld(exception) && time.GetElapsedTime(start) < DataLimits.DownloadLock)
            {
                await Task.Delay(s_pause, time, cancellation);
            }
        }
    }

    // A sharing violation on Windows; EAGAIN of flock on Linux and on macOS.
    private static bool IsHeld(IOException exception) => (exception.HResult & 0xFFFF) ==
        (OperatingSystem.IsWindows() ? 32 : OperatingSystem.IsMacOS() ? 35 : 11);
}
