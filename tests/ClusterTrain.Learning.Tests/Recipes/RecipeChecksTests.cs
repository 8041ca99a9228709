using ClusterTrain.Learning.Checks;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Learning.Tests;

public sealed class RecipeChecksTests
{
    [Theory]
    [InlineData("layers[0].units=9", 64, 10,
        "override 'layers[0].units=9': key 'layers[0].units' is 9, but the data set digits has 10 classes; allowed: 10")]
    [InlineData("seed=1", 64, 9, "r.yaml:2:19: key 'layers[0].units' is 10, but the data set digits has 9 classes; allowed: 9")]
    [InlineData("optimiser=adam", 600_000, 10,
        "override 'batch=full': key 'batch' is 1000 rows, which are 600000000 numbers where the network is 600000 wide; at most 500000000 fit")]
    [InlineData("layers[0].weights={kind: given, values: [[1, 2, 3, 4, 5, 6, 7, 8, 9, 0]]}", 64, 10,
        "override 'layers[0].weights={kind: given, values: [[1, 2, 3, 4, 5, 6, ...': key 'layers[0].weights.values' has 1 rows, but the data set "
            + "digits has 64 features; write one row per feature")]
    [InlineData("seed=1", 30_000_000, 10, "r.yaml:2:9: key 'layers' has with 30000000 features 300000010 weights and biases; at most 250000000 are")]
    [InlineData("optimiser={ kind: lbfgs, memory: 50 }", 10_000_000, 10,
        "override 'optimiser={ kind: lbfgs, memory: 50 }': key 'optimiser.memory' is 50, which for 100000010 weights and biases takes 10400001040 "
            + "numbers; at most 500000000 fit")]
    public void A_model_that_does_not_fit_its_data_is_named(string change, int features, int outputs, string expected)
    {
        var recipe = RecipeTexts.Parse(RecipeTexts.Short, "batch=full", change);
        var error = Assert.Throws<RecipeException>(() => RecipeChecks.CheckAgainst(recipe, features, outputs, rows: 1000));
        Assert.StartsWith(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_of_the_recipe_itself_are_data_too()
    {
        var recipe = RecipeTexts.Parse(RecipeTexts.Inline);
        RecipeChecks.CheckAgainst(recipe, features: 2, outputs: 1, rows: 4);
        var error = Assert.Throws<RecipeException>(() => RecipeChecks.CheckAgainst(recipe, features: 2, outputs: 2, rows: 4));
        Assert.Equal("r.yaml:6:14: key 'layers[1].units' is 1, but the data have 2 targets; allowed: 2", error.Message);
    }
}
