using ClusterTrain.Data.Models;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace ClusterTrain.Data.Tests;

/// <summary>What ONNX Runtime makes of an ONNX file and columns of raw values.</summary>
/// <param name="Outputs">Probabilities or numbers, row by row.</param>
/// <param name="Labels">The classes; empty for a regression.</param>
/// <param name="Prepared">What the first layer takes, row by row.</param>
internal sealed record OnnxRuntime(float[] Outputs, string[] Labels, float[] Prepared)
{
    private const int GraphField = 7;
    private const int OutputField = 12;

    /// <summary>Runs a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="inputs">For each input its values: doubles or strings of (rows, 1), or floats of (rows, features).</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="preparedName">The name of the prepared features in the graph; null: they are not asked for.</param>
    public static OnnxRuntime Run(string path, IReadOnlyDictionary<string, Array> inputs, int rows, string? preparedName = null)
    {
        byte[] file = [.. File.ReadAllBytes(path), .. preparedName is null ? [] : Output(preparedName)];
        using var options = new SessionOptions { IntraOpNumThreads = 1 };
        using var session = new InferenceSession(file, options);
        using var run = new RunOptions();
        Assert.Equal(session.InputNames.Order(), inputs.Keys.Order());
        var values = inputs.Values.Select(values => Value(values, rows)).ToArray();
        try
        {
            using var results = session.Run(run, inputs.Keys.ToArray(), values, session.OutputNames);
            var found = session.OutputNames.Zip(results).ToList();
            return new OnnxRuntime(
                [.. found.Where(output => output.First.StartsWith("probabilities", StringComparison.Ordinal) || output.First.StartsWith("outputs",
                    StringComparison.Ordinal)).SelectMany(output => output.Second.GetTensorDataAsSpan<float>().ToArray())],
                [.. found.Where(output => output.First.StartsWith("label", StringComparison.Ordinal))
                    .SelectMany(output => output.Second.GetStringTensorAsArray())],
                [.. found.Where(output => output.First == preparedName).SelectMany(output => output.Second.GetTensorDataAsSpan<float>().ToArray())]);
        }
        finally
        {
            Array.ForEach(values, value => value.Dispose());
        }
    }

    private static OrtValue Value(Array values, int rows) => values switch
    {
        double[] numbers => OrtValue.CreateTensorValueFromMemory(numbers, [rows, numbers.Length / rows]),
        float[] numbers => OrtValue.CreateTensorValueFromMemory(numbers, [rows, numbers.Length / rows]),
        _ => OrtValue.CreateFromStringTensor(new DenseTensor<string>((string[])values, [rows, values.Length / rows])),
    };

    // A protobuf message continues where another one is appended: the graph gets one more output.
    private static ReadOnlySpan<byte> Output(string name) => new ProtobufMessage()
        .Message(GraphField, new ProtobufMessage().Message(OutputField, new ProtobufMessage().Text(1, name)))
        .Bytes;
}
