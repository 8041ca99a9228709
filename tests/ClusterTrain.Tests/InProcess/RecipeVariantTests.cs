using ClusterTrain.InProcess;
using ClusterTrain.Runs;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Tests;

/// <summary>What a recipe may ask for besides a network and an optimiser.</summary>
public sealed class RecipeVariantTests : IDisposable
{
    private readonly TrainedRun _runs = new();

    public void Dispose() => _runs.Dispose();

    [Theory]
    [InlineData("layers[0].dropout=0.3")]
    [InlineData("gradient_precision=bfloat16")]
    public void Workers_threads_and_servers_do_not_change_the_receipt_and_it_can_be_replayed(string variant)
    {
        var recipe = TrainedRun.Recipe(variant);
        _runs.Train("one", recipe);
        _runs.Train("two", recipe, new InProcessSettings { Workers = 2, Run = new RunSettings { LeastWorkers = 2 } });
        _runs.Train("three", recipe, new InProcessSettings { Workers = 3, Threads = 2, Run = new RunSettings { ParameterServers = 2 } });

        Assert.Equal(_runs.Receipt("one"), _runs.Receipt("two"));
        Assert.Equal(_runs.Receipt("one"), _runs.Receipt("three"));
        Assert.Empty(RunVerification.Replay(
            _runs.Folder("one"), 0, 42, TrainedRun.Data(recipe), 1, null, CancellationToken.None).Differences);
    }

    [Theory]
    [InlineData("layers[0].dropout=0.3")]
    [InlineData("gradient_precision=bfloat16")]
    public void A_run_without_it_is_another(string variant)
    {
        _runs.Train("with", TrainedRun.Recipe(variant, "epochs=1"));
        _runs.Train("without", TrainedRun.Recipe("epochs=1"));

        Assert.NotEqual(Weights("with"), Weights("without"));

        string Weights(string run) => Receipt.Read(Path.Combine(_runs.Folder(run), "receipt.jsonl")).Epochs[^1].WeightsSha256;
    }
}
