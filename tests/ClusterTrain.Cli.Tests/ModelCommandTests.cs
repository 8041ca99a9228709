using System.Globalization;
using System.Text.Json;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Models;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Data.Prepared;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Threading;

namespace ClusterTrain.Cli.Tests;

/// <summary>One model of the digits for all tests of predict and score.</summary>
public sealed class DigitsModel : IDisposable
{
    private readonly RunDirectory _directory = new();

    public DigitsModel()
    {
        var run = CommandRun.Of("train", "--set", "epochs=3", "--out", Folder);
        Assert.Equal(0, run.ExitCode);
        TestLine = run.Lines[^3];
        Data = DataPreparation.Prepare(
            Model.Read(ModelPath).Recipe, new DataLocations(null, [], _directory["cache"]));
    }

    public string Folder => _directory["run"];

    public string ModelPath => Path.Combine(Folder, "model.safetensors");

    public string TestLine { get; }

    public PreparedData Data { get; }

    public string this[string name] => _directory[name];

    /// <summary>The test rows as CSV, unscaled.</summary>
    public string WriteRows(string name, bool header, bool labels)
    {
        var test = Data.Test!;
        var features = new float[test.Features];
        var targets = new float[test.Outputs];
        var path = _directory[name];
        using var file = new StreamWriter(path);
        if (header)
        {
            file.WriteLine((labels ? "label," : "") + string.Join(',', Data.FeatureNames));
        }

        for (long row = 0; row < test.Rows; row++)
        {
            test.Gather(row, 1, features, targets);
            var pixels = string.Join(',', features.Select(value => (value * 16).ToString(CultureInfo.InvariantCulture)));
            var label = test.Classes[test.Label(row)];
            file.WriteLine(labels ? $"{label},{pixels}" : pixels);
        }

        return path;
    }

    public void Dispose() => _directory.Dispose();
}

public sealed class ModelCommandTests(DigitsModel model) : IClassFixture<DigitsModel>
{
    [Fact]
    public void Score_gives_the_figures_that_training_printed()
    {
        var run = CommandRun.Of("score", model.Folder);
        Assert.Equal(0, run.ExitCode);
        Assert.Equal(model.TestLine.Replace("test_", "", StringComparison.Ordinal), run.Lines[0]);
        Assert.Equal(run.Out, CommandRun.Of("score", model.ModelPath).Out);
    }

    [Fact]
    public void Score_of_a_file_equals_that_of_the_same_test_rows()
    {
        var file = model.WriteRows("score.csv", header: true, labels: true);
        Assert.Equal(CommandRun.Of("score", model.Folder).Out, CommandRun.Of("score", model.Folder, file).Out);
    }

