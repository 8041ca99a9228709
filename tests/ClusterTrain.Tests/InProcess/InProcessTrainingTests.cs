using ClusterTrain.InProcess;
using ClusterTrain.Runs;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Tests;

public sealed class InProcessTrainingTests : IDisposable
{
    private readonly TrainedRun _runs = new();

    public void Dispose() => _runs.Dispose();

    [Fact]
    public void Any_number_of_workers_and_threads_gives_the_same_receipt()
    {
        var recipe = TrainedRun.Recipe();
        Assert.IsType<RunCompleted>(_runs.Train("one", recipe));
        foreach (var (workers, threads) in new[] { (2, 1), (3, 1), (5, 1), (8, 1), (1, 2), (2, 2), (20, 1) })
        {
            var name = $"{workers}x{threads}";
            _runs.Train(name, recipe, new InProcessSettings { Workers = workers, Threads = threads });
            Assert.Equal(_runs.Receipt("one"), _runs.Receipt(name));
        }
    }

    [Theory]
    [InlineData("optimiser={kind: adam}")]
    [InlineData("clip_norm=0.5")]
    [InlineData("l2=0.01")]
    [InlineData("batch=full")]
    public void Any_number_of_parameter_servers_gives_the_same_receipt(string option)
    {
        // Three layers of 100 units are more than one block of parameters, so that there are several segments.
        var recipe = TrainedRun.Recipe(option, "layers[0].units=200", "epochs=2");
        _runs.Train("one", recipe);
        _runs.Train("three", recipe, new InProcessSettings { Workers = 2, Run = new RunSettings { ParameterServers = 3 } });
        Assert.Equal(_runs.Receipt("one"), _runs.Receipt("three"));
    }

    [Fact]
    public void A_run_stopped_within_an_epoch_and_resumed_gives_the_undisturbed_receipt()
    {
        var recipe = TrainedRun.Recipe("epochs=200");
        _runs.Train("undisturbed", recipe);
        var outcome = _runs.Train("stopped", recipe, new InProcessSettings { Workers = 2 }, StopAfterFirstEpoch);
        var interrupted = Assert.IsType<RunInterrupted>(outcome);
        Assert.InRange(interrupted.Step, 1, (200 * 14) - 1);

        var resumed = Assert.IsType<RunCompleted>(_runs.Resume("stopped", recipe, new InProcessSettings { Workers = 3 }));

        Assert.Equal(200, resumed.Epoch);
        Assert.Equal(_runs.Receipt("undisturbed"), _runs.Receipt("stopped"));
    }

    [Fact]
    public void Early_stopping_keeps_the_best_epoch_and_survives_a_resume()
    {
        var recipe = TrainedRun.Recipe("epochs=2000", "optimiser.rate=0.05", "early_stopping={ metric: val_loss, patience: 20, restore_best: true }");
        var undisturbed = Assert.IsType<RunCompleted>(_runs.Train("undisturbed", recipe));
        Assert.True(undisturbed.StoppedEarly);

        var stopped = _runs.Train("stopped", recipe, null, StopAfterFirstEpoch);
        Assert.IsType<RunInterrupted>(stopped);
        var resumed = Assert.IsType<RunCompleted>(_runs.Resume("stopped", recipe));

        Assert.Equal(undisturbed, resumed);
        Assert.Equal(_runs.Receipt("undisturbed"), _runs.Receipt("stopped"));
        Assert.True(File.ReadAllBytes(Path.Combine(_runs.Folder("undisturbed"), "model.safetensors"))
            .AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(_runs.Folder("stopped"), "model.safetensors"))));
    }

    [Fact]
    public void Checkpoints_by_steps_do_not_change_the_receipt()
    {
        var recipe = TrainedRun.Recipe();
        _runs.Train("none", recipe);
        _runs.Train("many", recipe, new InProcessSettings { Run = new RunSettings { CheckpointSteps = 5 } });
        Assert.Equal(_runs.Receipt("none"), _runs.Receipt("many"));
        Assert.Contains(_runs.Events, happened => happened is CheckpointSaved { Step: 40 });
        Assert.Equal(2, Directory.GetFiles(Path.Combine(_runs.Folder("many"), "checkpoints"), "step-*").Length);
    }

    [Fact]
    public void A_loss_that_diverges_ends_the_run_with_step_and_remedy()
    {
        var recipe = TrainedRun.Recipe("loss=squared-error", "layers[0].activation=identity", "layers[1].activation=identity", "optimiser.rate=1000",
            "epochs=50");
        var failed = Assert.IsType<RunFailed>(_runs.Train("diverging", recipe, new InProcessSettings { Workers = 2 }));
        Assert.Contains("step ", failed.Reason, StringComparison.Ordinal);
        Assert.Contains("is not finite. Lower optimiser.rate", failed.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_disk_that_refuses_checkpoints_delays_nothing()
    {
        // A file in the place of the folder refuses even root.
        var recipe = TrainedRun.Recipe();
        _runs.Train("undisturbed", recipe);
        using var folder = RunFolder.Create(_runs.Folder("blocked"), recipe);
        var checkpoints = Path.Combine(_runs.Folder("blocked"), "checkpoints");
        Directory.Delete(checkpoints);
        File.WriteAllText(checkpoints, "in the way");
        var warnings = new List<RunWarning>();

        var outcome = InProcessTraining.Train(
            recipe,
            TrainedRun.Data(recipe),
            folder,
            new InProcessSettings { Run = new RunSettings { CheckpointSteps = 10 } },
            TimeProvider.System,
            happened => warnings.AddRange(new[] { happened }.OfType<RunWarning>()),
            CancellationToken.None);

        Assert.IsType<RunCompleted>(outcome);
        Assert.Contains(warnings, warning => warning.Message.Contains("the checkpoint at step 10 could not be written", StringComparison.Ordinal));
        Assert.Equal(_runs.Receipt("undisturbed"), _runs.Receipt("blocked"));
    }

    private static void StopAfterFirstEpoch(RunEvent happened, CancellationTokenSource stop)
    {
        if (happened is EpochCompleted)
        {
            stop.Cancel();
        }
    }
}
