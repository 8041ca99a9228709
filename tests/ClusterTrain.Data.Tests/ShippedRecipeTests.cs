using System.Runtime.CompilerServices;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Learning.Checks;
using ClusterTrain.Learning.RecipeFiles;

namespace ClusterTrain.Data.Tests;

/// <summary>The recipes that come with the program.</summary>
public sealed class ShippedRecipeTests
{
    public static TheoryData<string> Names =>
        [.. Directory.GetFiles(Folder(), "*.yaml").Select(path => Path.GetFileNameWithoutExtension(path)!).Order()];

    [Theory]
    [MemberData(nameof(Names))]
    public void It_can_be_read_and_has_the_name_of_its_file(string name)
    {
        var recipe = RecipeReader.Read(Path.Combine(Folder(), name + ".yaml"), []);
        Assert.Equal(name, recipe.Name);
        Assert.Equivalent(recipe, RecipeReader.Parse(RecipeWriter.Write(recipe), name, []), strict: true);
    }

    [Theory]
    [InlineData("digits", 64)]
    [InlineData("mnist", 784)]
    [InlineData("mnist-10", 784)]
    [InlineData("mnist-500-500", 784)]
    [InlineData("mnist-csv", 784)]
    [InlineData("mnist-momentum", 784)]
    [InlineData("mnist-sigmoid-500-500", 784)]
    [InlineData("mnist-50", 784)]
    [InlineData("fashion", 784)]
    public void Its_model_fits_its_data(string name, int features) =>
        RecipeChecks.CheckAgainst(RecipeReader.Read(Path.Combine(Folder(), name + ".yaml"), []), features, outputs: 10, rows: 60_000);

    [Theory]
    [InlineData("or-gate", 2)]
    [InlineData("xor-feature-cross", 3)]
    [InlineData("xor", 2)]
    [InlineData("xor-3-4-1", 3)]
    public void Recipe_with_rows_of_its_own_fits_them(string name, int features)
    {
        using var folder = new TempFolder();
        var recipe = RecipeReader.Read(Path.Combine(Folder(), name + ".yaml"), []);

        var data = DataPreparation.Prepare(recipe, folder.Locations);
        RecipeChecks.CheckAgainst(recipe, data.Train.Features, data.Train.Outputs, data.Train.Rows);

        Assert.Equal((4, features, 1), (data.Train.Rows, data.Train.Features, data.Train.Outputs));
    }

    [Fact]
    public void Car_fits_a_file_of_its_columns()
    {
        using var folder = new TempFolder();
        folder.Write("car.data", "vhigh,med,2,4,big,low,unacc\nlow,high,5more,more,small,high,acc\n"
            + "low,high,3,2,med,med,good\nhigh,low,4,2,small,high,vgood\n");

        var data = DataPreparation.Prepare(RecipeReader.Read(Path.Combine(Folder(), "car.yaml"), []), folder.Locations);

        Assert.Equal((3, 19, 4), (data.Train.Rows, data.Train.Features, data.Train.Outputs));
    }

    [Fact]
    public void California_fits_a_file_of_its_columns()
    {
        using var folder = new TempFolder();
        folder.Write("california_housing.csv", """
            longitude,latitude,housing_median_age,total_rooms,total_bedrooms,population,households,median_income,median_house_value
            -122.23,37.88,41,880,129,322,126,8.3252,452600
            -122.22,37.86,21,7099,1106,2401,1138,8.3014,358500
            """);

        var data = DataPreparation.Prepare(RecipeReader.Read(Path.Combine(Folder(), "california.yaml"), []), folder.Locations);

        Assert.Equal((1, 8, 1), (data.Train.Rows, data.Train.Features, data.Train.Outputs));
        Assert.Equal("AveRooms", data.FeatureNames[2]);
    }

    private static string Folder([CallerFilePath] string thisFile = "") =>
        Path.Combine(Path.GetDirectoryName(thisFile)!, "..", "..", "configs");
}
