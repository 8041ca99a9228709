using System.Collections.Immutable;

namespace ClusterTrain.Learning;

/// <summary>Rows of a file, encoded as a model's training rows were.</summary>
/// <param name="Rows">The rows.</param>
/// <param name="HasTargets">True when their targets are known; otherwise those of <paramref name="Rows"/> are zeros.</param>
public sealed record ModelRows(DataSet Rows, bool HasTargets)
{
    /// <summary>What a reader should know although nothing is wrong.</summary>
    public ImmutableArray<string> Warnings { get; init; } = [];
}

/// <summary>Reads files for a model.</summary>
internal static class ModelRowsReader
{
    /// <exception cref="DataException">The files are not such as the model can read.</exception>
    public static ModelRows Read(Model model, string path, string? labels, bool withTargets)
    {
        var (table, hasTargets) = IsIdx(path) ? ReadIdx(model, path, labels)
            : labels is null ? ReadCsv(model, path, withTargets)
            : throw new DataException(
                $"{labels}: {path} is a CSV file, whose targets are columns of its own. Name a file of labels only for features in IDX.");
        var outputs = model.Recipe.Layers[^1].Units;
        var finished = DataPreparation.Finish(
            table, model.Scaling, hasTargets && model.Classes.IsEmpty ? model.TargetScale : null, oneOutput: outputs == 1, hasTargets ? model.Recipe.Loss : null);
        return new ModelRows(new DataSet(finished.Rows, finished.Targets, null) { PlaceOf = table.PlaceOf }, hasTargets) { Warnings = table.Warnings };
    }

    private static bool IsIdx(string path)
    {
        Span<byte> start = stackalloc byte[2];
        using var file = DataFile.Open(path);
        return file.Read(start) == start.Length && start is [0, 0];
    }

    private static (SourceTable Table, bool HasTargets) ReadCsv(Model model, string path, bool withTargets)
    {
        using var file = DataFile.Open(path);
        return CsvTable.ReadForModel(file, model, new MemoryCollector(path), withTargets);
    }

    private static (SourceTable Table, bool HasTargets) ReadIdx(Model model, string path, string? labels)
    {
        var features = IdxFeatures.Of(Open(path));
        if (!model.Encoding.Categories.IsEmpty || !model.Encoding.Derived.IsEmpty || features.Rows.Features != model.Encoding.Columns.Length)
        {
            throw new DataException(
                $"{path}: {features.Rows.Features} values a row, and the model needs the columns " +
                $"{NearestColumn.Listed(model.Encoding.Columns)}. Name a file that has them.");
        }

        return labels is null
            ? (new SourceTable(path, features.Rows, RowTargets.None(model.Recipe.Layers[^1].Units)), false)
            : (IdxReader.Table(features, Open(labels), model.Classes, model.Recipe.Layers[^1].Units), true);
    }

    private static IdxFile Open(string path)
    {
        using var file = DataFile.Open(path);
        return IdxFile.Read(file);
    }
}
