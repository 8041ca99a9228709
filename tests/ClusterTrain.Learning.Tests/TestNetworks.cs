using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.Tree;

namespace ClusterTrain.Learning.Tests;

/// <summary>Short ways to write networks and to fill arrays.</summary>
internal static class TestNetworks
{
    public static LayerRecipe Layer(int units, ActivationKind activation, InitialiserRecipe? weights = null) =>
        new() { Units = units, Activation = activation, Weights = weights ?? new() };

    public static InitialiserRecipe Given(params float[] values) =>
        new() { Kind = InitialiserKind.Given, Values = [.. values] };

    public static NetworkLayout Layout(int features, params LayerRecipe[] layers) => new(features, [.. layers]);

    public static float[] Start(NetworkLayout layout, ulong seed = 1)
    {
        var parameters = new float[layout.Parameters];
        layout.Initialise(seed, parameters);
        return parameters;
    }

    /// <summary>Numbers in [-1, 1), the same for the same seed.</summary>
    public static float[] Numbers(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() * 2 - 1)];
    }

    /// <summary>One 1 in every row, elsewhere 0.</summary>
    public static float[] OneHot(int rows, int outputs, int seed)
    {
        var random = new Random(seed);
        var targets = new float[rows * outputs];
        for (var row = 0; row < rows; row++)
        {
            targets[row * outputs + random.Next(outputs)] = 1;
        }

        return targets;
    }

    public static TreeNode[] Root(int rows, int leafRows) => [ReductionTree.Root((rows + leafRows - 1) / leafRows)];
}
