using System.Collections.Immutable;
using ClusterTrain.Numerics.RandomNumbers;
using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Training.Plan;

/// <summary>
/// Which steps' shares are computed a second time, and by whom: a pure function of the recipe's seed, the step and the assignment, so that every
/// parameter server and the coordinator know it without asking each other.
/// </summary>
/// <param name="plan">What each step is.</param>
/// <param name="rate">The share of the steps, 0 to 1.</param>
public sealed class AuditPlan(TrainingPlan plan, double rate)
{
    private readonly RandomStream _steps = new(plan.Recipe.Seed, "audit/steps");
    private readonly RandomStream _pairs = new(plan.Recipe.Seed, "audit/pairs");

    /// <summary>The share of the steps.</summary>
    public double Rate => rate;

    /// <summary>True when the shares of a step are computed twice.</summary>
    public bool Covers(long step) => rate > 0 && step < plan.Steps && _steps.Uniform((ulong)step) < rate;

    /// <summary>True when a worker has leaves of its own in a step.</summary>
    public bool HasLeaves(ActorId worker, long step, Assignment assignment)
    {
        ArgumentNullException.ThrowIfNull(assignment);
        var index = assignment.Workers.IndexOf(worker);
        return index >= 0 && step < plan.Steps && assignment.Share(index, plan.Leaves(step)).Count > 0;
    }

    /// <summary>The workers that have leaves of their own in some step.</summary>
    public IEnumerable<ActorId> Sharers(Assignment assignment)
    {
        // The last batch of an epoch may be smaller than the others.
        ArgumentNullException.ThrowIfNull(assignment);
        var (first, last) = (plan.Leaves(0), plan.Leaves(plan.StepsPerEpoch - 1));
        return assignment.Workers.Where((_, index) => assignment.Share(index, first).Count + assignment.Share(index, last).Count > 0);
    }

    /// <summary>
    /// The shares of a step, each with another worker than the one whose it is. Workers without leaves of their own come first; then every worker
    /// takes the share of the one that is so many places before it, a number that changes from step to step: all take as long as in a step of
    /// their own.
    /// </summary>
    /// <param name="step">The step.</param>
    /// <param name="assignment">Who shares its leaves.</param>
    /// <returns>Nothing when there is no other worker.</returns>
    public ImmutableArray<AuditedShare> Shares(long step, Assignment assignment)
    {
        ArgumentNullException.ThrowIfNull(assignment);
        var leaves = plan.Leaves(step);
        var sharers = new List<(ActorId Worker, TreeNode Leaves)>();
        var idle = new List<ActorId>();
        for (var index = 0; index < assignment.Workers.Length; index++)
        {
            var (start, count) = assignment.Share(index, leaves);
            if (count > 0)
            {
                sharers.Add((assignment.Workers[index], new TreeNode(start, count)));
            }
            else
            {
                idle.Add(assignment.Workers[index]);
            }
        }

        // Two numbers a step: the share that the first idle worker takes, and the distance of the others.
        var first = sharers.Count > 0 ? (int)(_pairs.Bits(2 * (ulong)step) % (uint)sharers.Count) : 0;
        var distance = sharers.Count > 1 ? 1 + (int)(_pairs.Bits((2 * (ulong)step) + 1) % (uint)(sharers.Count - 1)) : 0;
        var shares = ImmutableArray.CreateBuilder<AuditedShare>(sharers.Count);
        for (var number = 0; number < sharers.Count; number++)
        {
            var index = (first + number) % sharers.Count;
            if (number >= idle.Count && distance == 0)
            {
                break;
            }

            var helper = number < idle.Count ? idle[number] : sharers[(index + distance) % sharers.Count].Worker;
            shares.Add(new AuditedShare(sharers[index].Worker, sharers[index].Leaves, helper));
        }

        return shares.DrainToImmutable();
    }
}

/// <summary>A share that is computed twice.</summary>
/// <param name="Worker">Whose it is.</param>
/// <param name="Leaves">Its leaves.</param>
/// <param name="Helper">Who computes it too.</param>
public sealed record AuditedShare(ActorId Worker, TreeNode Leaves, ActorId Helper);
