using System.Collections.Immutable;
using ClusterTrain.Data.Features;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Files;

/// <summary>What a model learnt of the columns of its training rows: how other files are read for it.</summary>
/// <param name="Encoding">How columns become features.</param>
/// <param name="TargetNames">The columns of targets.</param>
/// <param name="Classes">The classes; empty for regression.</param>
/// <param name="Outputs">Values of a row's targets.</param>
internal sealed record LearntColumns(FeatureEncoding Encoding, ImmutableArray<string> TargetNames, ImmutableArray<string> Classes, int Outputs)
{
    /// <summary>The table it was trained on; null: it was something else.</summary>
    public CsvSource? Source { get; init; }

    /// <summary>True when targets are held with all their digits, because they were scaled by what the training rows said.</summary>
    public bool KeepsTargets { get; init; }
}
