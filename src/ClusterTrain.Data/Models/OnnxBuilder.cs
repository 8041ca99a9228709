namespace ClusterTrain.Data.Models;

/// <summary>
/// Puts the graph of an ONNX file together: nodes, constants, inputs and outputs. What a node or a constant is called begins with a prefix that no
/// input has.
/// </summary>
/// <param name="prefix">The prefix.</param>
internal sealed class OnnxBuilder(string prefix)
{
    public const int FloatType = 1;
    public const int IntegerType = 7;
    public const int StringType = 8;
    public const int BooleanType = 9;
    public const int DoubleType = 11;

    private readonly ProtobufMessage _message = new();

    // Fields need not lie together by number, but readers that show a file do so in file order: nodes first, numbers last.
    private readonly List<ProtobufMessage> _tensors = [];
    private readonly List<ProtobufMessage> _inputs = [];
    private readonly List<ProtobufMessage> _outputs = [];
    private readonly HashSet<string> _names = [];

    /// <summary>True when the graph has text in it, which needs newer operators.</summary>
    public bool HasText { get; private set; }

    /// <summary>The graph.</summary>
    /// <param name="name">Its name.</param>
    public ProtobufMessage Finish(string name)
    {
        _message.Text(GraphField.Name, name);
        foreach (var tensor in _tensors)
        {
            _message.Message(GraphField.Initialiser, tensor);
        }

        foreach (var input in _inputs)
        {
            _message.Message(GraphField.Input, input);
        }

        foreach (var output in _outputs)
        {
            _message.Message(GraphField.Output, output);
        }

        return _message;
    }

    /// <summary>Adds an input (rows, columns).</summary>
    public string Input(string name, int type, int columns)
    {
        HasText |= type == StringType;
        _inputs.Add(Value(name, type, columns));
        return name;
    }

    /// <summary>Adds an output (rows, columns), or (rows).</summary>
    /// <param name="name">The name of a node's output.</param>
    /// <param name="type">Its type.</param>
    /// <param name="columns">Its columns; null: it has no second dimension.</param>
    public void Output(string name, int type, int? columns) => _outputs.Add(Value(name, type, columns));

    /// <summary>A constant of one number.</summary>
    public string Number(double value) => Doubles([value], []);

    /// <summary>A constant of one text.</summary>
    public string Word(string value) => Words([value], []);

    /// <summary>A constant of numbers.</summary>
    public string Doubles(ReadOnlySpan<double> values, params ReadOnlySpan<int> shape)
    {
        var name = Fresh("number");
        _tensors.Add(Tensor(name, shape, DoubleType).Doubles(TensorField.RawData, values));
        return name;
    }

    /// <summary>A constant of float32 numbers, with a name of its own after the prefix.</summary>
    public string Floats(string name, ReadOnlySpan<float> values, params ReadOnlySpan<int> shape)
    {
        name = prefix + name;
        _tensors.Add(Tensor(name, shape, FloatType).Floats(TensorField.RawData, values));
        return name;
    }

    /// <summary>A constant of whole numbers.</summary>
    public string Wholes(ReadOnlySpan<long> values, params ReadOnlySpan<int> shape)
    {
        var name = Fresh("whole");
        _tensors.Add(Tensor(name, shape, IntegerType).Longs(TensorField.RawData, values));
        return name;
    }

    /// <summary>A constant of one whole number.</summary>
    public string Whole(long value) => Wholes([value]);

    /// <summary>A constant of texts.</summary>
    public string Words(IEnumerable<string> values, params ReadOnlySpan<int> shape)
    {
        var name = Fresh("text");
        var tensor = Tensor(name, shape, StringType);
        foreach (var value in values)
        {
            tensor.Text(TensorField.StringData, value);
        }

        _tensors.Add(tensor);
        return name;
    }

    /// <summary>Adds a node; what it gives is called after the operation.</summary>
    public string Node(string operation, params ReadOnlySpan<string> inputs) => NodeOf(operation, null, [], inputs);

    /// <summary>Adds a node with attributes.</summary>
    public string Node(string operation, ProtobufMessage attribute, params ReadOnlySpan<string> inputs) =>
        NodeOf(operation, null, [attribute], inputs);

    /// <summary>Adds a node.</summary>
    /// <param name="operation">What it does.</param>
    /// <param name="output">What it gives, without the prefix where it is an output of the graph; null: it is called after the operation.</param>
    /// <param name="attributes">Its attributes.</param>
    /// <param name="inputs">What it takes.</param>
    public string NodeOf(string operation, string? output, ReadOnlySpan<ProtobufMessage> attributes, params ReadOnlySpan<string> inputs)
    {
        output ??= Fresh(operation);
        var node = new ProtobufMessage();
        foreach (var input in inputs)
        {
            node.Text(NodeField.Input, input);
        }

        node.Text(NodeField.Output, output);
        if (operation == "StringSplit")
        {
            node.Text(NodeField.Output, Fresh("counts"));
        }

        node.Text(NodeField.Name, $"{prefix}{operation}:{output}").Text(NodeField.Operation, operation);
        foreach (var attribute in attributes)
        {
            node.Message(NodeField.Attribute, attribute);
        }

        _message.Message(GraphField.Node, node);
        return output;
    }

    /// <summary>A name of the graph's own, after the prefix.</summary>
    public string Own(string name) => prefix + name;

    public string Cast(string input, int type) => Node("Cast", IntegerAttribute("to", type), input);

    public static ProtobufMessage IntegerAttribute(string name, long value) => new ProtobufMessage()
        .Text(AttributeField.Name, name)
        .Integer(AttributeField.Integer, value)
        .Integer(AttributeField.Type, AttributeField.IntegerKind);

    public static ProtobufMessage FloatAttribute(string name, float value) => new ProtobufMessage()
        .Text(AttributeField.Name, name)
        .Single(AttributeField.Float, value)
        .Integer(AttributeField.Type, AttributeField.FloatKind);

    public static ProtobufMessage TextAttribute(string name, string value) => new ProtobufMessage()
        .Text(AttributeField.Name, name)
        .Text(AttributeField.Text, value)
        .Integer(AttributeField.Type, AttributeField.TextKind);

    private string Fresh(string kind)
    {
        var number = _names.Count;
        var name = $"{prefix}{kind}.{number}";
        _names.Add(name);
        return name;
    }

    private static ProtobufMessage Tensor(string name, ReadOnlySpan<int> shape, int type)
    {
        var tensor = new ProtobufMessage();
        foreach (var length in shape)
        {
            tensor.Integer(TensorField.Dimension, length);
        }

        return tensor.Integer(TensorField.Type, type).Text(TensorField.Name, name);
    }

    // The number of rows is any.
    private static ProtobufMessage Value(string name, int type, int? columns)
    {
        var shape = new ProtobufMessage().Message(TypeField.Dimension, new ProtobufMessage().Text(TypeField.DimensionName, "rows"));
        if (columns is { } count)
        {
            shape.Message(TypeField.Dimension, new ProtobufMessage().Integer(TypeField.DimensionValue, count));
        }

        return new ProtobufMessage()
            .Text(ValueField.Name, name)
            .Message(ValueField.Type, new ProtobufMessage()
                .Message(TypeField.Tensor, new ProtobufMessage()
                    .Integer(TypeField.Element, type)
                    .Message(TypeField.Shape, shape)));
    }

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
        public const int Text = 4;
        public const int Type = 20;
        public const int FloatKind = 1;
        public const int IntegerKind = 2;
        public const int TextKind = 3;
    }

    private static class TensorField
    {
        public const int Dimension = 1;
        public const int Type = 2;
        public const int StringData = 6;
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
