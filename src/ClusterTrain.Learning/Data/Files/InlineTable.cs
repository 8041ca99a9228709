using System.Collections.Immutable;
using System.Globalization;

namespace ClusterTrain.Learning;

/// <summary>Rows written in the recipe itself.</summary>
internal static class InlineTable
{
    private const string Name = "the recipe's rows";

    /// <exception cref="DataException">The rows are not a table, or a label is no class index.</exception>
    public static SourceData Read(InlineSource source, TaskKind task)
    {
        if (source.Features.IsEmpty)
            throw new DataException($"{Name}: there are none. Write at least one row of features and targets.");
        if (source.Features.Length != source.Targets.Length)
        {
            throw new DataException(
                $"{Name}: {source.Features.Length} rows of features and {source.Targets.Length} of targets. Write one of " +
                "each for every row.");
        }

        var features = Flatten(source.Features, "features");
        var targets = Flatten(source.Targets, "targets");
        var (width, outputs) = (source.Features[0].Length, source.Targets[0].Length);
        return new SourceData
        {
            Train = new SourceTable(
                Name,
                SourceTable.Store(features, width),
                task == TaskKind.Classification ? Labels(targets, outputs) : RowTargets.FromNumbers(targets, outputs)),
            FeatureNames = [.. Enumerable.Range(0, width).Select(i => "f" + i.ToString(CultureInfo.InvariantCulture))],
            TargetNames = task == TaskKind.Classification
                ? ["label"]
                : [.. Enumerable.Range(0, outputs).Select(i => "y" + i.ToString(CultureInfo.InvariantCulture))],
        };
    }

    private static float[] Flatten(ImmutableArray<ImmutableArray<float>> rows, string what)
    {
        var width = rows[0].Length;
        if (width == 0)
            throw new DataException($"{Name}: row 0 has no {what}. Write at least one.");
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
            throw new DataException($"{Name}: {outputs} targets a row; for a classification write one, the index of the class.");
        for (var row = 0; row < targets.Length; row++)
        {
            if (targets[row] is not (>= 0 and < DataLimits.Classes) || targets[row] != (int)targets[row])
            {
                throw new DataException(
                    $"{Name}: row {row} has the label {targets[row].ToString(CultureInfo.InvariantCulture)}, not a class " +
                    $"index: a whole number from 0 to {DataLimits.Classes - 1}. Correct it, or set the task to regression.");
            }
        }

        var labels = Array.ConvertAll(targets, target => (int)target);
        var classes = Enumerable.Range(0, labels.Max() + 1).Select(i => i.ToString(CultureInfo.InvariantCulture));
        return RowTargets.FromLabels(labels, [.. classes]);
    }
}
