using System.Globalization;
using System.Text.Json;
using ClusterTrain.Cli.Output;

namespace ClusterTrain.Cli.Tests;

/// <summary>Files of prepared rows, and data sets as CSV.</summary>
public sealed class DataCommandTests : IDisposable
{
    private readonly RunDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_run_from_a_prepared_file_has_the_receipt_of_one_from_the_source()
    {
        var recipe = Regression();
        var prepared = CommandRun.Of("data", "prepare", recipe, "-o", _directory["rows.ctdata"]);
        Assert.Equal((0, $"{_directory["rows.ctdata"]}: 26 training rows, 6 validation rows, 8 test rows of 2 features"),
            (prepared.ExitCode, prepared.LastLine[..prepared.LastLine.LastIndexOf(',')]));
        Assert.Contains("reading ", prepared.Error, StringComparison.Ordinal);
        Assert.Contains("writing ", prepared.Error, StringComparison.Ordinal);
        Assert.Equal(0, CommandRun.Of("train", recipe, "--out", _directory["source"]).ExitCode);
        File.Delete(_directory["line.csv"]);

        var run = CommandRun.Of("train", recipe, "--prepared", _directory["rows.ctdata"], "--workers", "2", "--out", _directory["run"]);

        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Equal(File.ReadAllText(Receipt("source")), File.ReadAllText(Receipt("run")));
        Assert.Equal(0, CommandRun.Of("verify", _directory["source"], _directory["run"]).ExitCode);

        // The run folder remembers where its rows are.
        Assert.Contains("on 8 rows", CommandRun.Of("score", _directory["run"]).Out, StringComparison.Ordinal);
        Assert.Equal(0, CommandRun.Of("replay", _directory["run"], "--from", "0", "--to", "6").ExitCode);
        Assert.Equal("", CommandRun.Of("report", _directory["run"]).Error);
    }

    [Fact]
    public void A_run_from_a_prepared_file_is_resumed_from_it()
    {
        var recipe = Regression();
        CommandRun.Of("data", "prepare", recipe, "-o", _directory["rows.ctdata"]);
        CommandRun.Of("train", recipe, "--out", _directory["source"], "--set", "epochs=3000");
        File.Delete(_directory["line.csv"]);
        var stopped = CommandRun.InterruptedAt(
            ExitCodes.Interrupted, "epoch 1/", "train", recipe, "--prepared", _directory["rows.ctdata"], "--out", _directory["run"], "--set",
                "epochs=3000");
        Assert.Equal(ExitCodes.Interrupted, stopped.ExitCode);
        Assert.Equal(0, CommandRun.Of("train", "--resume", _directory["run"]).ExitCode);
        Assert.Equal(File.ReadAllText(Receipt("source")), File.ReadAllText(Receipt("run")));
    }

    [Fact]
    public void Rows_prepared_by_another_recipe_are_refused()
    {
        var recipe = Regression();
        CommandRun.Of("data", "prepare", recipe, "-o", _directory["rows.ctdata"], "--set", "seed=7");
        var run = CommandRun.Of("train", recipe, "--prepared", _directory["rows.ctdata"], "--out", _directory["run"]);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("were not prepared by this recipe", Assert.Single(run.ErrorLines), StringComparison.Ordinal);
        Assert.False(Directory.Exists(_directory["run"]));
    }

    [Fact]
    public void Json_counts_the_rows()
    {
        var run = CommandRun.Of("data", "prepare", "-o", _directory["digits.ctdata"], "--json");
        var json = JsonDocument.Parse(Assert.Single(run.Lines)).RootElement;
        Assert.Equal(
            (1294, 144, 359, 64),
            (json.GetProperty("trainRows").GetInt32(), json.GetProperty("validationRows").GetInt32(),
                json.GetProperty("testRows").GetInt32(), json.GetProperty("features").GetInt32()));
        Assert.Equal(new FileInfo(_directory["digits.ctdata"]).Length, json.GetProperty("bytes").GetInt64());
    }

