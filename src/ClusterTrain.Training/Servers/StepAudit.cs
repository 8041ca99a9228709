using System.Collections.Immutable;
using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;

namespace ClusterTrain.Training.Servers;

/// <summary>
/// The steps whose shares a parameter server has computed twice. It asks the helpers as soon as the weights of a step are sent, on the links that
/// carry them.
/// </summary>
internal sealed class StepAudit(TrainingPlan plan)
{
    // A helper without leaves of its own may be some steps behind; answers of earlier steps are not told any more.
    private const int MostSteps = 4;

    private readonly Queue<ImmutableArray<Recompute>> _steps = new();
    private AuditPlan? _audit;
    private Assignment? _assignment;
    private long _lookedAt = -1;

    /// <summary>True when there is nothing to look at.</summary>
    public bool IsOff => _audit is null;

    /// <summary>A new term: its coordinator says again what it wants.</summary>
    public void Clear()
    {
        _steps.Clear();
        (_audit, _assignment, _lookedAt) = (null, null, -1);
    }

    /// <summary>So many of the steps are wanted.</summary>
    public void Begin(AuditShares wanted) => _audit = new AuditPlan(plan, wanted.Rate);

    /// <summary>The leaves are divided again; among nobody while the run rests, and then the step is as if none were known.</summary>
    public void Follow(Assignment assignment) => _assignment = assignment.Workers.IsEmpty ? null : assignment;

    /// <summary>True when the shares of a step are computed twice.</summary>
    public bool Covers(long step) => Asked(step).Length > 0;

    /// <summary>True when a worker was asked to compute a node of a step besides its own.</summary>
    public bool IsAsked(ActorId worker, long step, TreeNode node)
    {
        foreach (var recompute in Asked(step))
        {
            if (recompute.Worker == worker && recompute.Leaves.Contains(node))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>What a worker was asked and may not have heard.</summary>
    public IEnumerable<Recompute> AskedOf(ActorId worker) => _steps.SelectMany(asked => asked).Where(asked => asked.Worker == worker);

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
            [.. _audit.Shares(step, assignment).Select(share => new Recompute(term, step, share.Leaves, share.Helper, DigestOnly: true))];
        if (asked.IsEmpty)
        {
            return null;
        }

        if (_steps.Count == MostSteps)
        {
            _steps.Dequeue();
        }

        _steps.Enqueue(asked);
        return (asked, assignment.Version);
    }

    private ImmutableArray<Recompute> Asked(long step)
    {
        foreach (var asked in _steps)
        {
            if (asked[0].Step == step)
            {
                return asked;
            }
        }

        return [];
    }
}
