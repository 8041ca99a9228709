using ClusterTrain.Training;

namespace ClusterTrain.Akka;

/// <summary>Something that ClusterTrain says over Akka; only these are ever serialized.</summary>
internal interface IControlMessage;

/// <summary>A control message of a link, from one node's control actor to another's.</summary>
/// <param name="Session">The link's number: known to its two ends alone, which have proven themselves to each other.</param>
/// <param name="To">The actor at the receiver's end.</param>
/// <param name="Number">Counts the messages of one end of the link, from 1.</param>
/// <param name="Message">The message.</param>
internal sealed record LinkMessage(long Session, ActorId To, long Number, IMessage Message) : IControlMessage;

/// <summary>Confirms messages of a link.</summary>
/// <param name="Session">The link's number.</param>
/// <param name="To">The actor at the end that sent them.</param>
/// <param name="Number">All messages up to this one have been handed to the actor.</param>
internal sealed record LinkConfirmed(long Session, ActorId To, long Number) : IControlMessage;

/// <summary>From a node to the coordinator, again and again: what it is, and where it is reached. The answer is <see cref="Registered"/>.</summary>
/// <param name="Role">The member's role.</param>
/// <param name="Name">Its name.</param>
/// <param name="Endpoint">Where its links are reached; empty for a worker, which nobody connects to.</param>
internal sealed record Register(NodeRole Role, string Name, string Endpoint) : IControlMessage;

/// <summary>From the coordinator: where members connect to it.</summary>
/// <param name="Endpoint">The address for links.</param>
/// <param name="Term">Its term.</param>
internal sealed record Registered(string Endpoint, long Term) : IControlMessage;

/// <summary>Something happened in the run; published to all who subscribe to <see cref="Topic"/>.</summary>
/// <param name="Json">What, as in the run folder's log.</param>
internal sealed record RunNotice(string Json) : IControlMessage
{
    /// <summary>The topic.</summary>
    public const string Topic = "clustertrain.run";
}

/// <summary>The run is over: every node ends with it.</summary>
/// <param name="Outcome">How.</param>
internal sealed record RunOver(RunOutcome Outcome) : IControlMessage;

/// <summary>From outside the cluster: how is it?</summary>
internal sealed record StatusRequest : IControlMessage;

/// <summary>How the cluster is.</summary>
/// <param name="Json">One JSON object.</param>
internal sealed record StatusReport(string Json) : IControlMessage;
