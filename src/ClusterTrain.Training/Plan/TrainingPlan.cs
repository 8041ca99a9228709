using System.Collections.Immutable;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Optimisers;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.RandomNumbers;
using ClusterTrain.Numerics.Tree;

namespace ClusterTrain.Training.Plan;

/// <summary>
/// What a run does at every step, as pure functions of the recipe and the number of training rows: how many rows and leaves
/// a step has, which rows they are, where epochs end. Steps count from 0 over the whole run; the weights of step t are those before its update.
/// </summary>
public sealed class TrainingPlan
{
    private readonly ulong _seed;

    /// <summary>Plans a run.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="trainingRows">Rows to train on, at least 1.</param>
    public TrainingPlan(Recipe recipe, long trainingRows)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        ArgumentOutOfRangeException.ThrowIfLessThan(trainingRows, 1);
        Recipe = recipe;
        TrainingRows = trainingRows;
        _seed = recipe.Seed;
        BatchRows = checked((int)Math.Min(recipe.BatchRows ?? trainingRows, trainingRows));
        LeafRows = recipe.LeafRows;
        StepsPerEpoch = (trainingRows + BatchRows - 1) / BatchRows;
        Steps = StepsPerEpoch * recipe.Epochs;
    }

    /// <summary>The recipe.</summary>
    public Recipe Recipe { get; }

    /// <summary>Rows of an epoch.</summary>
    public long TrainingRows { get; }

    /// <summary>Rows of every batch but an epoch's last, which has what is left.</summary>
    public int BatchRows { get; }

    /// <summary>Rows of every leaf but a batch's last, which has what is left.</summary>
    public int LeafRows { get; }

    /// <summary>Bytes of a number of a gradient sum on its way between machines.</summary>
    public int GradientBytes => Recipe.GradientPrecision == GradientPrecision.BFloat16 ? sizeof(ushort) : sizeof(float);

    /// <summary>Batches of an epoch.</summary>
    public long StepsPerEpoch { get; }

    /// <summary>Steps of the run; the final weights are those of this step.</summary>
    public long Steps { get; }

    /// <summary>The segments of the parameters; a single one when the optimiser needs the whole model.</summary>
    /// <param name="layout">The parameters.</param>
    /// <param name="count">Segments wanted, at least 1.</param>
    public ImmutableArray<Segment> Segments(NetworkLayout layout, int count) =>
        Learning.Networks.Segments.Split(layout.Parameters, Optimiser.NeedsWholeModel(Recipe.Optimiser) ? 1 : count);

    /// <summary>The epoch a step belongs to, counted from 0.</summary>
    public int Epoch(long step) => (int)(step / StepsPerEpoch);

    /// <summary>True when the weights of this step are those after a whole number of epochs, one at least.</summary>
    public bool EndsEpoch(long step) => step > 0 && step % StepsPerEpoch == 0;

    /// <summary>Number of rows of a step's batch.</summary>
    public int Rows(long step)
    {
        var first = step % StepsPerEpoch * BatchRows;
        return (int)Math.Min(BatchRows, TrainingRows - first);
    }

    /// <summary>Number of leaves of a step's batch.</summary>
    public int Leaves(long step) => (Rows(step) + LeafRows - 1) / LeafRows;

    /// <summary>Number of rows below a run of leaves.</summary>
    /// <param name="step">The step.</param>
    /// <param name="leaves">The leaves.</param>
    public int Rows(long step, TreeNode leaves) =>
        Math.Min(leaves.End * LeafRows, Rows(step)) - (leaves.Start * LeafRows);

    /// <summary>Writes the training rows below a run of leaves, in order: the epoch's seeded permutation at the step's positions.</summary>
    /// <param name="step">The step.</param>
    /// <param name="leaves">The leaves.</param>
    /// <param name="rows">Receives <see cref="Rows(long, TreeNode)"/> row numbers.</param>
    public void FillRows(long step, TreeNode leaves, Span<long> rows)
    {
        var order = new SeededPermutation(_seed, "shuffle", (ulong)Epoch(step), TrainingRows);
        var first = (step % StepsPerEpoch * BatchRows) + ((long)leaves.Start * LeafRows);
        order.Fill(first, rows[..Rows(step, leaves)]);
    }
}
