namespace ClusterTrain.Training.Tensors;

/// <summary>
/// A run of floats in 64-byte aligned memory, shared by counted references. While more than one holder has a reference it is
/// read-only by agreement; the holder of the last one may write, unless it is memory of another process. At the last release it goes back to
/// where it came from.
/// </summary>
public sealed class TensorLease
{
    private readonly Action<TensorLease> _returned;
    private readonly Memory<float> _values;
    private readonly bool _isForeign;
    private int _references;

    internal TensorLease(Memory<float> values, Action<TensorLease> returned, bool isForeign = false) =>
        (_values, _returned, _isForeign) = (values, returned, isForeign);

    /// <summary>True for memory of another process: writing to it would end this one.</summary>
    public bool IsReadOnly => _isForeign;

    /// <summary>A lease, with one reference, of memory of another process, which may be read alone.</summary>
    /// <param name="values">The memory.</param>
    /// <param name="returned">Called at the last release, on the thread that releases it.</param>
    public static TensorLease Foreign(Memory<float> values, Action returned)
    {
        var lease = new TensorLease(values, _ => returned(), isForeign: true);
        lease.Lend();
        return lease;
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
            _returned(this);
        }
    }

    internal void Lend() => Volatile.Write(ref _references, 1);
}
