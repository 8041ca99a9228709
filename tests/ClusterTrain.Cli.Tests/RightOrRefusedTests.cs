using System.Globalization;
using System.Net;
using System.Text.Json;

namespace ClusterTrain.Cli.Tests;

/// <summary>A file is read right or refused with exit code 2; what is printed is never a wrong answer without a word.</summary>
public sealed class RightOrRefusedTests : IDisposable
{
    private const string Rest = """
        layers: [ { units: 4, activation: relu }, { units: 2, activation: softmax } ]
        loss: categorical-cross-entropy
        batch: full
        epochs: 200
        """;

    private const string Rows = "x,z,y\n1,2,a\n2,1,b\n1,3,a\n3,1,b\n";

    private readonly RunDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Figures_that_are_not_finite_are_null_in_JSON()
    {
        _directory.Write("d.csv", "x,y\n1,2\n2,4\n3,6\n");
        _directory.Write("far.csv", "x,y\n1,2\n3e38,4\n");
        var recipe = _directory.Write("r.yaml", """
            data: { csv: { file: d.csv, test_file: far.csv, target: y }, standardise: false, task: regression, target_scale: 1/1000 }
            layers: [ { units: 1 } ]
            loss: mean-squared-error
            batch: full
            epochs: 3
            """);

        var train = CommandRun.Of("train", recipe, "--out", _directory["run"], "--json");
        Assert.Equal(0, train.ExitCode);
        var test = JsonDocument.Parse(train.LastLine).RootElement.GetProperty("test");
        Assert.Equal(JsonValueKind.Null, test.GetProperty("loss").ValueKind);
        var predict = CommandRun.Of("predict", _directory["run"], _directory["far.csv"], "--json");
        Assert.Equal(0, predict.ExitCode);
        Assert.Contains("\"outputs\":{\"y\":null}", predict.LastLine, StringComparison.Ordinal);
        var score = CommandRun.Of("score", _directory["run"], _directory["far.csv"], "--json");
        Assert.Equal(0, score.ExitCode);
        Assert.Contains("\"loss\":null", score.LastLine, StringComparison.Ordinal);
        Assert.Equal(0, CommandRun.Of("report", _directory["run"]).ExitCode);
    }

    [Fact]
    public void A_report_of_outputs_that_are_not_numbers_says_so()
    {
        _directory.Write("far.csv", "x,z,y\n1,2,a\n3e38,3e38,a\n");
        _directory.Write("d.csv", Rows);
        var recipe = _directory.Write("r.yaml", "data: { csv: { file: d.csv, test_file: far.csv, target: y }, standardise: false }\n" + Rest);
        Assert.Equal(0, CommandRun.Of("train", recipe, "--out", _directory["run"]).ExitCode);

        var report = CommandRun.Of("report", _directory["run"]);

        Assert.Equal(0, report.ExitCode);
        Assert.Contains(report.ErrorLines, line =>
            line.StartsWith("note: Row 1 of the test rows, and perhaps more, has no prediction", StringComparison.Ordinal));
        Assert.False(File.Exists(_directory["run/roc.svg"]));
    }

    [Theory]
    [InlineData("task: regression", true)]
    [InlineData("task: regression, target_scale: 1/1000000", false)]
    public void A_regression_that_diverges_is_told_of_target_scale(string keys, bool isTold)
    {
        _directory.Write("d.csv", "x,y\n100,2000000\n200,4100000\n300,5900000\n");
        var recipe = _directory.Write("r.yaml", $"data: {{ csv: {{ file: d.csv, target: y }}, standardise: false, {keys} }}\n"
            + $"layers: [ {{ units: 1 }} ]\nloss: "
            + "mean-squared-error\nbatch: full\nepochs: 1000\n");

        var run = CommandRun.Of("train", recipe, "--out", _directory["run"]);

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("is not finite. Lower optimiser.rate, scale or standardise the features, or set clip_norm.", run.ErrorLines[^1],
            StringComparison.Ordinal);
        Assert.Equal(isTold, run.ErrorLines[^1].EndsWith("Where the targets are large, set data.target_scale.", StringComparison.Ordinal));
    }

