using ClusterTrain.Data.Common;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Data.Prepared;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Optimisers;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.RandomNumbers;
using ClusterTrain.Numerics.Threading;

namespace ClusterTrain.Data.Tests;

/// <summary>
/// The entry point of this assembly when a test starts it as a process of its own, with little memory: prepares data, trains
/// with them, and prints what came out.
/// </summary>
internal static class OutOfCoreProgram
{
    private const int LeafRows = 16;

    /// <param name="arguments">A folder that holds recipe.yaml and its data, then whether to use a file or memory.</param>
    public static int Main(string[] arguments)
    {
        var locations = new DataLocations(arguments[0], [], Path.Combine(arguments[0], "cache"));
        var recipe = RecipeReader.Read(Path.Combine(arguments[0], "recipe.yaml"), []);
        if (arguments[1] == "file")
        {
            DataPreparation.PrepareToFile(recipe, locations, Path.Combine(arguments[0], "rows.ctdata"));
            recipe = recipe with { Data = new DataRecipe { Source = new PreparedSource("rows.ctdata") } };
        }

        var data = DataPreparation.Prepare(recipe, locations);
        Console.WriteLine($"{data.Fingerprint} {Train(recipe, data)}");
        return 0;
    }

    /// <summary>Trains for one epoch; SHA-256 of the weights.</summary>
    public static string Train(Recipe recipe, PreparedData data)
    {
        var layout = new NetworkLayout(data.Train.Features, recipe.Layers);
        using var pool = new ComputePool(1);
        using var network = new Network(layout, recipe.Loss, Kernels.Active, pool);
        var optimiser = new SegmentOptimiser(
            layout, Segments.Split(layout.Parameters, 1)[0], recipe.Optimiser, recipe.L2, Kernels.Active);
        var (weights, gradient, state) = (TestNetworks.Start(layout), new float[layout.Parameters], new float[optimiser.StateLength]);
        var order = new SeededPermutation(recipe.Seed, "shuffle", 0, data.Train.Rows);
        var batch = recipe.BatchRows ?? throw new InvalidOperationException("The recipe has mini-batches.");
        var (features, targets) = (new float[batch * data.Train.Features], new float[batch * data.Train.Outputs]);
        var rows = new long[batch];
        for (var step = 0L; (step + 1) * batch <= data.Train.Rows; step++)
        {
            order.Fill(step * batch, rows);
            data.Train.Gather(rows, features, targets);
            network.Gradient(
                weights, features, targets, batch, LeafRows, TestNetworks.Root(batch, LeafRows), [gradient], new double[1]);
            optimiser.Update(step + 1, 1, 1.0 / batch, weights, gradient, weights, state);
        }

        return Convert.ToHexStringLower(
            System.Security.Cryptography.SHA256.HashData(System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(weights)));
    }
}
