using ClusterTrain.Training.Actors;

namespace ClusterTrain.Actors;

/// <summary>A message in a mailbox: a control message, or a tensor when that is null.</summary>
internal readonly record struct Envelope(ActorId Sender, IMessage? Message, TensorMessage Tensor)
{
    /// <summary>Drops a message that nobody will handle.</summary>
    public void Drop()
    {
        if (Message is null)
        {
            Tensor.Lease.Release();
        }
    }
}

/// <summary>From the host to a mailbox: something to do in the actor's turn, between two of its messages.</summary>
internal sealed record HostCall(Action Run) : IMessage;
