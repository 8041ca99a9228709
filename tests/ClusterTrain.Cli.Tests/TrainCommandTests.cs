using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using ClusterTrain.Cli.Output;

namespace ClusterTrain.Cli.Tests;

public sealed partial class TrainCommandTests : IDisposable
{
    private readonly RunDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void The_weights_have_the_same_bits_for_any_number_of_workers_threads_and_servers()
    {
        string[][] ways =
        [
            ["--workers", "1", "--threads", "1"],
            ["--workers", "1", "--threads", "2"],
            ["--workers", "2"],
            ["--workers", "3", "--parameter-servers", "2"],
        ];
        var lines = ways.Select((way, index) => Train(index, way).LastLine).Distinct().ToList();
        var line = Assert.Single(lines);
        Assert.Matches("^weights sha256 [0-9a-f]{64}$", line);
    }

    [Fact]
    public void Output_that_is_not_a_terminal_is_plain_lines()
    {
        var run = Train(0);
        Assert.Equal(0, run.ExitCode);
        Assert.Equal("", run.Error);
        Assert.DoesNotContain('\u001b', run.Out);
        Assert.StartsWith("digits: 64-64-10, 4,810 parameters; 1,294 rows in batches of 32 (2 leaves), 2 epochs", run.Lines[0],
            StringComparison.Ordinal);
        Assert.Contains(_directory["run 0"], run.Lines[1], StringComparison.Ordinal);
        Assert.Matches(EpochLine(), run.Lines[2]);
        Assert.Matches(EpochLine(), run.Lines[3]);
        Assert.Matches("^train_loss 0\\.[0-9]{4}  train_acc 0\\.[0-9]{4}  on 1,294 rows$", run.Lines[4]);
        Assert.Matches("^test_loss 0\\.[0-9]{4}  test_acc 0\\.[0-9]{4}  on 359 rows$", run.Lines[5]);
        Assert.StartsWith("done in ", run.Lines[6], StringComparison.Ordinal);
        Assert.Equal(8, run.Lines.Length);
    }

    [Fact]
    public void An_epoch_of_regression_is_told_by_its_squared_error_and_R2()
    {
        var rows = string.Concat(Enumerable.Range(0, 40)
            .Select(i => string.Create(CultureInfo.InvariantCulture, $"{i % 7},{i % 5},{(2 * (i % 7)) - (i % 5)}\n")));
        _directory.Write("line.csv", "a,b,y\n" + rows);
        var recipe = _directory.Write("line.yaml", """
            data: { csv: { file: line.csv, targets: [y] }, task: regression, standardise: true, validation: 0.2, test: 0.2 }
            layers: [ { units: 1 } ]
            loss: mean-squared-error
            optimiser: { kind: sgd, rate: 0.1 }
            batch: full
            epochs: 50
            """);
        var run = CommandRun.Of("train", recipe, "--out", _directory["run"]);
        Assert.Equal(0, run.ExitCode);
        Assert.Matches("^epoch 50/50  loss [0-9.e-]+  val_loss [0-9.e-]+  val_mse [0-9.e-]+  val_r2 (0\\.99[0-9]{2}|1\\.0000)  [0-9,]+ samples/s  "
            + "workers 1  eta 00:00$", run.Lines[^5]);
        Assert.Matches("^test_loss [0-9.e-]+  test_mse [0-9.e-]+  test_mae [0-9.e-]+(  test_mape [0-9.e-]+ %)?  test_r2 (0\\.99[0-9]{2}|1\\.0000)  "
            + "on 8 rows$", run.Lines[^3]);
    }

    [Fact]
    public void Quiet_prints_the_hash_alone()
    {
        var run = Train(0, "--quiet");
        Assert.Equal("", run.Error);
        Assert.Matches("^weights sha256 [0-9a-f]{64}\n$", run.Out);
    }

    [Fact]
    public void With_json_every_line_is_an_object_and_the_last_holds_the_hash()
    {
        var plain = Train(0);
        var run = Train(1, "--json", "--workers", "2");
        var events = run.Lines.Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.Equal("run", events[0].GetProperty("event").GetString());
        Assert.Equal(4810, events[0].GetProperty("parameters").GetInt32());
        var names = events.Select(one => one.GetProperty("event").GetString()).ToList();
        Assert.Contains("began", names);
        Assert.Contains("progress", names);
        Assert.Equal(2, names.Count(name => name == "epoch"));
        Assert.Equal("completed", events[^2].GetProperty("outcome").GetString());
        Assert.Equal("result", names[^1]);
        Assert.Equal(plain.LastLine, $"weights sha256 {events[^1].GetProperty("weightsSha256").GetString()}");
        Assert.Equal(359, events[^1].GetProperty("test").GetProperty("rows").GetInt64());
        Assert.All(events, one => Assert.True(one.GetProperty("secondsSinceStart").GetDouble() >= 0));
    }

