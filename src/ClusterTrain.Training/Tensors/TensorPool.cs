using ClusterTrain.Numerics.Memory;

namespace ClusterTrain.Training.Tensors;

/// <summary>Lends float buffers and takes them back, so that a steady run allocates nothing. Safe for several threads.</summary>
/// <param name="allocate">Gives the memory of a buffer of so many floats; it is kept for the pool's life.</param>
public sealed class TensorPool(Func<int, Memory<float>> allocate)
{
    private readonly Dictionary<int, Stack<TensorLease>> _idle = [];
    private readonly Lock _gate = new();

    /// <summary>A pool of ordinary memory.</summary>
    public TensorPool()
        : this(AlignedFloats.Allocate)
    {
    }

    /// <summary>Buffers lent and not yet back.</summary>
    public int Lent { get; private set; }

    /// <summary>Lends a buffer with one reference; its content is arbitrary.</summary>
    /// <param name="length">Number of floats, at least 1.</param>
    public TensorLease Rent(int length)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);
        TensorLease? lease;
        lock (_gate)
        {
            Lent++;
            if (!_idle.TryGetValue(length, out var idle))
            {
                _idle.Add(length, idle = new Stack<TensorLease>());
            }

            idle.TryPop(out lease);
        }

        lease ??= new TensorLease(allocate(length), Return);
        lease.Lend();
        return lease;
    }

    private void Return(TensorLease lease)
    {
        lock (_gate)
        {
            Lent--;
            _idle[lease.Length].Push(lease);
        }
    }
}
