using System.Collections.Immutable;
using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Actors;

namespace ClusterTrain.Training.Messages;

/// <summary>The roles a cluster node can join in.</summary>
public enum NodeRole
{
    /// <summary>Computes leaves.</summary>
    Worker,

    /// <summary>Holds segments of the parameters.</summary>
    ParameterServer,
}

/// <summary>A worker or parameter server is ready; sent again to a coordinator that was restarted.</summary>
/// <param name="Role">What it is.</param>
/// <param name="Holding">The segments a parameter server holds already, with their positions.</param>
public sealed record Join(NodeRole Role, ImmutableArray<SegmentPosition> Holding) : IMessage;

/// <summary>Where a parameter server is with a segment.</summary>
/// <param name="Segment">Index of the segment.</param>
/// <param name="Segments">Number of segments the parameters are cut into.</param>
/// <param name="Served">The term in which it was told to serve; segments of different ones do not fit together.</param>
/// <param name="Step">The step whose weights it holds.</param>
/// <param name="First">The earliest step whose weights it can still send: the same one, or the one before.</param>
/// <param name="Recorded">The weights sent for the receipt up to this step were dropped, because they were said to be recorded.</param>
public readonly record struct SegmentPosition(int Segment, int Segments, long Served, long Step, long First, long Recorded);

/// <summary>From a parameter server, answering <see cref="Rest"/>: what it holds; nothing of it changes until it is told on.</summary>
/// <param name="Term">The term of the question.</param>
/// <param name="Positions">The segments, with their positions.</param>
public sealed record Holding(long Term, ImmutableArray<SegmentPosition> Positions) : IMessage;

/// <summary>A member says goodbye; its leaves are given away at once.</summary>
public sealed record Leave : IMessage;

/// <summary>
/// From a parameter server that was asked to stop: it goes when it is told to (<see cref="Stop"/>), which it is once a checkpoint holds what it
/// holds.
/// </summary>
public sealed record WantsToLeave : IMessage;

/// <summary>From the host: a member's connection is gone, or it stopped answering.</summary>
/// <param name="Member">Who.</param>
/// <param name="Reason">How it was noticed.</param>
public sealed record MemberLost(ActorId Member, string Reason) : IMessage;

/// <summary>From the host: a member threw an exception.</summary>
/// <param name="Member">Who.</param>
/// <param name="Reason">What it was doing (step, leaves) and what was thrown.</param>
public sealed record MemberFailed(ActorId Member, string Reason) : IMessage;

/// <summary>From a parameter server, now and then: how far a segment is.</summary>
/// <param name="Term">The term it serves in.</param>
/// <param name="Segment">Index of the segment.</param>
/// <param name="Step">The step whose weights it holds.</param>
/// <param name="Loss">Mean loss over the rows of the epoch so far (segment 0; otherwise 0).</param>
/// <param name="Elapsed">By the server's clock, from the first weights it sent to a worker until it reached the step.</param>
public sealed record StepReport(long Term, int Segment, long Step, double Loss, TimeSpan Elapsed) : IMessage;

/// <summary>From a parameter server, answering <see cref="Hold"/>: it stays at this step until told on.</summary>
/// <param name="Term">The term it serves in.</param>
/// <param name="Segment">Index of the segment.</param>
/// <param name="Step">The step it stays at.</param>
public sealed record Held(long Term, int Segment, long Step) : IMessage;

/// <summary>From a worker, once a second: what it did since its last report.</summary>
/// <param name="Rows">Rows computed.</param>
/// <param name="ComputeTime">Time spent computing them; the rest it waited.</param>
/// <param name="Elapsed">Time since the last report.</param>
/// <param name="Steps">Steps in which it computed something.</param>
/// <param name="Bytes">Bytes of gradient sums pushed.</param>
public sealed record ComputeReport(long Rows, TimeSpan ComputeTime, TimeSpan Elapsed, long Steps, long Bytes) : IMessage;

/// <summary>From the server of a segment, once a second: what the steps since its last report took.</summary>
/// <param name="Term">The term it serves in.</param>
/// <param name="Segment">Index of the segment.</param>
/// <param name="Step">The step it has reached.</param>
/// <param name="Steps">Steps since the last report.</param>
/// <param name="Awaited">From the weights sent until the last sum needed was there.</param>
/// <param name="Summed">Of that, adding sums.</param>
/// <param name="Updated">Applying the update.</param>
/// <param name="Sent">Handing the weights to the links.</param>
/// <param name="GradientNorm">Norm of the mean gradient of the step before; NaN when this server does not know all of it.</param>
public sealed record StepTimes(
    long Term, int Segment, long Step, long Steps, TimeSpan Awaited, TimeSpan Summed, TimeSpan Updated, TimeSpan Sent, double GradientNorm)
        : IMessage;

/// <summary>From a parameter server: a number in the run is not finite, which ends the run.</summary>
/// <param name="Term">The term it serves in.</param>
/// <param name="Step">The step whose gradient it was.</param>
/// <param name="What">For example <c>the gradient of layers.1.weight</c>.</param>
public sealed record NotFinite(long Term, long Step, string What) : IMessage;

/// <summary>
/// From a parameter server to the coordinator: the step waits for a worker several times as long as for the others. From the coordinator to
/// the parameter servers: the helper is to compute the share too (<see cref="Recompute"/>). And from each of them to the late worker, which
/// answers with <see cref="Settled"/>.
/// </summary>
/// <param name="Term">The term it serves in.</param>
/// <param name="Step">The step.</param>
/// <param name="Leaves">The worker's leaves.</param>
/// <param name="Worker">Who is late.</param>
/// <param name="Helper">A worker that is done with its own leaves, or has none.</param>
public sealed record LateShare(long Term, long Step, TreeNode Leaves, ActorId Worker, ActorId Helper) : IMessage;

/// <summary>
/// From every parameter server: the shares of this step are computed twice, as the coordinator asked (<see cref="AuditShares"/>). It comes before
/// the server's answers to them, and before its reports of later steps.
/// </summary>
/// <param name="Term">The term it serves in.</param>
/// <param name="Step">The step.</param>
/// <param name="Version">The assignment that says whose share is whose.</param>
public sealed record AuditBegan(long Term, long Step, long Version) : IMessage;

/// <summary>From a parameter server: a sum that is computed twice (<see cref="Recompute"/>), or its digest, has come, the first time or again.</summary>
/// <param name="Term">The term it serves in.</param>
/// <param name="Step">The step.</param>
/// <param name="Segment">Index of the segment.</param>
/// <param name="Node">The tree node.</param>
/// <param name="Worker">Who computed it.</param>
/// <param name="Digest">The digest of the sum (<see cref="Tensors.TensorDigest"/>).</param>
/// <param name="Loss">The sum of the rows' losses.</param>
public sealed record Answer(long Term, long Step, int Segment, TreeNode Node, ActorId Worker, string Digest, double Loss) : IMessage;

/// <summary>
/// From the host. To the coordinator: end the run after a checkpoint, to be resumed later. To a parameter server: leave when that loses no steps; the
/// host ends it once it was told to stop (<see cref="Stop"/>), or after a time of its own.
/// </summary>
public sealed record StopRequested : IMessage;

/// <summary>From itself: time to look whether something is due.</summary>
public sealed record Tick : IMessage;
