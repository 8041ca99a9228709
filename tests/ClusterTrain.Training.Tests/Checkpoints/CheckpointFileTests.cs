using ClusterTrain.Learning.ModelFiles;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Training.Checkpoints;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Training.Tests;

public sealed class CheckpointFileTests : IDisposable
{
    private static readonly Recipe s_recipe = LineRun.Recipe() with
    {
        Layers = [new LayerRecipe { Units = 3, Activation = ActivationKind.Tanh }, new LayerRecipe { Units = 1 }],
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("clustertrain-checkpoint").FullName;
    private readonly NetworkLayout _layout = LineRun.Layout(s_recipe);
    private readonly RunState _state;

    public CheckpointFileTests()
    {
        var weights = Enumerable.Range(0, _layout.Parameters).Select(index => 0.1f * index).ToArray();
        var momenta = Enumerable.Range(0, 2 * _layout.Parameters).Select(index => -0.3f * index).ToArray();
        _state = new RunState(17, 1.0 / 3, weights, momenta);
        CheckpointFile.Write(Path, _layout, "recipe-a", _state);
    }

    private string Path => System.IO.Path.Combine(_folder, "step.safetensors");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_is_read_is_what_was_written_to_the_last_bit()
    {
        var read = CheckpointFile.Read(Path, _layout, 2, "recipe-a");
        Assert.Equal((17, 1.0 / 3), (read.Step, read.EpochLoss));
        Assert.Equal(_state.Weights.ToArray(), read.Weights.ToArray());
        Assert.Equal(_state.OptimiserState.ToArray(), read.OptimiserState.ToArray());
    }

    [Fact]
    public void One_flipped_bit_anywhere_in_the_numbers_is_noticed()
    {
        var bytes = File.ReadAllBytes(Path);
        var numbers = sizeof(float) * 3 * _layout.Parameters;
        for (var place = bytes.Length - numbers; place < bytes.Length; place++)
        {
            bytes[place] ^= 1;
            File.WriteAllBytes(Path, bytes);
            bytes[place] ^= 1;
            var error = Assert.Throws<TrainingException>(() => CheckpointFile.Read(Path, _layout, 2, "recipe-a"));
            Assert.Contains("is damaged", error.Message, StringComparison.Ordinal);
            Assert.Contains(Path, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_file_cut_short_anywhere_is_noticed()
    {
        var bytes = File.ReadAllBytes(Path);
        for (var length = 0; length < bytes.Length; length++)
        {
            File.WriteAllBytes(Path, bytes[..length]);
            Assert.Throws<TrainingException>(() => CheckpointFile.Read(Path, _layout, 2, "recipe-a"));
        }
    }

    [Fact]
    public void A_checkpoint_of_another_recipe_is_refused()
    {
        var error = Assert.Throws<TrainingException>(() => CheckpointFile.Read(Path, _layout, 2, "recipe-b"));
        Assert.Contains("another recipe (fingerprint recipe-a, the run's is recipe-b)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void State_that_the_optimiser_needs_and_the_file_lacks_is_named()
    {
        CheckpointFile.Write(Path, _layout, "recipe-a", _state with { OptimiserState = default });
        var error = Assert.Throws<TrainingException>(() => CheckpointFile.Read(Path, _layout, 1, "recipe-a"));
        Assert.Contains("optimiser.0", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_file_is_no_checkpoint()
    {
        SafetensorsFile.Write(Path, _layout.Named(_state.Weights), new Dictionary<string, string>());
        Assert.Equal($"{Path}: is not a checkpoint: 'format' is missing in its metadata.", Refusal());
        SafetensorsFile.Write(Path, _layout.Named(_state.Weights), new Dictionary<string, string> { ["format"] = "model" });
        Assert.StartsWith($"{Path}: is not a checkpoint (its format is 'model', not 'clustertrain", Refusal(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("step", "-1")]
    [InlineData("step", "first")]
    [InlineData("epoch_loss", "much")]
    public void A_position_that_is_none_is_named(string key, string value)
    {
        var read = SafetensorsFile.Read(Path);
        SafetensorsFile.Write(Path, read.Tensors, new Dictionary<string, string>(read.Metadata) { [key] = value });
        Assert.Equal($"{Path}: its position (step '{(key == "step" ? value : "17")}') is not a number.", Refusal());
    }

    [Fact]
    public void Read_without_a_layout_it_has_the_features_of_its_first_weight()
    {
        var read = CheckpointFile.Read(Path, s_recipe.Layers, new OptimiserRecipe { Kind = OptimiserKind.Adam }, "recipe-a");
        Assert.Equal(_state.OptimiserState.ToArray(), read.OptimiserState.ToArray());

        SafetensorsFile.Write(Path, [new NamedTensor("layers.0.bias", [1], new float[1])], new Dictionary<string, string>());
        Assert.Equal(
            $"{Path}: tensor 'layers.0.weight' is missing. Delete the file.",
            Assert.Throws<TrainingException>(() => CheckpointFile.Read(Path, s_recipe.Layers, new OptimiserRecipe(), "recipe-a")).Message);
    }

    private string Refusal() => Assert.Throws<TrainingException>(() => CheckpointFile.Read(Path, _layout, 0, "recipe-a")).Message;

    [Theory]
    [InlineData(new float[0], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    [InlineData(new[] { 1f }, "e00e5eb9444182f352323374ef4e08ebcb784725fdd4fd612d7730540b3e0c8c")]
    public void The_identity_of_weights_is_the_sha256_of_their_bytes(float[] weights, string hash) =>
        Assert.Equal(hash, WeightsHash.Of(weights));
}
