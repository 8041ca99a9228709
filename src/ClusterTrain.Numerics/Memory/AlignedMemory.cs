using System.Runtime.InteropServices;

namespace ClusterTrain.Numerics.Memory;

/// <summary>Native memory at the start of a page; it grows on demand and never shrinks. Its content is lost when it grows.</summary>
internal sealed unsafe class AlignedMemory : IDisposable
{
    private const int PageBytes = 4096;

    private nuint _bytes;

    ~AlignedMemory() => Free();

    /// <summary>The memory, or null before the first <see cref="Grow"/>.</summary>
    public byte* Pointer { get; private set; }

    /// <summary>Makes sure of <paramref name="bytes"/> bytes.</summary>
    public void Grow(nint bytes)
    {
        if ((nuint)bytes <= _bytes)
        {
            return;
        }

        Free();
        Pointer = (byte*)NativeMemory.AlignedAlloc((nuint)bytes, PageBytes);
        _bytes = (nuint)bytes;
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        NativeMemory.AlignedFree(Pointer);
        Pointer = null;
        _bytes = 0;
    }
}
