using ClusterTrain.Training.Actors;

namespace ClusterTrain.Actors;

/// <summary>
/// The mailbox of one actor and the actor's context. The actor runs on one of its dispatcher's threads at a time, whenever there are messages.
/// </summary>
internal sealed class Mailbox(ActorId self, IActor actor, Dispatcher<Mailbox> dispatcher, ActorHost host) : IActorContext
{
    // After so many messages the actor lets others of its dispatcher run.
    private const int Turn = 64;

    private readonly object _gate = new();
    private readonly Queue<Envelope> _messages = new();
    private bool _scheduled;
    private bool _closed;

    public ActorId Self => self;

    public TimeSpan Now => host.Now;

    /// <summary>Puts a message in; the actor's dispatcher runs it.</summary>
    public void Post(in Envelope envelope)
    {
        if (Enqueue(envelope))
        {
            dispatcher.Schedule(this);
        }
    }

    /// <summary>Handles messages until there are none or the turn is over.</summary>
    public void Run()
    {
        for (var handled = 0; handled < Turn; handled++)
        {
            Envelope envelope;
            lock (_gate)
            {
                if (!_messages.TryDequeue(out envelope))
                {
                    _scheduled = false;
                    return;
                }
            }

            try
            {
                Handle(envelope);
            }
            catch (Exception error)
            {
                // Whatever an actor throws ends its life; the host tells the coordinator, which ends the run with the reason.
                Close();
                host.ActorFailed(self, error);
            }
        }

        dispatcher.Schedule(this);
    }

    /// <summary>Drops what is waiting and takes nothing more.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _closed = true;
            while (_messages.TryDequeue(out var envelope))
            {
                envelope.Drop();
            }
        }
    }

    void IActorContext.Send(ActorId to, IMessage message) => host.Post(to, new Envelope(self, message, default));

    void IActorContext.Send(ActorId to, in TensorMessage message) => host.Post(to, new Envelope(self, null, message));

    void IActorContext.SendSelfLater(TimeSpan delay, IMessage message) => host.PostLater(delay, self, message);

    void IActorContext.Offload(Func<IMessage> work) => host.Offload(self, work);

    private void Handle(in Envelope envelope)
    {
        if (envelope.Message is { } message)
        {
            actor.Receive(this, envelope.Sender, message);
        }
        else
        {
            actor.Receive(this, envelope.Sender, envelope.Tensor);
        }
    }

    /// <summary>Adds a message; true when the actor was idle and the caller must have it run.</summary>
    private bool Enqueue(in Envelope envelope)
    {
        lock (_gate)
        {
            if (_closed)
            {
                envelope.Drop();
                return false;
            }

            _messages.Enqueue(envelope);
            if (_scheduled)
            {
                return false;
            }

            _scheduled = true;
            return true;
        }
    }
}
