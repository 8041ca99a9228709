using System.Collections.Immutable;
using ClusterTrain.Data.Features;
using ClusterTrain.Data.Rows;

namespace ClusterTrain.Data.Files;

/// <summary>What a source holds, as it stands there: nothing is split or scaled yet.</summary>
internal sealed record SourceData
{
    public required SourceTable Train { get; init; }

    /// <summary>Null when the source has no test rows of its own.</summary>
    public SourceTable? Test { get; init; }

    /// <summary>How the features came about; its scaling leaves them as they are.</summary>
    public required FeatureEncoding Encoding { get; init; }

    public required ImmutableArray<string> TargetNames { get; init; }

    public ImageShape? Shape { get; init; }
}

/// <summary>Raw rows and their targets.</summary>
/// <param name="Name">Where they come from, for messages.</param>
/// <param name="Rows">The raw features.</param>
/// <param name="Targets">One per row.</param>
internal sealed record SourceTable(string Name, RowStore Rows, RowTargets Targets)
{
    /// <summary>Where its rows stand.</summary>
    public RowPlaces Places { get; init; } = RowPlaces.Numbered;

    /// <summary>Where a row stands, with the name of the source.</summary>
    public string PlaceOf(long row) => Places.Of(row, Name);

    /// <summary>
    /// Rows that are columns still, to be encoded by what is learnt from the training rows: for each column null, or for the number that a word
    /// has in the rows its place among the sorted words. A missing value is NaN there, an unknown word -1. Default: the rows are features.
    /// </summary>
    public ImmutableArray<int[]?> Codes { get; init; }

    /// <summary>Columns that were to be kept as they stand; null: none were.</summary>
    public KeptColumns? Kept { get; init; }

    /// <summary>What splits of the rows go by besides chance; null: nothing.</summary>
    public SplitKeys? SplitKeys { get; init; }

    /// <summary>What a reader should know although nothing is wrong.</summary>
    public ImmutableArray<string> Warnings { get; init; } = [];
}