    [Fact]
    public void The_figures_on_the_test_rows_are_in_a_file_of_the_run()
    {
        var train = CommandRun.Of("train", "--set", "epochs=1", "--out", _directory["run"]);
        Assert.Equal(0, train.ExitCode);

        using var json = JsonDocument.Parse(File.ReadAllText(_directory["run/test.json"]));

        var score = JsonDocument.Parse(CommandRun.Of("score", _directory["run"], "--json").LastLine).RootElement;
        foreach (var name in new[] { "rows", "loss", "accuracy" })
        {
            Assert.Equal(score.GetProperty(name).GetDouble(), json.RootElement.GetProperty(name).GetDouble());
        }

        Assert.Equal(10, json.RootElement.GetProperty("perClass").GetArrayLength());
        Assert.EndsWith(json.RootElement.GetProperty("weightsSha256").GetString()!, train.LastLine, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("predict")]
    [InlineData("score")]
    public void A_row_without_a_prediction_is_an_error_that_names_it(string command)
    {
        Train(Rows);
        var file = _directory.Write("far.csv", "x,z,y\n1,2,a\n3e38,3e38,a\n");

        var run = CommandRun.Of(command, _directory["run"], file);

        Assert.Equal(2, run.ExitCode);
        Assert.StartsWith($"error: {file}: line 3: the outputs of the model are not numbers", Assert.Single(run.ErrorLines),
            StringComparison.Ordinal);
    }

    [Fact]
    public void What_looks_wrong_is_a_warning_before_training()
    {
        var run = Train("x,z,y\n1,1000000,a\n2,2000000,b\n\n3,1000001,a\n");

        Assert.Equal(0, run.ExitCode);
        Assert.Collection(
            run.ErrorLines,
            line => Assert.Contains("d.csv: an empty line is left out, line 4.", line, StringComparison.Ordinal),
            line => Assert.StartsWith("warning: the features have very different ranges: 'x' goes up to 3, 'z' up to 2E+06, ", line,
                StringComparison.Ordinal));
    }

    [Fact]
    public void What_a_command_reads_it_does_not_write_over()
    {
        var file = _directory.Write("d.csv", "x,y\n1,2\n2,4\n3,6\n");
        var recipe = _directory.Write("r.yaml", "data: { csv: { file: d.csv, target: y }, task: regression, standardise: true }\n"
            + "layers: [{ units: 1 }]\nloss: mse\nepochs: 1\n");
        var run = _directory["run"];
        Assert.Equal(0, CommandRun.Of("train", recipe, "--out", run).ExitCode);
        var model = Path.Combine(run, "model.safetensors");
        File.CreateSymbolicLink(_directory["link.csv"], file);

        AssertRefused(file, "predict", run, file, "--out", file);
        AssertRefused(_directory["link.csv"], "predict", run, file, "--out", _directory["link.csv"]);
        AssertRefused(file, "predict", run, _directory["link.csv"], "--out", file);
        AssertRefused(model, "predict", run, file, "--out", model);
        AssertRefused(model, "export", run, "--onnx", model);
        AssertRefused(model, "export", model, "--onnx", model);
        Assert.Equal(0, CommandRun.Of("predict", run, file, "--out", Path.Combine(run, "predictions.csv")).ExitCode);
        Assert.Equal(0, CommandRun.Of("predict", run, file, "--out", Path.Combine(run, "predictions.csv")).ExitCode);

        static void AssertRefused(string target, params string[] commandLine)
        {
            var before = File.ReadAllBytes(target);
            var refused = CommandRun.Of(commandLine);
            Assert.Equal(2, refused.ExitCode);
            Assert.StartsWith($"error: {commandLine[^2]} is '{target}', which this command reads and would overwrite; name another file.",
                refused.ErrorLines[0], StringComparison.Ordinal);
            Assert.Equal(before, File.ReadAllBytes(target));
        }
    }

    [Fact]
    public void Data_changed_since_the_run_are_not_scored_as_its_own()
    {
        var rows = Enumerable.Range(0, 40).Select(i => $"{i * 7 % 11},{(i * 7 % 11 > 5 ? "a" : "b")}\n").ToList();
        var file = _directory.Write("d.csv", $"x,y\n{string.Concat(rows)}");
        var recipe = _directory.Write("r.yaml", "data: { csv: { file: d.csv, target: y }, standardise: false, test: 0.2 }\n"
            + "layers: [{ units: 2, activation: softmax }]\n"
            + "loss: ce\nepochs: 2\n");
        Assert.Equal(0, CommandRun.Of("train", recipe, "--out", _directory["run"]).ExitCode);
        var before = CommandRun.Of("score", _directory["run"]);
        Assert.Equal(0, before.ExitCode);

        _directory.Write("d.csv", $"x,y\n{string.Concat(rows.AsEnumerable().Reverse())}");
        var after = CommandRun.Of("score", _directory["run"]);

        Assert.Equal((2, ""), (after.ExitCode, after.Out));
        Assert.StartsWith("error: the data of the recipe were changed since the run began (fingerprint ", after.Error, StringComparison.Ordinal);
        Assert.Equal(0, CommandRun.Of("score", _directory["run"], file).ExitCode);
    }

    [Fact]
    public void A_result_that_means_nothing_is_told()
    {
        _directory.Write("d.csv", "x,y\n" + string.Concat(Enumerable.Range(0, 30).Select(i => $"{i * 100},{i}\n")));
        var recipe = _directory.Write("r.yaml", "data: { csv: { file: d.csv, target: y }, standardise: false, task: regression }\n"
            + "layers: [{ units: 1 }]\nloss: mse\n"
            + "optimiser: { kind: sgd, rate: 0.01 }\nepochs: 2\n");

        var wild = CommandRun.Of("train", recipe, "--out", _directory["wild"]);
        var tame = CommandRun.Of("train", recipe, "--out", _directory["tame"], "--set", "data.standardise=true", "--set", "data.target_scale=auto");

        Assert.Equal((0, 0), (wild.ExitCode, tame.ExitCode));
        Assert.StartsWith("warning: on its own training rows the model is far worse than the mean of the target (r2 -",
            Assert.Single(wild.ErrorLines), StringComparison.Ordinal);
        Assert.Empty(tame.ErrorLines);
        Assert.Matches(@"^train_loss \d\.\d\de\d\d+  train_mse \d\.\d\de\d\d+  train_mae ", wild.Lines[^3]);
        Assert.Contains("far worse than the mean", File.ReadAllText(_directory["wild/log.jsonl"]), StringComparison.Ordinal);
    }

    [Fact]
    public void Arguments_in_the_wrong_place_are_told_by_what_they_are()
    {
        Train(Rows);
        var (rows, recipe, model) = (_directory["d.csv"], _directory["r.yaml"], _directory["run/model.safetensors"]);
        AssertSays($"error: {rows}: is text, perhaps a file of rows; the model comes first, then the rows.", "predict", rows, model);
        AssertSays($"error: {recipe}: is a recipe; train it first: clustertrain train {recipe}.", "score", recipe);
        AssertSays($"error: {model}: is a safetensors file, such as a model.", "train", model);
        AssertSays($"error: {model}: is a safetensors file, such as a model.", "predict", model, model);
        AssertSays($"error: {rows}: is a file of rows; a recipe is a YAML file that names it", "train", rows);

        static void AssertSays(string message, params string[] words)
        {
            var run = CommandRun.Of(words);
            Assert.Equal(2, run.ExitCode);
            Assert.StartsWith(message, Assert.Single(run.ErrorLines), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_epoch_whose_weights_are_restored_is_said_with_its_figures()
    {
        var random = Enumerable.Range(0, 60).Select(i => (X: i * 37 % 100, Z: i * 61 % 97));
        _directory.Write("d.csv", "x,z,y\n"
            + string.Concat(random.Select(row => $"{row.X / 100.0:F2},{row.Z / 100.0:F2},{((row.X * 7) + row.Z) % 3 % 2}\n")));
        var recipe = _directory.Write("r.yaml", """
            data: { csv: { file: d.csv, target: y }, standardise: false, validation: 0.3 }
            layers: [ { units: 32, activation: relu }, { units: 2, activation: softmax } ]
            loss: categorical-cross-entropy
            optimiser: { kind: adam, rate: 0.05 }
            batch: 8
            epochs: 30
            early_stopping: { patience: 1000 }
            """);

        var run = CommandRun.Of("train", recipe, "--out", _directory["run"]);

        Assert.Equal(0, run.ExitCode);
        var best = File.ReadAllLines(_directory["run/epochs.csv"]).Skip(1)
            .MinBy(line => double.Parse(line.Split(',')[4], CultureInfo.InvariantCulture))!.Split(',')[1];
        Assert.NotEqual("30", best);
        Assert.Contains($"the weights are those of epoch {best}, the best", run.Lines);
        var figures = Assert.Single(run.Lines, line => line.StartsWith($"epoch {best}: loss ", StringComparison.Ordinal));
        Assert.Contains(run.Lines, line => line.StartsWith($"epoch {best}/30  loss {figures.Split(' ')[3]}  ", StringComparison.Ordinal));
        var terminal = CommandRun.OnTerminal("train", recipe, "--out", _directory["terminal"]);
        Assert.Matches($"│ +best {best} │", terminal.Out);
        Assert.Matches("│ +30 │", terminal.Out);
        var score = CommandRun.Of("score", _directory["run"], _directory["d.csv"]);
        Assert.Equal($"note: the weights are those of epoch {best} of 30, the best", Assert.Single(score.ErrorLines));
        Assert.Equal(0, CommandRun.Of("report", _directory["run"]).ExitCode);
        var page = File.ReadAllText(_directory["run/report.html"]);
        Assert.Contains($"; the weights are those of epoch {best}, the best.", page, StringComparison.Ordinal);
        Assert.Contains($"training loss, epoch {best}", page, StringComparison.Ordinal);
        Assert.Contains($"recipe.yaml' --data '{_directory.Folder}' --workers 4", WebUtility.HtmlDecode(page), StringComparison.Ordinal);
    }

    [Fact]
    public void A_class_that_is_called_as_the_target_has_a_column_of_its_own()
    {
        Train("x,z,y\n1,2,y\n2,1,b\n1,3,y\n3,1,b\n");
        Assert.Equal("y,b,output y", CommandRun.Of("predict", _directory["run"], _directory["d.csv"], "--outputs").Lines[0]);
    }

    [Fact]
    public void A_forgotten_task_is_recognised()
    {
        _directory.Write("d.csv", "x,y\n1,2.5\n2,4.25\n3,6\n");
        var recipe = _directory.Write("r.yaml", "data: { csv: { file: d.csv, target: y }, standardise: false }\n"
            + "layers: [ { units: 1 } ]\nloss: mean-squared-error\n");

        var run = CommandRun.Of("train", recipe, "--out", _directory["run"]);

        Assert.Equal(2, run.ExitCode);
        Assert.Contains("the target's 3 different numbers are taken for classes", Assert.Single(run.ErrorLines), StringComparison.Ordinal);
        Assert.EndsWith("add task: regression", run.ErrorLines[0], StringComparison.Ordinal);
    }

    [Fact]
    public void The_mean_absolute_error_has_the_unit_of_the_target()
    {
        _directory.Write("d.csv", "x,y\n1,2000\n2,4000\n3,6000\n");
        var recipe = _directory.Write("r.yaml", """
            data: { csv: { file: d.csv, target: y }, standardise: false, task: regression, target_scale: 1/1000 }
            layers: [ { units: 1 } ]
            loss: mean-squared-error
            batch: full
            epochs: 1
            """);
        Assert.Equal(0, CommandRun.Of("train", recipe, "--out", _directory["run"]).ExitCode);
        var predicted = CommandRun.Of("predict", _directory["run"], _directory["d.csv"]).Lines[1..]
            .Select(line => double.Parse(line, CultureInfo.InvariantCulture));
        var expected = predicted.Zip([2000.0, 4000, 6000], (found, target) => Math.Abs(found - target)).Average();

        var score = JsonDocument.Parse(CommandRun.Of("score", _directory["run"], _directory["d.csv"], "--json").LastLine).RootElement;

        Assert.Equal(expected, score.GetProperty("meanAbsoluteError").GetDouble(), expected * 1e-5);

        // And so has that of an epoch.
        Assert.Equal(0, CommandRun.Of("train", recipe, "--set", "data.validation=1", "--out", _directory["watched"]).ExitCode);
        var validation = File.ReadAllLines(_directory["watched/epochs.csv"])[^1].Split(',');
        var watched = JsonDocument.Parse(CommandRun.Of("score", _directory["watched"], "--rows", "validation", "--json").LastLine).RootElement;
        Assert.Equal(watched.GetProperty("meanAbsoluteError").GetDouble(), double.Parse(validation[6], CultureInfo.InvariantCulture), 9);
    }

    private CommandRun Train(string rows)
    {
        _directory.Write("d.csv", rows);
        var recipe = _directory.Write("r.yaml", "data: { csv: { file: d.csv, target: y }, standardise: false }\n" + Rest);
        return CommandRun.Of("train", recipe, "--out", _directory["run"]);
    }
}
