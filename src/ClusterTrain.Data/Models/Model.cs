using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.Json;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Features;
using ClusterTrain.Data.Prepared;
using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.ModelFiles;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Models;

/// <summary>
/// A trained network with all that its predictions need. As a file it is safetensors: the weights as tensors, and in the
/// metadata the recipe, the encoding of the features and the names of classes and targets.
/// </summary>
public sealed class Model
{
    private const string FormatName = "clustertrain-model-1";

    private static readonly string[] s_preparation = ["encoding", "classes", "targets", "target_scale", "target_offsets"];

    /// <summary>Puts a model together.</summary>
    /// <param name="recipe">What it was trained by.</param>
    /// <param name="layout">Its parameters.</param>
    /// <param name="weights">(parameters).</param>
    /// <param name="data">The data it was trained on, for scaling and names.</param>
    public Model(Recipe recipe, NetworkLayout layout, ReadOnlyMemory<float> weights, PreparedData data)
    {
        ArgumentNullException.ThrowIfNull(data);
        Recipe = recipe;
        Layout = layout;
        Weights = weights;
        Encoding = data.Encoding;
        Classes = data.Classes;
        TargetNames = data.TargetNames;
        TargetScale = data.TargetScale;
        TargetOffsets = data.TargetOffsets;
        Shape = data.Shape;
    }

    private Model(string path, SafetensorsFile file)
    {
        Recipe = RecipeReader.Parse(Text(file, path, "recipe"), path, []);
        Encoding = FeatureEncoding.FromJson(Text(file, path, "encoding"));
        Classes = Names(file, path, "classes");
        TargetNames = Names(file, path, "targets");
        TargetScale = double.Parse(Text(file, path, "target_scale"), System.Globalization.CultureInfo.InvariantCulture);
        TargetOffsets = file.Metadata.TryGetValue("target_offsets", out var offsets)
            ? JsonSerializer.Deserialize(offsets, ModelJson.Default.ImmutableArrayDouble) : [];
        if (TargetOffsets.Length != 0 && TargetOffsets.Length != Recipe.Layers[^1].Units)
        {
            throw new FormatException($"target_offsets has {TargetOffsets.Length} numbers for {Recipe.Layers[^1].Units} outputs");
        }

        Shape = file.Metadata.TryGetValue("shape", out var shape) && shape.Split('x') is [var height, var width]
            ? new ImageShape(int.Parse(height, System.Globalization.CultureInfo.InvariantCulture),
                int.Parse(width, System.Globalization.CultureInfo.InvariantCulture))
            : null;
        Layout = new NetworkLayout(Scaling.Features, Recipe.Layers);
        Weights = Layout.Flatten(file.Tensors, path);

        // Models of former versions have no hashes.
        if (file.Metadata.TryGetValue("preparation_sha256", out var prepared) && prepared != PreparationHash(file.Metadata))
        {
            throw new SafetensorsException($"{path}: is damaged: what prepares its rows does not match its SHA-256 {prepared}; get the "
                + "file again or write it again");
        }

        if (file.Metadata.TryGetValue("weights_sha256", out var stated) && stated != WeightsHash.Of(Weights.Span))
        {
            throw new SafetensorsException(
                $"{path}: is damaged: its weights do not match its SHA-256 {stated}; get the file again or write it again");
        }
    }

    /// <summary>What it was trained by.</summary>
    public Recipe Recipe { get; }

    /// <summary>Its parameters.</summary>
    public NetworkLayout Layout { get; }

    /// <summary>(parameters).</summary>
    public ReadOnlyMemory<float> Weights { get; }

    /// <summary>How the columns of a file become inputs.</summary>
    public FeatureEncoding Encoding { get; }

    /// <summary>The last part of it: how raw features are scaled.</summary>
    public FeatureScaling Scaling => Encoding.Scaling;

    /// <summary>Names of the classes in the order of the outputs; empty for regression.</summary>
    public ImmutableArray<string> Classes { get; }

    /// <summary>Names of the inputs.</summary>
    public ImmutableArray<string> FeatureNames => Encoding.FeatureNames;

    /// <summary>Names of the targets.</summary>
    public ImmutableArray<string> TargetNames { get; }

    /// <summary>For regression: outputs are divided by this to be in the unit of the training file; 1 otherwise.</summary>
    public double TargetScale { get; }

    /// <summary>For regression: for each output what is added to it then; empty: nothing.</summary>
    public ImmutableArray<double> TargetOffsets { get; }

