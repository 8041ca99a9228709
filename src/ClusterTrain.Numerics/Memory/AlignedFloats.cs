using System.Runtime.CompilerServices;

namespace ClusterTrain.Numerics;

/// <summary>Arrays that begin at a cache line, so that vectors of them do not lie across two.</summary>
public static class AlignedFloats
{
    private const int LineBytes = 64;

    /// <summary>Memory of the given length; its content is arbitrary, and it never moves.</summary>
    /// <param name="length">Number of floats.</param>
    /// <exception cref="ArgumentOutOfRangeException">The length is negative.</exception>
    public static unsafe Memory<float> Allocate(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);

        // A pinned array never moves, so its first aligned element stays aligned.
        var array = GC.AllocateUninitializedArray<float>(checked(length + (LineBytes / sizeof(float))), pinned: true);
        var address = (nuint)Unsafe.AsPointer(ref array[0]);
        var offset = (int)((LineBytes - (address % LineBytes)) % LineBytes / sizeof(float));
        return array.AsMemory(offset, length);
    }
}
