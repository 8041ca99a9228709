using ClusterTrain.Learning.Networks;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Tensors;

namespace ClusterTrain.Training.Coordination;

/// <summary>Puts the segments of snapshots together, each step's weights and, for checkpoints, the optimiser's state.</summary>
internal sealed class SnapshotCollector(NetworkLayout layout, int stateCount, TensorPool pool)
{
    private readonly SortedDictionary<long, Snapshot> _snapshots = [];
    private IReadOnlyList<Segment> _segments = [];

    /// <summary>Forgets what is incomplete; segments of a new topology follow.</summary>
    public void Begin(IReadOnlyList<Segment> segments)
    {
        foreach (var snapshot in _snapshots.Values)
        {
            snapshot.Release();
        }

        _snapshots.Clear();
        _segments = segments;
    }

    /// <summary>Takes a segment's part and returns the step's snapshot so far; null when the part does not fit the layout.</summary>
    public Snapshot? Add(in TensorMessage message, TimeSpan now)
    {
        var key = message.Key;
        var isWeights = key.Kind == TensorKind.Weights;
        if (key.Segment >= _segments.Count || message.Length != _segments[key.Segment].Length * (isWeights ? 1 : stateCount))
        {
            message.Lease.Release();
            return null;
        }

        if (!_snapshots.TryGetValue(key.Step, out var snapshot))
        {
            _snapshots.Add(key.Step, snapshot = new Snapshot(key.Step, _segments.Count, now));
        }

        var segment = _segments[key.Segment];
        if (isWeights)
        {
            snapshot.AddWeights(message, segment, layout.Parameters, pool);
        }
        else
        {
            snapshot.AddState(message, segment, layout.Parameters, stateCount, pool);
        }

        return snapshot;
    }

    /// <summary>The snapshots up to a step whose weights are whole, in order.</summary>
    public IReadOnlyList<Snapshot> WholeUpTo(long step) =>
        [.. _snapshots.Values.TakeWhile(snapshot => snapshot.Step <= step).Where(snapshot => snapshot.HasWeights)];

    /// <summary>Drops a snapshot that is not needed any more.</summary>
    public void Drop(Snapshot snapshot)
    {
        snapshot.Release();
        _snapshots.Remove(snapshot.Step);
    }

    /// <summary>Drops the snapshots before a step; they are dealt with.</summary>
    public void DropBefore(long step)
    {
        while (_snapshots.Count > 0 && _snapshots.First() is var (first, snapshot) && first < step)
        {
            snapshot.Release();
            _snapshots.Remove(first);
        }
    }
}

/// <summary>The weights of one step, and the optimiser's state when it is a checkpoint's.</summary>
internal sealed class Snapshot(long step, int segments, TimeSpan since)
{
    private readonly bool[] _haveWeights = new bool[segments];
    private readonly bool[] _haveState = new bool[segments];

    public long Step { get; } = step;

    /// <summary>When its first part came.</summary>
    public TimeSpan Since => since;

    /// <summary>Since when all is there that a checkpoint needs; null before.</summary>
    public TimeSpan? WholeSince { get; set; }

    /// <summary>Sum of the row losses of the epoch, see <see cref="TensorMessage.Loss"/>.</summary>
    public double EpochLoss { get; private set; }

    public TensorLease? Weights { get; private set; }

    public TensorLease? State { get; private set; }

    public bool HasWeights => Array.TrueForAll(_haveWeights, have => have);

    public bool HasState => Array.TrueForAll(_haveState, have => have);

    /// <summary>True once the epoch that ends here was handed on for recording.</summary>
    public bool IsRecorded { get; set; }

    /// <summary>True once it was handed on for a checkpoint.</summary>
    public bool IsCheckpoint { get; set; }

    public void AddWeights(in TensorMessage message, Segment segment, int parameters, TensorPool pool)
    {
        if (_haveWeights[segment.Index])
        {
            message.Lease.Release();
            return;
        }

        _haveWeights[segment.Index] = true;
        EpochLoss = message.Loss;
        if (segment.Length == parameters)
        {
            Weights = message.Lease;
            return;
        }

        Weights ??= pool.Rent(parameters);
        message.Values.CopyTo(Weights.Span.Slice(segment.Start, segment.Length));
        message.Lease.Release();
    }

    public void AddState(in TensorMessage message, Segment segment, int parameters, int stateCount, TensorPool pool)
    {
        State ??= pool.Rent(parameters * stateCount);
        for (var plane = 0; plane < stateCount; plane++)
        {
            message.Values.Slice(plane * segment.Length, segment.Length)
                .CopyTo(State.Span.Slice((plane * parameters) + segment.Start, segment.Length));
        }

        _haveState[segment.Index] = true;
        message.Lease.Release();
    }

    public void Release()
    {
        Weights?.Release();
        State?.Release();
        (Weights, State) = (null, null);
    }
}
