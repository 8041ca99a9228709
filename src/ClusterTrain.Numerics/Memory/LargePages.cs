using System.Runtime.InteropServices;

namespace ClusterTrain.Numerics.Memory;

/// <summary>
/// Asks the operating system to hold memory in large pages. Batches take rows from all over a data set, and each row in a small page
/// of its own costs a walk through the page tables. It changes the time that memory takes and nothing else.
/// </summary>
public static unsafe partial class LargePages
{
    /// <summary>Size of a large page; memory that holds no whole one stays as it is.</summary>
    internal const int Bytes = 2 << 20;

    private const int PreferLargePages = 14; // MADV_HUGEPAGE of Linux

    /// <summary>
    /// Asks for large pages for what lies in the memory of whole ones. To be called before the memory is used for the first time. Where
    /// large pages are not to be had by asking, nothing happens.
    /// </summary>
    /// <param name="memory">The memory, of an array or pinned.</param>
    public static void Prefer(ReadOnlySpan<byte> memory)
    {
        if (!OperatingSystem.IsLinux() || memory.Length < Bytes)
        {
            return;
        }

        fixed (byte* start = memory)
        {
            var first = ((nuint)start + Bytes - 1) / Bytes * Bytes;
            var end = ((nuint)start + (nuint)memory.Length) / Bytes * Bytes;
            if (first < end)
            {
                // Advice: a system that does not take it continues with small pages.
                _ = Advise(first, end - first, PreferLargePages);
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nuint start, nuint length, int advice);
}
