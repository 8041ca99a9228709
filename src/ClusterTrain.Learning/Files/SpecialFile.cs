using System.Runtime.InteropServices;

namespace ClusterTrain.Learning.Files;

/// <summary>Tells pipes, devices and sockets from files of content. .NET does not, so this asks the system.</summary>
public static partial class SpecialFile
{
    // How long a pipe may wait for its reader.
    private static readonly TimeSpan s_reader = TimeSpan.FromSeconds(10);

    private const int CurrentFolder = -100;
    private const uint TypeWanted = 1;
    private const int ModeOffset = 28;
    private const int TypeMask = 0xF000;
    private const int Regular = 0x8000;
    private const int Folder = 0x4000;

    /// <summary>True when a pipe, a device or a socket is at a path, or what a link there leads to is one.</summary>
    /// <param name="path">The path.</param>
    public static bool IsAt(string path)
    {
        if (OperatingSystem.IsWindows() || !(File.Exists(path) || Directory.Exists(path)))
        {
            return false;
        }

        if (!OperatingSystem.IsLinux())
        {
            return Path.GetFullPath(path).StartsWith("/dev/", StringComparison.Ordinal);
        }

        var status = new byte[256];
        return Status(CurrentFolder, path, 0, TypeWanted, status) == 0
            && (BitConverter.ToUInt16(status, ModeOffset) & TypeMask) is not (Regular or Folder);
    }

    /// <summary>Opens a pipe or a device to write into. A pipe opens when somebody reads from it.</summary>
    /// <param name="path">The path.</param>
    /// <exception cref="IOException">Nobody reads from the pipe, or it cannot be opened.</exception>
    internal static FileStream OpenToWrite(string path)
    {
        var opening = Task.Run(() => new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0));
        if (Task.WaitAny([opening], s_reader) == 0)
        {
            return opening.GetAwaiter().GetResult();
        }

        // A reader of our own lets the opening end.
        using (new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0))
        {
            opening.GetAwaiter().GetResult().Dispose();
        }

        throw new IOException($"{path}: no process reads from this pipe; start one, then write into it");
    }

    // struct statx has one layout on all architectures: the mode, which holds the type, is at byte 28.
    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Status(int folder, string path, int flags, uint mask, [Out] byte[] status);
}
