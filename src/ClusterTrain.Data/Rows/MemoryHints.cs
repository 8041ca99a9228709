using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace ClusterTrain.Data.Rows;

/// <summary>Hints to the memory system; they change the time a read takes and nothing else.</summary>
internal static unsafe class MemoryHints
{
    private const int LineBytes = 64;

    // Beyond this the processor's own stream prefetcher has caught on.
    private const int MostBytes = 2048;

    /// <summary>Hints that the memory will be read soon. It need not be pinned: a stale address is harmless here.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Prefetch(ReadOnlySpan<byte> memory)
    {
        if (!Sse.IsSupported)
        {
            return;
        }

        var start = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(memory));
        var end = start + Math.Min(memory.Length, MostBytes);
        for (var line = start; line < end; line += LineBytes)
        {
            Sse.Prefetch0(line);
        }
    }
}
