using System.Collections.Immutable;
using System.Runtime.InteropServices;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.Exact;

namespace ClusterTrain.Learning.Metrics;

/// <summary>
/// Collects the outputs of a classifier, row by row, for the figures that accuracy does not tell. Sums are in double and in row order, areas are
/// counted over sorted scores: the same rows give the same bits.
/// </summary>
public sealed class ClassificationScores
{
    /// <summary>Bins of probability (Guo et al. 2017).</summary>
    public const int Bins = 15;

    /// <summary>Outputs that are kept at most; of more, areas under curves are left out.</summary>
    public const long MostKept = 1 << 26;

    private const double LeastProbability = 1.0 / (1L << 52);

    private readonly int _outputs;
    private readonly bool _areProbabilities;
    private readonly List<float> _scores = [];
    private readonly List<ushort> _labels = [];
    private readonly (long Rows, double Probability, long Right)[] _bins = new (long, double, long)[Bins];
    private double _logLoss;
    private long _rows;

    /// <summary>No rows yet.</summary>
    /// <param name="last">The network's last layer: its outputs are probabilities with softmax, or with sigmoid where there is one.</param>
    public ClassificationScores(LayerRecipe last)
    {
        ArgumentNullException.ThrowIfNull(last);
        _outputs = last.Units;
        _areProbabilities = AreProbabilities(last);
    }

    /// <summary>Number of classes.</summary>
    public int Classes => Math.Max(2, _outputs);

    private bool AreKept => _rows * _outputs <= MostKept;

    /// <summary>True when the outputs of a layer are the probabilities of classes.</summary>
    /// <param name="last">The last layer.</param>
    public static bool AreProbabilities(LayerRecipe last)
    {
        ArgumentNullException.ThrowIfNull(last);
        return last.Activation == ActivationKind.Softmax ? last.Units > 1 : last is { Activation: ActivationKind.Sigmoid, Units: 1 };
    }

    /// <summary>Adds a row, all of whose outputs are numbers.</summary>
    /// <param name="outputs">(outputs).</param>
    /// <param name="label">Its class.</param>
    /// <param name="predicted">The class predicted.</param>
    public void Add(ReadOnlySpan<float> outputs, int label, int predicted)
    {
        _rows++;
        if (AreKept)
        {
            _scores.AddRange(outputs);
            _labels.Add((ushort)label);
        }

        if (!_areProbabilities)
        {
            return;
        }

        var probability = outputs.Length > 1 ? outputs[label] : label == 1 ? outputs[0] : 1.0 - outputs[0];
        _logLoss -= ExactMath.Log(Math.Clamp(probability, LeastProbability, 1));
        var (of, isRight) = Classes == 2 ? (outputs[^1], label == 1) : (outputs[predicted], label == predicted);
        ref var bin = ref _bins[Math.Clamp((int)(of * Bins), 0, Bins - 1)];
        bin = (bin.Rows + 1, bin.Probability + of, bin.Right + (isRight ? 1 : 0));
    }

    /// <summary>The rows ranked by their output for a class; null when all are of it or none is, or they were too many to be kept.</summary>
    /// <param name="index">The class.</param>
    public Ranking? Rank(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Classes);
        if (!AreKept)
        {
            return null;
        }

        var (scores, labels) = (new float[_labels.Count], new bool[_labels.Count]);
        var kept = CollectionsMarshal.AsSpan(_scores);
        for (var row = 0; row < scores.Length; row++)
        {
            // A single output is for the second class, and the more against the first.
            scores[row] = _outputs > 1 ? kept[(row * _outputs) + index] : index == 1 ? kept[row] : -kept[row];
            labels[row] = _labels[row] == index;
        }

        return Ranking.Of(scores, labels);
    }

    /// <summary>The figures over all rows added.</summary>
    /// <param name="confusion">Rows by true class (first) and predicted class (second).</param>
    /// <exception cref="InvalidOperationException">No rows were added.</exception>
    public ClassificationFigures Result(long[,] confusion)
    {
        ArgumentNullException.ThrowIfNull(confusion);
        if (_rows == 0)
        {
            throw new InvalidOperationException("No rows to evaluate: a mean over no rows has no value.");
        }

        ImmutableArray<ClassFigures> classes = [.. Enumerable.Range(0, Classes).Select(index => Of(index, confusion))];
        ClassFigures[] occurring = [.. classes.Where(of => of.Occurs)];
        ClassFigures[] ranked = Classes == 2 ? [classes[1]] : [.. classes.Where(of => of.RocAuc is not null)];
        var hasAreas = ranked.Length > 0 && ranked[0].RocAuc is not null;
        ImmutableArray<CalibrationBin> bins = [.. _bins.Where(bin => bin.Rows > 0)
            .Select(bin => new CalibrationBin(bin.Rows, bin.Probability / bin.Rows, (double)bin.Right / bin.Rows))];
        return new ClassificationFigures
        {
            Classes = classes,
            Precision = Mean(occurring, of => of.Precision),
            Recall = Mean(occurring, of => of.Recall),
            F1 = Mean(occurring, of => of.F1),
            RocAuc = hasAreas ? Mean(ranked, of => of.RocAuc!.Value) : null,
            PrAuc = hasAreas ? Mean(ranked, of => of.PrAuc!.Value) : null,
            LogLoss = _areProbabilities ? _logLoss / _rows : null,
            CalibrationError = _areProbabilities ? Sum(bins, bin => bin.Rows * Math.Abs(bin.Probability - bin.Right)) / _rows : null,
            Calibration = bins,
        };
    }

    private ClassFigures Of(int index, long[,] confusion)
    {
        var (rows, predicted) = (0L, 0L);
        for (var other = 0; other < Classes; other++)
        {
            rows += confusion[index, other];
            predicted += confusion[other, index];
        }

        var ranking = Rank(index);
        return new ClassFigures(rows, predicted, confusion[index, index]) { RocAuc = ranking?.RocAuc, PrAuc = ranking?.PrAuc };
    }

    private static double Mean(ClassFigures[] classes, Func<ClassFigures, double> figure) => Sum(classes, figure) / classes.Length;

    // One after the other: what a library's sum does is its own affair.
    private static double Sum<T>(IEnumerable<T> items, Func<T, double> figure)
    {
        double sum = 0;
        foreach (var item in items)
        {
            sum += figure(item);
        }

        return sum;
    }
}
