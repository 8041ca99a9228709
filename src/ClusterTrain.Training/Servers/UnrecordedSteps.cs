using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;
using ClusterTrain.Training.Tensors;

namespace ClusterTrain.Training.Servers;

/// <summary>
/// What a segment's server has sent to the coordinator and does not know to be in the receipt: weights and the ends of epochs. A new coordinator
/// gets them again, a spare server has them too.
/// </summary>
internal sealed class UnrecordedSteps : IDisposable
{
    private readonly TrainingPlan _plan;
    private readonly TensorPool _pool;
    private readonly Queue<TensorMessage> _weights = new();

    // The ends of epochs as they were reported, and the one before them: a new coordinator's speeds begin there.
    private readonly Queue<StepReport> _epochEnds = new();
    private StepReport _before;

    /// <summary>Creates it for a segment.</summary>
    /// <param name="plan">The steps of the run.</param>
    /// <param name="pool">Where copies of weights come from.</param>
    /// <param name="receiptSteps">Steps between entries of the receipt besides the epochs'; 0: none.</param>
    /// <param name="recorded">The last step that is known to be in the receipt.</param>
    /// <param name="start">What would have been reported at the segment's first step.</param>
    public UnrecordedSteps(TrainingPlan plan, TensorPool pool, long receiptSteps, long recorded, StepReport start)
    {
        _plan = plan;
        _pool = pool;
        ReceiptSteps = receiptSteps;
        _before = start;
        Recorded = recorded;
    }

    /// <summary>Steps between entries of the receipt besides the epochs'; 0: none.</summary>
    public long ReceiptSteps { get; }

    /// <summary>The last step that is known to be in the receipt.</summary>
    public long Recorded { get; private set; }

    /// <summary>True when the weights of a step are for the receipt.</summary>
    public bool IsForReceipt(long step) => _plan.EndsEpoch(step) || (ReceiptSteps > 0 && step % ReceiptSteps == 0);

    /// <summary>True when the weights of a step are for the receipt, not known to be in it, and not kept yet.</summary>
    public bool IsMissing(long step) => IsForReceipt(step) && step > Recorded && _weights.All(kept => kept.Key.Step < step);

    /// <summary>Keeps weights, and their lease.</summary>
    public void Keep(in TensorMessage weights) => _weights.Enqueue(weights);

    /// <summary>Keeps a copy of weights, and gives their lease back.</summary>
    public void KeepCopy(in TensorMessage weights)
    {
        var copy = _pool.Rent(weights.Length);
        weights.Values.CopyTo(copy.Span);
        weights.Lease.Release();
        Keep(weights with { Lease = copy, Offset = 0 });
    }

    /// <summary>Keeps the end of an epoch as it was reported.</summary>
    public void KeepEpochEnd(StepReport report) => _epochEnds.Enqueue(report);

    /// <summary>The receipt has all up to a step.</summary>
    public void Forget(long recorded)
    {
        Recorded = Math.Max(Recorded, recorded);
        while (_weights.TryPeek(out var weights) && weights.Key.Step <= recorded)
        {
            _weights.Dequeue().Lease.Release();
        }

        while (_epochEnds.TryPeek(out var report) && report.Step <= recorded)
        {
            _before = _epochEnds.Dequeue();
        }
    }

    /// <summary>Sends all of it to a new coordinator.</summary>
    public void SendAll(IActorContext context, ActorId coordinator, long term)
    {
        foreach (var report in _epochEnds.Prepend(_before))
        {
            context.Send(coordinator, report with { Term = term });
        }

        SendWeights(context, coordinator, term, before: long.MaxValue);
    }

    /// <summary>Sends the weights of the steps before one.</summary>
    public void SendWeights(IActorContext context, ActorId to, long term, long before)
    {
        foreach (var weights in _weights)
        {
            if (weights.Key.Step < before)
            {
                weights.Lease.Share();
                context.Send(to, weights with { Key = weights.Key with { Term = term } });
            }
        }
    }

    public void Dispose()
    {
        while (_weights.TryDequeue(out var weights))
        {
            weights.Lease.Release();
        }
    }
}
