using System.Collections.Immutable;
using System.Globalization;

namespace ClusterTrain.Learning;

/// <summary>A source made of CSV files.</summary>
internal static class CsvTables
{
    /// <param name="train">The training rows.</param>
    /// <param name="test">The test rows, read with the columns of the training rows; null: none.</param>
    /// <param name="task">What the targets are.</param>
    /// <exception cref="DataException">A label of the test rows is none of the training rows.</exception>
    public static SourceData Combine(CsvFile train, CsvFile? test, TaskKind task)
    {
        var classes = task == TaskKind.Classification ? Classes(train) : [];
        return new SourceData
        {
            Train = Table(train, classes),
            Test = test is null ? null : Table(test, classes),
            FeatureNames = train.FeatureNames,
            TargetNames = train.TargetNames,
        };
    }

    private static SourceTable Table(CsvFile file, ImmutableArray<string> classes)
    {
        var store = SourceTable.Store([.. file.Features], file.FeatureNames.Length);
        var targets = classes.IsEmpty
            ? RowTargets.FromNumbers([.. file.Numbers], file.TargetNames.Length)
            : RowTargets.FromLabels(Labels(file, classes), classes);
        return new SourceTable(file.Name, store, targets);
    }

    /// <summary>
    /// The labels of the training rows: in numeric order when all are integers, else in the order of their characters'
    /// codes.
    /// </summary>
    private static ImmutableArray<string> Classes(CsvFile train)
    {
        var names = train.Labels.Distinct().ToList();
        if (names.Count > DataLimits.Classes)
        {
            throw new DataException(
                $"{train.Name}: column '{train.TargetNames[0]}' holds {names.Count} different labels; at most " +
                $"{DataLimits.Classes} classes are told apart. Numbers to be predicted need the task regression.");
        }

        names.Sort(StringComparer.Ordinal);
        var numbers = names.Select(name => (Name: name, IsNumber: IsInteger(name, out var number), Number: number)).ToList();
        return numbers.All(name => name.IsNumber)
            ? [.. numbers.OrderBy(name => name.Number).Select(name => name.Name)]
            : [.. names];
    }

    private static bool IsInteger(string label, out long number) =>
        long.TryParse(label, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out number);

    internal static int[] Labels(CsvFile file, ImmutableArray<string> classes)
    {
        var indices = classes.Index().ToDictionary(item => item.Item, item => item.Index);
        var labels = new int[file.Labels.Count];
        foreach (var (row, label) in file.Labels.Index())
        {
            if (!indices.TryGetValue(label, out labels[row]))
            {
                throw new DataException(
                    $"{file.Name}: line {file.Lines[row]}, column '{file.TargetNames[0]}' is '{label}', a class that no " +
                    "training row has. Correct the label, or train with rows of this class.");
            }
        }

        return labels;
    }
}
