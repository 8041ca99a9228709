using ClusterTrain.InProcess;
using ClusterTrain.Runs;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Tests;

public sealed class RunVerificationTests : IDisposable
{
    private readonly TrainedRun _runs = new();

    public void Dispose() => _runs.Dispose();

    [Fact]
    public void A_run_agrees_with_its_receipt()
    {
        TrainWithCheckpoints("run");
        var report = RunVerification.Verify(_runs.Folder("run"));
        Assert.Empty(report.Differences);
        Assert.Contains(report.Checked, line => line.StartsWith("receipt: 4 entries up to step 42", StringComparison.Ordinal));
        Assert.Contains(report.Checked, line => line == "checkpoints/step-000000000042.safetensors: whole, as the receipt says");
        Assert.Contains(report.Checked, line => line == "model.safetensors: the weights of epoch 3, step 42");
    }

    [Fact]
    public void A_flipped_bit_of_a_checkpoint_names_its_tensor()
    {
        TrainWithCheckpoints("run");
        var file = Directory.GetFiles(Path.Combine(_runs.Folder("run"), "checkpoints"), "step-*").Max()!;
        var bytes = File.ReadAllBytes(file);
        bytes[^1] ^= 1;
        File.WriteAllBytes(file, bytes);
        var report = RunVerification.Verify(_runs.Folder("run"));
        Assert.Contains("tensor 'optimiser.0'", Assert.Single(report.Differences), StringComparison.Ordinal);
    }

    [Fact]
    public void A_changed_figure_in_the_receipt_breaks_its_chain()
    {
        TrainWithCheckpoints("run");
        var path = Path.Combine(_runs.Folder("run"), "receipt.jsonl");
        var lines = File.ReadAllLines(path);
        lines[2] = lines[2].Replace("\"loss\":", "\"loss\":1", StringComparison.Ordinal);
        File.WriteAllText(path, string.Join('\n', lines) + "\n");
        var report = RunVerification.Verify(_runs.Folder("run"));
        Assert.Contains("receipt.jsonl:3: the chain is broken at step 28", Assert.Single(report.Differences), StringComparison.Ordinal);
    }

