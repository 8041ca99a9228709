
namespace ClusterTrain.Learning.Metrics;

/// <summary>How well outputs match their targets. Figures of the other kind of task are null.</summary>
public sealed record Evaluation
{
    /// <summary>Rows evaluated.</summary>
    public required long Rows { get; init; }

    /// <summary>Mean over the rows of the recipe's loss (without L2).</summary>
    public required double Loss { get; init; }

    /// <summary>Classification: the share of rows whose predicted class is the true one.</summary>
    public double? Accuracy { get; init; }

    /// <summary>Classification: rows by true class (first index) and predicted class (second index).</summary>
    public long[,]? Confusion { get; init; }

    /// <summary>Regression: mean over rows and outputs of |y - t|.</summary>
    public double? MeanAbsoluteError { get; init; }

    /// <summary>Regression: mean over rows and outputs of (y - t)².</summary>
    public double? MeanSquaredError { get; init; }

    /// <summary>
    /// Regression: the mean over the outputs of 1 - Σ(y - t)² / Σ(t - mean t)²; null when an output's targets are all equal.
    /// </summary>
    public double? R2 { get; init; }

    /// <summary>Classification: what accuracy does not tell; null where it was not asked for, or a row has no prediction.</summary>
    public ClassificationFigures? Details { get; init; }

    /// <summary>
    /// Regression: mean over rows and outputs of |y - t| / |t|, as a share; null when a target is 0, which has no shares.
    /// </summary>
    public double? MeanAbsolutePercentageError { get; init; }

    /// <summary>The first row, from 0, with an output that is not a number: such a row has no prediction. Null: every row has one.</summary>
    public long? FirstUndefined { get; init; }
}
