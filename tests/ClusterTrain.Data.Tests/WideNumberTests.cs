using System.Globalization;
using ClusterTrain.Data.Models;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Data.Prepared;
using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.Networks;

namespace ClusterTrain.Data.Tests;

/// <summary>Large numbers with small differences, such as Unix times, keep them through reading and scaling.</summary>
public sealed class WideNumberTests
{
    private const string Recipe = """
        data: { csv: { file: rows.csv, target: y, features: [t, x] }, task: regression, standardise: true }
        layers: [{ units: 1 }]
        loss: mean-squared-error
        """;

    public static TheoryData<string, double[]> Columns => new()
    {
        { "Unix times", [1700000000, 1700000001, 1700000002, 1700000003, 1700000007] },
        { "milliseconds", [1700000000123, 1700000000124, 1700000000125, 1700000000200, 1700000000150] },
        { "below zero", [-98765432.1, -98765432.2, -98765432.3, -98765432.9, -98765432.4] },
        { "places in a town", [52.5200066, 52.5200067, 52.5200068, 52.5200079, 52.5200061] },
    };

    [Theory]
    [MemberData(nameof(Columns))]
    public void A_column_is_standardised_from_the_numbers_in_the_file(string what, double[] column)
    {
        using var folder = new TempFolder();
        folder.Write("rows.csv", Text(column));

        var data = DataPreparation.Prepare(RecipeTexts.Parse(Recipe), folder.Locations);

        var mean = column.Average(value => value - column[0]) + column[0];
        var deviation = Math.Sqrt(column.Average(value => (value - mean) * (value - mean)));
        var found = Features(data.Train).Where((_, i) => i % 2 == 0).ToArray();
        foreach (var (value, prepared) in column.Zip(found))
        {
            Assert.True(Math.Abs(((value - mean) / deviation) - prepared) < 1e-6, $"{what}: {value} became {prepared}");
        }

        Assert.Empty(data.Warnings);
    }

    [Theory]
    [MemberData(nameof(Columns))]
    public void A_model_and_its_graph_see_what_training_saw(string what, double[] column)
    {
        using var folder = new TempFolder();
        var file = folder.Write("rows.csv", Text(column));
        var recipe = RecipeTexts.Parse(Recipe);
        var data = DataPreparation.Prepare(recipe, folder.Locations);
        var layout = new NetworkLayout(2, recipe.Layers);
        var path = Path.Combine(folder.Path, "model.safetensors");
        new Model(recipe, layout, new float[] { 1, 0, 0 }, data).Write(path);
        var model = Model.Read(path);

        Assert.Equal(data.Train.Fingerprint, model.ReadRows(file).Rows.Fingerprint);
        OnnxFile.Write(model, Path.Combine(folder.Path, "model.onnx"));
        var inputs = new Dictionary<string, Array> { ["t"] = column, ["x"] = column.Select(_ => 1.0).ToArray() };
        var outputs = OnnxRuntime.Run(Path.Combine(folder.Path, "model.onnx"), inputs, column.Length).Outputs;
        foreach (var (expected, found) in Features(data.Train).Where((_, i) => i % 2 == 0).Zip(outputs))
        {
            Assert.True(Math.Abs(expected - found) < 1e-6, $"{what}: {expected} became {found}");
        }
    }

    [Theory]
    [MemberData(nameof(Columns))]
    public void A_prepared_file_has_the_same_bits(string what, double[] column)
    {
        using var folder = new TempFolder();
        folder.Write("rows.csv", Text(column));
        var recipe = RecipeTexts.Parse(Recipe);
        var path = Path.Combine(folder.Path, "rows.ctdata");

        DataPreparation.PrepareToFile(recipe, folder.Locations, path);

        Assert.True(DataPreparation.Prepare(recipe, folder.Locations).Fingerprint == PreparedDataFile.Open(path).Fingerprint, what);
    }

    [Fact]
    public void Test_rows_of_small_numbers_are_scaled_as_the_large_ones_were()
    {
        using var folder = new TempFolder();
        folder.Write("rows.csv", "t,x,y\n1700000000,1,0\n1700000002,2,1\n");
        folder.Write("test.csv", "t,x,y\n7,1,0\n");

        var data = DataPreparation.Prepare(
            RecipeTexts.Parse(Recipe.Replace("rows.csv,", "rows.csv, test_file: test.csv,", StringComparison.Ordinal)), folder.Locations);

        Assert.Equal(-1700000001f + 7, Features(data.Test!)[0], 128f);
    }

    [Fact]
    public void Numbers_that_32_bits_hold_are_scaled_in_32_bits()
    {
        using var folder = new TempFolder();
        folder.Write("rows.csv", "t,x,y\n-122.23,8.3252,0\n-122.22,8.3014,1\n-114.31,2.1,2\n");

        Assert.False(DataPreparation.Prepare(RecipeTexts.Parse(Recipe), folder.Locations).Scaling.HasOrigins);
    }

    [Fact]
    public void A_column_that_32_bits_do_not_tell_apart_is_said_with_the_remedy()
    {
        using var folder = new TempFolder();
        folder.Write("rows.csv", "t,x,y\n1700000000,1,1700000000\n1700000001,2,1700000001\n1700000002,3,1700000002\n");

        var data = DataPreparation.Prepare(
            RecipeTexts.Parse(Recipe.Replace("standardise: true", "standardise: false", StringComparison.Ordinal)), folder.Locations);

        Assert.Contains("feature 't': of 3 different numbers 1 is left in 32 bits after scaling. Set data.standardise: true.", data.Warnings);
        Assert.Contains(data.Warnings, warning =>
            warning.Contains("target 'y': of 3 different numbers 1 is left in 32 bits", StringComparison.Ordinal));
    }

    private static string Text(double[] column) => "t,x,y\n" + string.Concat(
        column.Index().Select(row => string.Create(CultureInfo.InvariantCulture, $"{row.Item:R},{row.Index},{row.Index}\n")));

    private static float[] Features(DataSet data)
    {
        var features = new float[data.Rows * data.Features];
        data.Gather(0, (int)data.Rows, features, new float[data.Rows * data.Outputs]);
        return features;
    }
}
