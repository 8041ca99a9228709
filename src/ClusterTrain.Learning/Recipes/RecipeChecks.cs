namespace ClusterTrain.Learning;

/// <summary>What can be checked about a recipe only when the data are there.</summary>
public static class RecipeChecks
{
    /// <summary>Checks that the model fits the data.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="features">Inputs of the first layer: features of a row.</param>
    /// <param name="outputs">Outputs the data need: classes, or targets of a row for regression.</param>
    /// <exception cref="RecipeException">
    /// The last layer has another number of outputs, given weights of the first layer have another shape, the model is above
    /// <see cref="RecipeLimits.Parameters"/>, or L-BFGS's memory of it does not fit.
    /// </exception>
    public static void CheckAgainst(Recipe recipe, int features, int outputs)
    {
        var problems = new RecipeProblems();
        var place = new RecipePlace($"recipe {recipe.Name}", 0, 0);
        var data = recipe.Data.Source is NamedSource named ? $"the data set {named.Name} has" : "the data have";
        var counted = recipe.Data.Task == TaskKind.Classification ? "classes" : "targets";
        var last = recipe.Layers.Length - 1;
        if (recipe.Layers[last].Units != outputs)
        {
            problems.Add(place, $"layers[{last}].units is {recipe.Layers[last].Units}, but {data} {outputs} {counted}; "
                + $"set layers[{last}].units to {outputs}");
        }

        var first = recipe.Layers[0];
        if (first.Weights.Kind == InitialiserKind.Given && first.Weights.Values.Length != (long)features * first.Units)
        {
            problems.Add(place, $"layers[0].weights.values has {first.Weights.Values.Length / first.Units} rows, but {data} {features} "
                + "features; write one row per feature");
        }

        var parameters = 0L;
        long inputs = features;
        foreach (var layer in recipe.Layers)
        {
            parameters += (inputs + (layer.Biases is null ? 0 : 1)) * layer.Units;
            inputs = layer.Units;
        }

        if (parameters > RecipeLimits.Parameters)
        {
            problems.Add(place, $"with {features} features the model has {parameters} weights and biases; at most "
                + $"{RecipeLimits.Parameters} are allowed, make the layers smaller");
        }

        else if (recipe.Optimiser.Kind == OptimiserKind.Lbfgs
            && Lbfgs.StatePlanes(recipe.Optimiser, (int)parameters) * parameters > Array.MaxLength)
        {
            problems.Add(place, $"optimiser.memory is {recipe.Optimiser.Memory}, which for {parameters} weights and biases takes "
                + $"{Lbfgs.StatePlanes(recipe.Optimiser, (int)parameters) * parameters} numbers; at most {Array.MaxLength} fit, "
                + "make the memory or the layers smaller");
        }

        problems.ThrowIfAny();
    }
}
