using System.Collections.Immutable;

namespace ClusterTrain.Learning;

/// <summary>The graph of an ONNX file: missing values filled as Where and told by a Cast of IsNaN; scaling as Mul and Add, for large numbers after Sub in double and Cast, then for each layer Gemm and its activation; a scaled target is brought back by Div.</summary>
internal sealed class OnnxGraph
{
    private const int FloatType = 1;
    private const int DoubleType = 11;
    private const int IntegerType = 7;

    // No word of a file is one, for words have no blanks at their ends.
    private const string NoCategory = " ";

    private readonly ProtobufMessage _message = new();

    // Fields need not lie together by number, but readers that show a file do so in file order: nodes first, numbers last.
    private readonly List<ProtobufMessage> _tensors = [];

    /// <summary>The graph of a model, from <see cref="OnnxFile.InputName"/> to <see cref="OnnxFile.OutputName"/>.</summary>
    public static ProtobufMessage Of(Model model)
    {
        var graph = new OnnxGraph();
        var scaled = graph.Scale(model.Scaling, graph.Fill(model.Encoding, model.Scaling.HasOrigins ? DoubleType : FloatType));
        var output = OnnxFile.OutputName(model);
        if (model.TargetScale == 1)
            graph.AddLayers(model, scaled, output);
        else
            graph.Unscale(graph.AddLayers(model, scaled, "targets.scaled"), (float)model.TargetScale, output);
        graph._message.Text(GraphField.Name, model.Recipe.Name);
        foreach (var tensor in graph._tensors)
            graph._message.Message(GraphField.Initialiser, tensor);
        return graph._message
            .Message(GraphField.Input, Value(OnnxFile.InputName, model.Encoding.ColumnFeatureNames.Length, model.Scaling.HasOrigins ? DoubleType : FloatType))
            .Message(GraphField.Output, Value(output, model.Layout.Outputs, FloatType));
    }

    // A missing value is NaN in the input; for a column of words in all of its categories.
    private string Fill(FeatureEncoding encoding, int type)
    {
        if (encoding.Fills.IsDefaultOrEmpty)
            return OnnxFile.InputName;
        var fills = encoding.Features.SelectMany(feature => Fills(encoding, feature)).ToArray();
        var values = Tensor("missing.fill", [fills.Length], type);
        _tensors.Add(type == DoubleType ? values.Doubles(TensorField.RawData, fills) : values.Floats(TensorField.RawData, Array.ConvertAll(fills, fill => (float)fill)));
        var isMissing = Node("IsNaN", "missing.is", [OnnxFile.InputName]);
        var filled = Node("Where", "missing.filled", [isMissing, "missing.fill", OnnxFile.InputName]);
        if (encoding.Indicators.IsEmpty)
            return filled;
        var names = encoding.Features.SelectMany(feature => Enumerable.Repeat(feature, encoding.Category(feature)?.Names.Length ?? 1)).ToList();
        long[] places = [.. encoding.Indicators.Select(column => (long)names.IndexOf(column))];
        _tensors.Add(Tensor("missing.columns", [places.Length], IntegerType).Longs(TensorField.RawData, places));
        var indicated = Node("Gather", "missing.indicated", [isMissing, "missing.columns"], Whole("axis", 1));
        return Node("Concat", "missing.told", [filled, Node("Cast", "missing.indicators", [indicated], Whole("to", type))], Whole("axis", 1));
    }

    // What each input of a feature is when it is missing; what may not be missing stays NaN, and so do the outputs.
    private static IEnumerable<double> Fills(FeatureEncoding encoding, string feature)
    {
        var fill = encoding.Fill(feature);
        if (encoding.Category(feature) is not { } words)
            return [fill?.Number ?? double.NaN];
        var category = fill?.Category is { } known ? known : encoding.UnseenOf(feature) is { } unseen && fill is not null ? unseen.Category ?? NoCategory : null;
        return words.Names.Select(name => category is null ? double.NaN : name == category ? 1 : 0);
    }

    private static ProtobufMessage Whole(string name, long value) => new ProtobufMessage()
        .Text(AttributeField.Name, name)
        .Integer(AttributeField.Integer, value)
        .Integer(AttributeField.Type, AttributeField.IntegerKind);

    private string Scale(FeatureScaling scaling, string features)
    {
        ImmutableArray<int> shape = scaling.IsUniform ? [] : [scaling.Features];
        if (scaling.HasOrigins)
        {
            _tensors.Add(Tensor("scaling.origin", shape, DoubleType).Doubles(TensorField.RawData, scaling.Origins.AsSpan()));
            features = Node("Sub", "scaling.distance", [features, "scaling.origin"]);
            features = Node("Cast", "scaling.raw", [features], Whole("to", FloatType));
        }

        if (scaling.Factors.Any(factor => factor != 1))
        {
            Tensor("scaling.factor", shape, scaling.Factors.AsSpan());
            features = Node("Mul", "scaling.scaled", [features, "scaling.factor"]);
        }

        if (scaling.Shifts.Any(shift => shift != 0))
        {
            Tensor("scaling.shift", shape, scaling.Shifts.AsSpan());
            features = Node("Add", "scaling.prepared", [features, "scaling.shift"]);
        }

        return features;
    }

