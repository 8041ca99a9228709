using ClusterTrain.Data.Common;
using ClusterTrain.Data.Files;
using ClusterTrain.Data.Prepared;
using ClusterTrain.Data.Rows;
using ClusterTrain.Data.Store;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Preparation;

/// <summary>Reads the rows of any source but prepared files, raw and whole.</summary>
/// <param name="locations">Where files are looked for.</param>
/// <param name="progress">Told of reading and downloading; null: nobody is.</param>
/// <param name="cancellation">Ends the work early.</param>
internal sealed class SourceReader(DataLocations locations, IProgress<DataProgress>? progress, CancellationToken cancellation)
{
    /// <summary>Where rows of files are kept; null: in memory.</summary>
    public ScratchFolder? Scratch { get; init; }

    /// <exception cref="DataException">The data is missing or wrong.</exception>
    public SourceData Read(DataRecipe recipe)
    {
        var data = recipe.Source switch
        {
            NamedSource named => new DataStore(locations).Load(named.Name, recipe.Task, progress, cancellation),
            IdxSource idx => ReadIdx(idx, recipe.Task),
            CsvSource csv => ReadCsv(csv, recipe),
            InlineSource inline => InlineTable.Read(inline, recipe.Task),
            var other => throw new ArgumentException($"No reader for a source of type {other.GetType().Name}.", nameof(recipe)),
        };
        cancellation.ThrowIfCancellationRequested();
        return data;
    }

    private SourceData ReadIdx(IdxSource source, TaskKind task)
    {
        if (source.TestFeatures is null != source.TestLabels is null)
        {
            throw new DataException(
                $"{source.TestFeatures ?? source.TestLabels}: test features and test labels belong together. Name both " +
                "files or neither.");
        }

        var train = (Features(source.Features), Targets(source.Labels));
        var test = source is { TestFeatures: { } features, TestLabels: { } labels }
            ? (Features(features), Targets(labels))
            : default((IdxFeatures, IdxFile)?);
        return IdxReader.Read(train, test, task);

        IdxFeatures Features(string name)
        {
            using var file = OpenFile(name);
            return Scratch is null ? IdxFeatures.Of(IdxFile.Read(file)) : IdxFeatures.Read(file, Scratch.Collector(isWide: false));
        }

        IdxFile Targets(string name)
        {
            using var file = OpenFile(name);
            return IdxFile.Read(file);
        }
    }

    private SourceData ReadCsv(CsvSource source, DataRecipe recipe)
    {
        var (train, schema) = Table(source.Files, null);
        var test = source.TestFile is { } file ? Table([file], schema).Table : null;
        return new SourceData
        {
            Train = train,
            Test = test,
            Encoding = schema.Encoding(train.Rows.Features),
            TargetNames = schema.Targets,
        };

        (SourceTable Table, CsvSchema Schema) Table(IEnumerable<string> names, CsvSchema? training) => CsvTable.Read(
            names.SelectMany(name => locations.FindAll(name)).Select(path => (Func<DataFile>)(() => Open(path))),
            recipe,
            training,
            name => Scratch is null ? new MemoryCollector(name) : Scratch.Collector(isWide: true),
            Scratch is null ? DataLimits.FileBytes : DataLimits.StreamedBytes);
    }

    private DataFile OpenFile(string name)
    {
        return Open(locations.Find(name));
    }

    private DataFile Open(string path)
    {
        progress?.Report(new DataProgress(DataActivity.Reading, path, 0, null));
        return DataFile.Open(path, (bytes, all) =>
        {
            cancellation.ThrowIfCancellationRequested();
            progress?.Report(new DataProgress(DataActivity.Reading, path, bytes, all));
        });
    }
}
