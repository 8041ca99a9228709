namespace ClusterTrain.Learning;

/// <summary>From a recipe to rows in memory.</summary>
public static class DataPreparation
{
    /// <summary>Reads, splits and scales the data of a recipe.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="locations">Where files are looked for.</param>
    /// <param name="progress">Told of reading and downloading, from any thread; null: nobody is.</param>
    /// <param name="cancellation">Ends the work early; a download can be gone on with later.</param>
    /// <exception cref="DataException">The data is missing or wrong.</exception>
    public static PreparedData Prepare(
        Recipe recipe,
        DataLocations locations,
        IProgress<DataProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        return Prepare(recipe.Data, recipe.Seed, locations, progress, cancellation);
    }

    /// <summary>Reads, splits and scales data.</summary>
    /// <param name="recipe">What data.</param>
    /// <param name="seed">Seed of the splits.</param>
    /// <param name="locations">Where files are looked for.</param>
    /// <param name="progress">Told of reading and downloading, from any thread; null: nobody is.</param>
    /// <param name="cancellation">Ends the work early; a download can be gone on with later.</param>
    /// <remarks>
    /// Test rows are held back first, where the source has none of its own; then validation rows, from what remains; see
    /// <see cref="DataRecipe"/>. When the source has test rows, <see cref="DataRecipe.Test"/> is not used.
    /// </remarks>
    /// <exception cref="DataException">The data is missing or wrong.</exception>
    public static PreparedData Prepare(
        DataRecipe recipe,
        ulong seed,
        DataLocations locations,
        IProgress<DataProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        ArgumentNullException.ThrowIfNull(locations);
        var scale = recipe.Scale ?? 1;
        if (!float.IsFinite((float)scale) || (float)scale == 0)
            throw new DataException($"data.scale is {scale}; features can be multiplied by any finite number but 0.");

        var source = Read(recipe, locations, progress, cancellation);
        cancellation.ThrowIfCancellationRequested();
        var split = Split(recipe, source, seed);
        var raw = source.Train.Rows;
        var scaling = recipe.Standardise
            ? FeatureStatistics.Standardising(raw, split?.Train, scale)
            : FeatureScaling.Uniform(raw.Features, (float)scale);
        var rows = Scale(source.Train, scaling);
        return new PreparedData
        {
            Train = new DataSet(rows, source.Train.Targets, split?.Train),
            Validation = split?.Validation is { } validation ? new DataSet(rows, source.Train.Targets, validation) : null,
            Test = split?.Test is { } held ? new DataSet(rows, source.Train.Targets, held)
                : source.Test is { } own ? new DataSet(Scale(own, scaling), own.Targets, null)
                : null,
            Task = recipe.Task,
            FeatureNames = source.FeatureNames,
            TargetNames = source.TargetNames,
            Scaling = scaling,
            Shape = source.Shape,
        };
    }

    private static RowSplit? Split(DataRecipe recipe, SourceData source, ulong seed)
    {
        var test = source.Test is null ? recipe.Test : null;
        return test is null && recipe.Validation is null
            ? null
            : RowSplit.Draw(source.Train.Rows.Rows, test, recipe.Validation, seed, source.Train.Name);
    }

    private static RowStore Scale(SourceTable table, FeatureScaling scaling)
    {
        try
        {
            return table.Rows.Prepare(scaling);
        }
        catch (DataException exception)
        {
            throw new DataException($"{table.Name}: {exception.Message}", exception);
        }
    }

    private static SourceData Read(
        DataRecipe recipe, DataLocations locations, IProgress<DataProgress>? progress, CancellationToken cancellation) =>
        recipe.Source switch
        {
            NamedSource named => new DataStore(locations).Load(named.Name, recipe.Task, progress, cancellation),
            IdxSource idx => ReadIdx(idx, recipe.Task, locations, progress),
            CsvSource csv => ReadCsv(csv, recipe.Task, locations, progress),
            InlineSource inline => InlineTable.Read(inline, recipe.Task),
            var other => throw new ArgumentException($"No reader for a source of type {other.GetType().Name}.", nameof(recipe)),
        };

    private static SourceData ReadIdx(IdxSource source, TaskKind task, DataLocations locations, IProgress<DataProgress>? progress)
    {
        if (source.TestFeatures is null != source.TestLabels is null)
        {
            throw new DataException(
                $"{source.TestFeatures ?? source.TestLabels}: test features and test labels belong together. Name both " +
                "files or neither.");
        }

        var train = (Open(source.Features), Open(source.Labels));
        var test = source is { TestFeatures: { } features, TestLabels: { } labels }
            ? (Open(features), Open(labels))
            : default((IdxFile, IdxFile)?);
        return IdxReader.Read(train, test, task);

        IdxFile Open(string name)
        {
            var path = locations.Find(name);
            progress?.Report(new DataProgress(DataActivity.Reading, path, 0, null));
            using var file = DataFile.Open(path);
            return IdxFile.Read(file);
        }
    }

    private static SourceData ReadCsv(CsvSource source, TaskKind task, DataLocations locations, IProgress<DataProgress>? progress)
    {
        var train = Open(source.File, null);
        return CsvTables.Combine(train, source.TestFile is { } test ? Open(test, train) : null, task);

        CsvFile Open(string name, CsvFile? training)
        {
            var path = locations.Find(name);
            progress?.Report(new DataProgress(DataActivity.Reading, path, 0, null));
            using var file = DataFile.Open(path);
            return CsvFile.Read(file, source, task, training);
        }
    }
}
