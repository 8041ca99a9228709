using ClusterTrain.Learning.Metrics;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Learning.Tests;

public sealed class EarlyStoppingTests
{
    [Theory]
    [InlineData(StoppingMetric.ValidationLoss, 2, 0, new[] { 3.0, 2, 2.5, 2 }, 2, true)]
    [InlineData(StoppingMetric.ValidationLoss, 2, 0, new[] { 3.0, 2, 2.5, 1.9 }, 4, false)]
    [InlineData(StoppingMetric.ValidationLoss, 2, 0.5, new[] { 3.0, 2.6, 2.55 }, 1, true)]
    [InlineData(StoppingMetric.ValidationLoss, 2, 0.5, new[] { 3.0, 2.6, 2.5 }, 3, false)]
    [InlineData(StoppingMetric.ValidationAccuracy, 3, 0, new[] { 0.5, 0.7, 0.6, 0.7, 0.7 }, 2, true)]
    [InlineData(StoppingMetric.ValidationAccuracy, 1, 0, new[] { 0.5, 0.7, 0.8 }, 3, false)]
    [InlineData(StoppingMetric.ValidationLoss, 2, 0, new[] { double.NaN, double.NaN }, 0, true)]
    [InlineData(StoppingMetric.ValidationLoss, 3, 0, new[] { double.NaN, 5, double.NaN }, 2, false)]
    public void It_names_the_best_epoch_and_stops_when_patience_runs_out(
        StoppingMetric metric, int patience, double least, double[] figures, int bestEpoch, bool stops)
    {
        var stopping = new EarlyStopping(new() { Metric = metric, Patience = patience, Least = least });
        foreach (var figure in figures)
        {
            Assert.False(stopping.ShouldStop);
            Assert.Equal(stopping.Observe(figure), stopping.BestEpoch == stopping.Epochs);
        }

        Assert.Equal((bestEpoch, stops), (stopping.BestEpoch, stopping.ShouldStop));
    }
}
