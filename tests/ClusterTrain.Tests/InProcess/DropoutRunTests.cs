using ClusterTrain.InProcess;
using ClusterTrain.Runs;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Tests;

public sealed class DropoutRunTests : IDisposable
{
    private readonly TrainedRun _runs = new();

    public void Dispose() => _runs.Dispose();

    [Fact]
    public void Workers_threads_and_servers_do_not_change_the_receipt_and_it_can_be_replayed()
    {
        var recipe = TrainedRun.Recipe("layers[0].dropout=0.3");
        _runs.Train("one", recipe);
        _runs.Train("two", recipe, new InProcessSettings { Workers = 2, Run = new RunSettings { LeastWorkers = 2 } });
        _runs.Train("three", recipe, new InProcessSettings { Workers = 3, Threads = 2, Run = new RunSettings { ParameterServers = 2 } });

        Assert.Equal(_runs.Receipt("one"), _runs.Receipt("two"));
        Assert.Equal(_runs.Receipt("one"), _runs.Receipt("three"));
        Assert.Empty(RunVerification.Replay(
            _runs.Folder("one"), 0, 42, TrainedRun.Data(recipe), 1, null, CancellationToken.None).Differences);
    }

    [Fact]
    public void A_run_without_dropout_is_another()
    {
        _runs.Train("with", TrainedRun.Recipe("layers[0].dropout=0.3", "epochs=1"));
        _runs.Train("without", TrainedRun.Recipe("epochs=1"));

        Assert.NotEqual(Weights("with"), Weights("without"));

        string Weights(string run) => Receipt.Read(Path.Combine(_runs.Folder(run), "receipt.jsonl")).Epochs[^1].WeightsSha256;
    }
}
