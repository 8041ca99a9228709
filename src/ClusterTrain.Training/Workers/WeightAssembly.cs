using ClusterTrain.Learning.Networks;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Tensors;

namespace ClusterTrain.Training.Workers;

/// <summary>
/// Puts the segments of a step's weights together. A segment that is the whole model is used where it lies; several are copied into
/// one vector.
/// </summary>
/// <remarks>
/// Servers are never more than a step apart: none applies a step before every segment's weights of it were whole at a worker. So two
/// steps are kept, the newest heard of and the one before: while one server still lacks a sum of the older step (its link broke, or
/// the leaf's worker died between two pushes), that step can be computed again.
/// </remarks>
internal sealed class WeightAssembly(TensorPool pool, int parameters)
{
    private readonly Gathering[] _gatherings = [new(), new()];
    private int _segments;

    /// <summary>True when the weights of <see cref="Step"/> are there.</summary>
    public bool IsWhole => Step >= 0 && Current.Step == Step;

    /// <summary>The newest step whose weights were whole; -1 before the first.</summary>
    public long Step { get; private set; } = -1;

    /// <summary>The weights, when they are whole.</summary>
    public ReadOnlySpan<float> Values => Current.Values!.Span;

    private Gathering Current => _gatherings[Step & 1];

    /// <summary>Forgets everything and waits for the segments again.</summary>
    public void Begin(int segments)
    {
        Clear();
        _segments = segments;
    }

    /// <summary>Takes a segment; its lease is now the assembly's.</summary>
    /// <returns>True when the weights of <see cref="Step"/> became whole with it, or were already and it came again.</returns>
    public bool Add(in TensorMessage message, Segment segment)
    {
        var step = message.Key.Step;
        var gathering = _gatherings[step & 1];
        if (step < Step || step < gathering.Step)
        {
            message.Lease.Release();
            return false;
        }

        if (step > gathering.Step)
        {
            gathering.Begin(step, _segments);
        }

        if (_segments == 1)
        {
            gathering.Values?.Release();
            gathering.Values = message.Lease;
        }
        else
        {
            gathering.Values ??= pool.Rent(parameters);
            message.Values.CopyTo(gathering.Values.Span.Slice(segment.Start, segment.Length));
            message.Lease.Release();
        }

        if (!gathering.Take(message.Key.Segment))
        {
            return false;
        }

        Step = step;
        if (_segments == 1)
        {
            _gatherings[(step + 1) & 1].Clear();
        }

        return true;
    }

    /// <summary>Gives the weights up.</summary>
    public void Clear()
    {
        _gatherings[0].Clear();
        _gatherings[1].Clear();
        Step = -1;
    }

    private sealed class Gathering
    {
        private bool[] _have = [];

        public long Step { get; private set; } = -1;

        public int Missing { get; private set; }

        public TensorLease? Values { get; set; }

        public void Begin(long step, int segments)
        {
            if (_have.Length != segments)
            {
                _have = new bool[segments];
            }

            Array.Clear(_have);
            (Step, Missing) = (step, segments);
        }

        /// <summary>Marks a segment as there; true when none is missing.</summary>
        public bool Take(int segment)
        {
            Missing -= _have[segment] ? 0 : 1;
            _have[segment] = true;
            return Missing == 0;
        }

        public void Clear()
        {
            Values?.Release();
            Values = null;
            Step = -1;
        }
    }
}
