using System.Runtime.InteropServices;

namespace ClusterTrain.Learning.Tests;

/// <summary>Named pipes, as `mkfifo` makes them.</summary>
internal static partial class Pipe
{
    public static string Create(string path)
    {
        const int ReadAndWrite = 0x1B6;
        Assert.Equal(0, Make(path, ReadAndWrite));
        return path;
    }

    [LibraryImport("libc", EntryPoint = "mkfifo", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Make(string path, uint mode);
}
