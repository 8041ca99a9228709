using ClusterTrain.Data.Common;
using ClusterTrain.Data.Models;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Data.Prepared;
using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.ModelFiles;
using ClusterTrain.Learning.Networks;

namespace ClusterTrain.Data.Tests;

/// <summary>Files that a trained model reads to predict or score.</summary>
public sealed class ModelRowsTests
{
    private const string CarRecipe = """
        data:
          csv: { file: cars.csv, target: class, categorical: [buying], derive: [{ name: ratio, ratio: [a, b] }], features: [buying, a, ratio] }
          standardise: true
        layers: [{ units: 2, activation: softmax }]
        loss: categorical-cross-entropy
        """;

    private const string Cars = "b,a,note,buying,class\n2,1,x,high,bad\n4,6,y,low,good\n5,20,z,high,bad\n";

    [Fact]
    public void Training_file_gives_the_training_rows_again_whatever_the_order_of_its_columns()
    {
        using var folder = new TempFolder();
        var (model, data) = Train(folder, CarRecipe, Cars);
        var shuffled = folder.Write("rows.csv", "class,buying,a,b\nbad,high,1,2\ngood,low,6,4\nbad,high,20,5\n");

        var (rows, hasTargets) = model.ReadRows(shuffled);

        Assert.True(hasTargets);
        Assert.Equal(data.Train.Fingerprint, rows.Fingerprint);
    }

    [Fact]
    public void Targets_may_be_left_out()
    {
        using var folder = new TempFolder();
        var (model, data) = Train(folder, CarRecipe, Cars);

        var (rows, hasTargets) = model.ReadRows(folder.Write("rows.csv", "a,b,buying\n1,2,high\n6,4,low\n20,5,high\n"));

        Assert.False(hasTargets);
        Assert.Equal(Features(data.Train), Features(rows));
        Assert.Equal(2, rows.Outputs);
    }

