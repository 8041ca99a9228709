using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Learning.Metrics;

/// <summary>
/// Watches the validation figure of each epoch and says when to stop. It depends on the figures alone: a resumed run
/// feeds it the figures of the epochs behind it.
/// </summary>
public sealed class EarlyStopping(EarlyStoppingRecipe recipe)
{
    /// <summary>Epochs seen.</summary>
    public int Epochs { get; private set; }

    /// <summary>The epoch of the best figure so far, from 1; 0 before the first figure that is a number.</summary>
    public int BestEpoch { get; private set; }

    /// <summary>The figure of <see cref="BestEpoch"/>; NaN before there is one.</summary>
    public double Best { get; private set; } = double.NaN;

    /// <summary>True once <see cref="EarlyStoppingRecipe.Patience"/> epochs have passed without an improvement.</summary>
    public bool ShouldStop => Epochs - BestEpoch >= recipe.Patience;

    /// <summary>
    /// Takes the next epoch's figure: validation loss or accuracy, as the recipe says. NaN is never an improvement.
    /// </summary>
    /// <returns>True when the figure is the best so far.</returns>
    public bool Observe(double figure)
    {
        Epochs++;
        var gain = recipe.Metric == StoppingMetric.ValidationAccuracy ? figure - Best : Best - figure;
        var improves = BestEpoch == 0 ? !double.IsNaN(figure) : gain > 0 && gain >= recipe.Least;
        if (improves)
        {
            (Best, BestEpoch) = (figure, Epochs);
        }

        return improves;
    }
}
