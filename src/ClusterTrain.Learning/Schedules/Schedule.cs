using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.Exact;

namespace ClusterTrain.Learning.Schedules;

/// <summary>The factor by which a schedule multiplies the learning rate; a pure function of the position in the run.</summary>
public static class Schedule
{
    /// <summary>
    /// The factor of a step: rising linearly to 1 during the warm-up, whose last step has the full rate, then the
    /// schedule's curve over the epochs behind the step since the warm-up.
    /// </summary>
    /// <param name="recipe">The schedule.</param>
    /// <param name="step">Number of the step, from 1.</param>
    /// <param name="stepsPerEpoch">Steps of an epoch, at least 1.</param>
    /// <param name="epochs">Epochs of the whole run, at least 1.</param>
    public static double Factor(ScheduleRecipe recipe, long step, long stepsPerEpoch, int epochs)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(step, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(stepsPerEpoch, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(epochs, 1);
        var warmUpSteps = recipe.WarmUpEpochs * stepsPerEpoch;
        if (step <= warmUpSteps)
        {
            return step / warmUpSteps;
        }

        var steps = Math.Max(0, step - 1 - warmUpSteps);
        return recipe.Kind switch
        {
            ScheduleKind.Constant => 1,
            ScheduleKind.Step => ExactMath.Pow(recipe.Factor, Whole(steps / (recipe.EveryEpochs * stepsPerEpoch))),
            ScheduleKind.Exponential => ExactMath.Pow(recipe.Factor, steps / stepsPerEpoch),
            ScheduleKind.Cosine => Cosine(steps / (epochs * (double)stepsPerEpoch - warmUpSteps), recipe.Final),
            _ => throw new ArgumentException($"The schedule {recipe.Kind} is unknown.", nameof(recipe)),
        };
    }

    private static int Whole(double steps) => (int)Math.Min(int.MaxValue, Math.Floor(steps));

    private static double Cosine(double progress, double final) =>
        final + (1 - final) * 0.5 * (1 + ExactMath.Cos(Math.PI * Math.Min(1, progress)));
}
