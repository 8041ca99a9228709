using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ClusterTrain.Numerics.Memory;

/// <summary>
/// Arrays that begin at a cache line, so that vectors of them do not lie across two; long ones lie in large pages where those are
/// to be had.
/// </summary>
public static class AlignedFloats
{
    private const int LineBytes = 64;

    // From half a large page on, an array may take whole ones.
    private const int MinimumLargeBytes = LargePages.Bytes / 2;

    /// <summary>Memory of the given length; its content is arbitrary, and it never moves.</summary>
    /// <param name="length">Number of floats.</param>
    /// <exception cref="ArgumentOutOfRangeException">The length is negative.</exception>
    public static unsafe Memory<float> Allocate(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        var bytes = (long)length * sizeof(float);
        var alignment = bytes < MinimumLargeBytes ? LineBytes : LargePages.Bytes;
        var whole = (bytes + alignment - 1) / alignment * alignment;

        // A pinned array never moves, so its first aligned element stays aligned. What lies before it is never touched.
        var array = GC.AllocateUninitializedArray<float>(checked((int)((whole + alignment) / sizeof(float))), pinned: true);
        if (alignment == LargePages.Bytes)
        {
            LargePages.Prefer(MemoryMarshal.AsBytes(array.AsSpan()));
        }

        var address = (nuint)Unsafe.AsPointer(ref array[0]);
        var offset = (int)(((nuint)alignment - (address % (nuint)alignment)) % (nuint)alignment / sizeof(float));
        return array.AsMemory(offset, length);
    }
}
