using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Features;
using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Prepared;

/// <summary>What a prepared file says about its rows; as text it is JSON.</summary>
internal sealed record PreparedHeader
{
    /// <summary>The task, as recipes write it.</summary>
    public required string Task { get; init; }

    /// <summary>Number of features.</summary>
    public required int Features { get; init; }

    /// <summary>How they came about, as <see cref="FeatureEncoding.ToJson"/> writes it.</summary>
    public required string Encoding { get; init; }

    /// <summary>Names of the targets.</summary>
    public required ImmutableArray<string> Targets { get; init; }

    /// <summary>Names of the classes; empty for regression.</summary>
    public required ImmutableArray<string> Classes { get; init; }

    /// <summary>Targets of a row.</summary>
    public required int Outputs { get; init; }

    /// <summary>What numbers were multiplied by to become targets.</summary>
    public required double TargetScale { get; init; }

    /// <summary>For each target what was taken from its numbers before; default: nothing.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public ImmutableArray<double> TargetOffsets { get; init; }

    /// <summary>Weights of the classes in the training rows; empty: all are 1.</summary>
    public required ImmutableArray<float> ClassWeights { get; init; }

    /// <summary>Height and width of rows that are images; null: they are none.</summary>
    public required ImageShape? Shape { get; init; }

    /// <summary>What the rows were prepared by, see <see cref="PreparedData.Origin"/>; null: not known.</summary>
    public string? Origin { get; init; }

    /// <summary>Fingerprint of the whole.</summary>
    public required string Fingerprint { get; init; }

    /// <summary>The training rows.</summary>
    public required PreparedPart Train { get; init; }

    /// <summary>The validation rows; null: none.</summary>
    public required PreparedPart? Validation { get; init; }

    /// <summary>The test rows; null: none.</summary>
    public required PreparedPart? Test { get; init; }

    /// <summary>The parts there are, in the order they are stored.</summary>
    [JsonIgnore]
    public IEnumerable<PreparedPart> Parts => new[] { Train, Validation, Test }.OfType<PreparedPart>();

    /// <summary>The header of data; computes their fingerprints.</summary>
    public static PreparedHeader Of(PreparedData data) => new()
    {
        Task = RecipeWords.Task.Of(data.Task),
        Features = data.Train.Features,
        Encoding = data.Encoding.ToJson(),
        Targets = data.TargetNames,
        Classes = data.Classes,
        Outputs = data.Train.Outputs,
        TargetScale = data.TargetScale,
        TargetOffsets = data.TargetOffsets.IsEmpty ? default : data.TargetOffsets,
        ClassWeights = data.Train.ClassWeights,
        Shape = data.Shape,
        Origin = data.Origin,
        Fingerprint = data.Fingerprint,
        Train = PreparedPart.Of(data.Train),
        Validation = data.Validation is { } validation ? PreparedPart.Of(validation) : null,
        Test = data.Test is { } test ? PreparedPart.Of(test) : null,
    };

    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, PreparedHeaderJson.Default.PreparedHeader);

    /// <summary>Reads a header and checks each of its fields.</summary>
    /// <exception cref="DataException">It is none; the message does not name the file.</exception>
    public static PreparedHeader FromBytes(ReadOnlySpan<byte> bytes)
    {
        PreparedHeader header;
        try
        {
            header = JsonSerializer.Deserialize(bytes, PreparedHeaderJson.Default.PreparedHeader)
                ?? throw new DataException("its header is empty");
        }
        catch (JsonException exception)
        {
            throw new DataException($"its header is not valid: {exception.Message}", exception);
        }

        header.Check();
        return header;
    }

    public FeatureEncoding ReadEncoding() => FeatureEncoding.FromJson(Encoding);

    /// <exception cref="DataException">The header has another word.</exception>
    public TaskKind ReadTask() =>
        RecipeWords.Task.Find(Task) ?? throw new DataException($"its header has the unknown task '{RecipeText.Shown(Task)}'");

    private void Check()
    {
        var task = ReadTask();
        Require(Features is >= 1 and <= DataLimits.Columns, "features", "a number of features");
        Require(Encoding is not null && ReadEncoding().Scaling.Features == Features, "encoding", "an encoding of the features");
        Require(IsNames(Targets, DataLimits.Columns), "targets", "names of at least one target");
        var isClassification = task == TaskKind.Classification;
        Require(
            isClassification ? IsNames(Classes, DataLimits.Classes) : Classes is { IsDefault: false, IsEmpty: true },
            "classes",
            isClassification ? "names of the classes" : "no classes for a regression");
        Require(
            isClassification ? Outputs == Classes.Length || (Outputs == 1 && Classes.Length == 2) : Outputs == Targets.Length,
            "outputs",
            isClassification ? "one output for each class, or one for two classes" : "one output for each target");
        Require(double.IsFinite(TargetScale) && TargetScale > 0, "targetScale", "a number above 0");
        Require(
            TargetOffsets.IsDefault || (TargetOffsets.Length == Outputs && TargetOffsets.All(double.IsFinite) && !isClassification), "targetOffsets",
                "a number for each target");
        Require(
            !ClassWeights.IsDefault && (ClassWeights.IsEmpty || ClassWeights.Length == Classes.Length)
            && ClassWeights.All(weight => float.IsFinite(weight) && weight > 0),
            "classWeights",
            "a number above 0 for each class, or none");
        Require(
            Shape is not { } shape || (shape is { Height: > 0, Width: > 0 } && (long)shape.Height * shape.Width == Features),
            "shape",
            "a height and a width whose product is the number of features");
        Require(Train is not null, "train", "training rows");
        foreach (var part in Parts)
        {
            Require(part.Rows is >= 1 and <= DataLimits.PreparedRows, "rows", $"1 to {DataLimits.PreparedRows} rows");
            Require(part.Form is PreparedPart.BytesForm or PreparedPart.FloatsForm, "form", "bytes or floats");
            Require(part.Fingerprint is not null, "fingerprint", "a fingerprint of each part");
        }

        var whole = PreparedData.FingerprintOf(Train!.Fingerprint, Validation?.Fingerprint, Test?.Fingerprint);
        Require(Fingerprint == whole, "fingerprint", "the fingerprint of its parts");
    }

    private static void Require(bool holds, string field, string needed)
    {
        if (!holds)
        {
            throw new DataException($"its header's field '{field}' does not fit; it needs {needed}");
        }
    }

    private static bool IsNames(ImmutableArray<string> names, int most) =>
        !names.IsDefault && names.Length >= 1 && names.Length <= most && names.All(name => name is not null);
}

/// <summary>The rows of one part of prepared data.</summary>
/// <param name="Rows">Their number.</param>
/// <param name="Form">How features are stored: <c>bytes</c>, to be scaled, or <c>floats</c>, scaled already.</param>
/// <param name="Fingerprint">The data set's fingerprint.</param>
internal sealed record PreparedPart(long Rows, string Form, string Fingerprint)
{
    public const string BytesForm = "bytes";
    public const string FloatsForm = "floats";

    public static PreparedPart Of(DataSet data) =>
        new(data.Rows, data.Form == RowForm.Bytes ? BytesForm : FloatsForm, data.Fingerprint);
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(PreparedHeader))]
internal sealed partial class PreparedHeaderJson : JsonSerializerContext;
