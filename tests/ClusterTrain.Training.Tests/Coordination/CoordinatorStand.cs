using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Optimisers;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;
using ClusterTrain.Training.Tensors;

namespace ClusterTrain.Training.Tests;

/// <summary>
/// A coordinator with a record in memory, and with servers and workers that a test speaks for. Tensors come from <see cref="Server"/>. What the
/// coordinator offloads waits until the test runs it.
/// </summary>
internal sealed class CoordinatorStand : IDisposable
{
    /// <summary>The term in which a run that has just begun is served.</summary>
    public const long FirstTerm = (1L << 20) + 1;

    public static readonly ActorId Server = new("server");
    public static readonly ActorId Worker = new("worker-1");
    public static readonly ActorId Other = new("worker-2");

    /// <summary>A coordinator that has no members yet. The model is as large as the weights that the run starts with.</summary>
    public CoordinatorStand(Recipe recipe, RunSettings? settings = null, RunStart? start = null, long rows = 4, MemoryRecorder? recorder = null)
    {
        start ??= Start(recipe);
        Recorder = recorder ?? new MemoryRecorder();
        Coordinator = new Coordinator(
            new TrainingPlan(recipe, rows), new NetworkLayout(start.State.Weights.Length, recipe.Layers), settings ?? new RunSettings(), start,
            Recorder, Pool, Events.Add);
        Coordinator.Start(Context);
    }

    public TensorPool Pool { get; } = new();

    public RecordingContext Context { get; } = new("coordinator");

    public List<RunEvent> Events { get; } = [];

    public IEnumerable<string> Warnings => Events.OfType<RunWarning>().Select(warning => warning.Message);

    public MemoryRecorder Recorder { get; }

    public Coordinator Coordinator { get; }

    /// <summary>A run of one server and some workers that checkpoints every step, so that a test decides when a snapshot comes.</summary>
    public static CoordinatorStand Checkpointing(ActorId server, params ReadOnlySpan<ActorId> workers)
    {
        var stand = new CoordinatorStand(LineRun.Recipe(), new RunSettings { CheckpointSteps = 1 });
        stand.JoinServers(server);
        stand.JoinWorkers(workers);
        return stand;
    }

    /// <summary>A run starts without a checkpoint: its weights are all the same and its state is zero.</summary>
    public static RunStart Start(Recipe recipe, int parameters = 1, long term = 1)
    {
        var weights = new float[parameters];
        Array.Fill(weights, LineRun.FirstWeight);
        var state = new float[parameters * Optimiser.StatePlanes(recipe.Optimiser, parameters)];
        return new RunStart(term, new RunState(0, 0, weights, state), [], 0, null);
    }

    /// <summary>A run of one parameter is resumed from a checkpoint; some epochs were recorded.</summary>
    public static RunStart Resume(long step, float weight, float velocity, params ReadOnlySpan<EpochRecord> recorded) => new(
        2, new RunState(step, 0, new[] { weight }, new[] { velocity }), [.. recorded], recorded.IsEmpty ? 0 : recorded[^1].Step, null);

    /// <summary>An epoch of one step that was recorded.</summary>
    public static EpochRecord Recorded(int epoch) => new(epoch, epoch, 1, null, $"hash-{epoch}");

    /// <summary>Runs what was offloaded, disposes of the coordinator, and checks that it returned every buffer.</summary>
    public void Dispose()
    {
        RunOffloaded();
        Context.Clear();
        Coordinator.Dispose();
        Assert.Equal(0, Pool.Lent);
    }

    /// <summary>The coordinator hears something from its own node.</summary>
    public void Receive(IMessage message) => Receive(Context.Self, message);

    public void Receive(ActorId sender, IMessage message) => Coordinator.Receive(Context, sender, message);

    /// <summary>Runs offloaded work, and what that leads to.</summary>
    public void RunOffloaded(int pieces = int.MaxValue) => Context.RunOffloaded(Coordinator, pieces);

    public void JoinServers(params ReadOnlySpan<ActorId> servers) => Join(NodeRole.ParameterServer, servers);

    public void JoinWorkers(params ReadOnlySpan<ActorId> workers) => Join(NodeRole.Worker, workers);

    /// <summary>The coordinator checks what is due at this many seconds.</summary>
    public void Tick(double seconds)
    {
        Context.Now = TimeSpan.FromSeconds(seconds);
        Receive(new Tick());
    }

    /// <summary>The coordinator checks what is due at this many seconds, and does it.</summary>
    public void LookAt(double seconds)
    {
        Tick(seconds);
        RunOffloaded();
    }

    /// <summary>A server sends a tensor of one value; what that leads to is still to be run.</summary>
    public void Send(TensorKey key, double loss, float value, ActorId? from = null) =>
        Coordinator.Receive(Context, from ?? Server, Pool.Tensor(key, loss, value));

    public void SendWeights(long term, long step, float weight, double loss = 15)
    {
        Send(LineRun.Weights(term, step), loss, weight);
        RunOffloaded();
    }

    public void SendState(long term, long step, float velocity, ActorId? from = null)
    {
        Send(LineRun.State(term, step), 0, velocity, from);
        RunOffloaded();
    }

    /// <summary>A server sends all of a checkpoint.</summary>
    public void SendSnapshot(long term, long step, float weight, float velocity, ActorId? from = null)
    {
        Send(LineRun.Weights(term, step), 15, weight, from);
        SendState(term, step, velocity, from);
    }

    /// <summary>The server reports the last step of an epoch and sends its weights.</summary>
    public void SendEpoch(long term, long step, float weight, double loss)
    {
        Receive(Server, new StepReport(term, 0, step, loss / 4, Context.Now));
        SendWeights(term, step, weight, loss);
    }

    public List<Assignment> Assignments(ActorId to) => [.. Context.SentTo<Assignment>(to)];

    public List<Topology> Topologies(ActorId to) => [.. Context.SentTo<Topology>(to)];

    /// <summary>How the run ended.</summary>
    public RunOutcome Outcome() => Assert.Single(Events.OfType<RunEnded>()).Outcome;

    /// <summary>Why the run failed.</summary>
    public string Failure() => Assert.IsType<RunFailed>(Outcome()).Reason;

    private void Join(NodeRole role, ReadOnlySpan<ActorId> members)
    {
        foreach (var member in members)
        {
            Receive(member, new Join(role, []));
        }
    }
}
