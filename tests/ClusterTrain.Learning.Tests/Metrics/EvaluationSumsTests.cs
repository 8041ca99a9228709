using ClusterTrain.Learning.Metrics;
using ClusterTrain.Learning.Recipes;

using static ClusterTrain.Learning.Tests.TestNetworks;

namespace ClusterTrain.Learning.Tests;

public sealed class EvaluationSumsTests
{
    [Fact]
    public void Classes_are_the_first_largest_outputs()
    {
        var sums = new EvaluationSums(TaskKind.Classification, 3);
        sums.Add([0.1f, 0.8f, 0.1f, 0.4f, 0.4f, 0.2f, 0.2f, 0.3f, 0.5f], [0, 1, 0, 1, 0, 0, 0, 1, 0], [0.5f, 1f, 1.5f]);
        var result = sums.Result();
        Assert.Equal((3, 1.0, 2.0 / 3), (result.Rows, result.Loss, result.Accuracy));
        Assert.Equal(new long[,] { { 1, 0, 0 }, { 0, 1, 1 }, { 0, 0, 0 } }, result.Confusion);
        Assert.Equal((null, null, null), (result.MeanAbsoluteError, result.MeanSquaredError, result.R2));
    }

    [Fact]
    public void A_single_output_tells_two_classes_apart_at_one_half()
    {
        var sums = new EvaluationSums(TaskKind.Classification, 1);
        sums.Add([0.4f, 0.6f, 0.5f, 0.9f], [0, 1, 1, 0], new float[4]);
        var result = sums.Result();
        Assert.Equal(0.5, result.Accuracy);
        Assert.Equal(new long[,] { { 1, 1 }, { 1, 1 } }, result.Confusion);
    }

    [Fact]
    public void Outputs_that_are_no_numbers_are_no_class_and_never_right()
    {
        var sums = new EvaluationSums(TaskKind.Classification, 2);
        sums.Add([0.9f, 0.1f, float.NaN, float.NaN, 0.2f, float.NaN], [1, 0, 1, 0, 1, 0], new float[3]);
        var result = sums.Result();
        Assert.Equal((1.0 / 3, 1L), (result.Accuracy, result.FirstUndefined));
        Assert.Equal(new long[,] { { 1, 0 }, { 0, 0 } }, result.Confusion);
    }

    [Fact]
    public void Regression_figures_by_hand()
    {
        var sums = new EvaluationSums(TaskKind.Regression, 2);
        sums.Add([2, 10, 4, 10, 5, 13], [1, 10, 4, 12, 7, 14], [1f, 2f, 3f]);
        var result = sums.Result();
        Assert.Equal(2.0, result.Loss);
        Assert.Equal((1 + 0 + 2 + 0 + 2 + 1) / 6.0, result.MeanAbsoluteError);
        Assert.Equal((1 + 0 + 4 + 0 + 4 + 1) / 6.0, result.MeanSquaredError);
        Assert.Equal((1 - 5 / 18.0 + 1 - 5 / 8.0) / 2, result.R2!.Value, 12);
        Assert.Equal((null, null), (result.Accuracy, result.Confusion));
    }

    [Fact]
    public void R2_keeps_its_digits_far_from_zero_and_has_no_value_for_equal_targets()
    {
        var far = new EvaluationSums(TaskKind.Regression, 1);
        far.Add([1_000_001, 1_000_002, 1_000_004], [1_000_001, 1_000_002, 1_000_003], new float[3]);
        Assert.Equal(0.5, far.Result().R2!.Value, 12);
        var equal = new EvaluationSums(TaskKind.Regression, 1);
        equal.Add([1, 2], [3, 3], new float[2]);
        Assert.Null(equal.Result().R2);
    }

    [Theory]
    [InlineData(TaskKind.Classification)]
    [InlineData(TaskKind.Regression)]
    public void The_cut_into_calls_does_not_show(TaskKind task)
    {
        const int Rows = 100;
        var (outputs, targets, losses) = (Numbers(Rows * 3, 1), Numbers(Rows * 3, 2), Numbers(Rows, 3));
        var whole = new EvaluationSums(task, 3);
        whole.Add(outputs, targets, losses);
        var cut = new EvaluationSums(task, 3);
        foreach (var (start, count) in new[] { (0, 1), (1, 42), (43, 57) })
        {
            cut.Add(outputs.AsSpan(start * 3, count * 3), targets.AsSpan(start * 3, count * 3), losses.AsSpan(start, count));
        }

        var (expected, actual) = (whole.Result(), cut.Result());
        Assert.Equal(expected.Confusion, actual.Confusion);
        Assert.Equal(expected with { Confusion = null }, actual with { Confusion = null });
    }

    [Fact]
    public void No_rows_and_uneven_lengths_are_errors()
    {
        var sums = new EvaluationSums(TaskKind.Regression, 2);
        Assert.Throws<InvalidOperationException>(() => sums.Result());
        Assert.Throws<ArgumentException>(() => sums.Add([1, 2, 3], [1, 2, 3], [1]));
    }
}
