namespace ClusterTrain.Reproductions;

/// <summary>A published result, and the recipe that is held to it.</summary>
internal sealed record Row
{
    /// <summary>The recipe of <c>configs/</c>, without its extension.</summary>
    public required string Recipe { get; init; }

    /// <summary>What the recipe reproduces.</summary>
    public required string What { get; init; }

    /// <summary>The published figure, with its name.</summary>
    public required string Published { get; init; }

    /// <summary>What the recipe has to reach, in words.</summary>
    public required string Wanted { get; init; }

    /// <summary>The figure, and whether it is what is wanted, from the runs of <see cref="Seeds"/> in their order.</summary>
    public required Func<IReadOnlyList<TrainedRow>, Measured> Measure { get; init; }

    /// <summary>Seeds to train with; empty: the recipe's own.</summary>
    public IReadOnlyList<ulong> Seeds { get; init; } = [];

    /// <summary>A data set that the recipe reads as CSV files; null: it reads none.</summary>
    public string? Exported { get; init; }

    /// <summary>An earlier row's recipe whose runs have the same losses, figures and weights at every epoch; null: none.</summary>
    public string? Twin { get; init; }

    /// <summary>How anyone runs it, a line each.</summary>
    public IReadOnlyList<string> Commands
    {
        get
        {
            var train = $"clustertrain train configs/{Recipe}.yaml";
            return Exported is { } set ? [$"clustertrain data export {set} --out csv", $"{train} --data csv"]
                : Seeds.Count > 1 ? [$"{train} --set seed=N"]
                : [train];
        }
    }
}

/// <summary>What a row came to.</summary>
/// <param name="Figure">The figure, as the table shows it.</param>
/// <param name="IsMet">True: it is what is wanted.</param>
internal sealed record Measured(string Figure, bool IsMet);
