using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.Metrics;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Training.Validation;

/// <summary>Computes the figures of weights on a data set, rows in order, in chunks of a fixed size. One caller at a time.</summary>
public sealed class Evaluator
{
    private const int ChunkRows = 512;

    private readonly Network _network;
    private readonly DataSet _data;
    private readonly TaskKind _task;
    private readonly float[] _features;
    private readonly float[] _targets;
    private readonly float[] _outputs;
    private readonly float[] _rowLoss;

    /// <summary>Creates an evaluator.</summary>
    /// <param name="network">Computes the outputs; not disposed here.</param>
    /// <param name="data">The rows.</param>
    /// <param name="task">Which figures are wanted.</param>
    public Evaluator(Network network, DataSet data, TaskKind task)
    {
        ArgumentNullException.ThrowIfNull(data);
        _network = network;
        _data = data;
        _task = task;
        var rows = (int)Math.Min(ChunkRows, data.Rows);
        _features = new float[rows * data.Features];
        _targets = new float[rows * data.Outputs];
        _outputs = new float[rows * data.Outputs];
        _rowLoss = new float[rows];
    }

    /// <summary>
    /// At most this many rows, evenly spread over all; <see cref="long.MaxValue"/>: every row. Where a few tell as much as all do.
    /// </summary>
    public long MostRows { get; init; } = long.MaxValue;

    /// <summary>Evaluates weights: loss and accuracy, or the errors of a regression.</summary>
    /// <param name="weights">All parameters.</param>
    public Evaluation Evaluate(ReadOnlySpan<float> weights) =>
        Evaluate(weights, new EvaluationSums(_task, _data.Outputs) { ZeroTargets = _data.ZeroTargets });

    /// <summary>Evaluates weights, with the figures of <see cref="Evaluation.Details"/>.</summary>
    /// <param name="weights">All parameters.</param>
    /// <param name="threshold">Of two classes the second is predicted where its output is above this.</param>
    public Evaluation EvaluateInDetail(ReadOnlySpan<float> weights, double threshold = EvaluationSums.EvenThreshold)
    {
        var scores = _task == TaskKind.Classification ? new ClassificationScores(_network.Layout.Layers[^1].Recipe) : null;
        return Evaluate(weights, new EvaluationSums(_task, _data.Outputs, scores, threshold) { ZeroTargets = _data.ZeroTargets });
    }

    private Evaluation Evaluate(ReadOnlySpan<float> weights, EvaluationSums sums)
    {
        var every = 1 + ((_data.Rows - 1) / Math.Max(1, MostRows));
        var rows = 1 + ((_data.Rows - 1) / every);
        for (long start = 0; start < rows; start += ChunkRows)
        {
            var count = (int)Math.Min(ChunkRows, rows - start);
            var features = _features.AsSpan(0, count * _data.Features);
            var targets = _targets.AsSpan(0, count * _data.Outputs);
            var outputs = _outputs.AsSpan(0, count * _data.Outputs);
            var rowLoss = _rowLoss.AsSpan(0, count);
            if (every == 1)
            {
                _data.Gather(start, count, features, targets);
            }
            else
            {
                _data.Gather([.. Enumerable.Range(0, count).Select(row => (start + row) * every)], features, targets);
            }

            _network.Evaluate(weights, features, targets, count, outputs, rowLoss);
            sums.Add(outputs, targets, rowLoss);
        }

        return sums.Result();
    }
}
