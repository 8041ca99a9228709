using ClusterTrain.Training;

namespace ClusterTrain.Hosting;

/// <summary>Something a person or a log wants to know about a member's node.</summary>
public abstract record MemberEvent;

/// <summary>Something ordinary happened.</summary>
/// <param name="Message">What.</param>
public sealed record MemberNotice(string Message) : MemberEvent;

/// <summary>Something went wrong that does not end the node.</summary>
/// <param name="Message">What, and what happens now.</param>
public sealed record MemberWarning(string Message) : MemberEvent;

/// <summary>The node takes part.</summary>
/// <param name="Id">Its id in this life.</param>
/// <param name="Role">Its role.</param>
/// <param name="Coordinator">Where it reached the coordinator.</param>
public sealed record MemberJoined(ActorId Id, NodeRole Role, NodeEndpoint Coordinator) : MemberEvent;

/// <summary>Data is fetched from the coordinator.</summary>
/// <param name="Bytes">Bytes fetched.</param>
/// <param name="Total">Bytes in all.</param>
public sealed record MemberFetching(long Bytes, long Total) : MemberEvent;

/// <summary>How a member's node ended.</summary>
public abstract record MemberOutcome;

/// <summary>The run is over.</summary>
public sealed record MemberFinished : MemberOutcome;

/// <summary>The node was asked to stop and left the run.</summary>
public sealed record MemberLeft : MemberOutcome;

/// <summary>The node cannot take part: another version, secret, run or data, or its computation failed.</summary>
/// <param name="Reason">Why, and the remedy.</param>
public sealed record MemberEndedByError(string Reason) : MemberOutcome;