    [Fact]
    public void A_receipt_with_a_gap_is_neither_resumed_nor_called_unbroken()
    {
        TrainWithCheckpoints("run");
        var path = Path.Combine(_runs.Folder("run"), "receipt.jsonl");
        var entries = Receipt.Read(path).Entries;
        var forged = ReceiptEntry.Start(entries[0].Identity!, entries[0].WeightsSha256);
        var third = ReceiptEntry.Of(entries[3].Record!, forged.Chain);
        new Receipt([forged, third]).Write(path);

        var report = RunVerification.Verify(_runs.Folder("run"));

        Assert.StartsWith($"{path}:2: epoch 3, step 42, where epoch 1 is missing.", Assert.Single(report.Differences), StringComparison.Ordinal);
        Assert.Throws<RunFolderException>(() => _runs.Resume("run", TrainedRun.Recipe()));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_receipt_that_lost_its_last_entries_is_made_whole_by_resuming_before_them(int lost)
    {
        var recipe = TrainedRun.Recipe();
        _runs.Train("undisturbed", recipe);
        TrainWithCheckpoints("run");
        var path = Path.Combine(_runs.Folder("run"), "receipt.jsonl");
        File.WriteAllText(path, string.Concat(File.ReadAllLines(path)[..^lost].Select(line => line + "\n")));
        File.Delete(Path.Combine(_runs.Folder("run"), "model.safetensors"));
        if (lost < 3)
        {
            Assert.Contains(
                RunVerification.Verify(_runs.Folder("run")).Differences,
                line => line.Contains("entries are missing", StringComparison.Ordinal));
        }

        _runs.Resume("run", recipe);

        Assert.Equal(_runs.Receipt("undisturbed"), _runs.Receipt("run"));
        Assert.Contains(_runs.Events, happened =>
            happened is RunWarning { Message: var message } && message.Contains("is ahead of the receipt", StringComparison.Ordinal));
    }

    [Fact]
    public void A_torn_last_line_of_a_receipt_is_written_again_on_resume()
    {
        var recipe = TrainedRun.Recipe();
        _runs.Train("undisturbed", recipe);
        TrainWithCheckpoints("torn");
        var path = Path.Combine(_runs.Folder("torn"), "receipt.jsonl");
        File.WriteAllText(path, File.ReadAllText(path)[..^10]);
        foreach (var late in Directory.GetFiles(Path.Combine(_runs.Folder("torn"), "checkpoints"), "*42.safetensors"))
        {
            File.Delete(late);
        }

        _runs.Resume("torn", recipe);
        Assert.Equal(_runs.Receipt("undisturbed"), _runs.Receipt("torn"));
    }

    [Fact]
    public void Two_runs_of_one_recipe_agree()
    {
        TrainWithCheckpoints("one");
        _runs.Train("two", TrainedRun.Recipe(), new InProcessSettings { Workers = 4 });
        var report = RunVerification.Compare(_runs.Folder("one"), _runs.Folder("two"));
        Assert.Empty(report.Differences);
        Assert.Contains("receipts: 4 common entries agree, up to step 42", report.Checked);
        Assert.Contains("model.safetensors: 4 tensors equal to the last bit", report.Checked);
    }

    [Fact]
    public void Runs_of_two_recipes_differ_where_they_first_do()
    {
        _runs.Train("one", TrainedRun.Recipe());
        _runs.Train("two", TrainedRun.Recipe("seed=2"));
        var report = RunVerification.Compare(_runs.Folder("one"), _runs.Folder("two"));
        Assert.Contains(report.Differences, line => line.StartsWith("different recipe: ", StringComparison.Ordinal));
        Assert.Contains(report.Differences, line => line == "recipe: seed is 1 and 2");
        Assert.Contains(report.Differences, line => line.StartsWith("first difference: epoch 0, step 0: weights sha256 ", StringComparison.Ordinal));
        Assert.Contains(report.Differences, line =>
            line.StartsWith("model.safetensors: tensor 'layers.0.weight' differs first at element 0", StringComparison.Ordinal));
    }

    [Fact]
    public void Steps_can_be_on_the_receipt_and_are_replayed_from_the_nearest_checkpoint()
    {
        var recipe = TrainedRun.Recipe("clip_norm=1", "l2=0.001");
        _runs.Train("run", recipe, new InProcessSettings { Workers = 3, Run = new RunSettings { CheckpointSteps = 10, ReceiptSteps = 4 } });
        var report = Replay(33, 42);
        Assert.Empty(report.Differences);
        Assert.Equal("replayed from step 30 (a checkpoint) to 42", report.Checked[0]);
        Assert.Equal(["step 36", "step 40", "epoch 3, step 42"], report.Checked.Skip(1)
            .Select(line => line[..line.IndexOf(": weights", StringComparison.Ordinal)]));

        var whole = Replay(0, 42);
        Assert.Empty(whole.Differences);
        Assert.Equal("replayed from step 0 (the start weights) to 42", whole.Checked[0]);

        VerificationReport Replay(long from, long to) => RunVerification.Replay(
            _runs.Folder("run"), from, to, TrainedRun.Data(recipe), 1, null, CancellationToken.None);
    }

    [Fact]
    public void A_replay_names_the_first_step_that_differs()
    {
        var recipe = TrainedRun.Recipe();
        _runs.Train("run", recipe);
        _runs.Train("other", TrainedRun.Recipe("optimiser.rate=0.06"));

        // The receipt of another run under this run's recipe: what a machine that computes wrongly would leave.
        var foreign = Receipt.Read(Path.Combine(_runs.Folder("other"), "receipt.jsonl"));
        var own = Receipt.Read(Path.Combine(_runs.Folder("run"), "receipt.jsonl"));
        var chain = ReceiptEntry.ChainStart;
        var entries = new List<ReceiptEntry> { own.Entries[0] };
        chain = entries[0].Chain;
        entries.Add(own.Entries[1]);
        chain = entries[1].Chain;
        entries.Add(ReceiptEntry.Of(foreign.Entries[2].Record!, chain));
        new Receipt([.. entries]).Write(Path.Combine(_runs.Folder("run"), "receipt.jsonl"));

        var report = RunVerification.Replay(_runs.Folder("run"), 0, 42, TrainedRun.Data(recipe), 1, null, CancellationToken.None);
        Assert.StartsWith("first difference: epoch 2, step 28: the receipt says ", Assert.Single(report.Differences), StringComparison.Ordinal);
    }

    private void TrainWithCheckpoints(string name) =>
        _runs.Train(name, TrainedRun.Recipe(), new InProcessSettings { Run = new RunSettings { CheckpointSteps = 7 } });
}
