using System.Runtime.CompilerServices;

namespace ClusterTrain.Learning.Tests;

/// <summary>The recipes that come with the program.</summary>
public sealed class ShippedRecipeTests
{
    public static TheoryData<string> Names => [.. Directory.GetFiles(Folder(), "*.yaml").Select(path => Path.GetFileNameWithoutExtension(path)!).Order()];

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
    public void Its_model_fits_its_data(string name, int features) =>
        RecipeChecks.CheckAgainst(RecipeReader.Read(Path.Combine(Folder(), name + ".yaml"), []), features, outputs: 10);

    private static string Folder([CallerFilePath] string thisFile = "") =>
        Path.Combine(Path.GetDirectoryName(thisFile)!, "..", "..", "..", "configs");
}