    [Fact]
    public void Paths_that_cannot_be_written_are_told_before_anything_is_read()
    {
        var recipe = Regression();
        foreach (var (path, message) in new[]
        {
            (_directory.Folder, "a folder; name a file in it"),
            (_directory["nowhere/rows.ctdata"], "there is no folder"),
            (_directory["line.csv"], "a file that does not hold prepared rows"),
        })
        {
            var before = File.ReadAllText(_directory["line.csv"]);
            var run = CommandRun.Of("data", "prepare", recipe, "-o", path);
            Assert.Equal(2, run.ExitCode);
            Assert.Contains(message, Assert.Single(run.ErrorLines), StringComparison.Ordinal);
            Assert.Equal(before, File.ReadAllText(_directory["line.csv"]));
        }
    }

    [Theory]
    [InlineData("data prepare -o rows.ctdata")]
    [InlineData("data export digits -o csv")]
    public void A_signal_leaves_nothing_half_written(string commandLine)
    {
        var words = commandLine.Split(' ');
        words[^1] = _directory[words[^1]];
        var run = CommandRun.InterruptedBefore(ExitCodes.Interrupted, words);
        Assert.Equal(130, run.ExitCode);
        Assert.EndsWith("stopped\n", run.Error, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_directory.Folder, "*", SearchOption.AllDirectories));
    }

    [Fact]
    public void An_exported_set_trains_to_the_same_weights()
    {
        var export = CommandRun.Of("data", "export", "digits", "--out", _directory["csv"]);
        Assert.Equal(0, export.ExitCode);
        Assert.StartsWith(Path.Combine(_directory["csv"], "digits_train.csv"), Assert.Single(export.Lines), StringComparison.Ordinal);
        var recipe = _directory.Write("digits-csv.yaml", """
            data: { csv: { file: digits_train.csv, header: false, target: c0 }, scale: 1/16, split: random, validation: 0.1, test: 0.2 }
            layers: [{ units: 64, activation: relu }, { units: 10, activation: softmax }]
            loss: categorical-cross-entropy
            optimiser: { kind: momentum, rate: 0.1, momentum: 0.9 }
            schedule: { kind: cosine }
            l2: 0.0001
            batch: 32
            epochs: 2
            """);
        var csv = CommandRun.Of("train", recipe, "--data", _directory["csv"], "--quiet", "--out", _directory["csv run"]);
        var set = CommandRun.Of("train", "--set", "epochs=2", "--quiet", "--out", _directory["set run"]);
        Assert.Equal((0, set.LastLine), (csv.ExitCode, csv.LastLine));
    }

    [Fact]
    public void Exports_that_cannot_be_are_told()
    {
        var onto = CommandRun.Of("data", "export", "digits", "--out", _directory.Write("file", ""));
        Assert.Equal(2, onto.ExitCode);
        Assert.Contains("a file; name a folder", Assert.Single(onto.ErrorLines), StringComparison.Ordinal);
        var unknown = CommandRun.Of("data", "export", "nist", "--out", _directory["folder"]);
        Assert.Equal(2, unknown.ExitCode);
        Assert.Contains("There is no data set 'nist'", Assert.Single(unknown.ErrorLines), StringComparison.Ordinal);
        Assert.False(Directory.Exists(_directory["folder"]));
    }

    private string Receipt(string run) => Path.Combine(_directory[run], "receipt.jsonl");

    private string Regression()
    {
        var rows = string.Concat(Enumerable.Range(0, 40).Select(
            i => string.Create(CultureInfo.InvariantCulture, $"{i % 7},{i % 5},{(2 * (i % 7)) - (i % 5)}\n")));
        _directory.Write("line.csv", "a,b,y\n" + rows);
        return _directory.Write("line.yaml", """
            data: { csv: { file: line.csv, targets: [y] }, task: regression, standardise: true, validation: 0.2, test: 0.2 }
            layers: [ { units: 1 } ]
            loss: mean-squared-error
            optimiser: { kind: sgd, rate: 0.1 }
            batch: 8
            leaf: 4
            epochs: 20
            """);
    }
}
