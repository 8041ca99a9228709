using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Plan;

namespace ClusterTrain.Training.Tests;

public sealed class TrainingPlanTests
{
    [Theory]
    [InlineData(10, 4, 2, new[] { 4, 4, 2 }, new[] { 2, 2, 1 })]
    [InlineData(10, 4, 3, new[] { 4, 4, 2 }, new[] { 2, 2, 1 })]
    [InlineData(10, 10, 4, new[] { 10 }, new[] { 3 })]
    [InlineData(10, 64, 16, new[] { 10 }, new[] { 1 })]
    [InlineData(9, 4, 1, new[] { 4, 4, 1 }, new[] { 4, 4, 1 })]
    public void Batches_and_leaves_may_be_short_at_the_end(long trainingRows, int batchRows, int leafRows, int[] rows, int[] leaves)
    {
        var plan = new TrainingPlan(LineRun.Recipe(epochs: 2, batchRows) with { LeafRows = leafRows }, trainingRows);
        Assert.Equal(rows.Length, plan.StepsPerEpoch);
        Assert.Equal(2 * rows.Length, plan.Steps);
        for (var step = 0; step < plan.Steps; step++)
        {
            Assert.Equal(rows[step % rows.Length], plan.Rows(step));
            Assert.Equal(leaves[step % rows.Length], plan.Leaves(step));
            Assert.Equal(step / rows.Length, plan.Epoch(step));
            Assert.Equal(step > 0 && step % rows.Length == 0, plan.EndsEpoch(step));
        }
    }

    [Fact]
    public void An_epoch_visits_every_row_once_and_two_epochs_in_different_orders()
    {
        var plan = new TrainingPlan(LineRun.Recipe(epochs: 2, batchRows: 7) with { LeafRows = 3 }, 31);
        var orders = new List<long>[2];
        for (var epoch = 0; epoch < 2; epoch++)
        {
            orders[epoch] = [];
            for (var step = epoch * plan.StepsPerEpoch; step < (epoch + 1) * plan.StepsPerEpoch; step++)
            {
                orders[epoch].AddRange(Rows(plan, step, ReductionTree.Root(plan.Leaves(step))));
            }

            Assert.Equal(Enumerable.Range(0, 31).Select(row => (long)row), orders[epoch].Order());
        }

        Assert.NotEqual(orders[0], orders[1]);
    }

    [Fact]
    public void The_rows_of_a_leaf_are_the_same_whichever_node_they_are_asked_by()
    {
        var plan = new TrainingPlan(LineRun.Recipe(batchRows: 7) with { LeafRows = 3 }, 31);
        var whole = Rows(plan, 3, new TreeNode(0, 3));
        var parts = Enumerable.Range(0, 3).SelectMany(leaf => Rows(plan, 3, new TreeNode(leaf, 1)));
        Assert.Equal(whole, parts);
    }

    [Fact]
    public void A_run_needs_a_row_and_a_batch_no_more_rows_than_an_int_counts()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new TrainingPlan(LineRun.Recipe(), 0));
        Assert.Throws<OverflowException>(() => new TrainingPlan(LineRun.Recipe(), int.MaxValue + 1L));
        Assert.Equal(int.MaxValue, new TrainingPlan(LineRun.Recipe(), int.MaxValue).BatchRows);
        Assert.Equal(2, new TrainingPlan(LineRun.Recipe(batchRows: int.MaxValue), int.MaxValue + 1L).StepsPerEpoch);
    }

    [Theory]
    [InlineData(OptimiserKind.Adam, 3)]
    [InlineData(OptimiserKind.Lbfgs, 1)]
    public void An_optimiser_that_needs_the_whole_model_has_one_segment(OptimiserKind optimiser, int segments)
    {
        var recipe = LineRun.Recipe() with { Optimiser = new() { Kind = optimiser } };
        var layout = new NetworkLayout(3 * GradientNorm.BlockParameters, recipe.Layers);
        Assert.Equal(segments, new TrainingPlan(recipe, 4).Segments(layout, 3).Length);
    }

    private static long[] Rows(TrainingPlan plan, long step, TreeNode leaves)
    {
        var rows = new long[plan.Rows(step, leaves)];
        plan.FillRows(step, leaves, rows);
        return rows;
    }
}
