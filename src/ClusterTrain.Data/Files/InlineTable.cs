using System.Collections.Immutable;
using System.Globalization;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Features;
using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Files;

/// <summary>Rows written in the recipe itself.</summary>
internal static class InlineTable
{
    private const string Name = "the recipe's rows";

    /// <exception cref="DataException">The rows are not a table, or a label is no class index.</exception>
    public static SourceData Read(InlineSource source, TaskKind task)
    {
        if (source.Features.IsEmpty)
        {
            throw new DataException($"{Name}: there are none. Write at least one row of features and targets.");
        }

        if (source.Features.Length != source.Targets.Length)
        {
            throw new DataException(
                $"{Name}: {source.Features.Length} rows of features and {source.Targets.Length} of targets. Write one of " +
                "each for every row.");
        }

        var features = Flatten(source.Features, "features");
        var targets = Flatten(source.Targets, "targets");
        var (width, outputs) = (source.Features[0].Length, source.Targets[0].Length);
        var columns = source.Columns.IsEmpty ? Numbered(width) : source.Columns;
        if (columns.Length != width)
        {
            throw new DataException($"{Name}: {columns.Length} columns are named where a row has {width} features. Name each.");
        }

        var encoding = new FeatureEncoding
        {
            Columns = columns,
            Categories = [],
            Derived = source.Derived,
            Features = columns.AddRange(source.Derived.Select(feature => feature.Name)),
            Scaling = FeatureScaling.Uniform(width + source.Derived.Length, 1),
        };
        return new SourceData
        {
            Train = new SourceTable(
                Name,
                RowStore.Of(Derive(features, encoding), encoding.Features.Length),
                task == TaskKind.Classification ? Labels(targets, outputs) : RowTargets.FromNumbers(targets, outputs)),
            Encoding = encoding,
            TargetNames = task == TaskKind.Classification
                ? ["label"]
                : FeatureEncoding.Numbered("y", 0, outputs),
        };
    }

    /// <summary>The names of features that have none: x1, x2, ...</summary>
    public static ImmutableArray<string> Numbered(int features) => FeatureEncoding.Numbered("x", 1, features);

    private static float[] Derive(float[] raw, FeatureEncoding encoding)
    {
        if (encoding.Derived.IsEmpty)
        {
            return raw;
        }

        var rules = new FeatureRules(encoding.Columns, encoding.Derived, encoding.Features);
        var width = encoding.Columns.Length;
        var wide = Array.ConvertAll(raw, value => (double)value);
        var features = new double[raw.Length / width * rules.Count];
        for (var row = 0; row < raw.Length / width; row++)
        {
            var number = row;
            rules.Apply(wide.AsSpan(row * width, width), features.AsSpan(row * rules.Count, rules.Count), () => $"{Name}: row {number}");
        }

        return Array.ConvertAll(features, value => (float)value);
    }

    private static float[] Flatten(ImmutableArray<ImmutableArray<float>> rows, string what)
    {
        var width = rows[0].Length;
        if (width == 0)
        {
            throw new DataException($"{Name}: row 0 has no {what}. Write at least one.");
        }

        var values = new float[rows.Length * width];
        for (var row = 0; row < rows.Length; row++)
        {
            if (rows[row].Length != width)
            {
                throw new DataException(
                    $"{Name}: row {row} has {rows[row].Length} {what} where row 0 has {width}. Write as many in each row.");
            }

            rows[row].CopyTo(values, row * width);
        }

        var bad = Array.FindIndex(values, value => !float.IsFinite(value));
        if (bad >= 0)
        {
            throw new DataException(
                $"{Name}: row {bad / width}, value {bad % width} of the {what} is " +
                $"{values[bad].ToString(CultureInfo.InvariantCulture)}, not a finite number. Correct it.");
        }

        return values;
    }

    private static RowTargets Labels(float[] targets, int outputs)
    {
        if (outputs != 1)
        {
            throw new DataException($"{Name}: {outputs} targets a row; for a classification write one, the index of the class.");
        }

        for (var row = 0; row < targets.Length; row++)
        {
            if (targets[row] is not (>= 0 and < DataLimits.Classes) || targets[row] != (int)targets[row])
            {
                throw new DataException(
                    $"{Name}: row {row} has the label {targets[row].ToString(CultureInfo.InvariantCulture)}, not a class " +
                    $"index: a whole number from 0 to {DataLimits.Classes - 1}. Correct it, or set the task to regression.");
            }
        }

        var labels = Array.ConvertAll(targets, target => (ushort)target);
        var classes = Enumerable.Range(0, labels.Max() + 1).Select(i => i.ToString(CultureInfo.InvariantCulture));
        return RowTargets.FromLabels(labels, [.. classes]);
    }
}
