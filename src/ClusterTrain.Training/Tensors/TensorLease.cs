using ClusterTrain.Numerics;

namespace ClusterTrain.Training;

/// <summary>
/// A run of floats in 64-byte aligned memory, shared by counted references. While more than one holder has a reference it is
/// read-only by agreement; the holder of the last one may write. At the last release it goes back to its pool.
/// </summary>
public sealed class TensorLease
{
    private readonly TensorPool _pool;
    private readonly Memory<float> _values;
    private int _references;

    internal TensorLease(TensorPool pool, int length)
    {
        _pool = pool;
        _values = AlignedFloats.Allocate(length);
    }

    /// <summary>Number of floats.</summary>
    public int Length => _values.Length;

    /// <summary>The floats.</summary>
    /// <exception cref="ObjectDisposedException">The lease was released by its last holder.</exception>
    public Memory<float> Memory
    {
        get
        {
            ObjectDisposedException.ThrowIf(Volatile.Read(ref _references) <= 0, this);
            return _values;
        }
    }

    /// <summary>The floats.</summary>
    /// <exception cref="ObjectDisposedException">The lease was released by its last holder.</exception>
    public Span<float> Span => Memory.Span;

    /// <summary>Adds a reference for another holder.</summary>
    /// <returns>This lease.</returns>
    public TensorLease Share()
    {
        if (Interlocked.Increment(ref _references) <= 1)
        {
            Interlocked.Decrement(ref _references);
            ObjectDisposedException.ThrowIf(true, this);
        }

        return this;
    }

    /// <summary>Gives one reference up.</summary>
    /// <exception cref="ObjectDisposedException">There was none left to give up.</exception>
    public void Release()
    {
        var left = Interlocked.Decrement(ref _references);
        ObjectDisposedException.ThrowIf(left < 0, this);
        if (left == 0)
        {
            _pool.Return(this);
        }
    }

    internal void Lend() => Volatile.Write(ref _references, 1);
}
