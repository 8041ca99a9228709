using System.Globalization;
using System.Text.Json;

namespace ClusterTrain.Learning;

/// <summary>
/// Writes a model in the ONNX format, for any runtime that reads it: raw features in, predictions out, the scaling included.
/// Operators of opset 13, IR version 7. Format: https://github.com/onnx/onnx/blob/main/docs/IR.md.
/// </summary>
public static class OnnxFile
{
    /// <summary>
    /// Name of the input, (rows, features): the features as they are before any scaling, one for each category of a column of words,
    /// derived ones included. They are float32, or double where the model takes large numbers with small differences
    /// (<see cref="FeatureScaling.HasOrigins"/>). Where the recipe fills missing values, NaN stands for one, in all features of a column of words; those that
    /// say what is missing are computed inside.
    /// </summary>
    public const string InputName = "features";

    /// <summary>
    /// Most parameters of a model in one file: a protobuf message has at most 2 GiB, and it is put together in memory.
    /// </summary>
    public const int MostParameters = 500_000_000;

    private const int IrVersion = 7;
    private const int OpsetVersion = 13;

    /// <summary>
    /// Name of the output, (rows, outputs): <c>probabilities</c> for classification, <c>outputs</c> in the unit of the training file
    /// otherwise.
    /// </summary>
    /// <param name="model">The model.</param>
    public static string OutputName(Model model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return model.Recipe.Data.Task == TaskKind.Classification ? "probabilities" : "outputs";
    }

    /// <summary>Number of values of a row of the input.</summary>
    /// <param name="model">The model.</param>
    public static int InputFeatures(Model model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return model.Encoding.ColumnFeatureNames.Length;
    }

    /// <summary>Writes the file, whole or not at all.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">The file to write; its folder must exist.</param>
    /// <exception cref="ArgumentException">The model has more than <see cref="MostParameters"/> parameters.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(Model model, string path)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (model.Layout.Parameters > MostParameters)
        {
            throw new ArgumentException(
                $"The model has {model.Layout.Parameters:N0} parameters; one ONNX file holds at most {MostParameters:N0}. "
                + "Use model.safetensors instead.",
                nameof(model));
        }

        var bytes = ModelMessage(model);
        AtomicFile.Write(path, stream => stream.Write(bytes.Bytes));
    }

    private static ProtobufMessage ModelMessage(Model model)
    {
        var message = new ProtobufMessage()
            .Integer(ModelField.IrVersion, IrVersion)
            .Text(ModelField.ProducerName, "ClusterTrain")
            .Message(ModelField.Graph, OnnxGraph.Of(model))
            .Message(ModelField.OpsetImport, new ProtobufMessage()
                .Text(OperatorSetField.Domain, "")
                .Integer(OperatorSetField.Version, OpsetVersion));
        foreach (var (key, value) in Metadata(model))
        {
            message.Message(ModelField.Metadata, new ProtobufMessage()
                .Text(EntryField.Key, key)
                .Text(EntryField.Value, value));
        }

        return message;
    }

    private static IEnumerable<(string Key, string Value)> Metadata(Model model)
    {
        yield return ("name", model.Recipe.Name);
        yield return ("recipe_fingerprint", model.Recipe.Fingerprint());
        yield return ("features", JsonSerializer.Serialize(model.Encoding.ColumnFeatureNames, ModelJson.Default.ImmutableArrayString));
        yield return ("targets", JsonSerializer.Serialize(model.TargetNames, ModelJson.Default.ImmutableArrayString));
        yield return ("classes", JsonSerializer.Serialize(model.Classes, ModelJson.Default.ImmutableArrayString));
        if (model.Shape is { } shape)
            yield return ("shape", string.Create(CultureInfo.InvariantCulture, $"{shape.Height}x{shape.Width}"));
    }

    private static class ModelField
    {
        public const int IrVersion = 1;
        public const int ProducerName = 2;
        public const int Graph = 7;
        public const int OpsetImport = 8;
        public const int Metadata = 14;
    }

    private static class OperatorSetField
    {
        public const int Domain = 1;
        public const int Version = 2;
    }

    private static class EntryField
    {
        public const int Key = 1;
        public const int Value = 2;
    }
}
