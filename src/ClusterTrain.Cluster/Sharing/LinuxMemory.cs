using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ClusterTrain.Cluster.Sharing;

/// <summary>The calls of Linux that make memory which other processes can map, and which is gone with the last process that has it.</summary>
internal static unsafe partial class LinuxMemory
{
    private const int CloseOnExec = 1;
    private const int AllowSealing = 2;
    private const int AddSeals = 1033;
    private const int GetSeals = 1034;
    private const int SealSeal = 1;
    private const int SealShrink = 2;
    private const int SealGrow = 4;
    private const int ReadProtection = 1;
    private const int WriteProtection = 2;
    private const int Shared = 1;
    private const int NoReserve = 0x4000;

    /// <summary>
    /// Creates memory of a size that never changes; a page of it takes no space before it is written. Null when the system
    /// refuses.
    /// </summary>
    public static SafeFileHandle? Create(string name, long bytes)
    {
        if (!OperatingSystem.IsLinux())
        {
            return null;
        }

        var file = new SafeFileHandle(MemoryFile(name, CloseOnExec | AllowSealing), ownsHandle: true);
        if (!file.IsInvalid && Truncate(file, bytes) == 0 && Control(file, AddSeals, SealSeal | SealShrink | SealGrow) == 0)
        {
            return file;
        }

        file.Dispose();
        return null;
    }

    /// <summary>True when nobody can take bytes away from the file, so that reading what was mapped of it never fails.</summary>
    public static bool IsSealed(SafeFileHandle file) => Control(file, GetSeals, 0) is >= 0 and var seals && (seals & SealShrink) != 0;

    /// <summary>Maps a whole file; null when the system refuses.</summary>
    public static byte* Map(SafeFileHandle file, long bytes, bool isWritable)
    {
        var start = MapMemory(0, (nuint)bytes, ReadProtection | (isWritable ? WriteProtection : 0), Shared | NoReserve, file, 0);
        return start == -1 ? null : (byte*)start;
    }

    public static void Unmap(byte* start, long bytes) => _ = UnmapMemory((nint)start, (nuint)bytes);

    [LibraryImport("libc", EntryPoint = "memfd_create", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint MemoryFile(string name, uint flags);

    [LibraryImport("libc", EntryPoint = "ftruncate")]
    private static partial int Truncate(SafeFileHandle file, long bytes);

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int Control(SafeFileHandle file, int command, int argument);

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint MapMemory(nint address, nuint bytes, int protection, int flags, SafeFileHandle file, long offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int UnmapMemory(nint start, nuint bytes);
}
