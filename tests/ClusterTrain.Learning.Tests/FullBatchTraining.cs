using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Optimisers;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Threading;

namespace ClusterTrain.Learning.Tests;

/// <summary>The plainest training: every step sees all rows, as the published small examples do.</summary>
internal sealed class FullBatchTraining : IDisposable
{
    private const int LeafRows = 16;

    private readonly ComputePool _pool = new(1);
    private readonly Network _network;
    private readonly SegmentOptimiser _optimiser;
    private readonly float[] _features;
    private readonly float[] _targets;
    private readonly float[] _state;
    private long _step;

    public FullBatchTraining(
        NetworkLayout layout, LossKind loss, OptimiserRecipe optimiser, float[] features, float[] targets, ulong seed = 1)
    {
        _network = new Network(layout, loss, Kernels.Active, _pool);
        _features = features;
        _targets = targets;
        Parameters = TestNetworks.Start(layout, seed);
        Gradient = new float[layout.Parameters];
        _optimiser = new SegmentOptimiser(layout, Segments.Split(layout.Parameters, 1)[0], optimiser, 0, Kernels.Active);
        _state = new float[_optimiser.StateLength];
    }

    public float[] Parameters { get; }

    /// <summary>The sum over the rows, before the division by their number.</summary>
    public float[] Gradient { get; }

    public int Rows => _targets.Length / _network.Layout.Outputs;

    /// <summary>Computes the gradient and returns the mean loss, without an update.</summary>
    public double Cost()
    {
        var losses = new double[1];
        _network.Gradient(
            Parameters, _features, _targets, Rows, LeafRows, TestNetworks.Root(Rows, LeafRows), [Gradient], losses);
        return losses[0] / Rows;
    }

    /// <summary>One step of descent; returns the cost before it.</summary>
    public double Step()
    {
        var cost = Cost();
        _optimiser.Update(++_step, 1, 1.0 / Rows, Parameters, Gradient, Parameters, _state);
        return cost;
    }

    public float[] Outputs()
    {
        var outputs = new float[_targets.Length];
        _network.Predict(Parameters, _features, Rows, outputs);
        return outputs;
    }

    public void Dispose()
    {
        _network.Dispose();
        _pool.Dispose();
    }
}
