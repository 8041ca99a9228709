using System.Text;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Models;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Data.Prepared;
using ClusterTrain.Learning.Networks;

namespace ClusterTrain.Data.Tests;

/// <summary>Delimiters, decimal commas and words for missing values: read alike by training, prediction and preparation.</summary>
public sealed class CsvFormatTests
{
    private const string Plain = "x,z,y\n1.5,2,a\n-3e2,4,b\n0.25,6,a\n";

    private const string Rest = """
        layers: [{ units: 2, activation: softmax }]
        loss: categorical-cross-entropy
        """;

    [Theory]
    [InlineData("x;z;y\n1.5;2;a\n-3e2;4;b\n0.25;6;a\n", "")]
    [InlineData("x\tz\ty\n1.5\t2\ta\n-3e2\t4\tb\n0.25\t6\ta\n", "")]
    [InlineData("x|z|y\r\n1.5|2|a\r\n-3e2|4|b\r\n0.25|6|a\r\n", "")]
    [InlineData("sep=;\nx;z;y\n1.5;2;a\n-3e2;4;b\n0.25;6;a\n", "")]
    [InlineData("\"sep=|\"\r\nx|z|y\r\n1.5|2|a\r\n-3e2|4|b\r\n0.25|6|a\r\n", ", delimiter: pipe")]
    [InlineData("x;z;y\n1,5;2;a\n-3e2;4;b\n0,25;6;a\n", ", decimal: ','")]
    [InlineData("x,z,y\n\"1,5\",2,a\n-3e2,4,b\n\"0,25\",6,a\n", ", decimal: comma")]
    [InlineData("\ufeffsep=;\r\nx;z;y\r\n1,5;2;a\r\n-3e2;4;b\r\n0,25;6;a\r\n", ", decimal: ','")]
    [InlineData("x:z:y\n1.5:2:a\n-3e2:4:b\n0.25:6:a\n", ", delimiter: ':'")]
    [InlineData("x z y\n1.5 2 a\n-3e2 4 b\n0.25 6 a\n", ", delimiter: space")]
    [InlineData("x;z;\"no,te\";y\n1,5;2;\"a;b,c\";a\n-3e2;4;\"d\"\"e\";b\n0,25;6;f;a\n", ", decimal: ','", ", features: [x, z]")]
    [InlineData("x|a,b;z;y\n1.5;2;a\n-3e2;4;b\n0.25;6;a\n", "", ", features: ['x|a,b', z]")]
    public void The_same_rows_are_read_however_their_cells_are_written(string content, string keys, string features = "")
    {
        using var folder = new TempFolder();
        var expected = Train(folder, Plain, "", "");

        var (model, data) = Train(folder, content, keys, features);

        Assert.Equal(expected.Data.Train.Fingerprint, data.Train.Fingerprint);
        var path = Path.Combine(folder.Path, "rows.csv");
        Assert.Equal(data.Train.Fingerprint, model.ReadRows(path).Rows.Fingerprint);
        var prepared = Path.Combine(folder.Path, "rows.ctdata");
        DataPreparation.PrepareToFile(model.Recipe, folder.Locations, prepared);
        Assert.Equal(data.Fingerprint, PreparedDataFile.Open(prepared).Fingerprint);
    }

