namespace ClusterTrain.Hosting.Tests;

public sealed class DropoutRunTests
{
    private static readonly string s_recipe = $$"""
        data: { {{RecipeRuns.Rows(83)}} }
        layers:
          - { units: 40, activation: relu, dropout: 0.3 }
          - { units: 20, activation: tanh, dropout: 0.5 }
          - { units: 2, activation: softmax }
        loss: categorical-cross-entropy
        batch: 32
        leaf: 4
        epochs: 3
        """;

    [Fact]
    public void Workers_and_threads_do_not_change_the_receipt()
    {
        using var runs = new RecipeRuns();
        var expected = runs.Train(s_recipe, workers: 1);
        Assert.Equal(3, expected.Count);
        Assert.Equal(expected, runs.Train(s_recipe, workers: 2));
        Assert.Equal(expected, runs.Train(s_recipe, workers: 3, threads: 2, servers: 1));
    }

    [Fact]
    public void A_run_without_dropout_is_another()
    {
        using var runs = new RecipeRuns();
        var without = s_recipe.Replace("dropout: 0.3", "dropout: 0", StringComparison.Ordinal);
        Assert.NotEqual(runs.Train(s_recipe, workers: 1)[0].WeightsSha256, runs.Train(without, workers: 1)[0].WeightsSha256);
    }
}
