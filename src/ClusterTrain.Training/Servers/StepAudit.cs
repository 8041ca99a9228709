using System.Collections.Immutable;

namespace ClusterTrain.Training;

/// <summary>
/// The steps whose shares a parameter server has computed twice. It asks the helpers as soon as the weights of a step are sent, on the links that
/// carry them, and tells the coordinator every sum of such a step from then on.
/// </summary>
internal sealed class StepAudit(TrainingPlan plan)
{
    // A helper without leaves of its own may be some steps behind; what comes later than this is of no use.
    private const int MostSteps = 16;

    private readonly Queue<(long Step, long Version, ImmutableArray<Recompute> Asked)> _steps = new();
    private AuditPlan? _audit;
    private Assignment? _assignment;
    private long _lookedAt = -1;

    /// <summary>True when there is nothing to look at.</summary>
    public bool IsOff => _audit is null;

    /// <summary>A new term: its coordinator says anew what it wants.</summary>
    public void Clear()
    {
        _steps.Clear();
        (_audit, _assignment, _lookedAt) = (null, null, -1);
    }

    /// <summary>So many of the steps are wanted.</summary>
    public void Begin(AuditShares wanted) => _audit = new AuditPlan(plan, wanted.Rate);

    /// <summary>The leaves are divided anew.</summary>
    public void Follow(Assignment assignment) => _assignment = assignment;

    /// <summary>True when sums of a step are told to the coordinator.</summary>
    public bool Covers(long step)
    {
        foreach (var asked in _steps)
        {
            if (asked.Step == step)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// True for a sum that is only compared: the step waits for the worker whose share it is. Otherwise the fast workers would do the work of the
    /// slow ones, whose sums would always come too late to be compared. Once the leaves are divided anew, they may be the helper's own.
    /// </summary>
    public bool IsSpare(ActorId worker, in TensorKey key)
    {
        foreach (var (step, version, asked) in _steps)
        {
            if (step != key.Step || version != _assignment?.Version)
            {
                continue;
            }

            foreach (var recompute in asked)
            {
                if (recompute.Worker == worker && recompute.Leaves.Contains(key.Node))
                {
                    return true;
                }
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
            _steps.Dequeue();
        }

        _steps.Enqueue((step, assignment.Version, asked));
        return (asked, assignment.Version);
    }
}
