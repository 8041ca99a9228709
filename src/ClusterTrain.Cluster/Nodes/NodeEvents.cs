using ClusterTrain.Cluster.Links;
using ClusterTrain.Runs;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Cluster.Nodes;

/// <summary>Something a person or a log wants to know about a node.</summary>
public abstract record NodeEvent;

/// <summary>Something ordinary happened.</summary>
/// <param name="Message">What.</param>
public sealed record NodeNotice(string Message) : NodeEvent;

/// <summary>Something went wrong that does not end the node.</summary>
/// <param name="Message">What, and what happens now.</param>
public sealed record NodeWarning(string Message) : NodeEvent;

/// <summary>This node is about to lead the run; the folder stays open until its outcome is given.</summary>
/// <param name="Endpoint">Where it listens.</param>
/// <param name="Folder">The run folder.</param>
/// <param name="IsResumed">True when it holds a run that was begun before.</param>
public sealed record NodeLeads(NodeEndpoint Endpoint, RunFolder Folder, bool IsResumed) : NodeEvent;

/// <summary>Another node leads, and this one stands by to take over.</summary>
/// <param name="Leader">Where that node's links are reached.</param>
/// <param name="Term">Its term.</param>
public sealed record NodeStandsBy(string Leader, long Term) : NodeEvent;

/// <summary>Something happened in the run this node leads.</summary>
/// <param name="Happened">What.</param>
public sealed record NodeRunEvent(RunEvent Happened) : NodeEvent;

/// <summary>Another node leads, and published what happened.</summary>
/// <param name="Happened">What.</param>
public sealed record NodeHeard(RunEvent Happened) : NodeEvent;

/// <summary>A member of this node takes part.</summary>
/// <param name="Id">Its id in this incarnation.</param>
/// <param name="Role">Its role.</param>
/// <param name="Coordinator">Where it reached the coordinator.</param>
public sealed record MemberJoined(ActorId Id, NodeRole Role, NodeEndpoint Coordinator) : NodeEvent;

/// <summary>The coordinator knows this node over Akka: if it hangs, that is noticed.</summary>
/// <param name="Coordinator">Where the links of the node that leads are reached.</param>
/// <param name="Term">Its term.</param>
public sealed record NodeRegistered(string Coordinator, long Term) : NodeEvent;

/// <summary>Data is fetched from the coordinator.</summary>
/// <param name="Bytes">Bytes fetched.</param>
/// <param name="Total">Bytes in all.</param>
public sealed record MemberFetching(long Bytes, long Total) : NodeEvent;

/// <summary>How a node ended.</summary>
public abstract record NodeOutcome;

/// <summary>The run that this node led is over.</summary>
/// <param name="Outcome">How it ended.</param>
public sealed record NodeLed(RunOutcome Outcome) : NodeOutcome;

/// <summary>The run is over, and another node led it.</summary>
/// <param name="Problem">What went wrong, as the leader reports it; null: nothing.</param>
public sealed record NodeFinished(string? Problem = null) : NodeOutcome;

/// <summary>The node was asked to stop and left the run; others continue.</summary>
public sealed record NodeLeft : NodeOutcome;

/// <summary>The node cannot take part: another version, secret, run or data, or its computation failed.</summary>
/// <param name="Reason">Why, and the remedy.</param>
public sealed record NodeFailed(string Reason) : NodeOutcome;
