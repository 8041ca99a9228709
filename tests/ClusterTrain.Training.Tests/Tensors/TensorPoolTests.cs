using System.Runtime.CompilerServices;
using ClusterTrain.Training.Tensors;

namespace ClusterTrain.Training.Tests;

public sealed class TensorPoolTests
{
    private readonly TensorPool _pool = new();

    [Fact]
    public void A_buffer_given_back_is_lent_again()
    {
        var first = _pool.Rent(10);
        Assert.Equal((1, 10), (_pool.Lent, first.Length));
        first.Release();
        Assert.Equal(0, _pool.Lent);
        Assert.Same(first, _pool.Rent(10));
        Assert.NotSame(first, _pool.Rent(10));
    }

    [Fact]
    public void It_goes_back_with_the_last_of_several_references()
    {
        var lease = _pool.Rent(4);
        lease.Share();
        lease.Release();
        Assert.Equal(1, _pool.Lent);
        lease.Span[0] = 1;
        lease.Release();
        Assert.Equal(0, _pool.Lent);
    }

    [Fact]
    public void What_is_given_back_can_be_neither_used_nor_given_back_again()
    {
        var lease = _pool.Rent(4);
        lease.Release();
        Assert.Throws<ObjectDisposedException>(() => lease.Memory);
        Assert.Throws<ObjectDisposedException>(() => lease.Share());
        Assert.Throws<ObjectDisposedException>(lease.Release);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(15)]
    [InlineData(1000)]
    public unsafe void Every_buffer_begins_on_a_cache_line(int length)
    {
        for (var buffer = 0; buffer < 8; buffer++)
        {
            var address = (nuint)Unsafe.AsPointer(ref _pool.Rent(length).Span[0]);
            Assert.Equal(0u, address % 64);
        }
    }

    [Fact]
    public void A_buffer_of_no_floats_is_refused() => Assert.Throws<ArgumentOutOfRangeException>(() => _pool.Rent(0));
}
