using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace ClusterTrain.Cli.Tests;

/// <summary>A table of customers with two classes: what its model is told to be worth, and what is written beside its predictions.</summary>
public sealed partial class FigureCommandTests : IDisposable
{
    private const string Rest = """
        layers: [ { units: 6, activation: tanh }, { units: 1, activation: sigmoid } ]
        loss: binary-cross-entropy
        optimiser: { kind: adam, rate: 0.02 }
        batch: 16
        leaf: 4
        epochs: 4
        """;

    private readonly RunDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("split: stratified")]
    [InlineData("group: id")]
    [InlineData("time: day")]
    public void Receipt_and_figures_are_the_same_for_one_and_three_workers_and_from_a_prepared_file(string split)
    {
        var recipe = Write(split);
        Assert.Equal(0, CommandRun.Of("data", "prepare", recipe, "-o", _directory["rows.ctdata"]).ExitCode);
        foreach (var (workers, more) in new[] { ("1", (string[])[]), ("3", []), ("2", ["--prepared", _directory["rows.ctdata"]]) })
        {
            Assert.Equal(0, CommandRun.Of(["train", recipe, "--workers", workers, "--out", _directory[workers], .. more]).ExitCode);
        }

        foreach (var file in new[] { "receipt.jsonl", "test.json", "training.json" })
        {
            Assert.Single(new[] { "1", "2", "3" }.Select(run => File.ReadAllText(_directory[$"{run}/{file}"])).Distinct());
        }
    }

    [Fact]
    public void Score_tells_of_each_class_and_of_any_part_of_the_rows()
    {
        Train();
        var score = CommandRun.Of("score", _directory["run"]);
        Assert.Matches("^loss [0-9.]+  acc [0-9.]+  on 36 rows$", score.Lines[0]);
        Assert.Matches("^precision 0\\.[0-9]{4}  recall 0\\.[0-9]{4}  f1 0\\.[0-9]{4}  roc_auc 0\\.[0-9]{4}  pr_auc 0\\.[0-9]{4}  log_loss "
            + "0\\.[0-9]{4}  calibration_error 0\\.[0-9]{4}$", score.Lines[1]);
        Assert.Matches("^class +rows +precision +recall +f1 +roc_auc +pr_auc$", score.Lines[2]);
        Assert.StartsWith("no ", score.Lines[3], StringComparison.Ordinal);

        var json = Json("score", _directory["run"], "--json");
        Assert.Equal(File.ReadAllText(_directory["run/test.json"]).Replace(" ", "", StringComparison.Ordinal).Split("\"weights")[0]
            .ReplaceLineEndings("").TrimEnd(',') + "}", json.GetRawText());
        Assert.Equal(["no", "yes"], json.GetProperty("perClass").EnumerateArray().Select(of => of.GetProperty("class").GetString()!));

        Assert.Equal(108, Json("score", _directory["run"], "--rows", "training", "--json").GetProperty("rows").GetInt64());
        var training = JsonDocument.Parse(File.ReadAllText(_directory["run/training.json"])).RootElement;
        Assert.Equal(Json("score", _directory["run"], "--rows", "training", "--json").GetProperty("accuracy")
            .GetDouble(), training.GetProperty("accuracy").GetDouble());
        Assert.Equal(36, Json("score", _directory["run"], "--rows", "validation", "--json").GetProperty("rows").GetInt64());
        var both = CommandRun.Of("score", _directory["run"], _directory["d.csv"], "--rows", "training");
        Assert.Equal((2, true), (both.ExitCode,
            both.Error.Contains("--rows chooses among the rows of the recipe, and FILE names others", StringComparison.Ordinal)));
    }

    [Fact]
    public void Columns_are_kept_beside_the_predictions()
    {
        Train();
        var file = _directory.Write("new.csv", "churn,id,a,b,day,note,,note\nyes,\"7, old\",1.50,2,x,\"say \"\"hi\"\"\",p,q\n,8,0,-1,,,,\n");

        Assert.Matches("^id,churn\n\"7, old\",(yes|no)\n8,(yes|no)\n$", CommandRun.Of("predict", _directory["run"], file, "--keep", "id").Out);
        Assert.StartsWith("b,id,churn\n2,\"7, old\",",
            CommandRun.Of("predict", _directory["run"], file, "--keep", "b", "--keep", "id", "--keep", "b").Out, StringComparison.Ordinal);
        var all = CommandRun.Of("predict", _directory["run"], file, "--keep", "all", "--outputs").Lines;
        Assert.Equal("churn,id,a,b,day,note (column 6),(column 7),note (column 8),predicted churn,output yes", all[0]
            .Replace(",yes", ",output yes", StringComparison.Ordinal));
        Assert.StartsWith("yes,\"7, old\",1.50,2,x,\"say \"\"hi\"\"\",p,q,", all[1], StringComparison.Ordinal);
        var json = JsonDocument.Parse(CommandRun.Of("predict", _directory["run"], file, "--keep", "id", "--json").Lines[0]).RootElement;
        Assert.Equal("7, old", json.GetProperty("kept").GetProperty("id").GetString());

        var missing = CommandRun.Of("predict", _directory["run"], file, "--keep", "ID");
        Assert.Equal((2, $"error: {file}: there is no column 'ID'. Did you mean 'id'?"), (missing.ExitCode, Assert.Single(missing.ErrorLines)));
    }

    [Fact]
    public void A_threshold_decides_between_two_classes()
    {
        Train();
        var outputs = CommandRun.Of("predict", _directory["run"], _directory["d.csv"], "--outputs").Lines[1..];
        var middle = outputs.Select(line => double.Parse(line.Split(',')[1], CultureInfo.InvariantCulture)).Order().ElementAt(60);
        var threshold = middle.ToString("R", CultureInfo.InvariantCulture);

        var predicted = CommandRun.Of("predict", _directory["run"], _directory["d.csv"], "--threshold", threshold).Lines[1..];

        Assert.Equal(outputs.Select(line => double.Parse(line.Split(',')[1], CultureInfo.InvariantCulture) > middle ? "yes" : "no"), predicted);
        var confusion = Json("score", _directory["run"], _directory["d.csv"], "--threshold", threshold, "--json").GetProperty("confusion");
        Assert.Equal(predicted.Count(of => of == "yes"), confusion.EnumerateArray().Sum(row => row[1].GetInt32()));
    }

    [Theory]
    [InlineData("1.5", "--threshold is '1.5'; allowed are numbers between 0 and 1.")]
    [InlineData("0", "--threshold is '0'")]
    [InlineData("half", "--threshold is 'half'")]
    public void A_threshold_that_is_no_probability_is_refused(string threshold, string message)
    {
        var run = CommandRun.Of("predict", "model.safetensors", "new.csv", "--threshold", threshold);
        Assert.Equal((2, true), (run.ExitCode, run.Error.Contains(message, StringComparison.Ordinal)));
    }

    [Fact]
    public void A_threshold_needs_two_classes()
    {
        Assert.Equal(0, CommandRun.Of("train", "--set", "epochs=1", "--out", _directory["run"]).ExitCode);
        var run = CommandRun.Of("score", _directory["run"], "--threshold", "0.3");
        Assert.Equal((2, "error: --threshold chooses between two classes, and the model has 10; leave it out."),
            (run.ExitCode, Assert.Single(run.ErrorLines)));
    }

    [Theory]
    [InlineData("group: customer", "data.group is 'customer', and there is no such column. The columns are id, day, a, b, churn.")]
    [InlineData("group: id, time: day", "key 'data.time' and group are both given")]
    [InlineData("group: churn", "key 'data.group' names the target 'churn'")]
    [InlineData("time: day, split: random", "key 'data.split' is given beside time")]
    [InlineData("split: grouped", "key 'data.split' is 'grouped'")]
    [InlineData("task: regression, split: stratified", "key 'data.split' is stratified, which needs classes")]
    public void Splits_that_cannot_be_are_refused(string keys, string message)
    {
        var run = CommandRun.Of("train", Write(keys), "--out", _directory["run"]);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains(message, run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Columns_to_split_by_need_columns()
    {
        var run = CommandRun.Of("train", "--set", "data.group=id", "--out", _directory["run"]);
        Assert.Contains("key 'data.group' is about the columns of a CSV file, but the source is not a CSV file; remove it", run.Error,
            StringComparison.Ordinal);
    }

    [Fact]
    public void The_command_of_the_report_trains_again_from_data_that_are_elsewhere_and_with_start_weights()
    {
        Train();
        Directory.CreateDirectory(_directory["recipes"]);
        File.Copy(_directory["run/model.safetensors"], _directory["recipes/first.safetensors"]);
        var recipe = _directory.Write("recipes/again.yaml", $"{File.ReadAllText(_directory["r.yaml"])}\nstart: first.safetensors\n");
        var trained = CommandRun.Of("train", recipe, "--data", _directory.Folder, "--out", _directory["second"]);
        Assert.Equal(0, trained.ExitCode);
        Directory.Delete(_directory["recipes"], recursive: true);
        Assert.Equal(0, CommandRun.Of("report", _directory["second"], "--data", _directory.Folder).ExitCode);

        var page = WebUtility.HtmlDecode(File.ReadAllText(_directory["second/report.html"]));
        var commands = Commands().Matches(page).Select(line => Words().Matches(line.Groups[1].Value).Select(word => word.Value.Trim('\'')).ToArray())
            .ToList();

        Assert.Equal(2, commands.Count);
        var again = CommandRun.Of([.. commands[0], "--out", _directory["third"]]);
        Assert.Equal((0, trained.LastLine), (again.ExitCode, again.LastLine));
        Assert.Equal(0, CommandRun.Of(commands[1]).ExitCode);
    }

    private static JsonElement Json(params string[] command) => JsonDocument.Parse(CommandRun.Of(command).LastLine).RootElement;

    private void Train() => Assert.Equal(0, CommandRun.Of("train", Write("split: stratified"), "--out", _directory["run"]).ExitCode);

    private string Write(string keys)
    {
        var rows = Enumerable.Range(0, 180).Select(i =>
        {
            var (a, b) = (i * 37 % 61 / 30.0, i * 53 % 47 / 20.0);
            return string.Create(CultureInfo.InvariantCulture,
                $"c{i / 3},2024-{1 + (i * 7 % 12)}-{1 + (i % 28)},{a:F3},{b:F3},{((a * b) + (i % 5 / 8.0) > 1.5 ? "yes" : "no")}\n");
        });
        _directory.Write("d.csv", "id,day,a,b,churn\n" + string.Concat(rows));
        return _directory.Write("r.yaml",
            $"data: {{ csv: {{ file: d.csv, target: churn, features: [a, b] }}, validation: 36, test: 36, {keys} }}\n{Rest}");
    }

    [GeneratedRegex("clustertrain ((?:train|verify) [^\n<]+)")]
    private static partial Regex Commands();

    [GeneratedRegex("'[^']*'|[^ ]+")]
    private static partial Regex Words();
}