    private void Unscale(string outputs, float targetScale, string output)
    {
        Tensor("targets.scale", [], [targetScale]);
        Node("Div", output, [outputs, "targets.scale"]);
    }

    private string AddLayers(Model model, string inputs, string output)
    {
        for (var index = 0; index < model.Layout.Layers.Length; index++)
        {
            var layer = model.Layout.Layers[index];
            var isLast = index == model.Layout.Layers.Length - 1;
            var isIdentity = layer.Recipe.Activation == ActivationKind.Identity;
            List<string> operands = [inputs, layer.Weight.Name];
            Parameter(model, layer.Weight);
            if (layer.Bias is { } bias)
            {
                Parameter(model, bias);
                operands.Add(bias.Name);
            }

            inputs = Node("Gemm", isLast && isIdentity ? output : $"layers.{index}.logits", operands);
            if (!isIdentity)
                inputs = Activate(layer.Recipe, inputs, isLast ? output : $"layers.{index}.output");
        }

        return inputs;
    }

    private string Activate(LayerRecipe layer, string inputs, string output) => layer.Activation switch
    {
        ActivationKind.Sigmoid => Node("Sigmoid", output, [inputs]),
        ActivationKind.Tanh => Node("Tanh", output, [inputs]),
        ActivationKind.Relu => Node("Relu", output, [inputs]),
        ActivationKind.LeakyRelu => Node("LeakyRelu", output, [inputs], new ProtobufMessage()
            .Text(AttributeField.Name, "alpha")
            .Single(AttributeField.Float, (float)layer.Slope)
            .Integer(AttributeField.Type, AttributeField.FloatKind)),
        ActivationKind.Softmax => Node("Softmax", output, [inputs], Whole("axis", 1)),
        var other => throw new ArgumentException($"The activation {other} has no operator in ONNX.", nameof(layer)),
    };

    private string Node(string operation, string output, IReadOnlyList<string> inputs, ProtobufMessage? attribute = null)
    {
        var node = new ProtobufMessage();
        foreach (var input in inputs)
            node.Text(NodeField.Input, input);
        node.Text(NodeField.Output, output).Text(NodeField.Name, $"{operation}/{output}").Text(NodeField.Operation, operation);
        if (attribute is not null)
            node.Message(NodeField.Attribute, attribute);
        _message.Message(GraphField.Node, node);
        return output;
    }

    private void Parameter(Model model, ParameterTensor tensor) =>
        Tensor(tensor.Name, tensor.Shape, model.Weights.Span.Slice(tensor.Offset, tensor.Length));

    private void Tensor(string name, ImmutableArray<int> shape, ReadOnlySpan<float> values) =>
        _tensors.Add(Tensor(name, shape, FloatType).Floats(TensorField.RawData, values));

    private static ProtobufMessage Tensor(string name, ImmutableArray<int> shape, int type)
    {
        var tensor = new ProtobufMessage();
        foreach (var length in shape)
            tensor.Integer(TensorField.Dimension, length);
        return tensor.Integer(TensorField.Type, type).Text(TensorField.Name, name);
    }

    // (rows, columns), where the number of rows is any.
    private static ProtobufMessage Value(string name, int columns, int type) => new ProtobufMessage()
        .Text(ValueField.Name, name)
        .Message(ValueField.Type, new ProtobufMessage()
            .Message(TypeField.Tensor, new ProtobufMessage()
                .Integer(TypeField.Element, type)
                .Message(TypeField.Shape, new ProtobufMessage()
                    .Message(TypeField.Dimension, new ProtobufMessage().Text(TypeField.DimensionName, "rows"))
                    .Message(TypeField.Dimension, new ProtobufMessage().Integer(TypeField.DimensionValue, columns)))));

    private static class GraphField
    {
        public const int Node = 1;
        public const int Name = 2;
        public const int Initialiser = 5;
        public const int Input = 11;
        public const int Output = 12;
    }

    private static class NodeField
    {
        public const int Input = 1;
        public const int Output = 2;
        public const int Name = 3;
        public const int Operation = 4;
        public const int Attribute = 5;
    }

    private static class AttributeField
    {
        public const int Name = 1;
        public const int Float = 2;
        public const int Integer = 3;
        public const int Type = 20;
        public const int FloatKind = 1;
        public const int IntegerKind = 2;
    }

    private static class TensorField
    {
        public const int Dimension = 1;
        public const int Type = 2;
        public const int Name = 8;
        public const int RawData = 9;
    }

    private static class ValueField
    {
        public const int Name = 1;
        public const int Type = 2;
    }

    private static class TypeField
    {
        public const int Tensor = 1;
        public const int Element = 1;
        public const int Shape = 2;
        public const int Dimension = 1;
        public const int DimensionValue = 1;
        public const int DimensionName = 2;
    }
}
