using ClusterTrain.InProcess;
using ClusterTrain.Runs;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Tests;

public sealed class LbfgsRunTests : IDisposable
{
    private static readonly string[] s_options = ["optimiser={ kind: lbfgs }", "batch=full", "l2=0.0001", "epochs=40", "layers[0].activation=tanh"];

    private readonly TrainedRun _runs = new();

    public void Dispose() => _runs.Dispose();

    [Fact]
    public void Workers_and_servers_do_not_change_the_receipt_and_it_can_be_replayed()
    {
        var recipe = TrainedRun.Recipe(s_options);
        _runs.Train("one", recipe);
        foreach (var workers in new[] { 2, 3, 5 })
        {
            var name = $"{workers}";
            _runs.Train(name, recipe,
                new InProcessSettings { Workers = workers, Threads = workers % 3 + 1, Run = new RunSettings { ParameterServers = workers } });
            Assert.Equal(_runs.Receipt("one"), _runs.Receipt(name));
        }

        Assert.Empty(RunVerification.Replay(
            _runs.Folder("one"), 0, 40, TrainedRun.Data(recipe), 1, null, CancellationToken.None).Differences);
    }

    // Most steps lie within a line search: the first evaluations lengthen and narrow their steps.
    [Fact]
    public void A_run_resumed_within_a_line_search_gives_the_undisturbed_receipt()
    {
        var recipe = TrainedRun.Recipe(s_options);
        _runs.Train("undisturbed", recipe);
        foreach (var step in new[] { 2, 9, 17 })
        {
            var name = $"stopped-{step}";
            _runs.Train(name, recipe, new InProcessSettings { Run = new RunSettings { CheckpointSteps = step } }, (happened, stop) =>
            {
                if (happened is CheckpointSaved)
                {
                    stop.Cancel();
                }
            });
            _runs.Resume(name, recipe, new InProcessSettings { Workers = 2 });
            Assert.Equal(_runs.Receipt("undisturbed"), _runs.Receipt(name));
        }
    }

    [Fact]
    public void It_learns_the_digits_in_forty_evaluations()
    {
        _runs.Train("run", TrainedRun.Recipe(s_options));
        var epochs = Receipt.Read(Path.Combine(_runs.Folder("run"), "receipt.jsonl")).Epochs;
        Assert.Equal(40, epochs.Length);
        Assert.InRange(epochs[^1].Validation!.Accuracy!.Value, 0.9, 1);
        Assert.True(epochs[^1].Loss < epochs[0].Loss / 10);
    }

    // Softmax regression with strong L2 is done soon; the weights of the last epochs are the same to the last bit.
    [Fact]
    public void Once_it_is_done_the_remaining_epochs_keep_the_weights()
    {
        _runs.Train("run", TrainedRun.Recipe(
            "layers=[{ units: 10, activation: softmax }]", "optimiser={ kind: lbfgs, tolerance: 0.001 }", "batch=full", "l2=0.1", "epochs=40"));
        var epochs = Receipt.Read(Path.Combine(_runs.Folder("run"), "receipt.jsonl")).Epochs;
        Assert.NotEqual(epochs[0].WeightsSha256, epochs[1].WeightsSha256);
        Assert.Equal(epochs[^10].WeightsSha256, epochs[^1].WeightsSha256);
        Assert.InRange(epochs[^1].Validation!.Accuracy!.Value, 0.85, 1);
    }
}
