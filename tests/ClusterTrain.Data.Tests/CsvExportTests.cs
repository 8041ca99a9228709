using ClusterTrain.Data.Preparation;
using ClusterTrain.Data.Store;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Tests;

public sealed class CsvExportTests
{
    [Fact]
    public void Exported_rows_are_those_of_the_set_to_the_last_bit()
    {
        using var folder = new TempFolder();
        var files = CsvExport.Write("digits", folder.Locations, folder.Path);
        var recipe = new DataRecipe { Source = new NamedSource("digits"), Scale = 1 / 16.0, Test = new SplitSize(null, 0.2) };

        var again = recipe with { Source = new CsvSource { File = "digits_train.csv", Header = false, Targets = ["c0"] } };

        Assert.Equal([Path.Combine(folder.Path, "digits_train.csv")], files);
        Assert.StartsWith("0,0,0,5,13,9,1,", File.ReadAllText(files[0]), StringComparison.Ordinal);
        Assert.Equal(
            DataPreparation.Prepare(recipe, 1, folder.Locations).Fingerprint,
            DataPreparation.Prepare(again, 1, folder.Locations).Fingerprint);
    }

    [Fact]
    public void A_header_names_the_columns_of_the_set()
    {
        using var folder = new TempFolder();
        var lines = File.ReadAllLines(CsvExport.Write("digits", folder.Locations, folder.Path, withHeader: true)[0]);

        Assert.Equal("label," + string.Join(',', Enumerable.Range(0, 64).Select(feature => $"f{feature}")), lines[0]);
        Assert.StartsWith("0,0,0,5,13,9,1,", lines[1], StringComparison.Ordinal);
        Assert.Equal(1 + 1797, lines.Length);
    }
}
