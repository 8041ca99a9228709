using ClusterTrain.Data.Checks;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Learning.Checks;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Numerics.KernelSets;

namespace ClusterTrain.Data.Tests;

public sealed class RecipeGradientCheckTests
{
    private const string Gate = """
        data: { inline: { features: [[0, 0], [0, 1], [1, 0], [1, 1]], targets: [[0], [1], [1], [0]] } }
        layers:
          - { units: 5, activation: relu }
          - { units: 2, activation: softmax }
        loss: categorical-cross-entropy
        """;

    // ReLU with biases of 0 on the row (0, 0) stands exactly on its kink; the check is made beside it.
    [Theory]
    [InlineData("seed=1")]
    [InlineData("seed=2")]
    [InlineData("layers[0].activation=leaky-relu")]
    [InlineData("layers[0].dropout=0.5")]
    [InlineData("layers[0].weights=zeros")]
    public void A_recipes_network_passes_on_its_rows(string option)
    {
        var checks = Check(option);
        Assert.Equal(["layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"], checks.Select(check => check.Tensor));
        Assert.Equal([10, 5, 10, 2], checks.Select(check => check.Derivatives));
        Assert.All(checks, check => Assert.True(check.Passed, check.ToString()));
    }

    [Fact]
    public void The_same_recipe_gives_the_same_table() => Assert.Equal(Check("seed=7"), Check("seed=7"));

    private static IReadOnlyList<TensorCheck> Check(string option)
    {
        var recipe = RecipeReader.Parse(Gate, "gate", [option]);
        var data = DataPreparation.Prepare(recipe, new DataLocations(null, [], Path.GetTempPath()));
        return RecipeGradientCheck.Run(recipe, data.Train, Kernels.Active);
    }
}
