using ClusterTrain.Numerics;

namespace ClusterTrain.Learning;

/// <summary>The optimisers by name.</summary>
public static class Optimiser
{
    /// <summary>The update rule that a recipe names, with the recipe's constants.</summary>
    /// <exception cref="ArgumentException">The kind is unknown.</exception>
    public static IOptimiser Create(OptimiserRecipe recipe, Kernels kernels) => recipe.Kind switch
    {
        OptimiserKind.Sgd => new GradientDescent(kernels),
        OptimiserKind.Momentum => new Momentum(kernels, recipe.Momentum),
        OptimiserKind.Nesterov => new Nesterov(kernels, recipe.Momentum),
        OptimiserKind.Adam or OptimiserKind.AdamW => new Adam(kernels, recipe),
        OptimiserKind.RmsProp => new RmsProp(kernels, recipe.Beta2, 1 - recipe.Beta2, recipe.Epsilon),
        OptimiserKind.Adagrad => new RmsProp(kernels, 1, 1, recipe.Epsilon),
        _ => throw new ArgumentException($"The optimiser {recipe.Kind} is unknown.", nameof(recipe)),
    };
}
