using System.Collections.Immutable;
using System.Runtime.InteropServices;
using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;

namespace ClusterTrain.Training.Servers;

/// <summary>
/// The steps whose shares a parameter server has computed twice. It asks the helpers as soon as the weights of a step are sent, on the links that
/// carry them, keeps the first sum of each name, and compares the second with it bit by bit: that costs less than to hash both.
/// </summary>
internal sealed class StepAudit(TrainingPlan plan)
{
    // A helper without leaves of its own may be some steps behind; the sums of earlier steps are not kept, and so not compared any more.
    private const int MostSteps = 4;

    private readonly Queue<AuditedStep> _steps = new();
    private AuditPlan? _audit;
    private Assignment? _assignment;
    private long _lookedAt = -1;

    /// <summary>True when there is nothing to look at.</summary>
    public bool IsOff => _audit is null;

    /// <summary>A new term: its coordinator says again what it wants.</summary>
    public void Clear()
    {
        while (_steps.TryDequeue(out var step))
        {
            step.Release();
        }

        (_audit, _assignment, _lookedAt) = (null, null, -1);
    }

    /// <summary>So many of the steps are wanted.</summary>
    public void Begin(AuditShares wanted) => _audit = new AuditPlan(plan, wanted.Rate);

    /// <summary>The leaves are divided again; among nobody while the run rests, and then the step is as if none were known.</summary>
    public void Follow(Assignment assignment) => _assignment = assignment.Workers.IsEmpty ? null : assignment;

    /// <summary>True when sums of a step are compared.</summary>
    public bool Covers(long step) => Find(step) is not null;

    /// <summary>The sums of a step that no other worker's was compared with yet, and whose they are.</summary>
    public ImmutableArray<(ActorId Worker, TensorMessage Sum)> Kept(long step) =>
        [.. Find(step)?.Kept.Values.Where(kept => !kept.IsOver).Select(kept => (kept.Worker, kept.Sum)) ?? []];

    /// <summary>Compares a sum with the first of its name, or keeps it when it is that.</summary>
    /// <param name="worker">Who computed it.</param>
    /// <param name="sum">The sum; the caller still has its reference.</param>
    /// <param name="first">When it differs: the first one, and whose it is.</param>
    /// <returns>False when there is nothing to compare it with any more.</returns>
    public bool Meet(ActorId worker, in TensorMessage sum, out (ActorId Worker, TensorMessage Sum)? first)
    {
        first = null;
        var kept = Find(sum.Key.Step)!.Kept;
        var name = (sum.Key.Segment, sum.Key.Node);
        if (!kept.TryGetValue(name, out var before))
        {
            sum.Lease.Keep();
            kept.Add(name, new KeptSum(worker, sum));
            return true;
        }

        if (before.IsOver)
        {
            return false;
        }

        if (!MemoryMarshal.AsBytes(before.Sum.Values).SequenceEqual(MemoryMarshal.AsBytes(sum.Values))
            || BitConverter.DoubleToInt64Bits(before.Sum.Loss) != BitConverter.DoubleToInt64Bits(sum.Loss))
        {
            first = (before.Worker, before.Sum);
        }
        else if (worker != before.Worker && (IsAsked(worker, sum.Key) || IsAsked(before.Worker, sum.Key)))
        {
            before.Release();
        }

        return true;
    }

    private AuditedStep? Find(long number)
    {
        foreach (var step in _steps)
        {
            if (step.Number == number)
            {
                return step;
            }
        }

        return null;
    }

    /// <summary>
    /// True for a sum that is only compared: the step waits for the worker whose share it is. Otherwise the fast workers would do the work of the
    /// slow ones, whose sums would always come too late to be compared. Once the leaves are divided again, they may be the helper's own.
    /// </summary>
    public bool IsSpare(ActorId worker, in TensorKey key) =>
        Find(key.Step) is { } step && step.Version == _assignment?.Version && IsAsked(worker, key);

    private bool IsAsked(ActorId worker, in TensorKey key)
    {
        foreach (var recompute in Find(key.Step)!.Asked)
        {
            if (recompute.Worker == worker && recompute.Leaves.Contains(key.Node))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>What a worker was asked and may not have heard.</summary>
    public IEnumerable<Recompute> AskedOf(ActorId worker) => _steps.SelectMany(step => step.Asked).Where(asked => asked.Worker == worker);

    /// <summary>The weights of a step are sent by every segment of this server.</summary>
    /// <param name="term">The term.</param>
    /// <param name="step">The step.</param>
    /// <param name="isUntouched">True when no sum of it has come.</param>
    /// <returns>What is to be asked, and the version of the assignment it follows from; null: nothing of this step.</returns>
    public (ImmutableArray<Recompute> Asked, long Version)? Reach(long term, long step, bool isUntouched)
    {
        // The first assignment of a term may come after the weights of its first step.
        if (_audit is null || step == _lookedAt || _assignment is not { } assignment || assignment.Term != term)
        {
            return null;
        }

        _lookedAt = step;
        if (!isUntouched || !_audit.Covers(step))
        {
            return null;
        }

        ImmutableArray<Recompute> asked =
            [.. _audit.Shares(step, assignment).Select(share => new Recompute(term, step, share.Leaves, share.Helper))];
        if (asked.IsEmpty)
        {
            return null;
        }

        if (_steps.Count == MostSteps)
        {
            _steps.Dequeue().Release();
        }

        _steps.Enqueue(new AuditedStep(step, assignment.Version, asked));
        return (asked, assignment.Version);
    }

    /// <summary>A step whose shares are computed twice.</summary>
    /// <param name="Number">The step.</param>
    /// <param name="Version">The assignment that says whose share is whose.</param>
    /// <param name="Asked">Who was asked to compute what.</param>
    private sealed record AuditedStep(long Number, long Version, ImmutableArray<Recompute> Asked)
    {
        /// <summary>The first sum of each name.</summary>
        public Dictionary<(int Segment, TreeNode Node), KeptSum> Kept { get; } = [];

        public void Release()
        {
            foreach (var kept in Kept.Values)
            {
                kept.Release();
            }
        }
    }

    /// <summary>The first sum of a name, until another worker's was compared with it.</summary>
    private sealed class KeptSum(ActorId worker, TensorMessage sum)
    {
        public ActorId Worker => worker;

        public TensorMessage Sum => sum;

        public bool IsOver { get; private set; }

        public void Release()
        {
            if (!IsOver)
            {
                IsOver = true;
                sum.Lease.Release();
            }
        }
    }
}
