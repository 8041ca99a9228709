using System.Globalization;
using System.Text;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Data.Prepared;
using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Tests;

/// <summary>Data prepared into a file without being held in memory, and trained with from there.</summary>
public sealed class PrepareToFileTests
{
    private const string Layers = """

        layers: [{ units: 3, activation: softmax }]
        loss: categorical-cross-entropy
        """;

    public static TheoryData<string> Sources => new()
    {
        "data: { csv: { file: rows.csv, target: label, features: [n, word, r], categorical: [word], derive: [{ name: r, ratio: [x, n] }] }, "
            + "standardise: true, validation: 0.2, test: 7 }",
        "data: { csv: { file: rows.csv, target: label, features: [n, word], categorical: [word] }, scale: 1/255, class_weights: balanced, test: 0.1 "
            + "}",
        "data: { csv: { file: rows.csv, test_file: test.csv, target: label, features: [x, n] }, validation: 1 }",
        "data: { csv: { file: rows.csv, target: x, features: [n] }, task: regression, target_scale: 0.1, validation: 5, standardise: true }",
        "data: { idx: { features: images, labels: labels, test_features: images, test_labels: labels }, scale: 1/255 }",
        "data: { idx: { features: floats, labels: labels }, standardise: true, test: 1 }",
        "data: { inline: { features: [[1], [2], [3]], targets: [[0], [1], [2]] }, test: 1 }",
        "data: { set: digits, validation: 0.1 }",
    };

    private static string Rest(string source) => source.Contains("regression", StringComparison.Ordinal)
        ? Layers.Replace("categorical-cross-entropy", "squared-error", StringComparison.Ordinal)
        : Layers;

    [Theory]
    [MemberData(nameof(Sources))]
    public void File_holds_what_would_be_in_memory(string source)
    {
        using var folder = new TempFolder();
        WriteSources(folder);
        var recipe = RecipeTexts.Parse(source + Rest(source));
        var path = Path.Combine(folder.Path, "rows.ctdata");
        using var expected = new MemoryStream();

        var data = DataPreparation.Prepare(recipe, folder.Locations);
        PreparedDataFile.Write(data, expected);
        DataPreparation.PrepareToFile(recipe, folder.Locations, path);

        Assert.Equal(expected.ToArray(), File.ReadAllBytes(path));
        Assert.Empty(Directory.GetFiles(folder.Path, "*.tmp"));
        var task = recipe.Data.Task == TaskKind.Regression ? "regression" : "classification";
        var opened = DataPreparation.Prepare(
            RecipeTexts.Parse($"data: {{ prepared: rows.ctdata, task: {task} }}" + Rest(source)), folder.Locations);
        Assert.Equal(data.Fingerprint, opened.Fingerprint);
        Assert.Equal(Epoch(data.Train), Epoch(opened.Train));
    }

    [Fact]
    public void One_target_for_two_classes_is_kept_in_the_file()
    {
        using var folder = new TempFolder();
        var recipe = RecipeTexts.Parse("""
            data: { inline: { features: [[0], [1]], targets: [[0], [1]] } }
            layers: [{ units: 1, activation: sigmoid }]
            loss: squared-error
            """);
        DataPreparation.PrepareToFile(recipe, folder.Locations, Path.Combine(folder.Path, "gate"));

        var opened = PreparedDataFile.Open(Path.Combine(folder.Path, "gate"));

        Assert.Equal((1, 2), (opened.Train.Outputs, opened.Classes.Length));
        Assert.Equal(DataPreparation.Prepare(recipe, folder.Locations).Fingerprint, opened.Fingerprint);
    }

    [Theory]
    [MemberData(nameof(Sources))]
    public void Recipe_trains_from_the_file_it_was_prepared_in(string source)
    {
        using var folder = new TempFolder();
        WriteSources(folder);
        var recipe = RecipeTexts.Parse(source + Rest(source));
        var path = Path.Combine(folder.Path, "rows.ctdata");
        var expected = DataPreparation.Prepare(recipe, folder.Locations);
        DataPreparation.PrepareToFile(recipe, folder.Locations, path);
        foreach (var name in new[] { "rows.csv", "test.csv", "images", "floats", "labels" })
        {
            File.Delete(Path.Combine(folder.Path, name));
        }

        var opened = DataPreparation.Prepare(recipe, folder.Locations.WithPrepared(path));

        Assert.Equal(expected.Fingerprint, opened.Fingerprint);
        Assert.Equal(recipe.FingerprintOfData(), opened.Origin);
    }

