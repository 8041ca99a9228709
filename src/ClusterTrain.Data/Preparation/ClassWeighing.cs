using System.Collections.Immutable;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Files;
using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Preparation;

/// <summary>From the weights a recipe asks for to one weight for each class.</summary>
internal static class ClassWeighing
{
    /// <param name="wanted">The recipe's weights.</param>
    /// <param name="targets">Labels of all rows.</param>
    /// <param name="rows">The training rows; null: all.</param>
    /// <param name="total">Number of all rows.</param>
    /// <param name="name">What messages call the rows.</param>
    /// <exception cref="DataException">A weight is given to a class that there is not, or the targets are no classes.</exception>
    public static ImmutableArray<float> Weights(ClassWeightsRecipe wanted, RowTargets targets, int[]? rows, long total, string name)
    {
        if (targets.Classes.IsEmpty)
        {
            throw new DataException($"{name}: the targets are numbers, which have no class weights. Leave class_weights out.");
        }

        if (wanted.Given.IsEmpty)
        {
            return Balanced(targets, rows, total);
        }

        var weights = Enumerable.Repeat(1f, targets.Classes.Length).ToArray();
        foreach (var (label, weight) in wanted.Given)
        {
            var index = targets.Classes.IndexOf(label);
            if (index < 0)
            {
                throw new DataException(
                    $"{name}: class_weights names the class '{label}', and there are {NearestColumn.Quoted(targets.Classes)}. Name one of these.");
            }

            weights[index] = (float)weight;
        }

        return [.. weights];
    }

    private static ImmutableArray<float> Balanced(RowTargets targets, int[]? rows, long total)
    {
        var counts = new long[targets.Classes.Length];
        var count = rows?.LongLength ?? total;
        for (var i = 0L; i < count; i++)
        {
            counts[targets.Label(rows?[i] ?? i)]++;
        }

        // A class without training rows has no weight that could matter.
        return [.. counts.Select(of => of == 0 ? 1 : (float)(count / ((double)counts.Length * of)))];
    }
}