    [Fact]
    public void A_terminal_gets_the_same_lines_and_a_table()
    {
        var plain = Train(0);
        var run = CommandRun.OnTerminal("train", "--set", "epochs=2", "--out", _directory["terminal"]);
        Assert.Equal(0, run.ExitCode);
        var text = Escapes().Replace(run.Out, "").Replace("\r", "", StringComparison.Ordinal);
        Assert.Contains("epoch 1/2  loss ", text, StringComparison.Ordinal);
        Assert.Contains("│ epoch │   loss │ val_loss │ val_acc │", text, StringComparison.Ordinal);
        Assert.EndsWith(plain.LastLine + "\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_that_was_stopped_and_resumed_ends_with_the_bits_of_one_left_alone()
    {
        var alone = CommandRun.Of("train", "--set", "epochs=100", "--out", _directory["alone"]);
        var stopped = Stop(ExitCodes.Interrupted, _directory["stopped"]);
        Assert.Equal(130, stopped.ExitCode);
        Assert.Contains($"clustertrain train --resume \"{_directory["stopped"]}\"", stopped.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("sha256", stopped.Out, StringComparison.Ordinal);

        var resumed = CommandRun.Of("train", "--resume", _directory["stopped"], "--workers", "2");
        Assert.Equal(0, resumed.ExitCode);
        Assert.Equal(alone.LastLine, resumed.LastLine);
        Assert.Equal(
            File.ReadAllLines(Path.Combine(_directory["alone"], "receipt.jsonl")),
            File.ReadAllLines(Path.Combine(_directory["stopped"], "receipt.jsonl")));
    }

    [Fact]
    public void A_run_stopped_by_SIGTERM_says_so_by_its_exit_code() =>
        Assert.Equal(143, Stop(ExitCodes.Terminated, _directory["stopped"]).ExitCode);

    [Fact]
    public void Resuming_a_complete_run_prints_its_hash_and_computes_nothing()
    {
        var run = Train(0);
        var before = Directory.GetLastWriteTimeUtc(_directory["run 0"]);
        var resumed = CommandRun.Of("train", "--resume", _directory["run 0"]);
        Assert.Equal(0, resumed.ExitCode);
        Assert.Equal(run.LastLine + "\n", resumed.Out);
        Assert.Contains("is complete", resumed.Error, StringComparison.Ordinal);
        Assert.Equal(before, Directory.GetLastWriteTimeUtc(_directory["run 0"]));
    }

    [Fact]
    public void Data_beside_the_recipe_are_found_again_when_the_run_is_resumed_and_scored()
    {
        _directory.Write("rows.csv", "x,y\n0,0\n1,1\n0.1,0\n0.9,1\n0.2,0\n0.8,1\n");
        var recipe = _directory.Write("small.yaml", """
            data: { csv: { file: rows.csv, targets: [y] }, test: 2 }
            layers: [ { units: 2, activation: softmax } ]
            loss: categorical-cross-entropy
            batch: 2
            epochs: 100
            """);
        var stopped = CommandRun.InterruptedAt(ExitCodes.Interrupted, "; run folder", "train", recipe, "--out", _directory["run"]);
        Assert.Equal(130, stopped.ExitCode);
        Assert.Equal(0, CommandRun.Of("train", "--resume", _directory["run"]).ExitCode);
        Assert.Equal(0, CommandRun.Of("score", _directory["run"]).ExitCode);
    }

    [Fact]
    public void More_workers_than_leaves_are_told_to_be_idle()
    {
        var run = Train(0, "--workers", "3");
        Assert.Equal("note: a batch of 32 rows has 2 leaves of 16 rows; 1 of the 3 workers will stay idle", Assert.Single(run.ErrorLines));
    }

    [Fact]
    public void A_run_that_diverges_fails_with_the_step_and_the_remedy()
    {
        var run = CommandRun.Of("train", "--set", "optimiser.rate=1e6", "--out", _directory["run"]);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("is not finite", run.Error, StringComparison.Ordinal);
        Assert.Contains("optimiser.rate", run.Error, StringComparison.Ordinal);
    }

    // The servers are at most 64 epochs ahead of the coordinator, so a run of 100 cannot end before it hears of the signal.
    private static CommandRun Stop(int exitCode, string folder) =>
        CommandRun.InterruptedAt(exitCode, "; run folder", "train", "--set", "epochs=100", "--out", folder);

    private CommandRun Train(int index, params string[] more) =>
        CommandRun.Of(["train", "--set", "epochs=2", "--out", _directory[$"run {index}"], .. more]);

    [GeneratedRegex(@"^epoch [12]/2  loss \d\.\d{4}  val_loss \d\.\d{4}  val_acc \d\.\d{4}  [\d,]+ samples/s  workers 1  eta \d\d:\d\d$")]
    private static partial Regex EpochLine();

    [GeneratedRegex("\u001b\\[[0-9;?]*[A-Za-z]")]
    private static partial Regex Escapes();
}
