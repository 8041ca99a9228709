using System.Collections.Immutable;
using System.Globalization;
using ClusterTrain.Data.Features;
using ClusterTrain.Data.Prepared;
using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.Metrics;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Preparation;

/// <summary>Looks at prepared rows for what often goes wrong although nothing is wrong for certain; each warning names a remedy.</summary>
public static class DataWarnings
{
    private const int MostRows = 1 << 14;
    private const int MostNamed = 5;
    private const int FewWords = 10;
    private const int FewRows = 5;
    private const float LargeTarget = 1000;
    private const float LargestRatio = 1000;

    // Targets that differ more in their spread: the error of the one is lost in that of the other.
    private const double MostUnlike = 30;

    // The squared error of such a model is twice that of the mean.
    private const double FarWorseThanMean = -1;

    /// <summary>What a trained model's figures on its own training rows say of its recipe; null: nothing.</summary>
    /// <param name="training">The figures.</param>
    /// <param name="recipe">The recipe.</param>
    public static string? OfResult(Evaluation training, Recipe recipe)
    {
        ArgumentNullException.ThrowIfNull(training);
        ArgumentNullException.ThrowIfNull(recipe);
        if (training.R2 is not < FarWorseThanMean)
        {
            return null;
        }

        var (data, last) = (recipe.Data, recipe.Layers[^1].Activation);
        List<string> remedies = ["train longer", "lower optimiser.rate"];
        if (!data.ScaleTargets)
        {
            remedies.Insert(0, "set data.target_scale: auto");
        }

        if (data.Scaling == ScalingKind.None)
        {
            remedies.Insert(0, "set data.standardise: true");
        }

        if (last is not (ActivationKind.Identity or ActivationKind.LeakyRelu))
        {
            remedies.Insert(0, $"leave out the last layer's activation, {RecipeWords.Activation.Of(last)}, whose outputs have bounds");
        }

        return string.Create(
            CultureInfo.InvariantCulture,
            $"on its own training rows the model is far worse than the mean of the target (r2 {training.R2:G3}): its predictions mean nothing. "
                + $"One of these helps: {string.Join(", ", remedies)}.");
    }

    /// <summary>What the spread of several targets says, which have one scale together.</summary>
    /// <param name="names">Their names.</param>
    /// <param name="deviations">Their standard deviations; empty where they are not scaled by them.</param>
    internal static IEnumerable<string> OfTargets(ImmutableArray<string> names, ImmutableArray<double> deviations)
    {
        // A target that is always the same has no spread, and is met exactly.
        var (most, least) = (deviations.DefaultIfEmpty().Max(), deviations.Where(deviation => deviation > 0).DefaultIfEmpty().Min());
        if (most <= MostUnlike * least)
        {
            yield break;
        }

        var (large, small) = (names[deviations.IndexOf(most)], names[deviations.IndexOf(least)]);
        yield return string.Create(
            CultureInfo.InvariantCulture,
            $"the targets '{large}' and '{small}' have standard deviations of {most:G3} and {least:G3}, and all targets share one scale: "
                + $"'{small}' will be learnt poorly. Rescale the targets to similar ranges, or train a model for each.");
    }

    /// <summary>The warnings.</summary>
    /// <param name="data">The prepared rows.</param>
    /// <param name="raw">Their training rows as they were before scaling, the first of them; null: bytes, which lose nothing.</param>
    /// <param name="recipe">What prepared them.</param>
    internal static IEnumerable<string> Of(PreparedData data, double[][]? raw, DataRecipe recipe)
    {
        if (raw is not null)
        {
            var prepared = FirstRows(data.Train, raw.Length);
            foreach (var warning in Blurred(data, raw, prepared, recipe.Scaling != ScalingKind.None)
                .Concat(recipe.Scaling != ScalingKind.None ? [] : Ranges(data, prepared)))
            {
                yield return warning;
            }
        }

        foreach (var words in data.Encoding.Categories.Where(words => IsPerRow(words.Names.Length, data.Train.Rows)))
        {
            yield return $"column '{words.Column}' has {words.Names.Length} categories in {data.Train.Rows} training rows: a value for each row "
                + "teaches nothing about others. List the features without it.";
        }

        if (IsPerRow(data.Classes.Length, data.Train.Rows))
        {
            yield return $"target '{data.TargetNames[0]}' has {data.Classes.Length} classes in {data.Train.Rows} training rows. Where it is a number "
                + "to be predicted, set data.task: regression.";
        }

        if (data.Task == TaskKind.Regression && data.Train.Rows > 1 && AreEqual(data.Train))
        {
            yield return "the targets of all training rows are equal, so there is nothing to learn. Name another target.";
        }

        if (data.Task == TaskKind.Regression && LargestTarget(data.Train) is var largest && largest > LargeTarget)
        {
            yield return string.Create(
                CultureInfo.InvariantCulture,
                $"the targets go up to {largest:G3}, which makes losses and steps very large. Set data.target_scale: auto; ")
                + "predictions stay in the target's unit.";
        }

        foreach (var warning in data.Classes.IsEmpty || (data.Validation ?? data.Test) is null ? [] : RareClasses(data, recipe))
        {
            yield return warning;
        }
    }

