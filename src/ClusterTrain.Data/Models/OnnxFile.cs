using System.Globalization;
using System.Text.Json;
using ClusterTrain.Learning.Files;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Models;

/// <summary>
/// Writes a model in the ONNX format, for any runtime that reads it: raw columns in, labels or numbers out, all preparation included. Operators of
/// opset
/// 13 (IR version 7), or of opset 20 (IR version 9) where columns hold text. Format: https://github.com/onnx/onnx/blob/main/docs/IR.md.
/// </summary>
/// <remarks>
/// <para>
/// A model of a table takes each column as an input (rows, 1) of its name: double for numbers, where NaN is a missing value; a string for words,
/// dates, and true and false, as the cell has it without blanks around it, where the empty string and the recipe's words are missing values.
/// </para>
/// <para>A model of images takes <see cref="InputName"/>, (rows, features), float32.</para>
/// <para>A row that <c>predict</c> would refuse, for a gap that nothing fills or a category that is not known, has NaN outputs.</para>
/// </remarks>
public static class OnnxFile
{
    /// <summary>Name of the input of a model of images: the features as they are before any scaling.</summary>
    public const string InputName = "features";

    /// <summary>
    /// Most parameters of a model in one file: a protobuf message has at most 2 GiB, and it is put together in memory.
    /// </summary>
    public const int MostParameters = 500_000_000;

    private const string Label = "label";

    /// <summary>
    /// Name of the output (rows, outputs): <c>probabilities</c> for classification, <c>outputs</c> in the unit of the training file otherwise.
    /// </summary>
    /// <param name="model">The model.</param>
    public static string OutputName(Model model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return Free(model, model.Recipe.Data.Task == TaskKind.Classification ? "probabilities" : "outputs");
    }

    /// <summary>Name of the output (rows), strings: for classification the class of each row.</summary>
    /// <param name="model">The model.</param>
    public static string LabelName(Model model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return Free(model, Label);
    }

    /// <summary>True when each column is an input; false when one input has all features, as pixels are passed on.</summary>
    /// <param name="model">The model.</param>
    public static bool TakesColumns(Model model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return model.Shape is null && model.Recipe.Data.Source is not (IdxSource or NamedSource);
    }

    /// <summary>What the names inside the graph begin with.</summary>
    internal static string Prefix(Model model)
    {
        var prefix = "clustertrain/";
        while (model.Encoding.Columns.Any(column => column.StartsWith(prefix, StringComparison.Ordinal)))
        {
            prefix += "/";
        }

        return prefix;
    }

    // An output is called as no input is.
    private static string Free(Model model, string name)
    {
        while (TakesColumns(model) && model.Encoding.Columns.Contains(name))
        {
            name += "_";
        }

        return name;
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
        var (graph, hasText) = OnnxGraph.Of(model);
        var message = new ProtobufMessage()
            .Integer(ModelField.IrVersion, hasText ? 9 : 7)
            .Text(ModelField.ProducerName, "ClusterTrain")
            .Message(ModelField.Graph, graph)
            .Message(ModelField.OpsetImport, new ProtobufMessage()
                .Text(OperatorSetField.Domain, "")
                .Integer(OperatorSetField.Version, hasText ? 20 : 13));
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
        yield return ("features", JsonSerializer.Serialize(TakesColumns(model) ? model.Encoding.Columns
            : model.Encoding.FeatureNames, ModelJson.Default.ImmutableArrayString));
        yield return ("targets", JsonSerializer.Serialize(model.TargetNames, ModelJson.Default.ImmutableArrayString));
        yield return ("classes", JsonSerializer.Serialize(model.Classes, ModelJson.Default.ImmutableArrayString));
        if (model.Shape is { } shape)
        {
            yield return ("shape", string.Create(CultureInfo.InvariantCulture, $"{shape.Height}x{shape.Width}"));
        }
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
