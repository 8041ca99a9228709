using ClusterTrain.Learning;

namespace ClusterTrain.Training;

/// <summary>
/// Puts the segments of one step's weights together. A segment that is the whole model is used where it lies; several are
/// copied into one vector.
/// </summary>
internal sealed class WeightAssembly(TensorPool pool, int parameters)
{
    private long[] _steps = [];
    private TensorLease? _whole;

    /// <summary>True when all segments are there, of the same step.</summary>
    public bool IsWhole { get; private set; }

    /// <summary>The step of the weights, when they are whole.</summary>
    public long Step { get; private set; } = -1;

    /// <summary>The weights, when they are whole.</summary>
    public ReadOnlySpan<float> Values => _whole!.Span;

    /// <summary>Forgets everything and waits for the segments anew.</summary>
    public void Begin(int segments)
    {
        Clear();
        _steps = new long[segments];
        Array.Fill(_steps, -1);
    }

    /// <summary>Takes a segment; its lease is now the assembly's.</summary>
    public void Add(in TensorMessage message, Segment segment)
    {
        var step = message.Key.Step;
        if (_steps.Length == 1)
        {
            _whole?.Release();
            _whole = message.Lease;
        }
        else
        {
            // Segments of two steps never mix: a server moves on only when every segment's sums of the step are pushed.
            _whole ??= pool.Rent(parameters);
            message.Values.CopyTo(_whole.Span.Slice(segment.Start, segment.Length));
            message.Lease.Release();
        }

        _steps[message.Key.Segment] = step;
        Step = step;
        IsWhole = true;
        foreach (var other in _steps)
        {
            IsWhole &= other == step;
        }
    }

    /// <summary>Gives the weights up.</summary>
    public void Clear()
    {
        _whole?.Release();
        _whole = null;
        IsWhole = false;
        Step = -1;
    }
}
