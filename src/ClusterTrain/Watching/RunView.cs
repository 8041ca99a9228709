using System.Collections.Immutable;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Learning.Schedules;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Watching;

/// <summary>The run that is watched: what its recipe and its data say of it.</summary>
/// <param name="Recipe">The recipe.</param>
/// <param name="Folder">The run folder.</param>
/// <param name="Rows">Training rows; 0 when that is not known.</param>
/// <param name="StepsPerEpoch">Steps of an epoch; 0 when that is not known.</param>
/// <param name="Parameters">Weights and biases; 0 when that is not known.</param>
public sealed record WatchedRun(Recipe Recipe, string Folder, long Rows, long StepsPerEpoch, long Parameters)
{
    /// <summary>Steps of the whole run; 0 when that is not known.</summary>
    public long Steps => Recipe.Epochs * StepsPerEpoch;

    /// <summary>The learning rate of a step, from 1; NaN when it is not known.</summary>
    public double LearningRate(long step) => StepsPerEpoch < 1 || step < 1
        ? double.NaN
        : Recipe.Optimiser.Rate * Schedule.Factor(Recipe.Schedule, step, StepsPerEpoch, Recipe.Epochs);
}

/// <summary>A run as it is at one moment: what the page, <c>status</c>, <c>top</c> and the metrics show.</summary>
public sealed record RunView
{
    /// <summary>What is trained; null before that is known.</summary>
    public WatchedRun? Run { get; init; }

    /// <summary>In a few words: <c>training</c>, <c>waiting for 1 more worker</c>, <c>completed</c>.</summary>
    public required string State { get; init; }

    /// <summary>True while steps are trained.</summary>
    public bool IsTraining { get; init; }

    /// <summary>How it ended; null: it has not.</summary>
    public RunOutcome? Outcome { get; init; }

    /// <summary>Where the coordinator that leads is reached; null: the run is in one process, or it is not known.</summary>
    public string? Leader { get; init; }

    /// <summary>The coordinator's term; 0 when it is not known.</summary>
    public long Term { get; init; }

    /// <summary>Steps done.</summary>
    public long Step { get; init; }

    /// <summary>Mean loss of the current epoch.</summary>
    public double Loss { get; init; } = double.NaN;

    /// <summary>Rows trained per second lately.</summary>
    public double SamplesPerSecond { get; init; }

    /// <summary>Rows per second if no worker ever waited; NaN when it is not known.</summary>
    public double IdealSamplesPerSecond { get; init; } = double.NaN;

    /// <summary>Time to the end of the run at this pace; null when it is not known.</summary>
    public TimeSpan? Remaining { get; init; }

    /// <summary>Epochs in the receipt.</summary>
    public int Recorded { get; init; }

    /// <summary>The newest epochs in the receipt, oldest first.</summary>
    public ImmutableArray<EpochPoint> Newest { get; init; } = [];

    /// <summary>The epochs, thinned out where there are very many.</summary>
    public ImmutableArray<EpochPoint> Epochs { get; init; } = [];

    /// <summary>Losses within epochs, thinned out.</summary>
    public ImmutableArray<StepPoint> Steps { get; init; } = [];

    /// <summary>Norms of the gradient, thinned out.</summary>
    public ImmutableArray<NormPoint> Norms { get; init; } = [];

    /// <summary>The workers and parameter servers, also those that are gone.</summary>
    public ImmutableArray<MachineView> Machines { get; init; } = [];

    /// <summary>Where the time of a step goes; null when it is not known.</summary>
    public StepMeasure? StepTime { get; init; }

    /// <summary>What the audit of the run has shown; null: nothing is audited.</summary>
    public AuditTotals? Audit { get; init; }

    /// <summary>One sentence: what limits the pace, and which node is slow.</summary>
    public string Bottleneck { get; init; } = "";

    /// <summary>What happened, newest first.</summary>
    public ImmutableArray<WatchedEvent> Events { get; init; } = [];

    /// <summary>The step of the last checkpoint; null: there is none.</summary>
    public long? CheckpointStep { get; init; }

    /// <summary>When it was written.</summary>
    public DateTimeOffset? CheckpointAt { get; init; }

