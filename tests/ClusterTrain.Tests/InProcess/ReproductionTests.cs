using System.Runtime.CompilerServices;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Models;
using ClusterTrain.Data.Store;
using ClusterTrain.InProcess;
using ClusterTrain.Learning.Metrics;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Threading;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Validation;

namespace ClusterTrain.Tests;

/// <summary>
/// The recipes that reproduce published results, cut to some hundred steps or less: what <c>bench/reproductions</c> does in full. A row whose
/// data set is not on this machine is skipped; nothing is downloaded.
/// </summary>
public sealed class ReproductionTests : IDisposable
{
    private readonly TrainedRun _runs = new();

    public void Dispose() => _runs.Dispose();

    [DataSetTheory("mnist")]
    [InlineData("mnist-10", 0.2, new[] { "epochs=20", "schedule.warm_up_epochs=5" })]
    [InlineData("mnist-momentum", 0.94, new[] { "epochs=1" })]
    [InlineData("mnist-50", 0.93, new[] { "epochs=1" })]
    [InlineData("mnist-sigmoid-500-500", 0.75, new[] { "epochs=1", "batch=64", "leaf=16", "optimiser.rate=0.05", "data.validation=40000" })]
    public void Shortened_mnist_learns_and_has_one_receipt(string name, double accuracy, string[] overrides) =>
        Assert.InRange(Train(name, overrides).Accuracy!.Value, accuracy, 1);

    [DataSetTheory("fashion-mnist")]
    [InlineData(0.80)]
    public void Shortened_fashion_learns_and_has_one_receipt(double accuracy) =>
        Assert.InRange(Train("fashion", "epochs=1").Accuracy!.Value, accuracy, 1);

    [DataSetTheory("california_housing.csv")]
    [InlineData(0.40)]
    public void Shortened_california_learns_and_has_one_receipt(double error) =>
        Assert.InRange(Train("california", "epochs=3").MeanSquaredError!.Value, 0, error);

    [Theory]
    [InlineData("or-gate", 0.03)]
    [InlineData("xor-feature-cross", 0.13)]
    [InlineData("xor", 0.13)]
    [InlineData("xor-3-4-1", 0.05)]
    public void Shortened_gates_learn_and_have_one_receipt(string name, double loss) =>
        Assert.InRange(Train(name, "epochs=300").Loss, 0, loss);

    /// <summary>Trains with one worker and with three, and gives the figures on the test rows, or on all where there are none.</summary>
    private Evaluation Train(string name, params string[] overrides)
    {
        var recipe = RecipeReader.Read(Path.Combine(Configs(), name + ".yaml"), overrides);
        _runs.Train("one", recipe, new InProcessSettings { Threads = 2 });
        _runs.Train("three", recipe, new InProcessSettings { Workers = 3, Run = new RunSettings { LeastWorkers = 3 } });
        Assert.Equal(_runs.Receipt("one"), _runs.Receipt("three"));

        var data = TrainedRun.Data(recipe);
        var model = Model.Read(Path.Combine(_runs.Folder("three"), "model.safetensors"));
        using var pool = new ComputePool(2);
        using var network = new Network(model.Layout, recipe.Loss, Kernels.Active, pool);
        return new Evaluator(network, data.Test ?? data.Train, data.Task).Evaluate(model.Weights.Span);
    }

    private static string Configs([CallerFilePath] string thisFile = "") =>
        Path.Combine(Path.GetDirectoryName(thisFile)!, "..", "..", "..", "configs");
}

/// <summary>
/// A theory on real data, skipped where they are not on this machine: a known data set, or a file in a folder of
/// <c>CLUSTERTRAIN_DATA</c>.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class DataSetTheoryAttribute : TheoryAttribute
{
    public DataSetTheoryAttribute(string name)
    {
        var locations = DataLocations.FromEnvironment(null);
        var isThere = KnownDataSet.All.Any(set => set.Name == name)
            ? new DataStore(locations).Look(name) is not null
            : locations.Folders.Any(folder => File.Exists(Path.Combine(folder, name)));
        if (!isThere)
        {
            Skip = $"{name} is in none of {string.Join(", ", locations.Folders)}";
        }
    }
}
