using ClusterTrain.Numerics;

namespace ClusterTrain.Learning.Tests;

public sealed class OnnxFileTests
{
    private const string Inline = """
        name: small
        data:
          inline: { features: [[0, 5], [1, 7], [2, -3], [3, 1]], targets: TARGETS }
          task: TASK
        """;

    public static TheoryData<string, string> Recipes => new()
    {
        { "pixels scaled by one factor, relu, softmax", """
            name: digits
            data: { set: digits, scale: 1/16, test: 0.2 }
            layers: [{ units: 32, activation: relu }, { units: 10, activation: softmax }]
            loss: categorical-cross-entropy
            """ },
        { "standardised features, tanh and leaky relu", Small("[[1], [0], [2], [1]]", "classification", "standardise: true", """
            layers: [{ units: 5, activation: tanh }, { units: 4, activation: leaky-relu, slope: 0.2 }, { units: 3, activation: softmax }]
            loss: categorical-cross-entropy
            """) },
        { "one sigmoid, no bias", Small("[[1], [0], [0], [1]]", "classification", "scale: 1", """
            layers: [{ units: 3, activation: sigmoid, biases: none }, { units: 1, activation: sigmoid }]
            loss: binary-cross-entropy
            """) },
        { "a scaled target", Small("[[50], [200], [400], [100]]", "regression", "target_scale: 0.01", """
            layers: [{ units: 3, activation: tanh }, { units: 1 }]
            loss: mean-squared-error
            """) },
        { "regression of two numbers", Small("[[0.5, 1], [2, 3], [4, 4], [1, 0]]", "regression", "standardise: true", """
            layers: [{ units: 2 }]
            loss: mean-squared-error
            """) },
    };

    [Theory]
    [MemberData(nameof(Recipes))]
    public void The_graph_computes_what_the_network_computes(string what, string recipe)
    {
        using var folder = new TemporaryFolder();
        var (model, raw, expected) = Predictions(recipe);
        OnnxFile.Write(model, folder.File("model.onnx"));

        var graph = OnnxReference.Read(File.ReadAllBytes(folder.File("model.onnx")));
        var found = graph.Run(Array.ConvertAll(raw, value => (double)value), model.Layout.Features);

        Assert.True(found.Length == expected.Length, what);
        Assert.InRange(LargestDifference(expected, found), 0, 2e-6);
        Assert.Equal(OnnxFile.OutputName(model), graph.Output);
        Assert.Equal(model.Recipe.Fingerprint(), graph.Metadata["recipe_fingerprint"]);
    }

    [OnnxRuntimeTheory]
    [MemberData(nameof(Recipes))]
    public void A_runtime_predicts_what_the_network_predicts(string what, string recipe)
    {
        using var folder = new TemporaryFolder();
        var (model, raw, expected) = Predictions(recipe);
        OnnxFile.Write(model, folder.File("model.onnx"));

        var found = OnnxRuntime.Run(folder.File("model.onnx"), OnnxFile.OutputName(model), raw, model.Layout.Features);

        Assert.True(found.Length == expected.Length, what);
        Assert.InRange(LargestDifference(expected, found), 0, 2e-6);
    }

    private static string Small(string targets, string task, string preparation, string rest) =>
        Inline.Replace("TARGETS", targets, StringComparison.Ordinal).Replace("TASK", task, StringComparison.Ordinal)
        + $"\n  {preparation}\n{rest}";

    // Untrained weights of a seed serve as well as trained ones; raw features are what the scaling makes the prepared ones of.
    private static (Model Model, float[] Raw, float[] Expected) Predictions(string text)
    {
        var recipe = RecipeReader.Parse(text, "test.yaml", []);
        var data = DataPreparation.Prepare(recipe, DataLocations.FromEnvironment(null));
        var layout = new NetworkLayout(data.Train.Features, recipe.Layers);
        var weights = new float[layout.Parameters];
        layout.Initialise(recipe.Seed, weights);
        var rows = data.Test ?? data.Train;
        var count = (int)rows.Rows;
        var prepared = new float[count * rows.Features];
        rows.Gather(0, count, prepared, new float[count * rows.Outputs]);
        var raw = new float[prepared.Length];
        for (var i = 0; i < raw.Length; i++)
        {
            var of = data.Scaling.IsUniform ? 0 : i % rows.Features;
            raw[i] = MathF.Round((prepared[i] - data.Scaling.Shifts[of]) / data.Scaling.Factors[of]);
        }

        var expected = new float[count * layout.Outputs];
        using var pool = new ComputePool(1);
        using var network = new Network(layout, recipe.Loss, Kernels.Active, pool);
        network.Predict(weights, prepared, count, expected);
        return (new Model(recipe, layout, weights, data), raw, [.. expected.Select(output => (float)(output / data.TargetScale))]);
    }

    private static double LargestDifference(float[] expected, float[] found) =>
        expected.Zip(found, (a, b) => Math.Abs((double)a - b) / Math.Max(1, Math.Abs(a))).Max();
}
