using System.Collections.Immutable;
using ClusterTrain.Learning.Files;
using ClusterTrain.Learning.Optimisers.WholeModel;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Learning.Checks;

/// <summary>What can be checked about a recipe only when the data are there.</summary>
public static class RecipeChecks
{
    // Classes may be called by numbers, but few are, and not by ones with a point.
    private static bool AreNumbersToPredict(Recipe recipe, ImmutableArray<string> classes)
    {
        const int FewClasses = 20;
        var point = recipe.Data.Source is CsvSource csv ? csv.Format.Decimal : '.';
        return recipe.Data.Task == TaskKind.Classification && !classes.IsDefaultOrEmpty
            && classes.All(name => CellNumber.TryParse(name, out _, point))
            && (recipe.Layers[^1].Units == 1 || classes.Length > FewClasses || classes.Any(name => name.Contains(point, StringComparison.Ordinal)));
    }

    /// <summary>Checks that the model fits the data.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="features">Inputs of the first layer: features of a row.</param>
    /// <param name="outputs">Outputs the data need: classes, or targets of a row for regression.</param>
    /// <param name="rows">Rows to train with.</param>
    /// <param name="classes">Names of the classes; default: none are known.</param>
    /// <exception cref="RecipeException">
    /// The last layer has another number of outputs, given weights of the first layer have another shape, the model is above
    /// <see cref="RecipeLimits.Parameters"/>, or a batch or L-BFGS's memory is above <see cref="RecipeLimits.ArrayNumbers"/>.
    /// </exception>
    public static void CheckAgainst(Recipe recipe, int features, int outputs, long rows, ImmutableArray<string> classes = default)
    {
        var problems = new List<string>();
        var data = recipe.Data.Source is NamedSource named ? $"the data set {named.Name} has" : "the data have";
        var counted = recipe.Data.Task == TaskKind.Classification ? "classes" : "targets";
        var last = recipe.Layers.Length - 1;
        if (recipe.Layers[last].Units != outputs && AreNumbersToPredict(recipe, classes))
        {
            Problem("data", $"has no task, and the target's {outputs} different numbers are taken for classes; to predict numbers, such as "
                + $"{classes[0]} and {classes[^1]}, add task: regression");
        }
        else if (recipe.Layers[last].Units != outputs)
        {
            Problem($"layers[{last}].units", $"is {recipe.Layers[last].Units}, but {data} {outputs} {counted}; allowed: {outputs}");
        }

        var first = recipe.Layers[0];
        if (first.Weights.Kind == InitialiserKind.Given && first.Weights.Values.Length != (long)features * first.Units)
        {
            Problem("layers[0].weights.values", $"has {first.Weights.Values.Length / first.Units} rows, but {data} {features} features; "
                + "write one row per feature");
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
            Problem("layers", $"has with {features} features {parameters} weights and biases; at most {RecipeLimits.Parameters} are "
                + "allowed, make the layers smaller");
        }
        else if (recipe.Optimiser.Kind == OptimiserKind.Lbfgs
            && Lbfgs.StatePlanes(recipe.Optimiser, (int)parameters) * parameters > RecipeLimits.ArrayNumbers)
        {
            Problem("optimiser.memory", $"is {recipe.Optimiser.Memory}, which for {parameters} weights and biases takes "
                + $"{Lbfgs.StatePlanes(recipe.Optimiser, (int)parameters) * parameters} numbers; at most {RecipeLimits.ArrayNumbers} fit, "
                + "make the memory or the layers smaller");
        }

        var widest = Math.Max(features, recipe.Layers.Max(layer => layer.Units));
        var batch = Math.Min(recipe.BatchRows ?? rows, rows);
        if (batch * widest > RecipeLimits.ArrayNumbers)
        {
            Problem("batch", $"is {batch} rows, which are {batch * widest} numbers where the network is {widest} wide; at most "
                + $"{RecipeLimits.ArrayNumbers} fit, make the batch or the layers smaller");
        }

        if (problems.Count > 0)
        {
            throw new RecipeException(problems);
        }

        void Problem(string key, string what) =>
            problems.Add($"{recipe.PlaceOf?.Invoke(key) ?? $"recipe {recipe.Name}"}: key '{key}' {what}");
    }
}
