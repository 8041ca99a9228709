using System.Collections.Immutable;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Learning.Metrics;

/// <summary>
/// The running sums behind an <see cref="Evaluation"/>, in double and in row order: the same rows give the same bits
/// however they are cut into calls of <see cref="Add"/>.
/// </summary>
public sealed class EvaluationSums
{
    /// <summary>The threshold at which two classes are treated alike.</summary>
    public const double EvenThreshold = 0.5;

    private readonly TaskKind _task;
    private readonly int _outputs;
    private readonly long[,] _confusion;
    private readonly double[] _squaredErrors;
    private readonly double[] _targetMean;
    private readonly double[] _targetSquares;
    private readonly double _threshold;
    private double _absoluteErrors;
    private double _relativeErrors;
    private bool _hasZeroTarget;
    private double _loss;
    private long _rows;
    private long? _firstUndefined;

    /// <summary>Sums over no rows yet.</summary>
    /// <param name="task">Which figures to collect.</param>
    /// <param name="outputs">Outputs per row.</param>
    /// <param name="scores">Collects what accuracy does not tell; null: nothing does.</param>
    /// <param name="threshold">Of two classes the second is predicted where its output is above this, see <see cref="ClassOf"/>.</param>
    public EvaluationSums(TaskKind task, int outputs, ClassificationScores? scores = null, double threshold = EvenThreshold)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(outputs, 1);
        _task = task;
        _outputs = outputs;
        _threshold = threshold;
        Scores = scores;
        var classes = task == TaskKind.Classification ? Math.Max(2, outputs) : 0;
        _confusion = new long[classes, classes];
        var numbers = task == TaskKind.Regression ? outputs : 0;
        _squaredErrors = new double[numbers];
        _targetMean = new double[numbers];
        _targetSquares = new double[numbers];
    }

    /// <summary>What collects the outputs; null: nothing does.</summary>
    public ClassificationScores? Scores { get; }

    /// <summary>For each output of a regression what 0 of the targets' own unit is; empty: 0. Shares of a target go by it.</summary>
    public ImmutableArray<float> ZeroTargets { get; init; } = [];

    /// <summary>Adds rows, in order.</summary>
    /// <param name="outputs">(rows, outputs) after the last activation.</param>
    /// <param name="targets">(rows, outputs).</param>
    /// <param name="rowLoss">(rows).</param>
    /// <exception cref="ArgumentException">The lengths do not agree.</exception>
    public void Add(ReadOnlySpan<float> outputs, ReadOnlySpan<float> targets, ReadOnlySpan<float> rowLoss)
    {
        if (outputs.Length != targets.Length || outputs.Length != (long)rowLoss.Length * _outputs)
        {
            throw new ArgumentException(
                $"{rowLoss.Length} rows of {_outputs} outputs do not agree with {outputs.Length} outputs and "
                + $"{targets.Length} targets.");
        }

        for (var row = 0; row < rowLoss.Length; row++)
        {
            _rows++;
            _loss += rowLoss[row];
            var y = outputs.Slice(row * _outputs, _outputs);
            var t = targets.Slice(row * _outputs, _outputs);
            if (IsUndefined(y))
            {
                // No class, and so no hit, nor a miss of any one class.
                _firstUndefined ??= _rows - 1;
            }
            else if (_task == TaskKind.Classification)
            {
                var (label, predicted) = (ClassOf(t), ClassOf(y, _threshold));
                _confusion[label, predicted]++;
                Scores?.Add(y, label, predicted);
            }
            else
            {
                AddNumbers(y, t);
            }
        }
    }

    /// <summary>The figures over all rows added.</summary>
    /// <exception cref="InvalidOperationException">No rows were added.</exception>
    public Evaluation Result()
    {
        if (_rows == 0)
        {
            throw new InvalidOperationException("No rows to evaluate: a mean over no rows has no value.");
        }

        var result = new Evaluation { Rows = _rows, Loss = _loss / _rows, FirstUndefined = _firstUndefined };
        if (_task == TaskKind.Classification)
        {
            long right = 0;
            for (var index = 0; index < _confusion.GetLength(0); index++)
            {
                right += _confusion[index, index];
            }

            return result with
            {
                Accuracy = (double)right / _rows,
                Confusion = (long[,])_confusion.Clone(),
                Details = _firstUndefined is null ? Scores?.Result(_confusion) : null,
            };
        }

        if (_firstUndefined is not null)
        {
            return result with { MeanAbsoluteError = double.NaN, MeanSquaredError = double.NaN };
        }

        var values = (double)_rows * _outputs;
        double squares = 0;
        double r2 = 0;
        for (var output = 0; output < _outputs; output++)
        {
            squares += _squaredErrors[output];
            r2 += 1 - _squaredErrors[output] / _targetSquares[output];
        }

        return result with
        {
            MeanAbsoluteError = _absoluteErrors / values,
            MeanSquaredError = squares / values,
            MeanAbsolutePercentageError = _hasZeroTarget ? null : _relativeErrors / values,
            R2 = Array.IndexOf(_targetSquares, 0) < 0 ? r2 / _outputs : null,
        };
    }

    /// <summary>True when an output is not a number (NaN), so that the row has no prediction.</summary>
    public static bool IsUndefined(ReadOnlySpan<float> outputs)
    {
        foreach (var output in outputs)
        {
            if (float.IsNaN(output))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// The class that a row of outputs or one-hot targets names: the first largest, or for one output whether it
    /// exceeds 0.5. With another threshold, of two classes the second where its output exceeds it.
    /// </summary>
    /// <param name="row">The outputs or targets.</param>
    /// <param name="threshold">The threshold.</param>
    public static int ClassOf(ReadOnlySpan<float> row, double threshold = EvenThreshold)
    {
        if (row.Length == 1 || (row.Length == 2 && threshold != EvenThreshold))
        {
            return row[^1] > threshold ? 1 : 0;
        }

        var best = 0;
        for (var index = 1; index < row.Length; index++)
        {
            if (row[index] > row[best])
            {
                best = index;
            }
        }

        return best;
    }

    private void AddNumbers(ReadOnlySpan<float> outputs, ReadOnlySpan<float> targets)
    {
        for (var output = 0; output < outputs.Length; output++)
        {
            double target = targets[output];
            var error = outputs[output] - target;
            _absoluteErrors += Math.Abs(error);
            _squaredErrors[output] += error * error;
            var whole = ZeroTargets.IsEmpty ? target : target - ZeroTargets[output];
            _hasZeroTarget |= whole == 0;
            _relativeErrors += Math.Abs(error / whole);

            // Welford 1962: the squares around the mean in one pass, without the cancellation of Σt² - n·mean².
            var fromOldMean = target - _targetMean[output];
            _targetMean[output] += fromOldMean / _rows;
            _targetSquares[output] += fromOldMean * (target - _targetMean[output]);
        }
    }
}
