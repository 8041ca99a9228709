using System.Collections.Immutable;

namespace ClusterTrain.Learning;

/// <summary>Where the rows come from (exactly one source) and how they are prepared.</summary>
public sealed record DataRecipe
{
    /// <summary>The rows.</summary>
    public required DataSource Source { get; init; }

    /// <summary>Features are multiplied by this before anything else, for pixels 1/255; null: by 1.</summary>
    public double? Scale { get; init; }

    /// <summary>True: each feature is shifted and scaled to mean 0 and deviation 1, by the statistics of the training rows alone.</summary>
    public bool Standardise { get; init; }

    /// <summary>What is held back from the training rows to watch the run; null: nothing.</summary>
    public SplitSize? Validation { get; init; }

    /// <summary>What is held back for the final score when the source has no test rows of its own; null: nothing.</summary>
    public SplitSize? Test { get; init; }

    /// <summary>What the targets are.</summary>
    public TaskKind Task { get; init; } = TaskKind.Classification;
}

/// <summary>The two kinds of task.</summary>
public enum TaskKind
{
    /// <summary>Labels, one-hot encoded: one output per class.</summary>
    Classification,

    /// <summary>Numbers, used as they are.</summary>
    Regression,
}

/// <summary>A share of the rows, as a number of rows or as a fraction.</summary>
/// <param name="Rows">Number of rows, at least 1; null when the size is a fraction.</param>
/// <param name="Fraction">In (0, 1); null when the size is a number of rows.</param>
public readonly record struct SplitSize(long? Rows, double? Fraction)
{
    /// <summary>The number of rows held back of <paramref name="total"/> rows (fractions are rounded to nearest, at least 1).</summary>
    public long Of(long total) => Rows ?? Math.Max(1, (long)Math.Round(Fraction!.Value * total, MidpointRounding.ToEven));
}

/// <summary>A source of rows.</summary>
public abstract record DataSource;

/// <summary>A data set known by name (<c>mnist</c>, <c>digits</c>): found or fetched, see <c>clustertrain data</c>.</summary>
/// <param name="Name">Its name.</param>
public sealed record NamedSource(string Name) : DataSource;

/// <summary>IDX files (plain or gzip): images or vectors, and labels.</summary>
public sealed record IdxSource : DataSource
{
    /// <summary>File of the training features.</summary>
    public required string Features { get; init; }

    /// <summary>File of the training labels.</summary>
    public required string Labels { get; init; }

    /// <summary>File of the test features; null: none.</summary>
    public string? TestFeatures { get; init; }

    /// <summary>File of the test labels; null: none.</summary>
    public string? TestLabels { get; init; }
}

/// <summary>CSV files (plain or gzip) of one row per line.</summary>
public sealed record CsvSource : DataSource
{
    /// <summary>File of the training rows.</summary>
    public required string File { get; init; }

    /// <summary>File of the test rows, of the same columns; null: none.</summary>
    public string? TestFile { get; init; }

    /// <summary>True when the first line names the columns.</summary>
    public bool Header { get; init; } = true;

    /// <summary>Names of the columns when there is no header; empty: c0, c1, ...</summary>
    public ImmutableArray<string> Columns { get; init; } = [];

    /// <summary>The target columns: for classification the one that holds the label.</summary>
    public required ImmutableArray<string> Targets { get; init; }

    /// <summary>The feature columns, in order; empty: all that are not targets.</summary>
    public ImmutableArray<string> Features { get; init; } = [];
}

/// <summary>Rows written in the recipe itself.</summary>
public sealed record InlineSource : DataSource
{
    /// <summary>Features, one array per row.</summary>
    public required ImmutableArray<ImmutableArray<float>> Features { get; init; }

    /// <summary>Targets, one array per row: numbers, or for classification a single class index.</summary>
    public required ImmutableArray<ImmutableArray<float>> Targets { get; init; }
}
