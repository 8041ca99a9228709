using ClusterTrain.Learning.Optimisers.WholeModel;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.KernelSets;

namespace ClusterTrain.Learning.Optimisers;

/// <summary>The optimisers by name.</summary>
public static class Optimiser
{
    /// <summary>
    /// True when the update is computed from the whole model at once, so that it must lie in one segment; false when each
    /// parameter is updated by itself.
    /// </summary>
    public static bool NeedsWholeModel(OptimiserRecipe recipe) => recipe.Kind == OptimiserKind.Lbfgs;

    /// <summary>Planes of the parameters' length that the optimiser's state fills.</summary>
    /// <param name="recipe">The optimiser.</param>
    /// <param name="parameters">Parameters of the model.</param>
    public static int StatePlanes(OptimiserRecipe recipe, int parameters) =>
        NeedsWholeModel(recipe) ? Lbfgs.StatePlanes(recipe, parameters) : Create(recipe, Kernels.Active).StateCount;

    /// <summary>The update rule that a recipe names, with the recipe's constants, for parameters by themselves.</summary>
    /// <exception cref="ArgumentException">The kind is unknown, or needs the whole model.</exception>
    public static IOptimiser Create(OptimiserRecipe recipe, Kernels kernels) => recipe.Kind switch
    {
        OptimiserKind.Sgd => new GradientDescent(kernels),
        OptimiserKind.Momentum => new Momentum(kernels, recipe.Momentum),
        OptimiserKind.Nesterov => new Nesterov(kernels, recipe.Momentum),
        OptimiserKind.Adam or OptimiserKind.AdamW => new Adam(kernels, recipe),
        OptimiserKind.RmsProp => new RmsProp(kernels, recipe.Beta2, 1 - recipe.Beta2, recipe.Epsilon),
        OptimiserKind.Adagrad => new RmsProp(kernels, 1, 1, recipe.Epsilon),
        _ => throw new ArgumentException($"The optimiser {recipe.Kind} does not update parameters by themselves.", nameof(recipe)),
    };
}
