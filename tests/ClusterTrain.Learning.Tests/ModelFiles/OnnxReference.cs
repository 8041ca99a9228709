using System.Buffers.Binary;
using System.Text;

namespace ClusterTrain.Learning.Tests;

/// <summary>An ONNX file read by the letter of the format, and its graph computed in double: independent of the writer.</summary>
internal sealed class OnnxReference
{
    private readonly List<(string Operation, string[] Inputs, string Output, float Alpha, long To)> _nodes = [];
    private readonly Dictionary<string, (long[] Shape, double[] Values)> _tensors = [];

    public string Input { get; private set; } = "";

    public string Output { get; private set; } = "";

    public Dictionary<string, string> Metadata { get; } = [];

    public static OnnxReference Read(byte[] bytes)
    {
        var found = new OnnxReference();
        var model = Fields(bytes);
        Assert.Equal(7, model.Single(field => field.Number == 1).Integer);
        foreach (var entry in model.Where(field => field.Number == 14))
        {
            var parts = Fields(entry.Bytes);
            found.Metadata.Add(parts[0].Text, parts[1].Text);
        }

        Assert.Equal(13, Fields(model.Single(field => field.Number == 8).Bytes).Single(field => field.Number == 2).Integer);
        foreach (var field in Fields(model.Single(field => field.Number == 7).Bytes))
        {
            switch (field.Number)
            {
                case 1:
                    found.AddNode(Fields(field.Bytes));
                    break;
                case 5:
                    found.AddTensor(Fields(field.Bytes));
                    break;
                case 11:
                    found.Input = Fields(field.Bytes)[0].Text;
                    break;
                case 12:
                    found.Output = Fields(field.Bytes)[0].Text;
                    break;
                default:
                    Assert.Equal(2, field.Number);
                    break;
            }
        }

        return found;
    }

    public float[] Run(double[] raw, int features)
    {
        var rows = raw.Length / features;
        Dictionary<string, double[][]> values = new()
        {
            [Input] = [.. raw.Chunk(features).Select(row => row.ToArray())],
        };
        foreach (var (operation, inputs, output, alpha, to) in _nodes)
        {
            var x = values[inputs[0]];
            values.Add(output, operation switch
            {
                "Mul" => Each(x, inputs[1], (a, b) => a * b),
                "Div" => Each(x, inputs[1], (a, b) => a / b),
                "Sub" => Each(x, inputs[1], (a, b) => a - b),
                "Cast" => Each(x, a => to == 1 ? (float)a : a),
                "IsNaN" => Each(x, a => double.IsNaN(a) ? 1 : 0),
                "Where" => [.. x.Zip(values[inputs[2]], (row, other) => row.Select((a, i) => a == 1 ? _tensors[inputs[1]].Values[i] : other[i]).ToArray())],
                "Gather" => [.. x.Select(row => _tensors[inputs[1]].Values.Select(index => row[(int)index]).ToArray())],
                "Concat" => [.. x.Zip(values[inputs[1]], (row, other) => (double[])[.. row, .. other])],
                "Add" => Each(x, inputs[1], (a, b) => a + b),
                "Gemm" => Product(x, inputs),
                "Relu" => Each(x, a => Math.Max(a, 0)),
                "LeakyRelu" => Each(x, a => a < 0 ? alpha * a : a),
                "Tanh" => Each(x, Math.Tanh),
                "Sigmoid" => Each(x, a => 1 / (1 + Math.Exp(-a))),
                "Softmax" => [.. x.Select(row => row.Select(a => Math.Exp(a) / row.Sum(Math.Exp)).ToArray())],
                _ => throw new InvalidOperationException($"{operation} is not expected."),
            });
        }

        Assert.Equal(rows, values[Output].Length);
        return [.. values[Output].SelectMany(row => row).Select(x => (float)x)];
    }

    private static double[][] Each(double[][] x, Func<double, double> map) => [.. x.Select(row => row.Select(map).ToArray())];

