using System.Collections.Immutable;

namespace ClusterTrain.Learning.Metrics;

/// <summary>
/// How well scores put the rows of a class before all others: the counts at every threshold, and the areas under the two curves they draw.
/// Rows of equal scores count as one step, so their order does not matter.
/// </summary>
public sealed record Ranking
{
    private Ranking(long positives, long negatives, ImmutableArray<RankingStep> steps) =>
        (Positives, Negatives, Steps) = (positives, negatives, steps);

    /// <summary>Rows of the class.</summary>
    public long Positives { get; }

    /// <summary>All other rows.</summary>
    public long Negatives { get; }

    /// <summary>The counts at each different score, from the highest to the lowest.</summary>
    public ImmutableArray<RankingStep> Steps { get; }

    /// <summary>
    /// Area under the ROC curve: the share of all pairs of a row of the class and another row in which the former has the higher score; equal
    /// scores count half. It is counted in whole numbers and divided once.
    /// </summary>
    public double RocAuc
    {
        get
        {
            Int128 doubled = 0;
            var before = default(RankingStep);
            foreach (var step in Steps)
            {
                doubled += (Int128)(step.FalsePositives - before.FalsePositives) * (step.TruePositives + before.TruePositives);
                before = step;
            }

            return (double)doubled / (double)(2 * (Int128)Positives * Negatives);
        }
    }

    /// <summary>
    /// Area under the precision-recall curve as average precision: the sum over the steps of the gain in recall times the precision there.
    /// </summary>
    public double PrAuc
    {
        get
        {
            double sum = 0;
            long before = 0;
            foreach (var step in Steps)
            {
                sum += (step.TruePositives - before) * step.Precision;
                before = step.TruePositives;
            }

            return sum / Positives;
        }
    }

    /// <summary>Ranks rows; null when all are of the class or none is.</summary>
    /// <param name="scores">The score of each row, a number; sorted by this method.</param>
    /// <param name="isPositive">Whether each row is of the class; ordered with them.</param>
    public static Ranking? Of(float[] scores, bool[] isPositive)
    {
        ArgumentNullException.ThrowIfNull(scores);
        ArgumentNullException.ThrowIfNull(isPositive);
        Array.Sort(scores, isPositive);
        long positives = isPositive.AsSpan().Count(true);
        var negatives = isPositive.Length - positives;
        if (positives == 0 || negatives == 0)
        {
            return null;
        }

        var steps = ImmutableArray.CreateBuilder<RankingStep>();
        var (right, wrong) = (0L, 0L);
        for (var row = scores.Length - 1; row >= 0; row--)
        {
            (right, wrong) = isPositive[row] ? (right + 1, wrong) : (right, wrong + 1);
            if (row == 0 || scores[row - 1] != scores[row])
            {
                steps.Add(new RankingStep(scores[row], right, wrong));
            }
        }

        return new Ranking(positives, negatives, steps.ToImmutable());
    }
}

/// <summary>The counts when all rows of at least a score are taken for the class.</summary>
/// <param name="Threshold">The score.</param>
/// <param name="TruePositives">Rows of the class among them.</param>
/// <param name="FalsePositives">Other rows among them.</param>
public readonly record struct RankingStep(float Threshold, long TruePositives, long FalsePositives)
{
    /// <summary>The share of the rows taken for the class that are of it.</summary>
    public double Precision => (double)TruePositives / (TruePositives + FalsePositives);
}
