using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.Checks;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.RandomNumbers;

namespace ClusterTrain.Data.Checks;

/// <summary>The <see cref="GradientCheck"/> of a recipe's network on some of its own rows, near its own start weights.</summary>
public static class RecipeGradientCheck
{
    /// <summary>Rows taken when nothing else is said.</summary>
    public const int UsualRows = 8;

    /// <summary>Finite differences per tensor when nothing else is said.</summary>
    public const int UsualDerivatives = 10;

    // Start weights are often exactly 0, where ReLU has its kink: the check is made beside them.
    private const float Shift = 0.05f;

    // By chance a finite difference may still reach across a kink. A wrong formula is wrong at every point.
    private const int Points = 3;

    /// <summary>
    /// Checks every tensor at a point near the start weights; a tensor that fails is checked at two more points and passes when
    /// it does at one of them. Dropout is checked with the masks of the point's step.
    /// </summary>
    /// <param name="recipe">The recipe; it fits the data, see <see cref="RecipeChecks"/>.</param>
    /// <param name="data">The rows to draw from.</param>
    /// <param name="kernels">The kernels to check.</param>
    /// <param name="rows">Rows to sum over, at least 1; all when there are fewer.</param>
    /// <param name="derivativesPerTensor">Finite differences per tensor at most, at least 1, spread evenly.</param>
    /// <returns>One finding per tensor, in the order of the network.</returns>
    public static IReadOnlyList<TensorCheck> Run(
        Recipe recipe, DataSet data, Kernels kernels, int rows = UsualRows, int derivativesPerTensor = UsualDerivatives)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(derivativesPerTensor, 1);
        var layout = new NetworkLayout(data.Features, recipe.Layers);
        var checks = AtPoint(0);
        for (var point = 1; point < Points && checks.Any(check => !check.Passed); point++)
        {
            checks = [.. checks.Zip(AtPoint(point), (former, check) => former.Passed ? former : check)];
        }

        return checks;

        IReadOnlyList<TensorCheck> AtPoint(int point)
        {
            var numbers = new long[Math.Min(rows, data.Rows)];
            new SeededPermutation(recipe.Seed, "check", (ulong)point, data.Rows).Fill(0, numbers);
            var features = new float[numbers.Length * data.Features];
            var targets = new float[numbers.Length * data.Outputs];
            data.Gather(numbers, features, targets);
            return GradientCheck.Run(
                layout,
                recipe.Loss,
                kernels,
                Parameters(recipe, layout, point),
                features,
                targets,
                numbers.Length,
                derivativesPerTensor,
                new DropoutDraw(recipe.Seed, point, numbers));
        }
    }

    private static float[] Parameters(Recipe recipe, NetworkLayout layout, int point)
    {
        var parameters = new float[layout.Parameters];
        var shifts = new float[layout.Parameters];
        layout.Initialise(recipe.Seed, parameters);
        new RandomStream(recipe.Seed, $"check/{point}").FillUniform(shifts, -Shift, Shift);
        Kernels.Active.Add(parameters, shifts);
        return parameters;
    }
}
