using System.Globalization;
using System.Text;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Models;
using ClusterTrain.Data.Tests;

namespace ClusterTrain.Cli.Tests;

/// <summary>
/// Tables through init, train, score and predict; and ONNX Runtime, given their cells as they are, says what predict says, row by
/// row.
/// </summary>
public sealed class FourTablesTests : IDisposable
{
    // The products of a layer are added in other orders by ONNX Runtime; the columns are prepared to the same bits.
    private const double Tolerance = 1e-5;

    private readonly RunDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_table_from_work()
    {
        var file = _directory.Write("visits.csv", Visits());

        var (recipe, warnings) = Init(file, "outcome");

        foreach (var line in (string[])
            [
                "    features: [sold, visit, city, rooms, area, garden, price]\n", "    categorical: [city]\n", "    booleans: [garden]\n",
                    "      sold: { format: dd.mm.yyyy, parts: [year, month, day, weekday] }\n",
                "      visit: [year, month, day, weekday, hour]\n", "  delimiter: semicolon\n", "  decimal: \",\"\n", "  missing: [NA]",
                    "    sold: { kind: median, indicator: true } ", "    city: category ",
                "    garden: { kind: median, indicator: true } ", "  standardise: true ", "  task: classification\n",
            ])
        {
            Assert.Contains(line, File.ReadAllText(recipe), StringComparison.Ordinal);
        }

        Assert.Contains(warnings, line => line.StartsWith("warning: the classes are uneven: ", StringComparison.Ordinal));
        Assert.Contains("warning: left out: column 'id' numbers the rows.", warnings);
        Train(recipe, "epochs=30");
        Assert.InRange(Score("accuracy"), 0.85, 1);
        SaysWhatPredictSays(file, ';', ',', ["", "NA"]);

        // Cells that training did not see.
        var other = _directory.Write("new.csv",
            "garden;area;rooms;city;price;visit;sold\nYES;12,5;;Perth;1,5;2031-01-01;\n;0,1;NA;;1e5;2026-02-28T23:59:59Z;1.1.2001\n");
        SaysWhatPredictSays(other, ';', ',', ["", "NA"]);
    }

    [DataFileFact("car.data")]
    public void Cars()
    {
        var file = DataFileFactAttribute.Find("car.data")!;
        var (recipe, _) = Init(file, "c6");
        Train(recipe, "epochs=30");
        Assert.InRange(Score("accuracy"), 0.95, 1);
        SaysWhatPredictSays(file, ',', '.', [""]);
    }

    [DataFileFact("california_housing.csv")]
    public void Houses()
    {
        var file = DataFileFactAttribute.Find("california_housing.csv")!;
        var (recipe, _) = Init(file, "median_house_value");
        Train(recipe, "epochs=5");
        Assert.InRange(Score("meanAbsoluteError"), 10_000, 50_000);
        SaysWhatPredictSays(file, ',', '.', [""]);
    }

    [Fact]
    public void Digits()
    {
        Assert.Equal(0, CommandRun.Of("data", "export", "digits", "--header", "--out", _directory["csv"]).ExitCode);
        var file = _directory["csv/digits_train.csv"];
        var (recipe, _) = Init(file, "label");
        Train(recipe, "epochs=10");
        Assert.InRange(Score("accuracy"), 0.93, 1);
        SaysWhatPredictSays(file, ',', '.', [""]);
    }

