using ClusterTrain.Data.Common;
using ClusterTrain.Data.Models;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Tests;

/// <summary>Targets that a loss is not defined for are refused, wherever they stand.</summary>
public sealed class LossTargetTests
{
    [Theory]
    [InlineData("binary-cross-entropy", "sigmoid", 1, "0", "1", "2.5", "a target is 2.5")]
    [InlineData("binary-cross-entropy", "sigmoid", 1, "0.5", "1", "-0.001", "a target is -0.001")]
    [InlineData("categorical-cross-entropy", "softmax", 2, "0.25,0.75", "1,0", "1.5,-0.5", "a target is 1.5")]
    [InlineData("categorical-cross-entropy", "softmax", 2, "0.25,0.75", "1,0", "0.5,0.6", "the targets add up to 1.1")]
    public void A_target_outside_what_the_loss_takes_is_told_with_its_line(
        string loss, string activation, int units, string first, string second, string bad, string said)
    {
        using var folder = new TempFolder();
        var names = units == 1 ? "p" : "p,q";
        folder.Write("good.csv", $"x,{names}\n1,{first}\n2,{second}\n");
        folder.Write("bad.csv", $"x,{names}\n1,{first}\n2,{bad}\n");
        var recipe = RecipeTexts.Parse($$"""
            data: { csv: { file: good.csv, targets: [{{names}}] }, task: regression }
            layers: [{ units: {{units}}, activation: {{activation}} }]
            loss: {{loss}}
            """);
        var source = (CsvSource)recipe.Data.Source;
        var data = DataPreparation.Prepare(recipe, folder.Locations);
        var layout = new NetworkLayout(1, recipe.Layers);
        var model = new Model(recipe, layout, TestNetworks.Start(layout), data);

        AssertSays(() => DataPreparation.Prepare(recipe with { Data = recipe.Data with { Source = source with { File = "bad.csv" } } },
            folder.Locations));
        AssertSays(() => DataPreparation.Prepare(recipe with { Data = recipe.Data with { Source = source with { TestFile = "bad.csv" } } },
            folder.Locations));
        AssertSays(() => model.ReadRows(Path.Combine(folder.Path, "bad.csv")));

        void AssertSays(Action read) => Assert.Contains(
            $"bad.csv: line 3: {said}", Assert.Throws<DataException>(read).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_prepared_for_another_loss_are_checked_again()
    {
        using var folder = new TempFolder();
        folder.Write("rows.csv", "x,y\n1,5\n2,-3\n");
        const string Recipe = """
            data: { csv: { file: rows.csv, target: y }, task: regression }
            layers: [{ units: 1, activation: sigmoid }]
            loss: LOSS
            """;
        var path = Path.Combine(folder.Path, "rows.ctdata");
        DataPreparation.PrepareToFile(RecipeTexts.Parse(Recipe.Replace("LOSS", "squared-error", StringComparison.Ordinal)), folder.Locations, path);

        var error = Assert.Throws<DataException>(() => DataPreparation.Prepare(
            RecipeTexts.Parse(Recipe.Replace("LOSS", "binary-cross-entropy", StringComparison.Ordinal)), folder.Locations.WithPrepared(path)));

        Assert.StartsWith($"{path}: row 0: a target is 5, and loss binary-cross-entropy needs targets from 0 to 1.", error.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void The_target_counts_after_its_scaling()
    {
        using var folder = new TempFolder();
        folder.Write("rows.csv", "x,y\n1,0\n2,100\n");

        var data = DataPreparation.Prepare(
            RecipeTexts.Parse("""
                data: { csv: { file: rows.csv, target: y }, task: regression, target_scale: 0.01 }
                layers: [{ units: 1, activation: sigmoid }]
                loss: binary-cross-entropy
                """),
            folder.Locations);

        Assert.Equal(2, data.Train.Rows);
    }
}
