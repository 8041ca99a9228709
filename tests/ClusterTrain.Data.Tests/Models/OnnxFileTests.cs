using ClusterTrain.Data.Common;
using ClusterTrain.Data.Models;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Data.Prepared;
using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.Metrics;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Threading;

namespace ClusterTrain.Data.Tests;

/// <summary>ONNX Runtime computes from raw values what the network computes from prepared ones.</summary>
public sealed class OnnxFileTests
{
    // The products of a layer are added in other orders by ONNX Runtime.
    private const double Tolerance = 5e-6;

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
        { "standardised pixels", """
            name: digits
            data: { set: digits, standardise: true, test: 0.2 }
            layers: [{ units: 10, activation: softmax }]
            loss: categorical-cross-entropy
            """ },
        { "pixels scaled by their quartiles", """
            name: digits
            data: { set: digits, scaling: robust, test: 0.2 }
            layers: [{ units: 10, activation: softmax }]
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
        { "targets scaled by themselves", Small("[[2050, 7], [2200, 8], [2400, 9], [2100, 6]]", "regression", "target_scale: auto", """
            layers: [{ units: 3, activation: tanh }, { units: 2 }]
            loss: mean-squared-error
            """) },
        { "regression of two numbers", Small("[[0.5, 1], [2, 3], [4, 4], [1, 0]]", "regression", "scaling: min-max", """
            layers: [{ units: 2 }]
            loss: mean-squared-error
            """) },
    };

    [Theory]
    [MemberData(nameof(Recipes))]
    public void ONNX_Runtime_predicts_what_the_network_predicts(string what, string text)
    {
        using var folder = new TemporaryFolder();
        var recipe = RecipeReader.Parse(text, "test.yaml", []);
        var data = DataPreparation.Prepare(recipe, DataLocations.FromEnvironment(null));
        var model = new Model(recipe, new NetworkLayout(data.Train.Features, recipe.Layers),
            TestNetworks.Start(new NetworkLayout(data.Train.Features, recipe.Layers)), data);
        var rows = data.Test ?? data.Train;
        var (prepared, expected) = Predict(model, rows);
        OnnxFile.Write(model, folder.File("model.onnx"));

        var found = OnnxRuntime.Run(folder.File("model.onnx"), Raw(data, rows), (int)rows.Rows, $"{OnnxFile.Prefix(model)}{OnnxGraph.PreparedName}");

        Assert.Equal(prepared, found.Prepared);
        Assert.True(found.Outputs.Length == expected.Length, what);
        Assert.InRange(LargestDifference(expected, found.Outputs), 0, Tolerance);
        if (!model.Classes.IsEmpty)
        {
            Assert.Equal(expected.Chunk(model.Layout.Outputs).Select(row => model.Classes[EvaluationSums.ClassOf(row)]), found.Labels);
        }
    }

    [Fact]
    public void A_column_may_be_called_as_an_output_or_as_a_part_of_the_graph()
    {
        using var folder = new TempFolder();
        folder.Write("d.csv", "label,probabilities,clustertrain/prepared,y\n1,2,3,a\n3,1,2,b\n2,2,1,a\n");
        var recipe = RecipeTexts.Parse(
            "data: { csv: { file: d.csv, target: y } }\nlayers: [{ units: 2, activation: softmax }]\nloss: categorical-cross-entropy");
        var data = DataPreparation.Prepare(recipe, folder.Locations);
        var layout = new NetworkLayout(3, recipe.Layers);
        var model = new Model(recipe, layout, TestNetworks.Start(layout), data);
        var path = Path.Combine(folder.Path, "m.onnx");
        OnnxFile.Write(model, path);

        var inputs = new Dictionary<string,
            Array>
        { ["label"] = new[] { 1.0, 3, 2 }, ["probabilities"] = new[] { 2.0, 1, 2 }, ["clustertrain/prepared"] = new[] { 3.0, 2, 1 } };
        var found = OnnxRuntime.Run(path, inputs, 3);

        Assert.Equal(("label_", "probabilities_"), (OnnxFile.LabelName(model), OnnxFile.OutputName(model)));
        Assert.InRange(LargestDifference(Predict(model, data.Train).Outputs, found.Outputs), 0, Tolerance);
    }

    private static string Small(string targets, string task, string preparation, string rest) =>
        Inline.Replace("TARGETS", targets, StringComparison.Ordinal).Replace("TASK", task, StringComparison.Ordinal)
        + $"\n  {preparation}\n{rest}";

    // Raw values are what the scaling makes the prepared ones of.
    private static Dictionary<string, Array> Raw(PreparedData data, DataSet rows)
    {
        var (prepared, count, scaling) = (new float[rows.Rows * rows.Features], (int)rows.Rows, data.Scaling);
        rows.Gather(0, count, prepared, new float[count * rows.Outputs]);
        var raw = new double[prepared.Length];
        for (var i = 0; i < raw.Length; i++)
        {
            var of = scaling.IsUniform ? 0 : i % rows.Features;
            raw[i] = Math.Round(((prepared[i] - scaling.Shifts[of]) / scaling.Factors[of]) + (scaling.HasOrigins ? scaling.Origins[of] : 0));
        }

        return data.Shape is not null
            ? new() { [OnnxFile.InputName] = scaling.HasOrigins ? raw : Array.ConvertAll(raw, value => (float)value) }
            : data.Encoding.Columns.Index()
                .ToDictionary(column => column.Item, column => (Array)raw.Where((_, i) => i % rows.Features == column.Index).ToArray());
    }

    private static (float[] Prepared, float[] Outputs) Predict(Model model, DataSet rows)
    {
        var count = (int)rows.Rows;
        var (prepared, outputs) = (new float[count * rows.Features], new float[count * model.Layout.Outputs]);
        rows.Gather(0, count, prepared, new float[count * rows.Outputs]);
        using var pool = new ComputePool(1);
        using var network = new Network(model.Layout, model.Recipe.Loss, Kernels.Active, pool);
        network.Predict(model.Weights.Span, prepared, count, outputs);
        return (prepared, [.. outputs.Select((output, i) => model.InUnit(output, i % model.Layout.Outputs))]);
    }

    internal static double LargestDifference(float[] expected, float[] found) =>
        expected.Zip(found, (a, b) => Math.Abs((double)a - b) / Math.Max(1, Math.Abs(a))).Max();
}