    [Theory]
    [InlineData("standardise: true, impute: { area: mean, rooms: { kind: median, indicator: true }, sold: median, city: category, garden: { kind: "
        + "constant, value: no } }, unseen: { city: own-code }")]
    [InlineData("scaling: min-max, impute: { area: median, rooms: { kind: constant, value: 3 }, sold: { kind: mean, indicator: true }, city: { kind: "
        + "most-frequent, indicator: true }, garden: median }, unseen: { city: most-frequent }")]
    [InlineData("scaling: robust, impute: { area: mean, rooms: mean, sold: { kind: constant, value: \"2020-01-01\" }, city: { kind: constant, value: "
        + "nowhere }, garden: mean }")]
    public void The_receipt_is_the_same_for_any_number_of_workers(string preparation)
    {
        var lines = Visits().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        _directory.Write("part-1.csv", string.Join('\n', lines[..100]));
        _directory.Write("part-2.csv", string.Join('\n', [lines[0], .. lines[100..]]));
        var recipe = _directory.Write("r.yaml", $$"""
            data:
              csv:
                file: part-*.csv
                target: price
                exclude: [id, outcome]
                categorical: [city]
                booleans: [garden]
                dates: { sold: dd.mm.yyyy, visit: [weekday, hour, days] }
              delimiter: semicolon
              decimal: ","
              missing: [NA]
              task: regression
              target_scale: auto
              validation: 0.2
              test: 0.2
              {{preparation.Replace(", impute", "\n  impute", StringComparison.Ordinal).Replace(", unseen", "\n  unseen", StringComparison.Ordinal)}}
            layers: [ { units: 8, activation: tanh }, { units: 1 } ]
            loss: mean-squared-error
            batch: 16
            leaf: 4
            epochs: 3
            """);
        var prepared = _directory["rows.ctdata"];
        Assert.Equal(0, CommandRun.Of("data", "prepare", recipe, "-o", prepared).ExitCode);

        foreach (var (name, options) in new[] { ("one", (string[])["--workers", "1"]), ("three", ["--workers", "3", "--threads", "1"]),
            ("prepared", ["--prepared", prepared]) })
        {
            var run = CommandRun.Of(["train", recipe, "--out", _directory[name], .. options]);
            Assert.True(run.ExitCode == 0, run.Error);
        }

        Assert.Single(new[] { "one", "three", "prepared" }.Select(name => File.ReadAllText(_directory[$"{name}/receipt.jsonl"])).Distinct());
        Assert.Single(new[] { "one", "three", "prepared" }.Select(name => Model.Read(_directory[$"{name}/model.safetensors"]).Encoding.ToJson())
            .Distinct());
    }

    private (string Recipe, string[] Warnings) Init(string file, string target)
    {
        var init = CommandRun.Of("init", file, "--target", target, "--out", _directory["r.yaml"]);
        Assert.True(init.ExitCode == 0, init.Error);
        return (_directory["r.yaml"], init.ErrorLines);
    }

    private void Train(string recipe, string setting)
    {
        var train = CommandRun.Of("train", recipe, "--set", setting, "--out", _directory["run"]);
        Assert.True(train.ExitCode == 0, train.Error);
    }

    private double Score(string figure)
    {
        var score = CommandRun.Of("score", _directory["run"], "--json");
        Assert.True(score.ExitCode == 0, score.Error);
        return System.Text.Json.JsonDocument.Parse(score.LastLine).RootElement.GetProperty(figure).GetDouble();
    }

    private void SaysWhatPredictSays(string file, char delimiter, char decimalPoint, string[] missing)
    {
        var export = CommandRun.Of("export", _directory["run"], "--onnx", _directory["m.onnx"]);
        Assert.True(export.ExitCode == 0, export.Error);
        var predict = CommandRun.Of("predict", _directory["run"], file, "--outputs");
        Assert.True(predict.ExitCode == 0, predict.Error);
        var model = Model.Read(_directory["run/model.safetensors"]);

        var found = Run(model, file, delimiter, decimalPoint, missing);

        var outputs = model.Layout.Outputs;
        var rows = predict.Lines[1..].Select(line => line.Split(',')).ToList();
        Assert.Equal(rows.Count * outputs, found.Outputs.Length);
        foreach (var (i, row) in rows.Index())
        {
            if (!model.Classes.IsEmpty)
            {
                Assert.Equal(row[0], found.Labels[i]);
            }

            foreach (var (j, cell) in row[^outputs..].Index())
            {
                var (expected, value) = (double.Parse(cell, CultureInfo.InvariantCulture), found.Outputs[(i * outputs) + j]);
                Assert.True(Math.Abs(expected - value) <= Tolerance * Math.Max(1 / model.TargetScale, Math.Abs(expected)),
                    $"row {i}: {expected} and {value}");
            }
        }
    }

