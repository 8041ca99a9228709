namespace ClusterTrain.Training.Coordination;

/// <summary>How a run is carried out. None of it changes the result.</summary>
public sealed record RunSettings
{
    /// <summary>Parameter servers that the parameters are divided among.</summary>
    public int ParameterServers { get; init; } = 1;

    /// <summary>
    /// Parameters of a segment, at least, where there are several parameter servers: each has several segments of a large model, so that one is on
    /// its way while the next is computed. The default is a quarter of a megabyte.
    /// </summary>
    public int SegmentParameters { get; init; } = 64 * 1024;

    /// <summary>Workers needed to begin and to continue.</summary>
    public int LeastWorkers { get; init; } = 1;

    /// <summary>
    /// Time between checkpoints; zero: none by time. Null: as often as is worth it, so that little more than a second of work is ever repeated,
    /// unless a checkpoint takes longer to write than a fifth of that.
    /// </summary>
    public TimeSpan? CheckpointPeriod { get; init; }

    /// <summary>Steps between checkpoints; zero: none by steps.</summary>
    public long CheckpointSteps { get; init; }

    /// <summary>Steps between entries of the receipt besides those of the epochs; zero: none.</summary>
    public long ReceiptSteps { get; init; }

    /// <summary>The share of the steps whose shares other workers compute too, so that both are compared, 0 to 1.</summary>
    public double AuditRate { get; init; }
}
