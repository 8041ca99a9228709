using ClusterTrain.Data.Common;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Tests;

/// <summary>A test on the real MNIST, skipped where <c>CLUSTERTRAIN_DATA</c> does not lead to it.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class MnistFactAttribute : FactAttribute
{
    public MnistFactAttribute()
    {
        var folders = (Environment.GetEnvironmentVariable(DataLocations.DataVariable) ?? string.Empty).Split(Path.PathSeparator);
        if (!folders.Any(folder => Directory.Exists(Path.Combine(folder, "mnist"))))
        {
            Skip = $"no folder of {DataLocations.DataVariable} holds mnist";
        }
    }
}

public sealed class MnistTests
{
    [MnistFact]
    public void Mnist_is_read_whole_from_packed_files_and_then_from_the_cache()
    {
        using var folder = new TempFolder();
        var folders = Environment.GetEnvironmentVariable(DataLocations.DataVariable)!.Split(Path.PathSeparator);
        var locations = new DataLocations(null, folders, Path.Combine(folder.Path, "cache"));
        var recipe = new DataRecipe { Source = new NamedSource("mnist"), Scale = 1 / 255.0 };

        var cold = DataPreparation.Prepare(recipe, 1, locations);
        var warm = DataPreparation.Prepare(recipe, 1, new DataLocations(null, [], locations.Cache));

        Assert.Equal((60_000, 784, 10), (cold.Train.Rows, cold.Train.Features, cold.Train.Outputs));
        Assert.Equal(10_000, cold.Test!.Rows);
        Assert.Equal([5, 0, 4, 1, 9], Enumerable.Range(0, 5).Select(row => cold.Train.Label(row)));
        Assert.Equal([7, 2, 1, 0, 4], Enumerable.Range(0, 5).Select(row => cold.Test.Label(row)));
        Assert.Equal(cold.Fingerprint, warm.Fingerprint);
        Assert.Equal("2895201bcb8a12383cdba97e7a5e5dfd891e5787579ed1a868ac01769eaabb39", cold.Fingerprint);
    }
}