    [Fact]
    public void Score_as_json_holds_the_confusion_matrix()
    {
        var run = CommandRun.Of("score", model.Folder, "--json");
        var json = JsonDocument.Parse(Assert.Single(run.Lines)).RootElement;
        var confusion = json.GetProperty("confusion").EnumerateArray().Select(row => row.EnumerateArray().Select(cell => cell.GetInt64()).ToArray())
            .ToArray();
        Assert.Equal(359, confusion.Sum(row => row.Sum()));
        var right = Enumerable.Range(0, 10).Sum(index => confusion[index][index]);
        Assert.Equal(right / 359.0, json.GetProperty("accuracy").GetDouble(), 12);
        Assert.Equal(10, json.GetProperty("classes").GetArrayLength());
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, false)]
    public void Predicted_outputs_have_the_bits_of_the_network(bool header, bool labels)
    {
        var file = model.WriteRows($"predict-{header}-{labels}.csv", header, labels);
        var run = CommandRun.Of("predict", model.Folder, file, "--outputs");
        Assert.Equal(0, run.ExitCode);
        Assert.Equal("label,0,1,2,3,4,5,6,7,8,9", run.Lines[0]);
        var expected = ExpectedOutputs();
        Assert.Equal(model.Data.Test!.Rows, run.Lines.Length - 1);
        for (var row = 0; row < model.Data.Test.Rows; row++)
        {
            var cells = run.Lines[row + 1].Split(',');
            var outputs = cells[1..].Select(cell => float.Parse(cell, CultureInfo.InvariantCulture)).ToArray();
            Assert.Equal(expected[(row * 10)..((row + 1) * 10)], outputs);
            Assert.Equal(cells[0], Array.IndexOf(outputs, outputs.Max()).ToString(CultureInfo.InvariantCulture));
        }
    }

    [Fact]
    public void Predictions_as_json_are_an_object_per_row()
    {
        var file = model.WriteRows("json.csv", header: true, labels: false);
        var csv = CommandRun.Of("predict", model.Folder, file);
        var json = CommandRun.Of("predict", model.Folder, file, "--json");
        Assert.Equal("label", csv.Lines[0]);
        Assert.Equal(csv.Lines[1..], json.Lines.Select(line => JsonDocument.Parse(line).RootElement.GetProperty("class").GetString()));
        Assert.Equal(json.Out, CommandRun.Of("predict", model.Folder, file, "--format", "json").Out);
    }

    [Fact]
    public void Predictions_go_to_a_file()
    {
        var file = model.WriteRows("out.csv", header: true, labels: false);
        var target = model["predictions.csv"];
        var run = CommandRun.Of("predict", model.Folder, file, "--out", target);
        Assert.Equal("", run.Out);
        Assert.Equal(CommandRun.Of("predict", model.Folder, file).Out, File.ReadAllText(target).ReplaceLineEndings("\n"));
    }

    [Theory]
    [InlineData("f0,f1\n1,2\n", "line 1: of 64 columns that the model needs 62 are missing: f2, f3, f4,")]
    [InlineData("0,0,0,5,13,9,1,0,0,0,0,13,15,10,15,5,0,0,3,15,2,0,11,8,"
        + "0,0,4,12,0,0,8,8,0,0,5,8,0,0,9,8,0,0,4,11,0,1,12,7,0,0,2,14,5,10,12,0,0,0,0,6,13,10,0,0,0\n",
        "line 1 has no names and 65 cells, the 64 features and 1 more. Write a first line")]
    [InlineData("1,2,3\n", "line 1 names none of the columns that the model needs and has 3 cells for these 64: f0, f1,")]
    [InlineData("", "the file is empty")]
    public void Rows_of_another_shape_are_refused(string content, string message)
    {
        var file = model["bad.csv"];
        File.WriteAllText(file, content);
        var run = CommandRun.Of("predict", model.Folder, file);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains(message, Assert.Single(run.ErrorLines), StringComparison.Ordinal);
    }

    [Fact]
    public void A_set_exported_with_a_header_is_predicted_and_scored()
    {
        var export = CommandRun.Of("data", "export", "digits", "--header", "--out", model["exported"]);
        Assert.Equal(0, export.ExitCode);
        var file = Path.Combine(model["exported"], "digits_train.csv");
        Assert.Equal(1 + 1797, CommandRun.Of("predict", model.Folder, file).Lines.Length);
        var score = CommandRun.Of("score", model.Folder, file);
        Assert.EndsWith("on 1,797 rows", score.Lines[0], StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_is_no_file_of_rows()
    {
        var run = CommandRun.Of("predict", model.Folder, model.Folder);
        Assert.Equal(2, run.ExitCode);
        Assert.Equal($"error: {model.Folder}: is a folder; name a file in it.", Assert.Single(run.ErrorLines));
    }

    [Fact]
    public void A_label_the_model_does_not_know_is_refused()
    {
        var file = model["labels.csv"];
        File.WriteAllText(
            file, string.Join(',', model.Data.FeatureNames) + ",label\n" + string.Concat(Enumerable.Repeat("0,", 64)) + "eleven\n");
        var run = CommandRun.Of("score", model.Folder, file);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("is 'eleven', a class that no training row has", Assert.Single(run.ErrorLines), StringComparison.Ordinal);
    }

    [Fact]
    public void IDX_files_are_scored_and_predicted_as_the_same_rows_in_CSV()
    {
        var csv = model.WriteRows("idx.csv", header: true, labels: true);
        var rows = File.ReadLines(csv).Skip(1).Select(line => line.Split(',').Select(byte.Parse).ToArray()).ToArray();
        var images = Idx("images", [rows.Length, 8, 8], rows.SelectMany(row => row[1..]));
        var labels = Idx("labels", [rows.Length], rows.Select(row => row[0]));
        Assert.Equal(CommandRun.Of("score", model.Folder, csv).Out, CommandRun.Of("score", model.Folder, images, labels).Out);
        Assert.Equal(CommandRun.Of("predict", model.Folder, csv).Out, CommandRun.Of("predict", model.Folder, images).Out);
        Assert.Contains("for IDX features the file of labels too", CommandRun.Of("score", model.Folder, images).Error, StringComparison.Ordinal);
    }

    private string Idx(string name, int[] dimensions, IEnumerable<byte> values)
    {
        var header = dimensions.SelectMany(size => new[] { (byte)(size >> 24), (byte)(size >> 16), (byte)(size >> 8), (byte)size });
        File.WriteAllBytes(model[name], [0, 0, 8, (byte)dimensions.Length, .. header, .. values]);
        return model[name];
    }

    private float[] ExpectedOutputs()
    {
        var trained = Model.Read(model.ModelPath);
        var test = model.Data.Test!;
        var rows = (int)test.Rows;
        var features = new float[rows * test.Features];
        var targets = new float[rows * test.Outputs];
        test.Gather(0, rows, features, targets);
        using var pool = new ComputePool(1);
        using var network = new Network(trained.Layout, trained.Recipe.Loss, Kernels.Active, pool);
        var outputs = new float[rows * test.Outputs];
        network.Predict(trained.Weights.Span, features, rows, outputs);
        return outputs;
    }
}
