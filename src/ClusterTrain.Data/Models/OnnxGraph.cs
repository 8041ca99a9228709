using System.Collections.Immutable;
using ClusterTrain.Data.Features;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Models;

/// <summary>
/// The graph of an ONNX file: what prepares a row, in double; for each layer Gemm and its activation; then the name of the class, or a number in the
/// target's unit.
/// </summary>
internal static class OnnxGraph
{
    /// <summary>The name of what the layers take: prepared features, as training saw them.</summary>
    public const string PreparedName = "prepared";

    /// <summary>The graph of a model.</summary>
    /// <returns>The graph, and whether it has text in it.</returns>
    public static (ProtobufMessage Message, bool HasText) Of(Model model)
    {
        var graph = new OnnxBuilder(OnnxFile.Prefix(model));
        var prepared = OnnxFile.TakesColumns(model)
            ? Scale(graph, model.Scaling, OnnxColumns.Features(graph, model))
            : ScaleTensor(graph, model.Scaling);
        var output = OnnxFile.OutputName(model);
        var isInUnit = model.TargetScale == 1 && model.TargetOffsets.IsEmpty;
        var outputs = AddLayers(graph, model, prepared, isInUnit ? output : graph.Own("outputs"));
        if (!isInUnit)
        {
            BringToUnit(graph, model, outputs, output);
        }

        if (!model.Classes.IsEmpty)
        {
            AddLabel(graph, model, outputs);
        }

        graph.Output(output, OnnxBuilder.FloatType, model.Layout.Outputs);
        return (graph.Finish(model.Recipe.Name), graph.HasText);
    }

    // As FeatureScaling.Apply does: a difference in double; then fma in float32, which double holds but for a rounding in 2^29 cases.
    private static string Scale(OnnxBuilder graph, FeatureScaling scaling, string features)
    {
        if (scaling.HasOrigins)
        {
            features = graph.Node("Sub", features, graph.Doubles(scaling.Origins.AsSpan(), 1, scaling.Features));
        }

        features = graph.Cast(graph.Cast(features, OnnxBuilder.FloatType), OnnxBuilder.DoubleType);
        if (scaling.Factors.Any(factor => factor != 1))
        {
            features = graph.Node("Mul", features, Each(graph, scaling.Factors));
        }

        if (scaling.Shifts.Any(shift => shift != 0))
        {
            features = graph.Node("Add", features, Each(graph, scaling.Shifts));
        }

        return graph.NodeOf("Cast", graph.Own(PreparedName), [OnnxBuilder.IntegerAttribute("to", OnnxBuilder.FloatType)], features);
    }

    private static string Each(OnnxBuilder graph, ImmutableArray<float> numbers) =>
        graph.Doubles([.. numbers.Select(number => (double)number)], numbers.Length == 1 ? [] : [1, numbers.Length]);

    // Pixels: one factor is all that most have, and a product is rounded once in float32 too.
    private static string ScaleTensor(OnnxBuilder graph, FeatureScaling scaling)
    {
        var input = graph.Input(OnnxFile.InputName, scaling.HasOrigins ? OnnxBuilder.DoubleType : OnnxBuilder.FloatType, scaling.Features);
        if (scaling.HasOrigins || scaling.Shifts.Any(shift => shift != 0))
        {
            return Scale(graph, scaling, scaling.HasOrigins ? input : graph.Cast(input, OnnxBuilder.DoubleType));
        }

        var factors = graph.Floats("scaling.factor", scaling.Factors.AsSpan(), scaling.IsUniform ? [] : [1, scaling.Features]);
        return graph.NodeOf("Mul", graph.Own(PreparedName), [], input, factors);
    }

    private static void BringToUnit(OnnxBuilder graph, Model model, string outputs, string output)
    {
        outputs = graph.Node("Div", graph.Cast(outputs, OnnxBuilder.DoubleType), graph.Number(model.TargetScale));
        if (!model.TargetOffsets.IsEmpty)
        {
            outputs = graph.Node("Add", outputs, graph.Doubles(model.TargetOffsets.AsSpan(), 1, model.TargetOffsets.Length));
        }

        graph.NodeOf("Cast", output, [OnnxBuilder.IntegerAttribute("to", OnnxBuilder.FloatType)], outputs);
    }

    // As EvaluationSums.ClassOf does: the first of the largest, or for one output whether it exceeds a half. A row with an output that is not a
    // number has no class: the empty string.
    private static void AddLabel(OnnxBuilder graph, Model model, string outputs)
    {
        string index;
        if (model.Layout.Outputs == 1)
        {
            var exceeds = graph.Node("Greater", outputs, graph.Floats("half", [0.5f]));
            index = graph.Node("Reshape", graph.Cast(exceeds, OnnxBuilder.IntegerType), graph.Wholes([-1], 1));
        }
        else
        {
            index = graph.NodeOf("ArgMax", null, [OnnxBuilder.IntegerAttribute("axis", 1), OnnxBuilder.IntegerAttribute("keepdims", 0)], outputs);
        }

        var classes = graph.Words(model.Classes, model.Classes.Length);
        var found = graph.NodeOf("Gather", null, [OnnxBuilder.IntegerAttribute("axis", 0)], classes, index);
        var areUndefined = graph.NodeOf(
            "ReduceSum", null, [OnnxBuilder.IntegerAttribute("keepdims", 0)], graph.Cast(graph.Node("IsNaN", outputs), OnnxBuilder.FloatType),
            graph.Wholes([1], 1));
        var label = OnnxFile.LabelName(model);
        graph.NodeOf("Where", label, [], graph.Cast(areUndefined, OnnxBuilder.BooleanType), graph.Word(""), found);
        graph.Output(label, OnnxBuilder.StringType, columns: null);
    }

    private static string AddLayers(OnnxBuilder graph, Model model, string inputs, string output)
    {
        for (var index = 0; index < model.Layout.Layers.Length; index++)
        {
            var layer = model.Layout.Layers[index];
            var isLast = index == model.Layout.Layers.Length - 1;
            var isIdentity = layer.Recipe.Activation == ActivationKind.Identity;
            List<string> operands = [inputs, Parameter(graph, model, layer.Weight)];
            if (layer.Bias is { } bias)
            {
                operands.Add(Parameter(graph, model, bias));
            }

            inputs = graph.NodeOf("Gemm", isLast && isIdentity ? output : null, [], [.. operands]);
            if (!isIdentity)
            {
                inputs = Activate(graph, layer.Recipe, inputs, isLast ? output : null);
            }
        }

        return inputs;
    }

    private static string Activate(OnnxBuilder graph, LayerRecipe layer, string inputs, string? output) => layer.Activation switch
    {
        ActivationKind.Sigmoid => graph.NodeOf("Sigmoid", output, [], inputs),
        ActivationKind.Tanh => graph.NodeOf("Tanh", output, [], inputs),
        ActivationKind.Relu => graph.NodeOf("Relu", output, [], inputs),
        ActivationKind.LeakyRelu => graph.NodeOf("LeakyRelu", output, [OnnxBuilder.FloatAttribute("alpha", (float)layer.Slope)], inputs),
        ActivationKind.Softmax => graph.NodeOf("Softmax", output, [OnnxBuilder.IntegerAttribute("axis", 1)], inputs),
        var other => throw new ArgumentException($"The activation {other} has no operator in ONNX.", nameof(layer)),
    };

    private static string Parameter(OnnxBuilder graph, Model model, ParameterTensor tensor) =>
        graph.Floats(tensor.Name, model.Weights.Span.Slice(tensor.Offset, tensor.Length), tensor.Shape.AsSpan());
}
