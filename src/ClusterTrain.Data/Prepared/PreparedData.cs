using System.Collections.Immutable;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Features;
using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Prepared;

/// <summary>The rows of a recipe, split and scaled, and what is needed to prepare other rows in the same way.</summary>
public sealed record PreparedData
{
    /// <summary>Rows to train with.</summary>
    public required DataSet Train { get; init; }

    /// <summary>Rows that watch the run; null: none are held back.</summary>
    public DataSet? Validation { get; init; }

    /// <summary>Rows of the final score; null: there are none.</summary>
    public DataSet? Test { get; init; }

    /// <summary>What the targets are.</summary>
    public required TaskKind Task { get; init; }

    /// <summary>How the features came about: columns, categories, derived features, scaling.</summary>
    public required FeatureEncoding Encoding { get; init; }

    /// <summary>
    /// Name of each feature: the columns of a CSV file, <c>column=category</c> for a column of words; f0, f1, ... or x1, x2, ...
    /// where columns have no names.
    /// </summary>
    public ImmutableArray<string> FeatureNames => Encoding.FeatureNames;

    /// <summary>Names of the targets; for classification the one name of the label.</summary>
    public required ImmutableArray<string> TargetNames { get; init; }

    /// <summary>How the features were scaled.</summary>
    public FeatureScaling Scaling => Encoding.Scaling;

    /// <summary>What the numbers of the source were multiplied by to become targets; predictions are divided by it.</summary>
    public double TargetScale { get; init; } = 1;

    /// <summary>For each target what was taken from its numbers before; added to predictions. Empty: nothing.</summary>
    public ImmutableArray<double> TargetOffsets { get; init; } = [];

    /// <summary>Height and width when a row is an image; null otherwise.</summary>
    public ImageShape? Shape { get; init; }

    /// <summary>For classification the names of the classes in the order of the one-hot outputs; otherwise empty.</summary>
    public ImmutableArray<string> Classes => Train.Classes;

    /// <summary>
    /// What the rows were prepared by: <see cref="RecipeFingerprint.FingerprintOfData"/> of the recipe. Null: not known.
    /// </summary>
    public string? Origin { get; init; }

    /// <summary>What a reader should know before training, each with a remedy, although nothing is wrong for certain.</summary>
    public ImmutableArray<string> Warnings { get; init; } = [];

    /// <summary>
    /// SHA-256 (64 lower-case hex digits) over the fingerprints of the training, validation and test rows: two machines
    /// that agree on it hold the same data.
    /// </summary>
    /// <exception cref="DataException">The data are those of a prepared file, which is damaged.</exception>
    public string Fingerprint => FingerprintOf(Train.Fingerprint, Validation?.Fingerprint, Test?.Fingerprint);

    /// <summary>The fingerprint of the whole, from those of its parts.</summary>
    internal static string FingerprintOf(string train, string? validation, string? test)
    {
        using var fingerprint = new DataFingerprint();
        foreach (var part in new[] { train, validation, test })
        {
            fingerprint.Add(part ?? "none");
        }

        return fingerprint.Finish();
    }
}
