using System.Collections.Immutable;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Files;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Models;

/// <summary>Rows of a file, encoded as a model's training rows were.</summary>
/// <param name="Rows">The rows.</param>
/// <param name="HasTargets">True when their targets are known; otherwise those of <paramref name="Rows"/> are zeros.</param>
public sealed record ModelRows(DataSet Rows, bool HasTargets)
{
    /// <summary>What a reader should know although nothing is wrong.</summary>
    public ImmutableArray<string> Warnings { get; init; } = [];

    /// <summary>The columns that were to be kept; null: none were.</summary>
    public KeptColumns? Kept { get; init; }
}

/// <summary>Reads files for a model.</summary>
internal static class ModelRowsReader
{
    private static LearntColumns Columns(Model model) => new(model.Encoding, model.TargetNames, model.Classes, model.Recipe.Layers[^1].Units)
    {
        Source = model.Recipe.Data.Source as CsvSource,
        KeepsTargets = !model.TargetOffsets.IsEmpty,
    };

    /// <exception cref="DataException">The files are not such as the model can read.</exception>
    public static ModelRows Read(Model model, string path, string? labels, bool withTargets, IReadOnlyList<string> keep)
    {
        using var file = DataFile.Open(path);
        var isIdx = file.BeginsAsIdx();
        if (isIdx && keep.Count > 0)
        {
            throw new DataException($"{file.Name}: there is no column '{keep[0]}' to keep: an IDX file has none with names. Leave --keep out.");
        }

        var (table, hasTargets) = isIdx ? ReadIdx(model, IdxFile.Read(file), labels)
            : labels is null ? CsvTable.ReadForModel(file, Columns(model), new MemoryCollector(file.Name), withTargets, keep)
            : throw new DataException(
                $"{labels}: {path} is a CSV file, whose targets are columns of its own. Name a file of labels only for features in IDX.");
        var outputs = model.Recipe.Layers[^1].Units;
        var finished = DataPreparation.Finish(
            table, model.Scaling, hasTargets && model.Classes.IsEmpty ? model.TargetScale : null, model.TargetOffsets, oneOutput: outputs == 1,
            hasTargets ? model.Recipe.Loss : null);
        return new ModelRows(new DataSet(finished.Rows, finished.Targets, null) { PlaceOf = table.PlaceOf }, hasTargets)
        {
            Warnings = table.Warnings,
            Kept = table.Kept,
        };
    }

    private static (SourceTable Table, bool HasTargets) ReadIdx(Model model, IdxFile file, string? labels)
    {
        var features = IdxFeatures.Of(file);
        if (!model.Encoding.Categories.IsEmpty || !model.Encoding.Derived.IsEmpty || features.Rows.Features != model.Encoding.Columns.Length)
        {
            throw new DataException(
                $"{file.Name}: {features.Rows.Features} values a row, and the model needs the columns " +
                $"{NearestColumn.Listed(model.Encoding.Columns)}. Name a file that has them.");
        }

        return labels is null
            ? (new SourceTable(file.Name, features.Rows, RowTargets.None(model.Recipe.Layers[^1].Units)), false)
            : (IdxReader.Table(features, Open(labels), model.Classes, model.Recipe.Layers[^1].Units), true);
    }

    private static IdxFile Open(string path)
    {
        using var file = DataFile.Open(path);
        return IdxFile.Read(file);
    }
}