    /// <summary>The first of the rows a source is trained with, as they stand there; null when they are bytes.</summary>
    /// <param name="rows">The raw rows.</param>
    /// <param name="map">Those to train with; null: all.</param>
    internal static double[][]? FirstRows(RowStore rows, int[]? map)
    {
        if (rows.Form == RowForm.Bytes)
        {
            return null;
        }

        var count = Math.Min(map?.Length ?? rows.Rows, Math.Max(2, MostRows * 16L / rows.Features));
        var first = new double[Math.Min(count, MostRows)][];
        for (var i = 0; i < first.Length; i++)
        {
            rows.ReadWide(map?[i] ?? i, first[i] = new double[rows.Features]);
        }

        return first;
    }

    private static float[][] FirstRows(DataSet rows, int count)
    {
        var targets = new float[rows.Outputs];
        var first = new float[count][];
        for (var i = 0; i < count; i++)
        {
            rows.Gather(i, 1, first[i] = new float[rows.Features], targets);
        }

        return first;
    }

    private static IEnumerable<string> Blurred(PreparedData data, double[][] raw, float[][] prepared, bool isStandardised)
    {
        var names = data.FeatureNames;
        for (var feature = 0; feature < names.Length; feature++)
        {
            var seen = new BlurredColumn();
            for (var row = 0; row < raw.Length; row++)
            {
                seen.Add(raw[row][feature], prepared[row][feature]);
            }

            if (seen.IsBlurred)
            {
                yield return $"feature '{names[feature]}': {seen.Told} after scaling. "
                    + (isStandardised ? "Look for a value far from all others, or list the features without it." : "Set data.standardise: true.");
            }
        }
    }

    private static IEnumerable<string> Ranges(PreparedData data, float[][] prepared)
    {
        var largest = new float[data.Train.Features];
        foreach (var row in prepared)
        {
            for (var feature = 0; feature < row.Length; feature++)
            {
                largest[feature] = Math.Max(largest[feature], Math.Abs(row[feature]));
            }
        }

        var words = data.Encoding.Categories.SelectMany(column => column.FeatureNames).ToHashSet();
        var sizes = data.FeatureNames.Zip(largest, (name, size) => (Name: name, Size: size))
            .Where(feature => feature.Size > 0 && !words.Contains(feature.Name)).OrderBy(feature => feature.Size).ToList();
        if (sizes.Count > 1 && sizes[^1].Size > LargestRatio * sizes[0].Size)
        {
            yield return string.Create(
                CultureInfo.InvariantCulture,
                $"the features have very different ranges: '{sizes[0].Name}' goes up to {sizes[0].Size:G3}, '{sizes[^1].Name}' up to "
                    + $"{sizes[^1].Size:G3}, ")
                + "and the larger one dominates. Set data.standardise: true.";
        }
    }

    private static float LargestTarget(DataSet rows)
    {
        var targets = new float[rows.Outputs];
        var largest = 0f;
        for (var row = 0L; row < Math.Min(rows.Rows, MostRows); row++)
        {
            rows.CopyTargetValues(row, targets);
            foreach (var target in targets)
            {
                largest = Math.Max(largest, Math.Abs(target));
            }
        }

        return largest;
    }

    private static bool AreEqual(DataSet rows)
    {
        var (first, other) = (new float[rows.Outputs], new float[rows.Outputs]);
        rows.CopyTargetValues(0, first);
        for (var row = 1L; row < rows.Rows; row++)
        {
            rows.CopyTargetValues(row, other);
            if (!first.AsSpan().SequenceEqual(other))
            {
                return false;
            }
        }

        return true;
    }

    private static bool IsPerRow(int words, long rows) => words > FewWords && words * 2L > rows;

    private static IEnumerable<string> RareClasses(PreparedData data, DataRecipe recipe)
    {
        var remedy = recipe switch
        {
            { Source: CsvSource { Time: not null } } => "use more rows, or hold back another share of them.",
            { Split: SplitKind.Stratified } => "use more rows of it, hold back a larger share, or leave the class out.",
            _ => "use more rows, hold back another share of them, or choose another seed.",
        };
        foreach (var (name, set) in new[] { ("training", data.Train), ("validation", data.Validation), ("test", data.Test) })
        {
            if (set is null)
            {
                continue;
            }

            var counts = new long[data.Classes.Length];
            for (var row = 0L; row < set.Rows; row++)
            {
                counts[set.Label(row)]++;
            }

            var missing = Named(data.Classes, counts, count => count == 0);
            if (missing.Length > 0)
            {
                yield return $"no {name} row has the class {missing}. "
                    + (name == "training" ? "The model cannot learn it: " : $"The {name} figures say nothing about it: ")
                    + remedy;
            }

            var rare = name == "training" ? Named(data.Classes, counts, count => count is > 0 and < FewRows) : "";
            if (rare.Length > 0)
            {
                yield return $"fewer than {FewRows} training rows have the class {rare}. Use more rows of it, or hold back fewer.";
            }
        }
    }

    private static string Named(ImmutableArray<string> classes, long[] counts, Func<long, bool> isMeant)
    {
        string[] found = [.. classes.Zip(counts).Where(pair => isMeant(pair.Second)).Select(pair => $"'{pair.First}'")];
        return string.Join(", ", found.Take(MostNamed)) + (found.Length > MostNamed ? $" and {found.Length - MostNamed} more" : "");
    }
}
