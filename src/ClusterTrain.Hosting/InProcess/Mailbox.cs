using ClusterTrain.Training;

namespace ClusterTrain.Hosting;

/// <summary>A message in a mailbox: a control message, or a tensor when that is null.</summary>
internal readonly record struct Envelope(ActorId Sender, IMessage? Message, TensorMessage Tensor);

/// <summary>
/// The mailbox of one actor and the actor's context. The actor runs on one thread of its dispatcher at a time, whenever there are messages.
/// </summary>
internal sealed class Mailbox(ActorId self, IActor actor, Dispatcher dispatcher, InProcessHost host) : IActorContext
{
    // After so many messages the actor lets others of its dispatcher run.
    private const int Turn = 64;

    private readonly Lock _gate = new();
    private readonly Queue<Envelope> _messages = new();
    private bool _scheduled;
    private bool _closed;

    public ActorId Self => self;

    public TimeSpan Now => host.Now;

    /// <summary>Begins the actor on its dispatcher, before any message.</summary>
    public void Post(ActorId sender, IMessage message) => Post(new Envelope(sender, message, default));

    public void Post(in Envelope envelope)
    {
        lock (_gate)
        {
            if (_closed)
            {
                if (envelope.Message is null)
                {
                    envelope.Tensor.Lease.Release();
                }

                return;
            }

            _messages.Enqueue(envelope);
            if (_scheduled)
            {
                return;
            }

            _scheduled = true;
        }

        dispatcher.Schedule(this);
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
                if (envelope.Message is { } message)
                {
                    actor.Receive(this, envelope.Sender, message);
                }
                else
                {
                    actor.Receive(this, envelope.Sender, envelope.Tensor);
                }
            }
            catch (Exception error)
            {
                // Whatever an actor throws ends its life; the host tells the coordinator, which ends the run with the reason.
                Close();
                host.ActorFailed(self, error);
                return;
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
                if (envelope.Message is null)
                {
                    envelope.Tensor.Lease.Release();
                }
            }
        }
    }

    void IActorContext.Send(ActorId to, IMessage message) => host.Post(to, new Envelope(self, message, default));

    void IActorContext.Send(ActorId to, in TensorMessage message) => host.Post(to, new Envelope(self, null, message));

    void IActorContext.SendSelfLater(TimeSpan delay, IMessage message) => host.PostLater(delay, self, message);

    void IActorContext.Offload(Func<IMessage> work) => host.Offload(self, work);
}
