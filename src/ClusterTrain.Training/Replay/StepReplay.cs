using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Threading;
using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;
using ClusterTrain.Training.Servers;
using ClusterTrain.Training.Tensors;

namespace ClusterTrain.Training.Replay;

/// <summary>
/// Computes steps one after the other without actors: the whole batch at once, one segment. By the design's first sentence its
/// weights equal those of any cluster, bit for bit.
/// </summary>
public sealed class StepReplay : IDisposable
{
    private readonly TrainingPlan _plan;
    private readonly DataSet _data;
    private readonly Network _network;
    private readonly SegmentUpdate _update;
    private readonly double[] _normBlocks;
    private readonly TensorLease _sum;
    private readonly float[] _state;
    private readonly long[] _rows;
    private readonly float[] _features;
    private readonly float[] _targets;
    private float[] _weights;
    private float[] _next;

    /// <summary>Begins at a state of a run.</summary>
    /// <param name="plan">What each step is.</param>
    /// <param name="layout">The parameters.</param>
    /// <param name="data">The training rows.</param>
    /// <param name="network">Computes gradients; not disposed here.</param>
    /// <param name="kernels">Compute the updates.</param>
    /// <param name="state">Where to begin.</param>
    public StepReplay(TrainingPlan plan, NetworkLayout layout, DataSet data, Network network, Kernels kernels, RunState state)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(layout);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(state);
        _plan = plan;
        _data = data;
        _network = network;
        _update = new SegmentUpdate(plan, layout, Segments.Split(layout.Parameters, 1)[0], kernels, new ComputePool(1));
        _normBlocks = new double[_update.NormBlocks];
        _sum = new TensorPool().Rent(layout.Parameters);
        _weights = state.Weights.ToArray();
        _next = new float[layout.Parameters];
        _state = state.OptimiserState.ToArray();
        _rows = new long[plan.BatchRows];
        _features = new float[plan.BatchRows * data.Features];
        _targets = new float[plan.BatchRows * data.Outputs];
        Step = state.Step;
    }

    /// <summary>The step whose weights <see cref="Weights"/> are.</summary>
    public long Step { get; private set; }

    /// <summary>The weights of <see cref="Step"/>.</summary>
    public ReadOnlySpan<float> Weights => _weights;

    /// <summary>Computes the next step.</summary>
    /// <exception cref="TrainingException">A number is not finite.</exception>
    public void Advance()
    {
        var leaves = _plan.Leaves(Step);
        var root = ReductionTree.Root(leaves);
        var rows = _plan.Rows(Step);
        var features = _features.AsSpan(0, rows * _data.Features);
        var targets = _targets.AsSpan(0, rows * _data.Outputs);
        _plan.FillRows(Step, root, _rows);
        _data.Gather(_rows.AsSpan(0, rows), features, targets);
        Span<double> loss = [0];
        var dropout = new DropoutDraw(_plan.Recipe.Seed, Step, _rows.AsSpan(0, rows));
        _network.Gradient(_weights, features, targets, rows, _plan.LeafRows, [root], [_sum.Memory], loss, dropout, _plan.Recipe.GradientPrecision);
        if (_update.Clips)
        {
            _update.NormPart(_sum.Span, _normBlocks);
        }

        if (_update.Apply(Step, _weights, _sum.Span, right: [], loss[0], _next, _state, _normBlocks) is { } problem)
        {
            throw new TrainingException($"step {Step}: {problem} is not finite.");
        }

        (_weights, _next) = (_next, _weights);
        Step++;
    }

    /// <inheritdoc/>
    public void Dispose() => _sum.Release();
}
