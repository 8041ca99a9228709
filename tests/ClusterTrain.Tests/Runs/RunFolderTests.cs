using ClusterTrain.Data.Models;
using ClusterTrain.InProcess;
using ClusterTrain.Learning.ModelFiles;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Runs;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Tests;

public sealed class RunFolderTests : IDisposable
{
    private readonly TrainedRun _runs = new();

    public void Dispose() => _runs.Dispose();

    [Fact]
    public void A_second_coordinator_on_a_run_folder_is_refused()
    {
        using var folder = RunFolder.Create(_runs.Folder("run"), TrainedRun.Recipe());
        var error = Assert.Throws<RunFolderException>(() => RunFolder.Open(_runs.Folder("run")));
        Assert.Contains("another process is working in this run folder", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_coordinator_that_hangs_loses_the_folder_and_writes_nothing_when_it_wakes()
    {
        using var hung = RunFolder.Create(_runs.Folder("run"), TrainedRun.Recipe());
        using var log = new StreamWriter(new FileStream(hung.LogPath, FileMode.Append, FileAccess.Write, FileShare.Read)) { AutoFlush = true };
        log.WriteLine("before");
        Assert.True(hung.RenewClaim());
        var claim = RunFolder.ReadClaim(hung.Path);
        Assert.True(hung.RenewClaim());
        Assert.NotEqual(claim, RunFolder.ReadClaim(hung.Path));

        using var next = RunFolder.TakeOver(hung.Path);
        log.WriteLine("after");

        Assert.Equal(2, next.Identity.Term);
        Assert.True(next.RenewClaim());
        Assert.False(hung.RenewClaim());
        Assert.Equal("before\n", File.ReadAllText(next.LogPath));
        var error = Assert.Throws<RunFolderException>(() => hung.HoldTo("data"));
        Assert.Contains("another coordinator took the run over", error.Message, StringComparison.Ordinal);
        Assert.Throws<RunFolderException>(() => RunFolder.Open(hung.Path));
    }

    [Fact]
    public void A_lock_that_cannot_be_opened_is_not_taken_for_one_that_is_held()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        RunFolder.Create(_runs.Folder("run"), TrainedRun.Recipe()).Dispose();
        var held = Path.Combine(_runs.Folder("run"), "lock");
        File.Delete(held);
        File.CreateSymbolicLink(held, "lock");

        var error = Assert.Throws<RunFolderException>(() => RunFolder.Open(_runs.Folder("run")));

        Assert.StartsWith($"{_runs.Folder("run")}: the run folder cannot be locked: ", error.Message, StringComparison.Ordinal);
        Assert.EndsWith(". Make it writable, with space on its disk, or work with a copy of it.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_coordinator_of_a_run_has_a_term_of_its_own()
    {
        RunFolder.Create(_runs.Folder("run"), TrainedRun.Recipe()).Dispose();
        for (var term = 2; term < 5; term++)
        {
            using var folder = RunFolder.Open(_runs.Folder("run"));
            Assert.Equal(term, folder.Identity.Term);
        }
    }

    [Fact]
    public void A_folder_with_something_in_it_is_not_made_a_run_folder()
    {
        Directory.CreateDirectory(_runs.Folder("full"));
        File.WriteAllText(Path.Combine(_runs.Folder("full"), "mine.txt"), "keep me");
        var error = Assert.Throws<RunFolderException>(() => RunFolder.Create(_runs.Folder("full"), TrainedRun.Recipe()));
        Assert.Contains("--resume", error.Message, StringComparison.Ordinal);
        Assert.Single(Directory.GetFiles(_runs.Folder("full")));
    }

    [Fact]
    public void A_folder_that_is_no_run_is_not_resumed()
    {
        var error = Assert.Throws<RunFolderException>(() => RunFolder.Open(_runs.Root));
        Assert.Contains("is not a run folder", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_checkpoint_is_passed_over_for_the_one_before_it()
    {
        var recipe = TrainedRun.Recipe();
        _runs.Train("undisturbed", recipe);
        _runs.Train("run", recipe, new InProcessSettings { Run = new RunSettings { CheckpointSteps = 10 } });
        var newest = Directory.GetFiles(Path.Combine(_runs.Folder("run"), "checkpoints"), "step-*").Max()!;
        File.WriteAllBytes(newest, File.ReadAllBytes(newest)[..^100]);

        var resumed = _runs.Resume("run", recipe);

        Assert.IsType<RunCompleted>(resumed);
        Assert.Contains(_runs.Events, happened => happened is RunWarning warning && warning.Message.Contains(newest, StringComparison.Ordinal));
        Assert.Equal(_runs.Receipt("undisturbed"), _runs.Receipt("run"));
    }

    [Fact]
    public void No_checkpoint_is_whole_and_the_run_begins_again_and_says_so()
    {
        var recipe = TrainedRun.Recipe();
        _runs.Train("undisturbed", recipe);
        _runs.Train("run", recipe, new InProcessSettings { Run = new RunSettings { CheckpointSteps = 10 } });
        foreach (var checkpoint in Directory.GetFiles(Path.Combine(_runs.Folder("run"), "checkpoints"), "step-*"))
        {
            File.WriteAllBytes(checkpoint, []);
        }

        Assert.IsType<RunCompleted>(_runs.Resume("run", recipe));

        Assert.Equal(
            "no checkpoint can be used: the run begins again at step 0, with the same result",
            _runs.Events.OfType<RunWarning>().Last().Message);
        Assert.Equal(_runs.Receipt("undisturbed"), _runs.Receipt("run"));
    }

    [Theory]
    [InlineData("run.json", "{", "is missing or damaged")]
    [InlineData("run.json", "{}", "is missing or damaged")]
    [InlineData("receipt.jsonl", "rubbish\n", "is not a line of a receipt")]
    public void A_damaged_file_of_the_run_is_named_with_the_remedy(string name, string content, string problem)
    {
        RunFolder.Create(_runs.Folder("run"), TrainedRun.Recipe()).Dispose();
        var file = Path.Combine(_runs.Folder("run"), name);
        File.WriteAllText(file, content);

        var error = Assert.Throws<RunFolderException>(() =>
        {
            using var folder = RunFolder.Open(_runs.Folder("run"));
            return Receipt.Read(folder.ReceiptPath);
        });

        Assert.StartsWith(file, error.Message, StringComparison.Ordinal);
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
        Assert.EndsWith("Restore the file from a copy, or start a new run.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_is_not_resumed_with_other_data()
    {
        var recipe = TrainedRun.Recipe();
        _runs.Train("run", recipe, new InProcessSettings { Run = new RunSettings { CheckpointSteps = 10 } });
        using var folder = RunFolder.Open(_runs.Folder("run"));
        var others = TrainedRun.Data(TrainedRun.Recipe("data.validation=100"));
        var error = Assert.Throws<RunFolderException>(() => InProcessTraining.Train(
            recipe, others, folder, new InProcessSettings(), TimeProvider.System, _ => { }, CancellationToken.None));
        Assert.Contains("the run was begun with other data", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_model_predicts_the_same_bits_after_loading()
    {
        var recipe = TrainedRun.Recipe();
        var completed = Assert.IsType<RunCompleted>(_runs.Train("run", recipe));
        var model = Model.Read(Path.Combine(_runs.Folder("run"), "model.safetensors"));
        Assert.Equal(completed.WeightsSha256, WeightsHash.Of(model.Weights.Span));
        Assert.Equal(recipe.Fingerprint(), model.Recipe.Fingerprint());
        Assert.Equal(10, model.Classes.Length);
    }
}
