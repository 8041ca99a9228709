using System.Collections.Immutable;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Training.Coordination;

/// <summary>Something a person or a log wants to know about a run.</summary>
public abstract record RunEvent;

/// <summary>The run waits for members, or waits again because too few are left.</summary>
/// <param name="Reason">What is missing.</param>
public sealed record RunWaiting(string Reason) : RunEvent;

/// <summary>Training begins, or continues after members were lost.</summary>
/// <param name="Step">The step it begins at.</param>
/// <param name="Workers">Number of workers.</param>
/// <param name="Servers">Number of parameter servers.</param>
public sealed record RunBegan(long Step, int Workers, int Servers) : RunEvent;

/// <summary>A member joined or is gone.</summary>
/// <param name="Member">Who.</param>
/// <param name="Role">Its role.</param>
/// <param name="What">What happened, for example <c>joined</c> or <c>left: process exited</c>.</param>
public sealed record MembershipChanged(ActorId Member, NodeRole Role, string What) : RunEvent;

/// <summary>How far the run is, a few times a second.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Loss">Mean loss over the rows of the epoch so far.</param>
/// <param name="SamplesPerSecond">Rows trained per second lately.</param>
public sealed record RunProgress(long Step, double Loss, double SamplesPerSecond) : RunEvent;

/// <summary>An epoch is recorded.</summary>
/// <param name="Record">What the receipt says of it.</param>
/// <param name="SamplesPerSecond">Rows trained per second in it.</param>
/// <param name="Workers">Number of workers at its end.</param>
/// <param name="Remaining">Estimated time to the end of the run.</param>
public sealed record EpochCompleted(EpochRecord Record, double SamplesPerSecond, int Workers, TimeSpan Remaining) : RunEvent;

/// <summary>A checkpoint is on disk.</summary>
/// <param name="Step">Its step.</param>
public sealed record CheckpointSaved(long Step) : RunEvent;

/// <summary>Something went wrong that does not end the run.</summary>
/// <param name="Message">What, and what happens now.</param>
public sealed record RunWarning(string Message) : RunEvent;

/// <summary>How fast each worker computes, its waiting not counted.</summary>
/// <param name="RowsPerSecond">Rows per second of compute time, by worker.</param>
public sealed record WorkerSpeeds(ImmutableDictionary<ActorId, double> RowsPerSecond) : RunEvent;

/// <summary>What the members did lately, once a second.</summary>
/// <param name="Workers">The workers that reported.</param>
/// <param name="Steps">Where the time of a step goes, by the server of the first segment; null when it has not reported.</param>
/// <param name="Serving">The servers that hold a segment; others stand by.</param>
public sealed record MembersMeasured(ImmutableArray<WorkerMeasure> Workers, StepMeasure? Steps, ImmutableArray<ActorId> Serving) : RunEvent;

/// <summary>What a worker did lately.</summary>
/// <param name="Worker">Who.</param>
/// <param name="Leaves">Leaves of a whole step that are its own; 0 while it has none.</param>
/// <param name="RowsPerSecond">Rows per second of compute time.</param>
/// <param name="ComputePerStep">Time it computes in a step.</param>
/// <param name="WaitPerStep">Time it waits in a step.</param>
/// <param name="BytesPerStep">Bytes of gradient sums it pushes in a step.</param>
/// <param name="IsLate">True while it gets no leaves until it has answered for a share that another worker computed too.</param>
public readonly record struct WorkerMeasure(
    ActorId Worker, int Leaves, double RowsPerSecond, TimeSpan ComputePerStep, TimeSpan WaitPerStep, long BytesPerStep, bool IsLate);

/// <summary>Where the time of a step goes, by the clock of a parameter server.</summary>
/// <param name="Step">The step it has reached.</param>
/// <param name="Awaited">From the weights sent until the last sum needed was there, without <paramref name="Summed"/>.</param>
/// <param name="Summed">Adding sums.</param>
/// <param name="Updated">Applying the update.</param>
/// <param name="Sent">Handing the weights to the links.</param>
/// <param name="GradientNorm">Norm of the mean gradient of the step before; NaN when it is not known.</param>
public sealed record StepMeasure(long Step, TimeSpan Awaited, TimeSpan Summed, TimeSpan Updated, TimeSpan Sent, double GradientNorm);

/// <summary>A worker is late: another one computes its share too.</summary>
/// <param name="Worker">Who is late.</param>
/// <param name="Helper">Who computes its share too.</param>
/// <param name="Step">The step.</param>
public sealed record WorkerLate(ActorId Worker, ActorId Helper, long Step) : RunEvent;

/// <summary>What the audit of the run has shown so far, about once a second while it changes.</summary>
/// <param name="Totals">It.</param>
public sealed record RunAudited(AuditTotals Totals) : RunEvent;

/// <summary>The run is over.</summary>
/// <param name="Outcome">How it ended.</param>
public sealed record RunEnded(RunOutcome Outcome) : RunEvent;

/// <summary>How a run ended.</summary>
public abstract record RunOutcome;

/// <summary>All epochs are done, or early stopping ended them.</summary>
/// <param name="Epoch">The epoch (from 1) whose weights are the result.</param>
/// <param name="Step">Their step.</param>
/// <param name="WeightsSha256">SHA-256 of the weights, hexadecimal.</param>
/// <param name="StoppedEarly">True when early stopping ended the run.</param>
public sealed record RunCompleted(int Epoch, long Step, string WeightsSha256, bool StoppedEarly) : RunOutcome;

/// <summary>The run was asked to stop and can be resumed.</summary>
/// <param name="Step">The step of the checkpoint it left.</param>
public sealed record RunInterrupted(long Step) : RunOutcome;

/// <summary>The run cannot continue.</summary>
/// <param name="Reason">Why, where, and what to do.</param>
public sealed record RunFailed(string Reason) : RunOutcome;
