using System.Globalization;
using System.Text;

namespace ClusterTrain.Cli.Tests;

/// <summary>Tables as people have them: semicolons, decimal commas, missing values, categories that training did not see.</summary>
public sealed class TableCommandTests : IDisposable
{
    private const string Recipe = """
        data:
          csv: { file: homes.csv, target: price, categorical: [city, heating], features: [city, heating, rooms, age, perRoom], derive: [{ name: perRoom, ratio: [age, rooms] }] }
          decimal: ","
          missing: [NA]
          impute:
            rooms: { kind: median, indicator: true }
            age: mean
            city: category
            heating: { kind: most-frequent, indicator: true }
          unseen: { city: own-code, heating: most-frequent }
          task: regression
          standardise: true
          target_scale: 1/100
          validation: 0.2
          test: 0.2
        layers: [ { units: 8, activation: tanh }, { units: 1 } ]
        loss: mean-squared-error
        batch: 16
        leaf: 4
        epochs: 4
        """;

    private readonly RunDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void The_receipt_is_the_same_for_one_and_three_workers_and_from_a_prepared_file()
    {
        var recipe = Write();
        var prepared = _directory["homes.ctdata"];
        Assert.Equal(0, CommandRun.Of("data", "prepare", recipe, "-o", prepared).ExitCode);

        var runs = new[] { ("1", (string[])[]), ("3", []), ("2", ["--prepared", prepared]) }
            .Select(run => CommandRun.Of(
                ["train", recipe, "--workers", run.Item1, "--threads", "1", "--out", _directory[$"run{run.Item1}"], .. run.Item2])).ToList();

        Assert.All(runs, run => Assert.Equal(0, run.ExitCode));
        Assert.Single(runs.Select(run => run.LastLine).Distinct());
        Assert.Single(new[] { "1", "2", "3" }.Select(run => File.ReadAllText(_directory[$"run{run}/receipt.jsonl"])).Distinct());
    }

    [Fact]
    public void Every_command_reads_the_file_as_training_did()
    {
        var recipe = Write();
        Assert.Equal(0, CommandRun.Of("train", recipe, "--out", _directory["run"]).ExitCode);
        Assert.Equal(0, CommandRun.Of("check", recipe).ExitCode);
        var whole = CommandRun.Of("predict", _directory["run"], _directory["homes.csv"]);
        Assert.Equal(61, whole.Lines.Length);
        Assert.Equal(0, CommandRun.Of("score", _directory["run"]).ExitCode);
        Assert.Equal(0, CommandRun.Of("score", _directory["run"], _directory["homes.csv"]).ExitCode);
        var file = _directory.Write("new.csv", "heating,city,age,rooms\ncoal,nowhere,\"1,5\",NA\n");
        Assert.Equal(2, CommandRun.Of("predict", _directory["run"], file).Lines.Length);
        file = _directory.Write("point.csv", "heating,city,age,rooms\ngas,york,1.5,3\n");
        var refused = CommandRun.Of("predict", _directory["run"], file);
        Assert.Equal(2, refused.ExitCode);
        Assert.StartsWith($"error: {file}: line 2, column 'age' is '1.5', not a number. The decimals of this recipe stand after a comma",
            refused.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_policy_a_missing_value_is_an_error_with_its_place_and_the_remedy()
    {
        var recipe = Write(Recipe.Replace("    age: mean\n", "", StringComparison.Ordinal));

        var run = CommandRun.Of("train", recipe, "--out", _directory["run"]);

        Assert.Equal(2, run.ExitCode);
        Assert.EndsWith(
            "homes.csv: line 3, column 'age' is empty. Fill the gap, leave the row out, or train with data.impute: { age: median }.",
                Assert.Single(run.ErrorLines), StringComparison.Ordinal);
    }

    private string Write(string recipe = Recipe)
    {
        var german = CultureInfo.CreateSpecificCulture("");
        german.NumberFormat = new NumberFormatInfo { NumberDecimalSeparator = "," };
        var rows = new StringBuilder("city;rooms;age;heating;price\n");
        for (var i = 0; i < 60; i++)
        {
            var city = i % 7 == 3 ? "" : i % 3 == 0 ? "york" : "bath, old town";
            var rooms = i % 11 == 5 ? "NA" : ((i * 5 % 6) + 1).ToString(german);
            var age = i % 9 == 1 ? "" : (i * 1.25).ToString(german);
            var heating = i % 13 == 8 ? "NA" : i % 2 == 0 ? "gas" : "oil";
            rows.Append(german, $"{city};{rooms};{age};{heating};{100 + (i * 5 % 6 * 10) + (i % 3 * 2.5)}\n");
        }

        _directory.Write("homes.csv", rows.ToString());
        return _directory.Write("homes.yaml", recipe);
    }
}