    private double[][] Each(double[][] x, string tensor, Func<double, double, double> map)
    {
        var (shape, values) = _tensors[tensor];
        return [.. x.Select(row => row.Select((a, i) => map(a, shape.Length == 0 ? values.Single() : values[i])).ToArray())];
    }

    private double[][] Product(double[][] x, string[] inputs)
    {
        var (shape, weight) = _tensors[inputs[1]];
        var (inner, units) = ((int)shape[0], (int)shape[1]);
        return [.. x.Select(row => Enumerable.Range(0, units).Select(unit =>
            Enumerable.Range(0, inner).Sum(i => row[i] * weight[(i * units) + unit])
            + (inputs.Length == 3 ? _tensors[inputs[2]].Values[unit] : 0)).ToArray())];
    }

    private void AddNode(List<Field> node)
    {
        var (alpha, to) = (0f, 0L);
        foreach (var attribute in node.Where(field => field.Number == 5).Select(field => Fields(field.Bytes)))
        {
            if (attribute[0].Text == "alpha")
                alpha = BitConverter.Int32BitsToSingle((int)attribute.Single(field => field.Number == 2).Integer);
            else if (attribute[0].Text == "to")
                to = attribute.Single(field => field.Number == 3).Integer;
            else
                Assert.Equal(("axis", 1L), (attribute[0].Text, attribute.Single(field => field.Number == 3).Integer));
        }

        _nodes.Add((
            node.Single(field => field.Number == 4).Text,
            [.. node.Where(field => field.Number == 1).Select(field => field.Text)],
            node.Single(field => field.Number == 2).Text,
            alpha,
            to));
    }

    private void AddTensor(List<Field> tensor)
    {
        var type = tensor.Single(field => field.Number == 2).Integer;
        var raw = tensor.Single(field => field.Number == 9).Bytes;
        var size = type == 1 ? sizeof(float) : sizeof(double);
        var values = new double[raw.Length / size];
        for (var i = 0; i < values.Length; i++)
        {
            var bytes = raw.AsSpan(i * size);
            values[i] = type switch
            {
                1 => BinaryPrimitives.ReadSingleLittleEndian(bytes),
                7 => BinaryPrimitives.ReadInt64LittleEndian(bytes),
                _ => BinaryPrimitives.ReadDoubleLittleEndian(bytes),
            };
        }

        long[] shape = [.. tensor.Where(field => field.Number == 1).Select(field => field.Integer)];
        Assert.Equal(shape.Aggregate(1L, (product, length) => product * length), values.Length);
        _tensors.Add(tensor.Single(field => field.Number == 8).Text, (shape, values));
    }

    private static List<Field> Fields(byte[] message)
    {
        var fields = new List<Field>();
        var at = 0;
        while (at < message.Length)
        {
            var tag = Varint(message, ref at);
            var number = (int)(tag >> 3);
            switch (tag & 7)
            {
                case 0:
                    fields.Add(new(number, Varint(message, ref at), []));
                    break;
                case 2:
                    var length = (int)Varint(message, ref at);
                    fields.Add(new(number, 0, message[at..(at + length)]));
                    at += length;
                    break;
                case 5:
                    fields.Add(new(number, BinaryPrimitives.ReadInt32LittleEndian(message.AsSpan(at)), []));
                    at += 4;
                    break;
                default:
                    throw new InvalidOperationException($"Wire type {tag & 7} is not expected.");
            }
        }

        return fields;
    }

    private static long Varint(byte[] message, ref int at)
    {
        var value = 0L;
        for (var shift = 0; ; shift += 7)
        {
            var part = message[at++];
            value |= (long)(part & 0x7F) << shift;
            if (part < 0x80)
                return value;
        }
    }

    private sealed record Field(int Number, long Integer, byte[] Bytes)
    {
        public string Text => Encoding.UTF8.GetString(Bytes);
    }
}
