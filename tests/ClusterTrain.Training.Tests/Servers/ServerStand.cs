using System.Collections.Immutable;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Optimisers;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Threading;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;
using ClusterTrain.Training.Servers;
using ClusterTrain.Training.Tensors;

namespace ClusterTrain.Training.Tests;

/// <summary>
/// A parameter server with a coordinator and workers that a test speaks for. The network has one unit without a bias; every segment but the last
/// has a block of parameters, the last one has one.
/// </summary>
internal sealed class ServerStand : IDisposable
{
    public static readonly ActorId Worker = new("worker-1");
    public static readonly ActorId Other = new("worker-2");

    private readonly ComputePool _compute = new(1);
    private readonly Recipe _recipe;
    private readonly NetworkLayout _layout;
    private readonly ImmutableArray<Segment> _segments;

    /// <summary>A server that was announced to the coordinator and holds nothing.</summary>
    public ServerStand(Recipe recipe, int segments = 1, long rows = 4, string name = "server")
    {
        _recipe = recipe;
        _layout = new NetworkLayout(((segments - 1) * GradientNorm.BlockParameters) + 1, recipe.Layers);
        _segments = Segments.Split(_layout.Parameters, segments);
        Context = new RecordingContext(name);
        Server = new ParameterServer(new TrainingPlan(recipe, rows), _layout, Kernels.Active, _compute, Pool);
        Server.Start(Context, LineRun.Coordinator);
        Context.Messages.Clear();
    }

    public TensorPool Pool { get; } = new();

    public RecordingContext Context { get; }

    public ActorId Self => Context.Self;

    public ParameterServer Server { get; }

    /// <summary>Disposes of the server, and sees that it has given every buffer back.</summary>
    public void Dispose()
    {
        Context.Clear();
        Server.Dispose();
        _compute.Dispose();
        Assert.Equal(0, Pool.Lent);
    }

    /// <summary>The coordinator says something.</summary>
    public void Receive(IMessage message) => Server.Receive(Context, LineRun.Coordinator, message);

    public void Receive(ActorId sender, IMessage message) => Server.Receive(Context, sender, message);

    /// <summary>The coordinator sends weights or state.</summary>
    public void Restore(TensorKey key, double loss, params ReadOnlySpan<float> values) =>
        Server.Receive(Context, LineRun.Coordinator, Pool.Tensor(key, loss, values));

    /// <summary>The coordinator has a segment served, whose weights are all the same and whose state is zero.</summary>
    public void Serve(long term, long step = 0, int segment = 0, float weight = LineRun.FirstWeight, double loss = 0, long receiptSteps = 0)
    {
        Receive(new Serve(term, segment, _segments.Length, step, 0, receiptSteps));
        Restore(term, step, segment, weight, loss);
    }

    /// <summary>The coordinator sends the weights and the state of a segment that is to be served.</summary>
    public void Restore(long term, long step = 0, int segment = 0, float weight = LineRun.FirstWeight, double loss = 0)
    {
        Restore(LineRun.Weights(term, step, segment), loss, Values(segment, weight));
        var state = new SegmentOptimiser(_layout, _segments[segment], _recipe.Optimiser, 0, Kernels.Active).StateLength;
        if (state > 0)
        {
            Restore(LineRun.State(term, step, segment), 0, new float[state]);
        }
    }

    /// <summary>The coordinator says who serves in a term, and that it may go on.</summary>
    public void Lead(long term, params ImmutableArray<ActorId> servers) => Lead(term, 100, servers);

    /// <inheritdoc cref="Lead(long, ImmutableArray{ActorId})"/>
    public void Lead(long term, long limit, ImmutableArray<ActorId> servers)
    {
        Receive(new Topology(term, servers));
        Receive(new Advance(term, limit, 0));
    }

    public void Subscribe(ActorId worker, long term, int segment = 0) => Receive(worker, new Subscribe(term, segment));

    /// <summary>A worker pushes its sum of some leaves of a step, the same for every parameter.</summary>
    public void Push(
        long term, long step, int start = 0, int count = 2, float sum = 12, double loss = 1, int segment = 0, ActorId? worker = null) =>
        Server.Receive(
            Context, worker ?? Worker, Pool.Tensor(LineRun.Sum(term, step, start, count, segment), loss, Values(segment, sum)));

    /// <summary>The steps whose weights of a segment were sent to somebody, in order.</summary>
    public IEnumerable<long> StepsSentTo(ActorId to, int segment = 0, TensorKind kind = TensorKind.Weights) =>
        SentTo(to, kind).Where(tensor => tensor.Key.Segment == segment).Select(tensor => tensor.Key.Step);

    public IEnumerable<TensorMessage> SentTo(ActorId to, TensorKind kind = TensorKind.Weights) =>
        Context.Tensors.Where(sent => sent.To == to && sent.Tensor.Key.Kind == kind).Select(sent => sent.Tensor);

    /// <summary>Delivers to another server what this one sent it.</summary>
    public void DeliverTo(ServerStand other)
    {
        foreach (var message in Context.SentTo<IMessage>(other.Self).ToArray())
        {
            other.Receive(Self, message);
        }

        foreach (var (_, tensor) in Context.Tensors.Where(sent => sent.To == other.Self).ToArray())
        {
            tensor.Lease.Share();
            other.Server.Receive(other.Context, Self, tensor);
        }

        Context.Clear();
    }

    private float[] Values(int segment, float value)
    {
        var values = new float[_segments[segment].Length];
        Array.Fill(values, value);
        return values;
    }
}
