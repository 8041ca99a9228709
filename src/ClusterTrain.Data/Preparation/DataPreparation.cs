using System.Collections.Immutable;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Features;
using ClusterTrain.Data.Files;
using ClusterTrain.Data.Prepared;
using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Preparation;

/// <summary>From a recipe to rows that a network can be trained with.</summary>
public static class DataPreparation
{
    /// <summary>Reads, splits and scales the data of a recipe.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="locations">Where files are looked for.</param>
    /// <param name="progress">Told of reading and downloading, from any thread; null: nobody is.</param>
    /// <param name="cancellation">Ends the work early; a download can be resumed later.</param>
    /// <remarks>
    /// With <see cref="DataLocations.Prepared"/> the rows are those of that file, which has to be prepared by this very recipe.
    /// A classification whose last layer has one unit has one target, 0 or 1, when there are two classes; otherwise targets are
    /// one-hot.
    /// </remarks>
    /// <exception cref="DataException">The data is missing or wrong.</exception>
    public static PreparedData Prepare(
        Recipe recipe,
        DataLocations locations,
        IProgress<DataProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        ArgumentNullException.ThrowIfNull(locations);
        if (locations.Prepared is { } file)
        {
            return OpenPrepared(recipe, file, progress);
        }

        var data = recipe.Data.Source is PreparedSource prepared
            ? Open(recipe.Data, prepared, locations, progress)
            : Prepare(recipe.Data, recipe.Seed, HasOneOutput(recipe), recipe.Loss, new SourceReader(locations, progress, cancellation));
        CheckUse(recipe, data);
        return data;
    }

