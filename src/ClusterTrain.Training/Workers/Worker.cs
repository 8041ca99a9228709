using System.Collections.Immutable;
using System.Diagnostics;
using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Numerics.Memory;
using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;
using ClusterTrain.Training.Tensors;

namespace ClusterTrain.Training.Workers;

/// <summary>
/// Computes leaves. It subscribes to the parameter servers of the newest topology; when the weights of a step are whole it
/// computes its share of the step's leaves forward and backward and pushes one gradient sum per tree node and segment. It is stateless between
/// steps: whatever is lost is computed again.
/// </summary>
public sealed class Worker : IActor, IDisposable
{
    // The first report comes early, for runs that are short.
    private static readonly TimeSpan s_firstReportPeriod = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_reportPeriod = TimeSpan.FromSeconds(1);

    private readonly TrainingPlan _plan;
    private readonly DataSet _data;
    private readonly TensorPool _pool;
    private readonly Action<int> _pushSegment;
    private readonly NetworkLayout _layout;
    private readonly Network _network;
    private readonly WeightAssembly _weights;
    private readonly StepShare _share = new();
    private ActorId? _coordinator;

    private Topology _topology = new(0, []);
    private ImmutableArray<Segment> _segments = [];
    private Assignment _assignment = new(0, 0, []);

    // What is to be computed besides the share; and the late shares of its own that it is asked about.
    private readonly OrdersOfAll<Recompute> _recompute = new();
    private readonly OrdersOfAll<LateShare> _late = new();
    private bool _stopped;

    // Announced, and not yet told of the servers: they may have dropped this worker meanwhile, so it subscribes again.
    private bool _announced;

    private long[] _rows = [];
    private Memory<float> _features;
    private Memory<float> _targets;
    private TensorLease[] _sums = [];
    private Memory<float>[] _sumViews = [];
    private double[] _losses = [];

    // First parameter of each segment; and the nodes whose sums are being computed: each segment leaves as soon as its part is there.
    private int[] _starts = [];
    private TreeNode[] _nodes = [];
    private int _nodeCount;
    private IActorContext? _context;
    private bool _digestOnly;

    private long _reportRows;
    private long _reportSteps;
    private long _reportBytes;
    private long _reportedStep = -1;
    private TimeSpan _reportCompute;
    private TimeSpan? _lastReport;
    private bool _hasReported;

    /// <summary>Creates a worker.</summary>
    /// <param name="plan">What each step is.</param>
    /// <param name="layout">The parameters.</param>
    /// <param name="data">The training rows.</param>
    /// <param name="network">Computes gradients; the worker disposes it.</param>
    /// <param name="pool">Lends the buffers of gradient sums.</param>
    public Worker(TrainingPlan plan, NetworkLayout layout, DataSet data, Network network, TensorPool pool)
    {
        _plan = plan;
        _layout = layout;
        _data = data;
        _network = network;
        _pool = pool;
        _weights = new WeightAssembly(pool, layout.Parameters);
        _pushSegment = PushSegment;
    }

    /// <summary>Announces the worker to a coordinator; the host calls it before any message of that coordinator.</summary>
    public void Start(IActorContext context, ActorId coordinator)
    {
        _coordinator = coordinator;
        _announced = true;
        context.Send(coordinator, new Join(NodeRole.Worker, []));
    }

    /// <inheritdoc/>
    public void Receive(IActorContext context, ActorId sender, IMessage message)
    {
        switch (message)
        {
            case Topology topology when topology.Term > _topology.Term || (_announced && topology.Term == _topology.Term):
                Adopt(context, topology);
                break;
            case Assignment assignment when (assignment.Term, assignment.Version).CompareTo((_assignment.Term, _assignment.Version)) > 0:
                _assignment = assignment;
                ComputeShare(context);
                break;
            case LinkRestored restored:
                Subscribe(context, restored.Member);
                break;
            case Recompute recompute when recompute.Term == _topology.Term:
                _recompute.Add(recompute, sender);
                ComputeAgain(context);
                break;
            case LateShare late when late.Term == _topology.Term:
                // What was sent before it has been computed, as far as it ever will be: weights that were overtaken by newer ones do not come.
                _late.Add(late, sender);
                foreach (var order in _late.Take(_topology.Servers, _ => true))
                {
                    Settle(context, order.Step, order.Leaves);
                }

                break;
            case Stop or Exclude:
                _stopped = true;
                _weights.Clear();
                break;
        }
    }

