using System.Security.Cryptography;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Models;
using ClusterTrain.Learning.ModelFiles;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Tests;

public sealed class StartWeightsTests : IDisposable
{
    private const string Text = """
        data: { inline: { features: [[0, 1, 2]], targets: [[1, 2]] }, task: regression }
        layers: [{ units: 2 }]
        loss: mean-squared-error
        start: START
        """;

    private readonly TemporaryFolder _folder = new();
    private readonly NetworkLayout _layout = new(3, [new LayerRecipe { Units = 2 }]);

    [Theory]
    [InlineData("weights.safetensors", false)]
    [InlineData("{ file: weights.safetensors, transposed: true }", true)]
    public void A_run_begins_with_the_weights_of_the_file(string start, bool transposed)
    {
        float[] byInputs = [1, 2, 3, 4, 5, 6];
        float[] byUnits = [1, 3, 5, 2, 4, 6];
        Save(transposed ? byUnits : byInputs, transposed ? [2, 3] : [3, 2]);

        var recipe = Read(start);
        var again = RecipeReader.Parse(RecipeWriter.Write(recipe), "again", []);

        float[] expected = [1, 2, 3, 4, 5, 6, 7, 8];
        Assert.Equal(expected, StartWeights.Of(recipe, _layout, Weights));
        Assert.Equal(expected, StartWeights.Of(again, _layout, Weights));
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Weights))), again.Start!.Sha256);
    }

    [Fact]
    public void Other_weights_in_the_file_make_another_recipe()
    {
        Save([1, 2, 3, 4, 5, 6], [3, 2]);
        var before = Read("weights.safetensors");
        Save([1, 2, 3, 4, 5, 7], [3, 2]);
        var after = Read("weights.safetensors");

        Assert.NotEqual(before.Fingerprint(), after.Fingerprint());
        var error = Assert.Throws<DataException>(() => StartWeights.Of(before, _layout, Weights));
        Assert.Throws<DataException>(() => StartWeights.Find(before.Start!, new DataLocations(_folder.Path, [], _folder.Path)));
        Assert.Equal(Weights, StartWeights.Find(after.Start!, new DataLocations(_folder.Path, [], _folder.Path)));
        Assert.Contains($"its SHA-256 is {after.Start!.Sha256}, but the recipe's start values have {before.Start!.Sha256}", error.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_start_file_the_initialisers_draw()
    {
        var recipe = Read("none");
        var expected = new float[8];
        _layout.Initialise(recipe.Seed, expected);
        Assert.Equal(expected, StartWeights.Of(recipe, _layout, Weights));
        Assert.DoesNotContain("start", RecipeWriter.Write(recipe), StringComparison.Ordinal);
    }

    [Fact]
    public void Weights_stored_by_units_are_told_from_wrong_ones()
    {
        Save([1, 2, 3, 4, 5, 6], [2, 3]);
        var error = Assert.Throws<SafetensorsException>(() => StartWeights.Of(Read("weights.safetensors"), _layout, Weights));
        Assert.Contains("tensor 'layers.0.weight' has the shape (2, 3), the network's is (3, 2)", error.Message, StringComparison.Ordinal);
        Assert.Contains("Write transposed: true", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("missing.safetensors", "4:8: key 'start.file' cannot be read: missing.safetensors: there is no such file. Looked in")]
    [InlineData("{ file: a, sha256: 12 }", "4:27: key 'start.sha256' is 12; allowed: 64 hexadecimal digits")]
    [InlineData("{ sha256: a }", "4:8: key 'start.file' is missing")]
    [InlineData("{ file: a, sha: b }", "key 'start.sha' is unknown; did you mean 'sha256'?")]
    public void Mistakes_are_told(string start, string expected)
    {
        var error = Assert.Throws<RecipeException>(() => Read(start));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_recipe_that_is_no_file_states_the_hash_itself()
    {
        var error = Assert.Throws<RecipeException>(() => RecipeReader.Parse(Text.Replace("START", "a", StringComparison.Ordinal), "r", []));
        Assert.Contains("key 'start.file' needs its sha256 beside it", error.Message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private string Weights => _folder.File("weights.safetensors");

    private Recipe Read(string start)
    {
        File.WriteAllText(_folder.File("recipe.yaml"), Text.Replace("START", start, StringComparison.Ordinal));
        return RecipeReader.Read(_folder.File("recipe.yaml"), [], StartWeights.Hash);
    }

    private void Save(float[] weight, int[] shape) => SafetensorsFile.Write(
        Weights, [new("layers.0.weight", [.. shape], weight), new("layers.0.bias", [2], new float[] { 7, 8 })], new Dictionary<string, string>());
}