    /// <summary>Reads, splits and scales data.</summary>
    /// <param name="recipe">What data.</param>
    /// <param name="seed">Seed of the splits.</param>
    /// <param name="locations">Where files are looked for.</param>
    /// <param name="progress">Told of reading and downloading, from any thread; null: nobody is.</param>
    /// <param name="cancellation">Ends the work early; a download can be resumed later.</param>
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
        return recipe.Source is PreparedSource prepared
            ? Open(recipe, prepared, locations, progress)
            : Prepare(recipe, seed, oneOutput: false, loss: null, new SourceReader(locations, progress, cancellation));
    }

    /// <summary>
    /// Prepares the data of a recipe into a file, with the rows and the fingerprint that
    /// <see cref="Prepare(Recipe, DataLocations, IProgress{DataProgress}?, CancellationToken)"/> gives. The features of CSV and IDX files
    /// are never in memory as a whole; beside the file there is for a while a temporary one of about the size of the rows.
    /// </summary>
    /// <param name="recipe">
    /// The recipe, which trains from the file with <see cref="DataLocations.Prepared"/>, to the same receipt; one that has
    /// <c>prepared: FILE</c> as its data, and is otherwise the same, trains to the same bits.
    /// </param>
    /// <param name="locations">Where files are looked for.</param>
    /// <param name="path">The file to write, see <see cref="PreparedDataFile"/>.</param>
    /// <param name="progress">Told of reading, downloading and writing, from any thread; null: nobody is.</param>
    /// <param name="cancellation">Ends the work early; the path stays as it was.</param>
    /// <returns>What a reader should know, see <see cref="PreparedData.Warnings"/>.</returns>
    /// <remarks>In memory are the targets, of a split 5 bytes for each row, and of one by a column 8 more.</remarks>
    /// <exception cref="DataException">The data is missing or wrong.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be written to.</exception>
    public static ImmutableArray<string> PrepareToFile(
        Recipe recipe,
        DataLocations locations,
        string path,
        IProgress<DataProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        ArgumentNullException.ThrowIfNull(locations);
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (recipe.Data.Source is PreparedSource source)
        {
            throw new DataException($"{source.File}: the data are prepared already. Copy the file, or name the original source.");
        }

        using var scratch = new ScratchFolder(Path.GetDirectoryName(Path.GetFullPath(path))!, cancellation);
        var data = Prepare(
            recipe.Data, recipe.Seed, HasOneOutput(recipe), recipe.Loss, new SourceReader(locations, progress, cancellation) { Scratch = scratch });
        PreparedDataFile.Write(data, path, progress, cancellation);
        return data.Warnings;
    }

    private static bool HasOneOutput(Recipe recipe) => recipe.Layers[^1].Units == 1;

    private static PreparedData OpenPrepared(Recipe recipe, string file, IProgress<DataProgress>? progress)
    {
        if (recipe.Data.Source is PreparedSource source)
        {
            throw new DataException($"{file}: the recipe has prepared data of its own, {source.File}. Keep one of the two.");
        }

        if (!File.Exists(file))
        {
            throw new DataException(
                $"{file}: there is no such file. Prepare the rows with `clustertrain data prepare`, or name where they are with --prepared.");
        }

        progress?.Report(new DataProgress(DataActivity.Reading, file, 0, null));
        var data = PreparedDataFile.Open(file);
        if (data.Origin != recipe.FingerprintOfData())
        {
            throw new DataException(
                $"{file}: these rows were not prepared by this recipe: its data, its seed or its outputs differ. Prepare them again " +
                "with `clustertrain data prepare`, or leave --prepared out.");
        }

        CheckRows(data);
        CheckTargets(recipe.Loss, file, data.Train, data.Validation, data.Test);
        return data;
    }

    private static PreparedData Open(
        DataRecipe recipe, PreparedSource source, DataLocations locations, IProgress<DataProgress>? progress)
    {
        var path = locations.Find(source.File);
        progress?.Report(new DataProgress(DataActivity.Reading, path, 0, null));
        var data = PreparedDataFile.Open(path);
        if (data.Task != recipe.Task)
        {
            throw new DataException(
                $"{path}: the data were prepared for {RecipeWords.Task.Of(data.Task)}, and the recipe's task is " +
                $"{RecipeWords.Task.Of(recipe.Task)}. Set data.task, or prepare the data again.");
        }

        CheckRows(data);
        return data;
    }

    // Compares the rows with their checksums, so that no run starts on a damaged file.
    private static void CheckRows(PreparedData data) => _ = data.Fingerprint;

    private static void CheckUse(Recipe recipe, PreparedData data)
    {
        if (recipe.Data.Source is not PreparedSource source)
        {
            return;
        }

        if (recipe.EarlyStopping is not null && data.Validation is null)
        {
            throw new DataException(
                $"{source.File}: there are no validation rows, which early_stopping watches. Prepare the data with " +
                "data.validation, or leave early_stopping out.");
        }

        if (!data.Train.ClassWeights.IsEmpty && recipe.Loss != LossKind.CategoricalCrossEntropy)
        {
            throw new DataException(
                $"{source.File}: the classes have weights, which weigh the rows of categorical-cross-entropy only. Set the loss, " +
                "or prepare the data without class_weights.");
        }

        CheckTargets(recipe.Loss, source.File, data.Train, data.Validation, data.Test);
    }

    /// <summary>Checks that the loss is defined for the targets of rows that were prepared for any loss.</summary>
    private static void CheckTargets(LossKind loss, string file, params ReadOnlySpan<DataSet?> sets)
    {
        foreach (var set in sets)
        {
            var targets = new float[set?.Outputs ?? 0];
            for (var row = 0L; set is { Classes.IsEmpty: true } && row < set.Rows; row++)
            {
                set.CopyTargetValues(row, targets);
                if (LossRules.Refusal(loss, targets) is { } refusal)
                {
                    throw new DataException($"{file}: row {row}: {refusal}. Correct the row, or use loss: mean-squared-error.");
                }
            }
        }
    }

    private static PreparedData Prepare(DataRecipe recipe, ulong seed, bool oneOutput, LossKind? loss, SourceReader reader)
    {
        var scale = recipe.Scale ?? 1;
        if (!float.IsFinite((float)scale) || (float)scale == 0)
        {
            throw new DataException($"data.scale is {scale}; features can be multiplied by any finite number but 0.");
        }

        var source = reader.Read(recipe);
        if (recipe.Task == TaskKind.Classification && source.Train.Targets.Classes is [var only])
        {
            throw new DataException(
                $"{source.Train.Name}: all rows have the class '{only}'; a classification needs two classes at least. Add rows of another class, " +
                "or name another target column.");
        }

        var split = Split(recipe, source, seed);
        source = Encode(source, recipe, split?.Train);
        CheckNames(source);
        var raw = source.Train.Rows;
        var scaling = FeatureStatistics.Scaling(recipe.Scaling, raw, split?.Train, scale);
        var first = DataWarnings.FirstRows(raw, split?.Train);
        var (targetScale, offsets, deviations) = (recipe.TargetScale, ImmutableArray<double>.Empty, ImmutableArray<double>.Empty);
        if (recipe.ScaleTargets)
        {
            (targetScale, offsets, deviations) = source.Train.Targets.Statistics(split?.Train);
        }

        var train = Finish(source.Train, scaling, targetScale, offsets, oneOutput, loss);
        var test = source.Test is { } own ? Finish(own, scaling, targetScale, offsets, oneOutput, loss) : null;
        var weights = recipe.ClassWeights is { } wanted
            ? ClassWeighing.Weights(wanted, train.Targets, split?.Train, train.Rows.Rows, train.Name)
            : [];
        var data = new PreparedData
        {
            Train = Part(train, weights.IsEmpty ? train.Targets : train.Targets.Weighted(weights), split?.Train),
            Validation = split?.Validation is { } validation ? Part(train, train.Targets, validation) : null,
            Test = split?.Test is { } held ? Part(train, train.Targets, held)
                : test is not null ? Part(test, test.Targets, null)
                : null,
            Task = recipe.Task,
            Encoding = source.Encoding with { Scaling = scaling },
            TargetNames = source.TargetNames,
            TargetScale = targetScale ?? 1,
            TargetOffsets = offsets,
            Shape = source.Shape,
            Origin = RecipeFingerprint.OfData(recipe, seed, oneOutput),
        };
        return data with
        {
            Warnings =
            [.. train.Warnings, .. split?.Warnings ?? [], .. test?.Warnings ?? [], .. DataWarnings.Of(data, first, recipe),
                .. DataWarnings.OfTargets(source.TargetNames, deviations)]
        };

        static DataSet Part(SourceTable table, RowTargets targets, int[]? rows) => new(table.Rows, targets, rows) { PlaceOf = table.PlaceOf };
    }

    /// <summary>Makes features of rows that are columns still, by what the training rows teach.</summary>
    private static SourceData Encode(SourceData source, DataRecipe recipe, int[]? rows)
    {
        if (source.Train.Codes.IsDefault)
        {
            return source;
        }

        var words = source.Encoding.Columns.Select(column => source.Encoding.Category(column)?.Names ?? []).ToImmutableArray();
        var encoding = ColumnFitting.Fit(source.Train, source.Encoding, (CsvSource)recipe.Source, rows);
        return source with
        {
            Encoding = encoding,
            Train = ColumnEncoder.Of(encoding, words, source.Train).Encode(source.Train),
            Test = source.Test is { } test ? ColumnEncoder.Of(encoding, words, test).Encode(test) : null,
        };
    }

    /// <summary>Every feature has a name of its own: a model's reader must know which is which.</summary>
    private static void CheckNames(SourceData source)
    {
        var encoding = source.Encoding;
        var names = new HashSet<string>();
        if (encoding.FeatureNames.FirstOrDefault(name => !names.Add(name)) is not { } taken)
        {
            return;
        }

        var columns = encoding.Features.Where(feature => encoding.NamesOf(feature).Contains(taken)).Select(column => $"'{column}'");
        throw new DataException(
            $"{source.Train.Name}: two features would have the name '{taken}', which comes of {string.Join(" and of ", columns)}. Rename a column.");
    }

    private static RowSplit? Split(DataRecipe recipe, SourceData source, ulong seed)
    {
        var test = source.Test is null ? recipe.Test : null;
        if (test is null && recipe.Validation is null)
        {
            return null;
        }

        var (table, rows) = (source.Train, source.Train.Rows.Rows);
        if (table.SplitKeys is { } keys)
        {
            return keys.AreTimes
                ? RowSplit.ByTime(keys, test, recipe.Validation, table.Name)
                : RowSplit.Group(keys, test, recipe.Validation, seed, table.Name);
        }

        return recipe.Split == SplitKind.Stratified
            ? RowSplit.Stratify(table.Targets, rows, test, recipe.Validation, seed, table.Name)
            : RowSplit.Draw(rows, test, recipe.Validation, seed, table.Name);
    }

    /// <summary>Raw rows with their features and targets as a network sees them.</summary>
    /// <param name="table">The raw rows; not to be used again.</param>
    /// <param name="scaling">Of the features.</param>
    /// <param name="targetScale">What targets are multiplied by; null: nothing.</param>
    /// <param name="offsets">For each target what is taken from it before; empty: nothing.</param>
    /// <param name="oneOutput">True: two classes have one target.</param>
    /// <param name="loss">What the targets have to be allowed by; null: they may be anything.</param>
    /// <exception cref="DataException">A value becomes too large, or the loss is not defined for a target.</exception>
    internal static SourceTable Finish(
        SourceTable table, FeatureScaling scaling, double? targetScale, ImmutableArray<double> offsets, bool oneOutput, LossKind? loss)
    {
        try
        {
            var targets = targetScale is { } centred && !offsets.IsEmpty ? table.Targets.Centred(centred, offsets)
                : targetScale is { } scale ? table.Targets.Scaled(scale)
                : oneOutput && table.Targets.Classes.Length == 2 ? table.Targets.AsIndex()
                : table.Targets;
            if (loss is { } kind && targets.Classes.IsEmpty)
            {
                CheckTargets(kind, table, targets, targetScale, isCentred: !offsets.IsEmpty);
            }

            return table with { Rows = table.Rows.Prepare(scaling), Targets = targets };
        }
        catch (RowException exception)
        {
            throw new DataException($"{table.PlaceOf(exception.Row)}: {exception.Message}", exception);
        }
    }

    private static void CheckTargets(LossKind loss, SourceTable table, RowTargets targets, double? targetScale, bool isCentred)
    {
        var row = new float[targets.Outputs];
        for (var i = 0L; i < table.Rows.Rows; i++)
        {
            row.AsSpan().Clear();
            targets.Write(i, row);
            if (LossRules.Refusal(loss, row) is not { } refusal)
            {
                continue;
            }

            var scaled = isCentred ? " (after target_scale: auto)" : targetScale is null or 1 ? ""
                : $" (after target_scale {RecipeText.Shown(targetScale.Value)})";
            throw new RowException(i, $"{refusal}{scaled}. Correct the row, set target_scale, or use loss: mean-squared-error.");
        }
    }
}