    /// <summary>An output of a regression in the unit of the training file.</summary>
    /// <param name="value">The network's output.</param>
    /// <param name="output">Which of them.</param>
    public float InUnit(float value, int output) => TargetOffsets.IsEmpty
        ? TargetScale == 1 ? value : (float)(value / TargetScale)
        : (float)((value / TargetScale) + TargetOffsets[output]);

    /// <summary>Height and width when the features are the pixels of an image.</summary>
    public ImageShape? Shape { get; }

    /// <summary>Reads a model file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="SafetensorsException">It is damaged or not a model.</exception>
    public static Model Read(string path)
    {
        var file = SafetensorsFile.Read(path);
        if (!file.Metadata.TryGetValue("format", out var format) || format != FormatName)
        {
            throw new SafetensorsException(
                $"{path}: is not a ClusterTrain model (its metadata do not say format '{FormatName}'); name the model.safetensors of a run folder.");
        }

        try
        {
            return new Model(path, file);
        }
        catch (Exception error) when (error is RecipeException or DataException or JsonException or FormatException or ArgumentException)
        {
            throw new SafetensorsException($"{path}: its metadata are damaged: {error.Message}", error);
        }
    }

    /// <summary>
    /// Reads rows to score: a CSV file, or the features of an IDX file, both plain or gzip. The columns of a CSV file go by the names in its first
    /// line; without such a line they are all columns of the training file, or all but its targets, in the same order; for a model that was not
    /// trained from CSV they are the features alone. Columns the model does not need are ignored.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="labels">For features in IDX the file of their targets; null: they are not known.</param>
    /// <exception cref="DataException">
    /// The file is not such as the model needs: a column is missing, a cell is no number or a category that training did not see.
    /// </exception>
    public ModelRows ReadRows(string path, string? labels = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return ModelRowsReader.Read(this, path, labels, withTargets: true, keep: []);
    }

    /// <summary>Reads rows to predict, as <see cref="ReadRows"/> does; columns of targets may hold anything, or nothing.</summary>
    /// <param name="path">The file.</param>
    /// <param name="keep">Columns of a CSV file to be kept as they stand there; <c>all</c>: every one.</param>
    /// <exception cref="DataException">The file is not such as the model needs, or has no such column.</exception>
    public ModelRows ReadFeatures(string path, params IReadOnlyList<string> keep)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(keep);
        return ModelRowsReader.Read(this, path, labels: null, withTargets: false, keep);
    }

    /// <summary>Writes the model file, all or nothing.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Write(string path)
    {
        var metadata = new Dictionary<string, string>
        {
            ["format"] = FormatName,
            ["recipe"] = RecipeWriter.Write(Recipe),
            ["encoding"] = Encoding.ToJson(),
            ["classes"] = JsonSerializer.Serialize(Classes, ModelJson.Default.ImmutableArrayString),
            ["targets"] = JsonSerializer.Serialize(TargetNames, ModelJson.Default.ImmutableArrayString),
            ["weights_sha256"] = WeightsHash.Of(Weights.Span),
            ["target_scale"] = TargetScale.ToString("R", System.Globalization.CultureInfo.InvariantCulture),
        };
        if (!TargetOffsets.IsEmpty)
        {
            metadata["target_offsets"] = JsonSerializer.Serialize(TargetOffsets, ModelJson.Default.ImmutableArrayDouble);
        }

        metadata["preparation_sha256"] = PreparationHash(metadata);
        if (Shape is { } shape)
        {
            metadata["shape"] = $"{shape.Height}x{shape.Width}";
        }

        SafetensorsFile.Write(path, Layout.Named(Weights), metadata);
    }

    // Over all that stands between a row of a file and a prediction but for the weights.
    private static string PreparationHash(IReadOnlyDictionary<string, string> metadata)
    {
        var parts = s_preparation.Select(key => metadata.GetValueOrDefault(key, ""));
        return Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(string.Join('\n', parts))));
    }

    private static string Text(SafetensorsFile file, string path, string key) =>
        file.Metadata.TryGetValue(key, out var text) ? text
            : throw new SafetensorsException($"{path}: '{key}' is missing in its metadata; write the model again.");

    private static ImmutableArray<string> Names(SafetensorsFile file, string path, string key) =>
        JsonSerializer.Deserialize(Text(file, path, key), ModelJson.Default.ImmutableArrayString);
}

[System.Text.Json.Serialization.JsonSerializable(typeof(ImmutableArray<string>))]
[System.Text.Json.Serialization.JsonSerializable(typeof(ImmutableArray<double>))]
internal sealed partial class ModelJson : System.Text.Json.Serialization.JsonSerializerContext;
