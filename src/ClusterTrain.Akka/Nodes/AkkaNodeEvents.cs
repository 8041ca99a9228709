using ClusterTrain.Hosting;
using ClusterTrain.Training;

namespace ClusterTrain.Akka;

/// <summary>Something a person or a log wants to know about a node of an Akka cluster.</summary>
public abstract record AkkaNodeEvent;

/// <summary>This node's coordinator leads the run from now on.</summary>
/// <param name="Endpoint">Where members connect to it.</param>
/// <param name="Term">Its term.</param>
/// <param name="Folder">The run folder.</param>
public sealed record NodeLeads(NodeEndpoint Endpoint, long Term, string Folder) : AkkaNodeEvent;

/// <summary>Something happened in the run this node leads.</summary>
/// <param name="Happened">What.</param>
public sealed record NodeRunEvent(RunEvent Happened) : AkkaNodeEvent;

/// <summary>Something happened to a member on this node.</summary>
/// <param name="Member">Its name.</param>
/// <param name="Happened">What.</param>
public sealed record NodeMemberEvent(string Member, MemberEvent Happened) : AkkaNodeEvent;

/// <summary>The run's leader, wherever it is, published what happened.</summary>
/// <param name="Json">What, as a line of the run folder's log.</param>
public sealed record NodeHeard(string Json) : AkkaNodeEvent;

/// <summary>Something about the node itself that does not end it.</summary>
/// <param name="Message">What, and what happens now.</param>
public sealed record NodeNotice(string Message) : AkkaNodeEvent;

/// <summary>How a node ended.</summary>
public abstract record AkkaNodeOutcome;

/// <summary>The run is over.</summary>
/// <param name="Outcome">How it ended; null when only that it is over was heard.</param>
public sealed record NodeRunOver(RunOutcome? Outcome) : AkkaNodeOutcome;

/// <summary>The node was asked to stop, and left; others go on.</summary>
public sealed record NodeLeft : AkkaNodeOutcome;

/// <summary>The node cannot take part any more.</summary>
/// <param name="Reason">Why, and the remedy.</param>
public sealed record NodeFailed(string Reason) : AkkaNodeOutcome;