    /// <inheritdoc/>
    public void Receive(IActorContext context, ActorId sender, in TensorMessage message)
    {
        if (_stopped || message.Key.Kind != TensorKind.Weights || message.Key.Term != _topology.Term)
        {
            message.Lease.Release();
            return;
        }

        if (_weights.Add(message, _segments[message.Key.Segment]))
        {
            _share.Begin(_weights.Step, _plan.Leaves(_weights.Step));
            ComputeShare(context);
            ComputeAgain(context);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _weights.Clear();
        _network.Dispose();
    }

    private void Adopt(IActorContext context, Topology topology)
    {
        _topology = topology;
        _announced = false;
        _segments = Segments.Split(_layout.Parameters, topology.Servers.Length);
        _starts = [.. _segments.Select(segment => segment.Start)];
        _weights.Begin(topology.Servers.Length);
        _recompute.Clear();
        _late.Clear();
        foreach (var server in topology.Servers.Distinct())
        {
            Subscribe(context, server);
        }
    }

    /// <summary>Asks a server for the weights it holds, the present ones and all that follow.</summary>
    private void Subscribe(IActorContext context, ActorId server)
    {
        for (var segment = 0; segment < _topology.Servers.Length; segment++)
        {
            if (_topology.Servers[segment] == server)
            {
                context.Send(server, new Subscribe(_topology.Term, segment));
            }
        }
    }

    /// <summary>Computes what the assignment asks of the step in hand and was not computed yet.</summary>
    private void ComputeShare(IActorContext context)
    {
        if (!_weights.IsWhole || _assignment.Term != _topology.Term)
        {
            return;
        }

        var self = _assignment.Workers.IndexOf(context.Self);
        if (self < 0)
        {
            return;
        }

        var (start, count) = _assignment.Share(self, _share.Leaves);
        foreach (var run in _share.Claim(start, count))
        {
            ComputeOrFail(context, run, digestOnly: false);
        }
    }

    /// <summary>Computes what is asked for besides the share, as far as it is of the step in hand; what is of an earlier one it never will.</summary>
    private void ComputeAgain(IActorContext context)
    {
        if (!_weights.IsWhole)
        {
            return;
        }

        foreach (var asked in _recompute.HasDue ? _recompute.Take(_topology.Servers, IsReached) : [])
        {
            if (asked.Step == _weights.Step)
            {
                ComputeOrFail(context, asked.Leaves, asked.DigestOnly);
            }

            Settle(context, asked.Step, asked.Leaves);
        }
    }

    private bool IsReached(Recompute asked) => asked.Step <= _weights.Step;

    private void Settle(IActorContext context, long step, TreeNode leaves)
    {
        foreach (var server in _topology.Servers.Distinct())
        {
            context.Send(server, new Settled(_topology.Term, step, leaves, context.Self));
        }
    }

    private void ComputeOrFail(IActorContext context, TreeNode run, bool digestOnly)
    {
        try
        {
            Compute(context, run, digestOnly);
        }
        catch (Exception error) when (error is not TrainingException)
        {
            throw new TrainingException($"{context.Self} failed at step {_share.Step}, {run}: {error.Message}", error);
        }
    }

    private void Compute(IActorContext context, TreeNode run, bool digestOnly)
    {
        var started = Stopwatch.GetTimestamp();
        var step = _share.Step;
        var rows = _plan.Rows(step, run);
        var nodes = _share.Cover(run);
        Reserve(rows, nodes.Length);
        var features = _features.Span[..(rows * _data.Features)];
        var targets = _targets.Span[..(rows * _data.Outputs)];
        _plan.FillRows(step, run, _rows);
        _data.Gather(_rows.AsSpan(0, rows), features, targets);
        nodes.CopyTo(_nodes);
        (_context, _nodeCount, _digestOnly) = (context, nodes.Length, digestOnly);
        for (var node = 0; node < nodes.Length; node++)
        {
            _sums[node] = _pool.Rent(_layout.Parameters);
            _sumViews[node] = _sums[node].Memory;
            for (var segment = 1; segment < _segments.Length; segment++)
            {
                _sums[node].Share();
            }
        }

        _network.Gradient(
            _weights.Values,
            features,
            targets,
            rows,
            _plan.LeafRows,
            nodes,
            _sumViews.AsSpan(0, nodes.Length),
            _losses.AsSpan(0, nodes.Length),
            new DropoutDraw(_plan.Recipe.Seed, step, _rows.AsSpan(0, rows)),
            _plan.Recipe.GradientPrecision,
            _starts,
            _pushSegment);

        if (_lastReport is not { } last)
        {
            // The first step also compiles what it runs: its time says nothing of the worker.
            _lastReport = context.Now;
            return;
        }

        _reportRows += rows;
        _reportCompute += Stopwatch.GetElapsedTime(started);
        _reportSteps += step == _reportedStep ? 0 : 1;
        _reportBytes += digestOnly ? 0 : (long)nodes.Length * _layout.Parameters * _plan.GradientBytes;
        _reportedStep = step;
        var elapsed = context.Now - last;
        if (elapsed >= (_hasReported ? s_reportPeriod : s_firstReportPeriod))
        {
            context.Send(_coordinator!, new ComputeReport(_reportRows, _reportCompute, elapsed, _reportSteps, _reportBytes));
            (_lastReport, _reportRows, _reportCompute, _reportSteps, _reportBytes) = (context.Now, 0, TimeSpan.Zero, 0, 0);
            _hasReported = true;
        }
    }

    private void PushSegment(int index)
    {
        var segment = _segments[index];
        for (var node = 0; node < _nodeCount; node++)
        {
            var key = new TensorKey(TensorKind.GradientSum, _topology.Term, _share.Step, index, _nodes[node]);
            var sum = new TensorMessage(key, _sums[node], segment.Start, segment.Length, _losses[node]);
            if (_digestOnly)
            {
                var digest = TensorDigest.Of(sum.Values);
                sum.Lease.Release();
                _context!.Send(_topology.Servers[index], new SumDigest(key.Term, key.Step, index, key.Node, digest, sum.Loss));
            }
            else
            {
                _context!.Send(_topology.Servers[index], sum);
            }
        }
    }

    private void Reserve(int rows, int nodes)
    {
        if (_rows.Length < rows)
        {
            _rows = new long[rows];
            _features = AlignedFloats.Allocate(rows * _data.Features);
            _targets = AlignedFloats.Allocate(rows * _data.Outputs);
        }

        if (_sums.Length < nodes)
        {
            _sums = new TensorLease[nodes];
            _sumViews = new Memory<float>[nodes];
            _losses = new double[nodes];
            _nodes = new TreeNode[nodes];
        }
    }
}