    /// <summary>Checkpoints written since the watch began.</summary>
    public long Checkpoints { get; init; }

    /// <summary>When the first event was seen.</summary>
    public DateTimeOffset? Began { get; init; }

    /// <summary>When the last event was seen.</summary>
    public DateTimeOffset? Latest { get; init; }

    /// <summary>Grows with every change.</summary>
    public long Version { get; init; }
}

/// <summary>An epoch on a curve.</summary>
/// <param name="Record">What the receipt says of it.</param>
/// <param name="SamplesPerSecond">Rows trained per second in it; NaN when it is not known.</param>
/// <param name="Workers">Workers at its end; 0 when it is not known.</param>
public sealed record EpochPoint(EpochRecord Record, double SamplesPerSecond, int Workers);

/// <summary>A moment within an epoch.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Loss">Mean loss of the epoch so far.</param>
/// <param name="SamplesPerSecond">Rows trained per second lately.</param>
public readonly record struct StepPoint(long Step, double Loss, double SamplesPerSecond);

/// <summary>The norm of a step's mean gradient.</summary>
/// <param name="Step">The step.</param>
/// <param name="Norm">The norm.</param>
public readonly record struct NormPoint(long Step, double Norm);

/// <summary>Something that happened, in plain words.</summary>
/// <param name="At">When.</param>
/// <param name="Kind">How bad it is.</param>
/// <param name="Text">What.</param>
/// <param name="Step">Steps done then.</param>
public sealed record WatchedEvent(DateTimeOffset At, EventKind Kind, string Text, long Step);

/// <summary>How bad an event is.</summary>
public enum EventKind
{
    /// <summary>Ordinary.</summary>
    Note,

    /// <summary>The run continues after something bad, or ended well.</summary>
    Good,

    /// <summary>Something a person should know.</summary>
    Warning,

    /// <summary>A node is lost or excluded, or the run failed.</summary>
    Bad,
}

/// <summary>What a node is doing.</summary>
public enum MachineState
{
    /// <summary>It joined, and has nothing to do yet.</summary>
    Joined,

    /// <summary>A worker that computes.</summary>
    Computing,

    /// <summary>A parameter server that holds a segment.</summary>
    Serving,

    /// <summary>A parameter server that stands by, or holds a copy.</summary>
    Spare,

    /// <summary>A worker that is waited for; it gets no leaves until it has answered.</summary>
    Late,

    /// <summary>The run rests, for too few members are there.</summary>
    Resting,

    /// <summary>It is gone, and nobody took its place.</summary>
    Lost,

    /// <summary>It is gone, and another node took its place.</summary>
    Replaced,

    /// <summary>It left in good order.</summary>
    Left,

    /// <summary>It computed wrongly and takes no further part.</summary>
    Excluded,

    /// <summary>The run is over.</summary>
    Done,
}

/// <summary>A worker or parameter server through all its lives.</summary>
public sealed record MachineView
{
    /// <summary>Its node's name.</summary>
    public required string Name { get; init; }

    /// <summary>Its present or last id.</summary>
    public required ActorId Id { get; init; }

    /// <summary>Its role.</summary>
    public required NodeRole Role { get; init; }

    /// <summary>What it is doing.</summary>
    public required MachineState State { get; init; }

    /// <summary>Why, where there is something to say.</summary>
    public string Detail { get; init; } = "";

    /// <summary>How often it came back after it was lost.</summary>
    public int Restarts { get; init; }

    /// <summary>What it did lately; null for a server, and for a worker that has not reported.</summary>
    public WorkerMeasure? Measure { get; init; }

    /// <summary>What it was doing, oldest first.</summary>
    public ImmutableArray<MachineSpan> Timeline { get; init; } = [];

    /// <summary>True while it takes part.</summary>
    public bool IsThere => State is not (MachineState.Lost or MachineState.Replaced or MachineState.Left or MachineState.Excluded);
}

/// <summary>A stretch of a node's time.</summary>
/// <param name="From">Its beginning.</param>
/// <param name="To">Its end; null: it lasts.</param>
/// <param name="State">What the node was doing.</param>
public readonly record struct MachineSpan(DateTimeOffset From, DateTimeOffset? To, MachineState State);
