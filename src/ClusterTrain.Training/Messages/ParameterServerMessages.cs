using System.Collections.Immutable;
using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Plan;

namespace ClusterTrain.Training.Messages;

/// <summary>
/// From the coordinator: hold this segment from this step on. The weights and then the optimiser's state follow as tensors
/// of the same term, step and segment (state only when the optimiser has any).
/// </summary>
/// <param name="Term">The term.</param>
/// <param name="Segment">Index of the segment.</param>
/// <param name="Segments">Number of segments.</param>
/// <param name="Step">The step whose weights follow.</param>
/// <param name="CheckpointSteps">A snapshot for a checkpoint is sent whenever the step is a multiple of this; 0: never by itself.</param>
/// <param name="ReceiptSteps">The weights are sent whenever the step is a multiple of this, besides the ends of epochs; 0: never.</param>
public sealed record Serve(long Term, int Segment, int Segments, long Step, long CheckpointSteps, long ReceiptSteps) : IMessage;

/// <summary>
/// From the coordinator: nothing of an earlier term counts any more; keep what you hold, and say what it is (<see cref="Holding"/>).
/// </summary>
/// <param name="Term">The term, in which nobody serves.</param>
public sealed record Rest(long Term) : IMessage;

/// <summary>
/// From the coordinator to the server of a segment: keep a copy of it at these servers. Each is sent what the segment holds (<see cref="Copy"/>),
/// and from then on the whole sum of every step.
/// </summary>
/// <param name="Term">The term.</param>
/// <param name="Segment">Index of the segment.</param>
/// <param name="Servers">The spare servers; those that are not named any more are sent nothing more.</param>
public sealed record Spares(long Term, int Segment, ImmutableArray<ActorId> Servers) : IMessage;

/// <summary>
/// From the server of a segment to a spare one: hold a copy. As tensors of the same term and segment follow the weights that may not be
/// recorded yet, those of the step and the optimiser's state; then the sum of each step, which it applies as well.
/// </summary>
/// <param name="Term">The term.</param>
/// <param name="Position">Where the segment is.</param>
/// <param name="CheckpointSteps">As the segment was told to serve.</param>
/// <param name="ReceiptSteps">Likewise.</param>
public sealed record Copy(long Term, SegmentPosition Position, long CheckpointSteps, long ReceiptSteps) : IMessage;

/// <summary>From a spare server to the server of the segment: the copy has reached a step.</summary>
/// <param name="Term">The term.</param>
/// <param name="Segment">Index of the segment.</param>
/// <param name="Step">The step.</param>
public sealed record Copied(long Term, int Segment, long Step) : IMessage;

/// <summary>From a worker: send me the weights of this segment, the present ones now and each next step's.</summary>
/// <param name="Term">The term of the topology the worker acts on.</param>
/// <param name="Segment">Index of the segment.</param>
public sealed record Subscribe(long Term, int Segment) : IMessage;

/// <summary>From the coordinator: how far the run may go, and how far it is safely recorded.</summary>
/// <param name="Term">The term.</param>
/// <param name="Limit">Steps before this one may be computed; the weights of this step are not broadcast yet.</param>
/// <param name="Recorded">Weights sent for the receipt up to this step are on record and need not be kept.</param>
public sealed record Advance(long Term, long Limit, long Recorded) : IMessage;

/// <summary>From the coordinator: stay at the present step and say which it is (<see cref="Held"/>).</summary>
/// <param name="Term">The term.</param>
public sealed record Hold(long Term) : IMessage;

/// <summary>From the coordinator, after every segment was held: continue, and send a snapshot at this step.</summary>
/// <param name="Term">The term.</param>
/// <param name="Step">The step, no earlier than that of any segment.</param>
public sealed record SnapshotAt(long Term, long Step) : IMessage;

/// <summary>From a worker: what it computed for an audit or a vote (<see cref="Recompute"/>), to be compared and not added.</summary>
/// <param name="Term">The term.</param>
/// <param name="Step">The step.</param>
/// <param name="Segment">Index of the segment.</param>
/// <param name="Node">The tree node.</param>
/// <param name="Digest">The digest of the gradient sum (<see cref="Tensors.TensorDigest"/>).</param>
/// <param name="Loss">The sum of the rows' losses.</param>
public sealed record SumDigest(long Term, long Step, int Segment, TreeNode Node, string Digest, double Loss) : IMessage;

/// <summary>
/// From the coordinator, after the topology: have the shares of so many of the steps computed twice (<see cref="AuditPlan"/>), and tell the answers
/// (<see cref="Answer"/>). Without it, none.
/// </summary>
/// <param name="Term">The term.</param>
/// <param name="Rate">The share of the steps, above 0, up to 1.</param>
public sealed record AuditShares(long Term, double Rate) : IMessage;

/// <summary>From another parameter server: its part of the gradient's norm, for clipping.</summary>
/// <param name="Term">The term.</param>
/// <param name="Step">The step of the gradient.</param>
/// <param name="Segment">Index of the segment it is of.</param>
/// <param name="BlockSums">Sums of squares over the segment's blocks of parameters.</param>
public sealed record NormPart(long Term, long Step, int Segment, ImmutableArray<double> BlockSums) : IMessage;
