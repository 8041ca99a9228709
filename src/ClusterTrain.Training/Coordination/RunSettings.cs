namespace ClusterTrain.Training.Coordination;

/// <summary>How a run is carried out. None of it changes the result.</summary>
public sealed record RunSettings
{
    /// <summary>Segments of the parameters, each with a parameter server.</summary>
    public int ParameterServers { get; init; } = 1;

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
