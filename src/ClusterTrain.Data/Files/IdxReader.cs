using System.Collections.Immutable;
using System.Globalization;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Features;
using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Files;

/// <summary>A source made of IDX files: features and targets, for training and perhaps for testing.</summary>
internal static class IdxReader
{
    /// <param name="train">Features and targets of the training rows.</param>
    /// <param name="test">Features and targets of the test rows; null: none.</param>
    /// <param name="task">What the targets are.</param>
    /// <param name="classes">Names of the classes when they are known; otherwise 0, 1, ... up to the largest training
    /// label.</param>
    /// <exception cref="DataException">The files do not fit each other.</exception>
    public static SourceData Read(
        (IdxFeatures Features, IdxFile Targets) train,
        (IdxFeatures Features, IdxFile Targets)? test,
        TaskKind task,
        ImmutableArray<string> classes = default)
    {
        if (task == TaskKind.Classification && classes.IsDefault)
        {
            classes = Classes(train.Targets);
        }

        var features = train.Features.Rows.Features;
        if (test is { } pair && pair.Features.Rows.Features != features)
        {
            throw new DataException(
                $"{pair.Features.Name}: {pair.Features.Rows.Features} features a row, and {train.Features.Name} has {features}. " +
                "Test and training rows need the same features.");
        }

        var dimensions = train.Features.Dimensions;
        if (classes.IsDefault)
        {
            classes = [];
        }

        var outputs = train.Targets.RowValues;
        var trainTable = Table(train.Features, train.Targets, classes, outputs);
        return new SourceData
        {
            Train = trainTable,
            Test = test is { } files ? Table(files.Features, files.Targets, classes, outputs) : null,
            Encoding = FeatureEncoding.Plain(FeatureEncoding.Numbered("f", 0, features), FeatureScaling.Uniform(features, 1)),
            TargetNames = task == TaskKind.Classification ? ["label"] : FeatureEncoding.Numbered("y", 0, trainTable.Targets.Outputs),
            Shape = dimensions.Length == 3 ? new ImageShape(dimensions[1], dimensions[2]) : null,
        };
    }

    /// <summary>Rows with their targets.</summary>
    /// <param name="features">The features.</param>
    /// <param name="targets">The targets.</param>
    /// <param name="classes">Names of the classes; empty: the targets are numbers.</param>
    /// <param name="outputs">Numbers a row in training.</param>
    /// <exception cref="DataException">The files do not belong together, or a label is no class.</exception>
    public static SourceTable Table(IdxFeatures features, IdxFile targets, ImmutableArray<string> classes, int outputs)
    {
        if (features.Rows.Rows != targets.Rows)
        {
            throw new DataException(
                $"{targets.Name}: {targets.Rows} labels for the {features.Rows.Rows} rows of {features.Name}. The two files do " +
                "not belong together.");
        }

        if (!classes.IsEmpty)
        {
            return new SourceTable(features.Name, features.Rows, RowTargets.FromLabels(Labels(targets, classes), classes));
        }

        if (targets.RowValues != outputs)
        {
            throw new DataException(
                $"{targets.Name}: {targets.RowValues} targets a row, and there are {outputs} in training. " +
                "Test and training rows need the same targets.");
        }

        return new SourceTable(features.Name, features.Rows, RowTargets.FromNumbers(targets.ToFloats(), targets.RowValues));
    }

    private static ReadOnlySpan<byte> LabelBytes(IdxFile file)
    {
        if (file.IsFloat || file.RowValues != 1)
        {
            throw new DataException(
                $"{file.Name}: labels of a classification are single bytes, one a row; this file holds " +
                $"{(file.IsFloat ? "floats" : "bytes")}, {file.RowValues} a row. Name the file of the labels, or set the " +
                "task to regression.");
        }

        return file.Content.AsSpan(file.Start);
    }

    private static ImmutableArray<string> Classes(IdxFile labels)
    {
        byte largest = 0;
        foreach (var label in LabelBytes(labels))
        {
            largest = Math.Max(largest, label);
        }

        return [.. Enumerable.Range(0, largest + 1).Select(i => i.ToString(CultureInfo.InvariantCulture))];
    }

    private static ushort[] Labels(IdxFile file, ImmutableArray<string> classes)
    {
        var bytes = LabelBytes(file);
        var labels = new ushort[bytes.Length];
        for (var row = 0; row < labels.Length; row++)
        {
            if (bytes[row] >= classes.Length)
            {
                throw new DataException(
                    $"{file.Name}: row {row} has the label {bytes[row]}; there are {classes.Length} classes in training, " +
                    $"labelled 0 to {classes.Length - 1}. Correct the label, or train with rows of this class.");
            }

            labels[row] = bytes[row];
        }

        return labels;
    }
}
