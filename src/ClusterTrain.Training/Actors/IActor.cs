namespace ClusterTrain.Training.Actors;

/// <summary>A control message: an immutable record that may cross a network.</summary>
public interface IMessage;

/// <summary>
/// A message-driven state machine. A host calls it for one message at a time; it has no threads, clocks, sockets or files of
/// its own and never waits.
/// </summary>
public interface IActor
{
    /// <summary>Handles a control message.</summary>
    void Receive(IActorContext context, ActorId sender, IMessage message);

    /// <summary>Handles a tensor; one reference to it is now this actor's, to release or to pass on.</summary>
    void Receive(IActorContext context, ActorId sender, in TensorMessage message);
}

/// <summary>What a host gives an actor.</summary>
public interface IActorContext
{
    /// <summary>The actor's own id.</summary>
    ActorId Self { get; }

    /// <summary>Monotonic time since the host started. It may steer reports and timeouts, never a result.</summary>
    TimeSpan Now { get; }

    /// <summary>Sends a control message. Messages between two actors arrive in the order sent, or not at all when the receiver is lost.</summary>
    void Send(ActorId to, IMessage message);

    /// <summary>Sends a tensor and with it one reference to its lease, in order with the control messages.</summary>
    void Send(ActorId to, in TensorMessage message);

    /// <summary>Delivers a message to this actor after a delay.</summary>
    void SendSelfLater(TimeSpan delay, IMessage message);

    /// <summary>
    /// Runs slow work (evaluation, files) beside the actor, one piece after the other in the order given, and delivers the
    /// message it returns to this actor. Work that throws is delivered as <see cref="WorkFailed"/>.
    /// </summary>
    void Offload(Func<IMessage> work);
}

/// <summary>Work given to <see cref="IActorContext.Offload"/> threw.</summary>
/// <param name="Error">What it threw.</param>
public sealed record WorkFailed(Exception Error) : IMessage;
