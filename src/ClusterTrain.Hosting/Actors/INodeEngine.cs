using ClusterTrain.Training;

namespace ClusterTrain.Hosting;

/// <summary>
/// What another engine brings to the nodes of a cluster: where their actors run, and how control messages travel and the coordinator is
/// found. Tensors, and all that members and coordinator agree on, stay with the links.
/// </summary>
internal interface INodeEngine
{
    /// <summary>Carries control messages.</summary>
    IControlLane Control { get; }

    /// <summary>Where the coordinator is reached at present; null: it is not known. Not asked by a coordinator's node.</summary>
    NodeEndpoint? Coordinator { get; }

    /// <summary>Makes the mailbox of an actor of a host.</summary>
    IMailbox CreateMailbox(ActorId id, IActor actor, ActorHost host);
}

/// <summary>
/// Carries the control messages of links beside the links: in order, each once, until the link is closed. Called from any thread; it
/// closes a link when it cannot deliver.
/// </summary>
internal interface IControlLane
{
    /// <summary>The link's owner is ready: from now on what came for it may be handed to <see cref="Link.Deliver"/>.</summary>
    void Opened(Link link);

    /// <summary>The link is closed: what waits for it or for its peer is dropped.</summary>
    void Closed(Link link);

    /// <summary>Sends a message to the peer of a link.</summary>
    void Send(Link link, IMessage message);

    /// <summary>Waits until the peer has confirmed everything sent, the link is closed, or the time is over.</summary>
    void Flush(Link link, TimeSpan time);
}
