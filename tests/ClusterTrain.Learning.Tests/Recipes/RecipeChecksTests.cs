namespace ClusterTrain.Learning.Tests;

public sealed class RecipeChecksTests
{
    [Theory]
    [InlineData("layers[0].units=9", 64, 10, "recipe r: layers[0].units is 9, but the data set digits has 10 classes; set layers[0].units to 10")]
    [InlineData("layers[0].weights={kind: given, values: [[1, 2, 3, 4, 5, 6, 7, 8, 9, 0]]}", 64, 10,
        "recipe r: layers[0].weights.values has 1 rows, but the data set digits has 64 features; write one row per feature")]
    [InlineData("seed=1", 1_000_000_000, 10, "recipe r: with 1000000000 features the model has 10000000010 weights and biases; at most 1000000000 are")]
    [InlineData("optimiser={ kind: lbfgs, memory: 50 }", 10_000_000, 10,
        "recipe r: optimiser.memory is 50, which for 100000010 weights and biases takes 10400001040 numbers; at most 2147483591 fit")]
    public void A_model_that_does_not_fit_its_data_is_named(string change, int features, int outputs, string expected)
    {
        var recipe = RecipeTexts.Parse(RecipeTexts.Short, "batch=full", change);
        var error = Assert.Throws<RecipeException>(() => RecipeChecks.CheckAgainst(recipe, features, outputs));
        Assert.StartsWith(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_of_the_recipe_itself_are_data_too()
    {
        var recipe = RecipeTexts.Parse(RecipeTexts.Inline);
        RecipeChecks.CheckAgainst(recipe, features: 2, outputs: 1);
        var error = Assert.Throws<RecipeException>(() => RecipeChecks.CheckAgainst(recipe, features: 2, outputs: 2));
        Assert.Equal("recipe r: layers[1].units is 1, but the data have 2 targets; set layers[1].units to 2", error.Message);
    }
}
