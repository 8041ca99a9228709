using System.Text.Json;
using ClusterTrain.InProcess;
using ClusterTrain.Learning.Metrics;
using ClusterTrain.Runs;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Tests;

/// <summary>Every epoch of a run stands once in its log and its table, however the run was stopped.</summary>
public sealed class RunLogTests : IDisposable
{
    private readonly TrainedRun _runs = new();

    public void Dispose() => _runs.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(30)]
    public void Half_a_last_line_is_cut_off_and_its_epoch_written_again(int bytes)
    {
        Train("run");
        foreach (var name in new[] { "epochs.csv", "log.jsonl" })
        {
            var path = Path.Combine(_runs.Folder("run"), name);
            var lines = File.ReadAllLines(path).ToList();
            lines.RemoveAll(line => line.Contains("\"ended\"", StringComparison.Ordinal)
                || line.Contains("\"checkpoint\"", StringComparison.Ordinal));
            File.WriteAllText(path, string.Join('\n', lines)[..^bytes]);
        }

        using (var folder = RunFolder.Open(_runs.Folder("run")))
        using (new RunLog(folder, TimeProvider.System))
        {
        }

        AssertWhole("run");
    }

    [Fact]
    public void Epochs_that_only_the_receipt_has_are_written_when_the_log_continues_or_the_run_ends()
    {
        Train("run");
        Drop("epochs.csv", ",2,28,");
        Drop("epochs.csv", ",3,42,");
        Drop("log.jsonl", "\"epoch\":3");

        using (var folder = RunFolder.Open(_runs.Folder("run")))
        using (new RunLog(folder, TimeProvider.System))
        {
        }

        AssertWhole("run");
        using (var folder = RunFolder.Create(_runs.Folder("stopped"), TrainedRun.Recipe()))
        using (var log = new RunLog(folder, TimeProvider.System))
        {
            File.Copy(Path.Combine(_runs.Folder("run"), "receipt.jsonl"), folder.ReceiptPath);
            log.Write(new RunEnded(new RunInterrupted(42)));
        }

        AssertWhole("stopped");
    }

    [Fact]
    public void Figures_that_are_not_finite_are_null_in_the_log_and_read_back()
    {
        var figures = new Evaluation { Rows = 1, Loss = double.PositiveInfinity, MeanSquaredError = double.NaN };
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            RunEventJson.Write(json, new EpochCompleted(new EpochRecord(1, 2, 3, figures, "00"), double.NaN, 0, TimeSpan.Zero));
            json.WriteEndObject();
        }

        using var read = JsonDocument.Parse(buffer.ToArray());
        Assert.Equal(JsonValueKind.Null, read.RootElement.GetProperty("validation").GetProperty("loss").ValueKind);
        var completed = Assert.IsType<EpochCompleted>(RunEventJson.Read(read.RootElement));
        Assert.True(double.IsNaN(completed.SamplesPerSecond) && double.IsNaN(completed.Record.Validation!.Loss));
    }

    private void Train(string name)
    {
        using var folder = RunFolder.Create(_runs.Folder(name), TrainedRun.Recipe());
        using var log = new RunLog(folder, TimeProvider.System);
        var recipe = TrainedRun.Recipe();
        InProcessTraining.Train(
            recipe, TrainedRun.Data(recipe), folder, new InProcessSettings(), TimeProvider.System, log.Write, CancellationToken.None);
    }

    private void Drop(string name, string text)
    {
        var path = Path.Combine(_runs.Folder("run"), name);
        var kept = File.ReadAllLines(path).Where(line => !line.Contains(text, StringComparison.Ordinal));
        File.WriteAllText(path, string.Join('\n', kept) + "\n");
    }

    private void AssertWhole(string name)
    {
        var table = File.ReadAllLines(Path.Combine(_runs.Folder(name), "epochs.csv"));
        Assert.All(table, line => Assert.Equal(11, line.Split(',').Length));
        Assert.Equal(["1", "2", "3"], table.Skip(1).Select(line => line.Split(',')[1]).Order());
        var epochs = new List<int>();
        foreach (var line in File.ReadAllLines(Path.Combine(_runs.Folder(name), "log.jsonl")))
        {
            using var json = JsonDocument.Parse(line);
            if (json.RootElement.GetProperty("event").GetString() == "epoch")
            {
                epochs.Add(json.RootElement.GetProperty("epoch").GetInt32());
            }
        }

        Assert.Equal([1, 2, 3], epochs);
    }
}
