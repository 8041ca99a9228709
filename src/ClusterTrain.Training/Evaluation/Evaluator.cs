using ClusterTrain.Learning;

namespace ClusterTrain.Training;

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

    /// <summary>Evaluates weights.</summary>
    /// <param name="weights">All parameters.</param>
    public Evaluation Evaluate(ReadOnlySpan<float> weights)
    {
        var sums = new EvaluationSums(_task, _data.Outputs);
        for (long start = 0; start < _data.Rows; start += ChunkRows)
        {
            var count = (int)Math.Min(ChunkRows, _data.Rows - start);
            var features = _features.AsSpan(0, count * _data.Features);
            var targets = _targets.AsSpan(0, count * _data.Outputs);
            var outputs = _outputs.AsSpan(0, count * _data.Outputs);
            var rowLoss = _rowLoss.AsSpan(0, count);
            _data.Gather(start, count, features, targets);
            _network.Evaluate(weights, features, targets, count, outputs, rowLoss);
            sums.Add(outputs, targets, rowLoss);
        }

        return sums.Result();
    }
}
