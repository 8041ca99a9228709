using System.Runtime.CompilerServices;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Models;
using ClusterTrain.InProcess;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Threading;
using ClusterTrain.Training.Validation;

namespace ClusterTrain.Tests;

/// <summary>A test on the real car.data, skipped where <c>CLUSTERTRAIN_DATA</c> does not lead to it.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class CarFactAttribute : FactAttribute
{
    public CarFactAttribute()
    {
        var folders = (Environment.GetEnvironmentVariable(DataLocations.DataVariable) ?? string.Empty).Split(Path.PathSeparator);
        if (!folders.Any(folder => File.Exists(Path.Combine(folder, "car.data"))))
        {
            Skip = $"no folder of {DataLocations.DataVariable} holds car.data";
        }
    }
}

public sealed class CarTests : IDisposable
{
    private readonly TrainedRun _runs = new();

    public void Dispose() => _runs.Dispose();

    // Published for such a network: 0.9306. The same recipe is trained alike anywhere, so its own figure is exact.
    [CarFact]
    public void The_car_recipe_reaches_the_accuracy_it_states()
    {
        var recipe = RecipeReader.Read(Path.Combine(Configs(), "car.yaml"), []);
        _runs.Train("car", recipe, new InProcessSettings { Workers = 2 });
        var data = TrainedRun.Data(recipe);
        var model = Model.Read(Path.Combine(_runs.Folder("car"), "model.safetensors"));
        using var pool = new ComputePool(1);
        using var network = new Network(model.Layout, recipe.Loss, Kernels.Active, pool);
        var score = new Evaluator(network, data.Test!, data.Task).Evaluate(model.Weights.Span);
        Assert.Equal(518, score.Rows);
        Assert.Equal(0.9826, score.Accuracy!.Value, 4);
    }

    private static string Configs([CallerFilePath] string thisFile = "") =>
        Path.Combine(Path.GetDirectoryName(thisFile)!, "..", "..", "..", "configs");
}