    [Theory]
    [InlineData("a,b,buying\n1,2,vhigh\n",
        "line 2, column 'buying' is 'vhigh', a category that no training row has. Known categories: 'high', 'low'.")]
    [InlineData("a,b,buying,class\n1,2,high,worst\n", "line 2, column 'class' is 'worst', a class that no training row has")]
    [InlineData("a,bb,buying\n1,2,high\n",
        "line 1: the model needs the column 'b', which is missing. The columns are a, bb, buying. Add it, or name it so.")]
    [InlineData("a,b,buyin\n1,2,high\n",
        "line 1: the model needs the column 'buying', which is missing. Did you mean 'buyin'? Add it, or name it so.")]
    [InlineData("a\n1\n", "line 1: of 3 columns that the model needs 2 are missing: buying, b. Add them; the order of columns does not matter.")]
    [InlineData("1,2\n", "line 1: of 3 columns that the model needs 3 are missing: buying, a, b. The first line has to name the columns, in any "
        + "order; it is 1, 2.")]
    [InlineData("a;b;buyin\n1;2;high\n",
        "line 1: the model needs the column 'buying', which is missing. Did you mean 'buyin'? Add it, or name it so.")]
    [InlineData("a:b:buying\n1:2:high\n", "line 1: of 3 columns that the model needs 3 are missing: buying, a, b. The first line has to name the "
        + "columns, in any order; it is a:b:buying.")]
    [InlineData("a,b,buying\n1,0,high\n", "line 2: the derived feature 'ratio' divides 'a' (1) by 'b' (0)")]
    [InlineData("a,b,buying\n", "a header but no rows")]
    public void What_the_model_cannot_read_is_named(string content, string message)
    {
        using var folder = new TempFolder();
        var (model, _) = Train(folder, CarRecipe, Cars);
        var file = folder.Write("rows.csv", content);

        var error = Assert.Throws<DataException>(() => model.ReadRows(file));

        Assert.StartsWith($"{file}: {message}", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0,5,6\n1,7,8\n", true)]
    [InlineData("5,6\n7,8\n", false)]
    [InlineData("c2,c1\n6,5\n8,7\n", false)]
    [InlineData("c2,c1,c0\n6,5,0\n8,7,1\n", true)]
    public void File_without_a_header_has_its_columns_as_in_training(string content, bool hasTargets)
    {
        using var folder = new TempFolder();
        var (model, data) = Train(folder, """
            data: { csv: { file: cars.csv, header: false, target: c0 }, scale: 0.5 }
            layers: [{ units: 2, activation: softmax }]
            loss: categorical-cross-entropy
            """, "0,5,6\n1,7,8\n");

        var rows = model.ReadRows(folder.Write("rows.csv", content));

        Assert.Equal(hasTargets, rows.HasTargets);
        Assert.Equal(Features(data.Train), Features(rows.Rows));
        var error = Assert.Throws<DataException>(() => model.ReadRows(folder.Write("wrong.csv", "1,2,3,4\n")));
        Assert.Contains("has no names and 4 cells; which columns they are is not certain. The training file has 3: c0, c1, c2. Write all of them, or "
            + "the 2 without c0, in", error.Message, StringComparison.Ordinal);
        error = Assert.Throws<DataException>(() => model.ReadRows(folder.Write("part.csv", "c2,d\n6,5\n")));
        Assert.Contains("needs the column 'c1', which is missing", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0,1,2,3,9\n", 2f, 1f)]
    [InlineData("1,2,3,9\n", null, null)]
    [InlineData("0,2,1\n", null, null)]
    [InlineData("2,1\n", null, null)]
    [InlineData("1,2\n", null, null)]
    [InlineData("c1,c2\n1,2\n", 2f, 1f)]
    public void Columns_without_names_are_those_of_the_whole_training_file_or_refused(string content, float? first, float? second)
    {
        using var folder = new TempFolder();
        var (model, _) = Train(folder, """
            data: { csv: { file: cars.csv, header: false, target: c0, features: [c2, c1] }, standardise: false }
            layers: [{ units: 2, activation: softmax }]
            loss: categorical-cross-entropy
            """, "0,1,2,3,9\n1,4,5,6,9\n");
        var file = folder.Write("rows.csv", content);

        if (first is null)
        {
            var error = Assert.Throws<DataException>(() => model.ReadFeatures(file));
            Assert.Contains("which columns they are is not certain. The training file has 5: c0, c1, c2, c3, c4.", error.Message,
                StringComparison.Ordinal);
            return;
        }

        Assert.Equal([first, second], Features(model.ReadFeatures(file).Rows).Cast<float?>());
    }

    [Theory]
    [InlineData("a,b,buying,class\n1,2,high,?\n6,4,low,\n")]
    [InlineData("a,b,buying,class\n1,2,high,never\n6,4,low,seen\n")]
    [InlineData(",a,b,buying,,\n0,1,2,high,x,\n1,6,4,low,y,\n")]
    [InlineData("note,a,b,note,buying,class,class\nx,1,2,y,high,good,bad\nz,6,4,w,low,,\n")]
    public void What_the_model_does_not_need_may_be_anything(string content)
    {
        using var folder = new TempFolder();
        var (model, data) = Train(folder, CarRecipe, Cars);

        var read = model.ReadFeatures(folder.Write("rows.csv", content));

        Assert.False(read.HasTargets);
        Assert.Equal(Features(data.Train)[..Features(read.Rows).Length], Features(read.Rows));
    }

    [Fact]
    public void A_needed_column_that_is_there_twice_is_refused()
    {
        using var folder = new TempFolder();
        var (model, _) = Train(folder, CarRecipe, Cars);
        var file = folder.Write("rows.csv", "a,b,buying,a\n1,2,high,3\n");

        Assert.Contains(
            "line 1: two columns are named 'a', 1 and 4.", Assert.Throws<DataException>(() => model.ReadFeatures(file)).Message,
                StringComparison.Ordinal);
    }

    [Fact]
    public void Idx_features_are_read_with_labels_and_without_and_so_is_csv_for_a_model_of_idx()
    {
        using var folder = new TempFolder();
        var images = folder.Write("images", TempFolder.Gzip(TempFolder.Idx(8, [2, 1, 2], [1, 2, 3, 4])));
        var labels = folder.Write("labels", TempFolder.Idx(8, [2], [0, 1]));
        var (model, data) = Train(folder, """
            data: { idx: { features: images, labels: labels }, scale: 1/255 }
            layers: [{ units: 2, activation: softmax }]
            loss: categorical-cross-entropy
            """, "");

        Assert.Equal(data.Train.Fingerprint, model.ReadRows(images, labels).Rows.Fingerprint);
        Assert.Equal((false, 2), (model.ReadRows(images).HasTargets, model.ReadRows(images).Rows.Rows));
        Assert.Equal(data.Train.Fingerprint, model.ReadRows(folder.Write("a.csv", "label,f0,f1\n0,1,2\n1,3,4\n")).Rows.Fingerprint);
        var csv = folder.Write("rows.csv", "1,2\n3,4\n");
        Assert.Equal(Features(data.Train), Features(model.ReadRows(csv).Rows));

        var wide = folder.Write("wide", TempFolder.Idx(8, [1, 3], [1, 2, 3]));
        Assert.Contains("3 values a row", Assert.Throws<DataException>(() => model.ReadRows(wide)).Message, StringComparison.Ordinal);
        Assert.Contains("is a CSV file", Assert.Throws<DataException>(() => model.ReadRows(csv, labels)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1,2,0\n3,4,1\n")]
    [InlineData("0,1,2\n1,3,4\n")]
    public void Where_the_label_stands_is_not_guessed(string content)
    {
        using var folder = new TempFolder();
        folder.Write("images", TempFolder.Idx(8, [2, 1, 2], [1, 2, 3, 4]));
        folder.Write("labels", TempFolder.Idx(8, [2], [0, 1]));
        var (model, _) = Train(folder, """
            data: { idx: { features: images, labels: labels } }
            layers: [{ units: 2, activation: softmax }]
            loss: categorical-cross-entropy
            """, "");
        var file = folder.Write("rows.csv", content);

        Assert.Equal(
            $"{file}: line 1 has no names and 3 cells, the 2 features and 1 more. Write a first line that says which is which, such as "
            + "label,f0, ... (`data export --header` does), or leave the features alone there.",
            Assert.Throws<DataException>(() => model.ReadRows(file)).Message);
    }

    [Fact]
    public void A_model_whose_weights_were_damaged_is_refused()
    {
        using var folder = new TempFolder();
        Train(folder, CarRecipe, Cars);
        var path = Path.Combine(folder.Path, "model.safetensors");
        var bytes = File.ReadAllBytes(path);
        bytes[^2] ^= 1;
        File.WriteAllBytes(path, bytes);

        var error = Assert.Throws<SafetensorsException>(() => Model.Read(path));

        Assert.StartsWith($"{path}: is damaged: its weights do not match its SHA-256 ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Regression_targets_are_scaled_as_in_training()
    {
        using var folder = new TempFolder();
        var (model, data) = Train(folder, """
            data: { csv: { file: cars.csv, target: y }, task: regression, target_scale: 1/1000 }
            layers: [{ units: 1 }]
            loss: mean-squared-error
            """, "x,y\n1,2500\n2,4000\n");

        var read = model.ReadRows(Path.Combine(folder.Path, "cars.csv"));

        Assert.Equal(data.Train.Fingerprint, read.Rows.Fingerprint);
        Assert.Equal(1 / 1000.0, model.TargetScale);
    }

    private static (Model Model, PreparedData Data) Train(TempFolder folder, string yaml, string csv)
    {
        folder.Write("cars.csv", csv);
        var recipe = RecipeTexts.Parse(yaml);
        var data = DataPreparation.Prepare(recipe, folder.Locations);
        var layout = new NetworkLayout(data.Train.Features, recipe.Layers);
        var path = Path.Combine(folder.Path, "model.safetensors");
        new Model(recipe, layout, TestNetworks.Start(layout), data).Write(path);
        return (Model.Read(path), data);
    }

    private static float[] Features(DataSet data)
    {
        var features = new float[data.Rows * data.Features];
        data.Gather(0, (int)data.Rows, features, new float[data.Rows * data.Outputs]);
        return features;
    }
}
