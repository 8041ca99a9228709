using System.Text;
using ClusterTrain.Data.Models;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Learning.Networks;

namespace ClusterTrain.Data.Tests;

/// <summary>Rows may come through a pipe, which can be read once and has no length.</summary>
public sealed class PipeTests
{
    private const string Recipe = """
        data: { csv: { file: rows.csv, target: y }, standardise: true }
        layers: [{ units: 2, activation: softmax }]
        loss: categorical-cross-entropy
        """;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Training_rows_and_rows_to_predict_may_come_through_a_pipe(bool isPacked)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        using var folder = new TempFolder();
        var text = Encoding.UTF8.GetBytes("x,y\n" + string.Concat(Enumerable.Range(0, 20_000).Select(row => $"{row / 7.0},{row % 2}\n")));
        var content = isPacked ? TempFolder.Gzip(text) : text;
        folder.Write("rows.csv", content);
        var recipe = RecipeTexts.Parse(Recipe);
        var data = DataPreparation.Prepare(recipe, folder.Locations);
        var layout = new NetworkLayout(1, recipe.Layers);
        var model = new Model(recipe, layout, TestNetworks.Start(layout), data);
        File.Delete(Path.Combine(folder.Path, "rows.csv"));
        var pipe = Pipe.Create(Path.Combine(folder.Path, "rows.csv"));

        var written = Task.Run(() => File.WriteAllBytes(pipe, content));
        Assert.Equal(data.Fingerprint, DataPreparation.Prepare(recipe, folder.Locations).Fingerprint);
        await written;
        written = Task.Run(() => File.WriteAllBytes(pipe, content));
        Assert.Equal(data.Train.Fingerprint, model.ReadRows(pipe).Rows.Fingerprint);
        await written;
    }
}
