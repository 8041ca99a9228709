using ClusterTrain.Training;

namespace ClusterTrain.Hosting;

/// <summary>The mailbox of one actor, which handles one message at a time, and the actor's context.</summary>
internal interface IMailbox : IActorContext
{
    /// <summary>Puts a message in.</summary>
    void Post(in Envelope envelope);

    /// <summary>Puts a message in that came from outside; blocks while too many wait.</summary>
    void Deliver(in Envelope envelope);

    /// <summary>Drops what is waiting and takes nothing more.</summary>
    void Close();

    /// <summary>Drops what is waiting, takes nothing more, and does one last thing after the message in hand.</summary>
    void CloseThen(Action last);
}
