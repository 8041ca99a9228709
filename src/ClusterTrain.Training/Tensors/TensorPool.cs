namespace ClusterTrain.Training;

/// <summary>Lends float buffers and takes them back, so that a steady run allocates nothing. Safe for several threads.</summary>
public sealed class TensorPool
{
    private readonly Dictionary<int, Stack<TensorLease>> _idle = [];
    private readonly Lock _gate = new();

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

        lease ??= new TensorLease(this, length);
        lease.Lend();
        return lease;
    }

    internal void Return(TensorLease lease)
    {
        lock (_gate)
        {
            Lent--;
            _idle[lease.Length].Push(lease);
        }
    }
}
