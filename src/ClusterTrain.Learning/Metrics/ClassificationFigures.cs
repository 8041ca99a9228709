using System.Collections.Immutable;

namespace ClusterTrain.Learning.Metrics;

/// <summary>How well classes are told apart. What has no value is null.</summary>
public sealed record ClassificationFigures
{
    /// <summary>Each class by itself, in the order of the outputs.</summary>
    public ImmutableArray<ClassFigures> Classes { get; init; } = [];

    /// <summary>Mean of the classes' precision: of those that have rows or were predicted.</summary>
    public required double Precision { get; init; }

    /// <summary>Mean of the same classes' recall.</summary>
    public required double Recall { get; init; }

    /// <summary>Mean of the same classes' F1.</summary>
    public required double F1 { get; init; }

    /// <summary>
    /// Area under the ROC curve. Of two classes it is that of the second, of more the mean over those that have rows, each against all others.
    /// </summary>
    public double? RocAuc { get; init; }

    /// <summary>Area under the precision-recall curve (average precision), of the same classes.</summary>
    public double? PrAuc { get; init; }

    /// <summary>
    /// Mean over the rows of -ln p, with p the probability given to the true class, 2⁻⁵² at least; null when the outputs are not probabilities.
    /// </summary>
    public double? LogLoss { get; init; }

    /// <summary>
    /// Expected calibration error: the mean over the bins of <see cref="Calibration"/>, weighted by their rows, of the distance between the mean
    /// probability and the share that is right; null when the outputs are not probabilities.
    /// </summary>
    public double? CalibrationError { get; init; }

    /// <summary>
    /// Rows by probability in bins of equal width that have rows, ascending. Of two classes it is the probability of the second one, of more that
    /// of the class predicted. Empty when the outputs are not probabilities.
    /// </summary>
    public ImmutableArray<CalibrationBin> Calibration { get; init; } = [];
}

/// <summary>How well one class is told from all others.</summary>
/// <param name="Rows">Its rows.</param>
/// <param name="Predicted">Rows taken for it.</param>
/// <param name="Right">Rows of it taken for it.</param>
public sealed record ClassFigures(long Rows, long Predicted, long Right)
{
    /// <summary>True when the class is among the rows or the predictions; otherwise nothing can be said of it.</summary>
    public bool Occurs => Rows + Predicted > 0;

    /// <summary>Share of the rows taken for it that are of it; 0 when none was.</summary>
    public double Precision => Predicted == 0 ? 0 : (double)Right / Predicted;

    /// <summary>Share of its rows that were taken for it; 0 when it has none.</summary>
    public double Recall => Rows == 0 ? 0 : (double)Right / Rows;

    /// <summary>Harmonic mean of precision and recall.</summary>
    public double F1 => Occurs ? 2.0 * Right / (Rows + Predicted) : 0;

    /// <summary>Area under its ROC curve, by its output; null when all rows are of it or none is, or there are too many rows.</summary>
    public double? RocAuc { get; init; }

    /// <summary>Area under its precision-recall curve (average precision); null as <see cref="RocAuc"/>.</summary>
    public double? PrAuc { get; init; }
}

/// <summary>Rows of nearly one probability.</summary>
/// <param name="Rows">Number of them, at least 1.</param>
/// <param name="Probability">Mean of their probabilities.</param>
/// <param name="Right">The share of them for which what the probability is of came true.</param>
public readonly record struct CalibrationBin(long Rows, double Probability, double Right);
