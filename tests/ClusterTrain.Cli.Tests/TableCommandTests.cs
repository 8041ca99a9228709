using System.Globalization;
using System.Text;
using Parquet;
using Parquet.Schema;

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

    [Fact]
    public async Task Columns_are_kept_as_they_stand_in_CSV_and_Parquet()
    {
        const string Csv = """
            id,note,when,x,y
            9007199254740993,"a ""b"", c",2024-01-31,1,2
            2,,2024-01-31 10:05:00.25,2,4
            3,ü,,3,6

            """;
        var file = _directory.Write("d.csv", Csv);
        await File.WriteAllBytesAsync(_directory["d.parquet"], await Rows());
        var recipe = _directory.Write(
            "r.yaml", "data: { csv: { file: d.csv, target: y, features: [x] }, task: regression, standardise: true }\nlayers: [{ units: 1 }]\n"
                + "loss: mse\n");
        Assert.Equal(0, CommandRun.Of("train", recipe, "--out", _directory["run"]).ExitCode);
        var predicted = CommandRun.Of("predict", _directory["run"], file).Lines;

        foreach (var rows in new[] { file, _directory["d.parquet"] })
        {
            var all = CommandRun.Of("predict", _directory["run"], rows, "--keep", "all");
            Assert.Equal((0, ""), (all.ExitCode, all.Error));
            Assert.Equal(
                [
                    "id,note,when,x,y,predicted y",
                    $"9007199254740993,\"a \"\"b\"\", c\",2024-01-31,1,2,{predicted[1]}",
                    $"2,,2024-01-31 10:05:00.25,2,4,{predicted[2]}",
                    $"3,ü,,3,6,{predicted[3]}",
                ],
                all.Lines);
            Assert.Equal(["when,id,y", $"2024-01-31,9007199254740993,{predicted[1]}"],
                CommandRun.Of("predict", _directory["run"], rows, "--keep", "when", "--keep", "id", "--keep", "when").Lines[..2]);
            Assert.Equal($$$"""{"row":0,"kept":{"note":"a \"b\", c"},"outputs":{"y":{{{predicted[1]}}}}}""",
                CommandRun.Of("predict", _directory["run"], rows, "--keep", "note", "--json").Lines[0]);
            var unknown = CommandRun.Of("predict", _directory["run"], rows, "--keep", "ids", "--out", _directory["out.csv"]);
            Assert.Equal((2, $"error: {rows}: there is no column 'ids'. Did you mean 'id'?\n"), (unknown.ExitCode, unknown.Error));
            Assert.False(File.Exists(_directory["out.csv"]));
        }
    }

    [Fact]
    public void A_run_of_a_recipe_from_before_splits_is_scored_on_the_rows_it_held_back()
    {
        var rows = Enumerable.Range(0, 60).Select(i => $"{i * 7 % 13},{i * 5 % 11},{(i % 4 == 0 ? "rare" : "usual")}\n");
        _directory.Write("d.csv", $"a,b,y\n{string.Concat(rows)}");
        var recipe = _directory.Write("r.yaml", "name: r\ndata: { csv: { file: d.csv, target: y }, validation: 0.2, test: 0.3, split: random }\n"
            + "layers: [{ units: 2, activation: softmax }]\nloss: ce\nepochs: 3\n");
        var random = CommandRun.Of("train", recipe, "--out", _directory["random"]);
        var written = File.ReadAllText(_directory["random/recipe.yaml"]);
        var former = _directory.Write("former.yaml", written.Replace("  split: random\n", "", StringComparison.Ordinal));

        var run = CommandRun.Of("train", former, "--out", _directory["former"]);

        Assert.Equal((0, random.LastLine), (run.ExitCode, run.LastLine));
        Assert.Equal(File.ReadAllText(former), File.ReadAllText(_directory["former/recipe.yaml"]));
        Assert.Equal(run.LastLine, CommandRun.Of("train", "--resume", _directory["former"]).LastLine);
        Assert.Equal(CommandRun.Of("score", _directory["random"]).Out, CommandRun.Of("score", _directory["former"]).Out);
        Assert.Equal(0, CommandRun.Of("verify", _directory["former"]).ExitCode);
        var stratified = CommandRun.Of("train", recipe, "--set", "data.split=stratified", "--out", _directory["stratified"]);
        Assert.NotEqual(random.LastLine, stratified.LastLine);
    }

    private static async Task<byte[]> Rows()
    {
        var schema = new ParquetSchema(
            new DataField<long>("id"), new DataField("note", typeof(string), isNullable: true), new DataField<DateTime>("when", nullable: true),
            new DataField<double>("x"), new DataField<double>("y"));
        using var file = new MemoryStream();
        await using (var writer = await ParquetWriter.CreateAsync(schema, file))
        {
            using var group = writer.CreateRowGroup();
            await group.WriteAsync<long>(schema.DataFields[0], new long[] { 9007199254740993, 2, 3 });
            await group.WriteAsync(schema.DataFields[1], new[] { "a \"b\", c", null!, "ü" });
            await group.WriteAsync<DateTime>(
                schema.DataFields[2],
                new DateTime?[]
                {
                    new(2024, 1, 31, 0, 0, 0, DateTimeKind.Utc), new(2024, 1, 31, 10, 5, 0, 250, DateTimeKind.Utc), null,
                });
            await group.WriteAsync<double>(schema.DataFields[3], new double[] { 1, 2, 3 });
            await group.WriteAsync<double>(schema.DataFields[4], new double[] { 2, 4, 6 });
        }

        return file.ToArray();
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