    [Theory]
    [InlineData("z,x,y\n2,1.5,a\n4,-3e2,b\n6,0.25,a\n",
        "is '1.5', not a number. The decimals of this recipe stand after a comma: write numbers as 1234,5, without points")]
    [InlineData("z,y,x\n2,a,\"1,5\"\n4,b,-3e2\n6,a,\"0,25\"\n", null)]
    [InlineData("sep=|\nz|y|x\n2|a|1,5\n4|b|-3e2\n6|a|0,25\n", null)]
    public void A_model_keeps_the_decimal_comma_and_takes_another_delimiter(string content, string? message)
    {
        using var folder = new TempFolder();
        var (trained, data) = Train(folder, "x;z;y\n1,5;2;a\n-3e2;4;b\n0,25;6;a\n", ", decimal: ','", "");
        trained.Write(Path.Combine(folder.Path, "m.safetensors"));
        var model = Model.Read(Path.Combine(folder.Path, "m.safetensors"));
        var file = folder.Write("new.csv", content);

        if (message is null)
        {
            Assert.Equal(data.Train.Fingerprint, model.ReadRows(file).Rows.Fingerprint);
        }
        else
        {
            Assert.Contains(message, Assert.Throws<DataException>(() => model.ReadRows(file)).Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("x\n1,5\n0,25\n")]
    [InlineData("1,5\n0,25\n")]
    [InlineData("1,5;b\n0,25;a\n")]
    public void A_model_reads_the_file_of_its_only_feature_by_the_delimiter_of_training(string content)
    {
        using var folder = new TempFolder();
        folder.Write("rows.csv", "1,5;a\n0,25;b\n");
        var recipe = RecipeTexts.Parse(
            $"data: {{ csv: {{ file: rows.csv, header: false, columns: [x, y], target: y }}, decimal: ',', standardise: false }}\n{Rest}");
        var layout = new NetworkLayout(1, recipe.Layers);
        var model = new Model(recipe, layout, TestNetworks.Start(layout), DataPreparation.Prepare(recipe, folder.Locations));

        var rows = model.ReadFeatures(folder.Write("new.csv", content)).Rows;

        var features = new float[2];
        rows.Gather(0, 2, features, new float[4]);
        Assert.Equal([1.5f, 0.25f], features);
    }

    [Theory]
    [InlineData("1,5;2,5\n3,5;4,5\n", "header: false, target: c1", "",
        "line 1: comma or semicolon may stand between the columns, which cannot be told. Say it in the recipe, for example data.delimiter: comma.")]
    [InlineData("a|b;c\n1|2;x\n", "target: d", "", "line 1: semicolon or pipe may stand between the columns")]
    [InlineData("sep=;\nx;y\n1;a\n", "target: y", ", delimiter: comma",
        "line 1 says that semicolon stands between the columns, and data.delimiter is comma. Keep one of the two.")]
    [InlineData("x;y\n1;a\n", "target: y", ", delimiter: comma",
        "line 1 is one column: there is no comma in it. Set data.delimiter to what stands between the columns: comma, semicolon, tab")]
    [InlineData("x;y\n1;\"a\"b\n", "target: y", "", "line 2: a cell in quotes continues after the closing quote")]
    [InlineData("x;y\n1;2;a\n", "target: y", "",
        "line 2 has 3 cells where there are 2 columns. Correct the line; a cell that holds a semicolon needs quotes.")]
    [InlineData("x;y\n1.234,5;a\n", "target: y", ", decimal: ','", "line 2, column 'x' is '1.234,5', not a number. Write numbers as 1234,5 or 1e-3")]
    [InlineData("x,y\n1,a\n\"1,234\",b\n", "target: y", "",
        "line 3, column 'x' is '1,234', not a number. Where the comma stands before decimals, set data.decimal: \",\"; otherwise write")]
    [InlineData("x,y\n-999,a\n", "target: y", ", missing: [NA, -999]", "line 2, column 'x' is '-999', which stands for a missing value.")]
    [InlineData("x,y\n1, NA \n", "target: y", ", missing: [NA]",
        "line 2, column 'y' is 'NA', which stands for a missing value. Give the row a label or leave it out.")]
    public void What_cannot_be_told_is_refused_with_the_remedy(string content, string csv, string keys, string message)
    {
        using var folder = new TempFolder();
        var file = folder.Write("rows.csv", content);
        var recipe = RecipeTexts.Parse($"data: {{ csv: {{ file: rows.csv, {csv} }}{keys} }}\n{Rest}");

        var error = Assert.Throws<DataException>(() => DataPreparation.Prepare(recipe, folder.Locations));

        Assert.StartsWith($"{file}: {message}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_delimiter_of_a_long_file_is_told_by_its_beginning()
    {
        using var folder = new TempFolder();
        var content = new StringBuilder("x,1;z;y\n");
        for (var row = 0; row < 50_000; row++)
        {
            content.Append(row).Append(";\"a;\"\"b\n\";").Append(row % 2 == 0 ? "a\n" : "b\n");
        }

        folder.Write("rows.csv", TempFolder.Gzip(Encoding.UTF8.GetBytes(content.ToString())));
        var recipe = RecipeTexts.Parse($"data: {{ csv: {{ file: rows.csv, target: y, features: ['x,1'] }} }}\n{Rest}");

        Assert.Equal(50_000, DataPreparation.Prepare(recipe, folder.Locations).Train.Rows);
    }

    private static (Model Model, PreparedData Data) Train(TempFolder folder, string content, string keys, string features)
    {
        folder.Write("rows.csv", content);
        var recipe = RecipeTexts.Parse($"data: {{ csv: {{ file: rows.csv, target: y{features} }}{keys} }}\n{Rest}");
        var data = DataPreparation.Prepare(recipe, folder.Locations);
        var layout = new NetworkLayout(data.Train.Features, recipe.Layers);
        return (new Model(recipe, layout, TestNetworks.Start(layout), data), data);
    }
}
