using System.Collections.Immutable;

namespace ClusterTrain.Training;

/// <summary>Something a person or a log wants to know about a run.</summary>
public abstract record RunEvent;

/// <summary>The run waits for members, or waits again because too few are left.</summary>
/// <param name="Reason">What is missing.</param>
public sealed record RunWaiting(string Reason) : RunEvent;

/// <summary>Training begins, or goes on after members were lost.</summary>
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

/// <summary>The run cannot go on.</summary>
/// <param name="Reason">Why, where, and what to do.</param>
public sealed record RunFailed(string Reason) : RunOutcome;
