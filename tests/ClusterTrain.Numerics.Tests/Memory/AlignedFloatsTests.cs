using System.Runtime.CompilerServices;
using ClusterTrain.Numerics.Memory;

namespace ClusterTrain.Numerics.Tests;

public class AlignedFloatsTests
{
    [Theory]
    [InlineData(0, 64)]
    [InlineData(1, 64)]
    [InlineData(1000, 64)]
    [InlineData((LargePages.Bytes / sizeof(float) / 2) - 1, 64)]
    [InlineData(LargePages.Bytes / sizeof(float) / 2, LargePages.Bytes)]
    [InlineData((LargePages.Bytes / sizeof(float)) + 1, LargePages.Bytes)]
    public unsafe void Memory_begins_at_a_cache_line_or_a_large_page_and_has_every_float(int length, int alignment)
    {
        var values = AlignedFloats.Allocate(length).Span;
        Assert.Equal(length, values.Length);
        values.Fill(1.5f);
        Assert.Equal(-1, values.IndexOfAnyExcept(1.5f));
        if (length > 0)
        {
            Assert.Equal(0, (long)Unsafe.AsPointer(ref values[0]) % alignment);
        }
    }

    [Fact]
    public void A_negative_length_is_refused() => Assert.Throws<ArgumentOutOfRangeException>(() => AlignedFloats.Allocate(-1));

    [Fact]
    public void Asking_for_large_pages_leaves_what_is_there()
    {
        var bytes = new byte[3 * LargePages.Bytes];
        for (var i = 0; i < bytes.Length; i += 4096)
        {
            bytes[i] = (byte)(i >> 12);
        }

        LargePages.Prefer(bytes);
        LargePages.Prefer([]);
        for (var i = 0; i < bytes.Length; i += 4096)
        {
            Assert.Equal((byte)(i >> 12), bytes[i]);
        }
    }
}