    [Theory]
    [InlineData("seed=2")]
    [InlineData("data.validation=3")]
    [InlineData("data.standardise=true")]
    [InlineData("data.csv.features=[x]")]
    public void File_of_another_recipe_is_refused(string change)
    {
        using var folder = new TempFolder();
        WriteSources(folder);
        const string Text = "data: { csv: { file: rows.csv, target: label, features: [n] }, validation: 5, standardise: false }" + Layers;
        var path = Path.Combine(folder.Path, "rows.ctdata");
        DataPreparation.PrepareToFile(RecipeTexts.Parse(Text), folder.Locations, path);

        var error = Assert.Throws<DataException>(
            () => DataPreparation.Prepare(RecipeTexts.Parse(Text, change), folder.Locations.WithPrepared(path)));

        Assert.Contains("were not prepared by this recipe", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_does_not_touch_the_rows_may_change()
    {
        using var folder = new TempFolder();
        WriteSources(folder);
        const string Text = "data: { csv: { file: rows.csv, target: label, features: [n] }, standardise: false }" + Layers;
        var path = Path.Combine(folder.Path, "rows.ctdata");
        DataPreparation.PrepareToFile(RecipeTexts.Parse(Text), folder.Locations, path);
        var other = RecipeTexts.Parse(Text, "seed=2", "epochs=7", "optimiser.rate=0.5");
        Assert.Equal(100, DataPreparation.Prepare(other, folder.Locations.WithPrepared(path)).Train.Rows);
    }

    // The wish to stop is seen while the source is read, and in the passes over the rows that follow.
    [Theory]
    [InlineData(DataActivity.Reading)]
    [InlineData(DataActivity.Writing)]
    public void Stopped_it_leaves_the_former_file_and_nothing_else(DataActivity during)
    {
        using var folder = new TempFolder();
        WriteSources(folder);
        var recipe = RecipeTexts.Parse("data: { csv: { file: rows.csv, target: label, features: [n, x] }, standardise: true }" + Layers);
        var path = folder.Write("rows.ctdata", "former");
        var before = Directory.GetFiles(folder.Path).Order().ToList();
        using var stop = new CancellationTokenSource();
        var seen = new StopAt(during, stop);

        Assert.Throws<OperationCanceledException>(
            () => DataPreparation.PrepareToFile(recipe, folder.Locations, path, seen, stop.Token));

        Assert.Equal("former", File.ReadAllText(path));
        Assert.Equal(before, Directory.GetFiles(folder.Path).Order());
    }

    [Fact]
    public void Reading_and_writing_are_told_in_bytes()
    {
        using var folder = new TempFolder();
        WriteSources(folder);
        var recipe = RecipeTexts.Parse("data: { csv: { file: rows.csv, target: label, features: [n, x] } }" + Layers);
        var told = new Told();
        DataPreparation.PrepareToFile(recipe, folder.Locations, Path.Combine(folder.Path, "rows.ctdata"), told);
        foreach (var (activity, file) in new[] { (DataActivity.Reading, "rows.csv"), (DataActivity.Writing, "rows.ctdata") })
        {
            var last = told.Reports.Last(report => report.Activity == activity);
            Assert.EndsWith(file, last.Item, StringComparison.Ordinal);
            Assert.Equal(new FileInfo(Path.Combine(folder.Path, file)).Length, last.Bytes);
            Assert.Equal(last.Bytes, last.TotalBytes);
        }
    }

    [Theory]
    [InlineData("", "rows.ctdata: the data were prepared for classification, and the recipe's task is regression", "task: regression")]
    [InlineData("early_stopping: {}", "there are no validation rows, which early_stopping watches", "task: classification")]
    public void Recipe_that_does_not_fit_the_file_is_told(string more, string message, string task)
    {
        using var folder = new TempFolder();
        DataPreparation.PrepareToFile(
            RecipeTexts.Parse(RecipeTexts.Short), folder.Locations, Path.Combine(folder.Path, "rows.ctdata"));
        var recipe = RecipeTexts.Parse($"data: {{ prepared: rows.ctdata, {task} }}{Layers}\n{more}");

        var error = Assert.Throws<DataException>(() => DataPreparation.Prepare(recipe, folder.Locations));

        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Weighted_classes_need_the_loss_that_weighs_them()
    {
        using var folder = new TempFolder();
        var weighted = RecipeTexts.Parse(RecipeTexts.Short, "data.class_weights=balanced");
        DataPreparation.PrepareToFile(weighted, folder.Locations, Path.Combine(folder.Path, "rows.ctdata"));
        var recipe = RecipeTexts.Parse("""
            data: { prepared: rows.ctdata }
            layers: [{ units: 10, activation: sigmoid }]
            loss: binary-cross-entropy
            """);

        var error = Assert.Throws<DataException>(() => DataPreparation.Prepare(recipe, folder.Locations));

        Assert.Contains("the classes have weights", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Damaged_rows_stop_the_recipe()
    {
        using var folder = new TempFolder();
        var path = Path.Combine(folder.Path, "rows.ctdata");
        DataPreparation.PrepareToFile(RecipeTexts.Parse(RecipeTexts.Short), folder.Locations, path);
        var bytes = File.ReadAllBytes(path);
        bytes[^5000] ^= 1;
        folder.Write("rows.ctdata", bytes);

        var error = Assert.Throws<DataException>(
            () => DataPreparation.Prepare(RecipeTexts.Parse("data: { prepared: rows.ctdata }" + Layers), folder.Locations));

        Assert.Contains("damaged", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Prepared_data_are_not_prepared_twice()
    {
        using var folder = new TempFolder();
        var recipe = RecipeTexts.Parse("data: { prepared: rows.ctdata }" + Layers);
        var error = Assert.Throws<DataException>(() => DataPreparation.PrepareToFile(recipe, folder.Locations, folder.Path + "/b"));
        Assert.Contains("prepared already", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Wrong_line_leaves_no_file_behind()
    {
        using var folder = new TempFolder();
        folder.Write("rows.csv", "n,label\n1,a\nx,b\n");
        var recipe = RecipeTexts.Parse("data: { csv: { file: rows.csv, target: label } }" + Layers);

        var error = Assert.Throws<DataException>(
            () => DataPreparation.PrepareToFile(recipe, folder.Locations, Path.Combine(folder.Path, "rows.ctdata")));

        Assert.Contains("line 3, column 'n' is 'x'", error.Message, StringComparison.Ordinal);
        Assert.Single(Directory.GetFiles(folder.Path));
    }

    private static void WriteSources(TempFolder folder)
    {
        var rows = new StringBuilder("word,n,x,label\n");
        for (var i = 0; i < 100; i++)
        {
            rows.AppendLine(CultureInfo.InvariantCulture, $"{"zyx"[i % 3]},{1 + (i * 7 % 250)},{(i * 0.37) - 5},{"cab"[i * i % 3]}");
        }

        folder.Write("rows.csv", rows.ToString());
        folder.Write("test.csv", "label,x,n,word\na,1.5,3,x\nc,-2,4,z\n");
        folder.Write("images", TempFolder.Gzip(TempFolder.Idx(8, [3, 1, 2], [1, 2, 3, 4, 250, 255])));
        folder.Write("floats", TempFolder.Idx(0x0D, [3, 2], TempFolder.BigEndian(1, 2.5f, -3, 4, 1e-20f, 6)));
        folder.Write("labels", TempFolder.Idx(8, [3], [0, 2, 1]));
    }

    private sealed class StopAt(DataActivity activity, CancellationTokenSource stop) : IProgress<DataProgress>
    {
        public void Report(DataProgress value)
        {
            if (value.Activity == activity)
            {
                stop.Cancel();
            }
        }
    }

    private sealed class Told : IProgress<DataProgress>
    {
        public List<DataProgress> Reports { get; } = [];

        public void Report(DataProgress value) => Reports.Add(value);
    }

    private static uint[] Epoch(DataSet data)
    {
        var (features, targets) = (new float[data.Rows * data.Features], new float[data.Rows * data.Outputs]);
        data.Gather([.. Enumerable.Range(0, (int)data.Rows).Select(row => (row * 31L) % data.Rows)], features, targets);
        return [.. features.Concat(targets).Select(BitConverter.SingleToUInt32Bits)];
    }
}