    // Every column that is an input, as its cells are: text, or a number.
    private OnnxRuntime Run(Model model, string file, char delimiter, char decimalPoint, string[] missing)
    {
        var lines = File.ReadAllLines(file).Where(line => line.Length > 0).Select(line => line.Split(delimiter)).ToList();
        var hasNames = model.Encoding.Columns.All(lines[0].Contains);
        var names = hasNames ? lines[0] : [.. model.Encoding.FileColumns];
        var rows = hasNames ? lines[1..] : lines;
        var format = new NumberFormatInfo { NumberDecimalSeparator = decimalPoint.ToString() };
        var inputs = model.Encoding.Columns.ToDictionary(column => column, column =>
        {
            var cells = rows.Select(row => row[Array.IndexOf(names, column)]).ToArray();
            var isText = model.Encoding.Categories.Any(words => words.Column == column)
                || (!model.Encoding.Dates.IsDefault && model.Encoding.Dates.Any(date => date.Column == column))
                || (!model.Encoding.Booleans.IsDefault && model.Encoding.Booleans.Contains(column));
            return isText ? (Array)cells : cells.Select(cell => missing.Contains(cell) ? double.NaN : double.Parse(cell, NumberStyles.Float, format))
                .ToArray();
        });
        return OnnxRuntime.Run(_directory["m.onnx"], inputs, rows.Count);
    }

    // What comes from a spreadsheet: gaps, NA, two ways to write dates, decimal commas, a class of six rows in 300.
    private static string Visits()
    {
        var comma = new NumberFormatInfo { NumberDecimalSeparator = "," };
        var text = new StringBuilder("id;sold;visit;city;rooms;area;garden;price;outcome\n");
        for (var i = 0; i < 300; i++)
        {
            var (rooms, area, day) = ((i * 7 % 11 % 6) + 1, 20 + (i * 53 % 200 * 0.4), new DateTime(2023, 1, 1).AddHours(i * 97));
            var city = i % 3 == 0 ? "York" : i % 5 == 0 ? "Leeds" : "Bath";
            var isOld = day.Year == 2023;
            var outcome = i % 50 == 7 ? "returned" : area > 60 || (isOld && rooms > 3) ? "bought" : "left";
            text.Append(i + 1).Append(';')
                .Append(i % 23 == 4 ? "" : day.ToString("dd.MM.yyyy", CultureInfo.InvariantCulture)).Append(';')
                .Append(day.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture)).Append(';')
                .Append(i % 17 == 3 ? "" : city).Append(';')
                .Append(i % 19 == 5 ? "NA" : rooms).Append(';')
                .Append(i % 29 == 9 ? "" : (i % 50 == 7 ? 500 + i : area).ToString("F2", comma)).Append(';')
                .Append(i % 13 == 6 ? "" : i % 2 == 0 ? "yes" : "no").Append(';')
                .Append((1000 * (60 + (40 * rooms) + area)).ToString("F1", comma)).Append(';')
                .Append(outcome).Append('\n');
        }

        return text.ToString();
    }
}

/// <summary>A test on a real file, skipped where no folder of <c>CLUSTERTRAIN_DATA</c> holds it.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class DataFileFactAttribute : FactAttribute
{
    public DataFileFactAttribute(string name)
    {
        if (Find(name) is null)
        {
            Skip = $"no folder of {DataLocations.DataVariable} holds {name}";
        }
    }

    public static string? Find(string name) => (Environment.GetEnvironmentVariable(DataLocations.DataVariable) ?? "").Split(Path.PathSeparator)
        .Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
}
