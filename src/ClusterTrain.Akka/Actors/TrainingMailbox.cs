using Akka.Actor;
using ClusterTrain.Hosting;
using ClusterTrain.Training;
using Envelope = ClusterTrain.Hosting.Envelope;

namespace ClusterTrain.Akka;

/// <summary>A message on its way into a <see cref="TrainingActor"/>.</summary>
internal sealed record Delivery(Envelope Envelope);

/// <summary>A message a state machine sends itself after a delay.</summary>
internal sealed record Later(TimeSpan Delay, IMessage Message);

/// <summary>The last thing a <see cref="TrainingActor"/> does.</summary>
internal sealed record Finish(Action Last);

/// <summary>
/// The way from a host into the Akka actor that runs one of its state machines, and that state machine's context. What is dropped, and
/// when, is the same as with a mailbox of the host's own.
/// </summary>
internal sealed class TrainingMailbox : IMailbox
{
    /// <summary>Messages that may wait before deliveries from outside block, which holds their senders up in turn.</summary>
    public const int MostWaiting = 1024;

    private readonly object _gate = new();
    private readonly ActorHost _host;
    private IActorRef? _actor;
    private int _waiting;
    private bool _closed;
    private bool _ended;
    private Action? _last;

    /// <summary>Creates the mailbox; its actor is made with it in hand, and then given to <see cref="Begin"/>.</summary>
    public TrainingMailbox(ActorId self, ActorHost host)
    {
        Self = self;
        _host = host;
    }

    public ActorId Self { get; }

    public TimeSpan Now => _host.Now;

    /// <summary>True when what still waits is to be dropped.</summary>
    public bool IsClosed
    {
        get
        {
            lock (_gate)
            {
                return _closed;
            }
        }
    }

    /// <summary>Gives the mailbox its actor.</summary>
    public void Begin(IActorRef actor) => _actor = actor;

    public void Post(in Envelope envelope)
    {
        lock (_gate)
        {
            if (_closed)
            {
                envelope.Drop();
                return;
            }

            _waiting++;
            _actor!.Tell(new Delivery(envelope), ActorRefs.NoSender);
        }
    }

    public void Deliver(in Envelope envelope)
    {
        lock (_gate)
        {
            while (_waiting >= MostWaiting && !_closed)
                Monitor.Wait(_gate);
        }

        Post(envelope);
    }

    public void Close()
    {
        lock (_gate)
        {
            _closed = true;
            Monitor.PulseAll(_gate);
        }

        _actor!.Tell(PoisonPill.Instance, ActorRefs.NoSender);
    }

    public void CloseThen(Action last)
    {
        lock (_gate)
        {
            _closed = true;
            Monitor.PulseAll(_gate);
            if (!_ended)
            {
                _last = last;
                _actor!.Tell(new Finish(last), ActorRefs.NoSender);
                return;
            }
        }

        last();
    }

    /// <summary>The actor took a message out.</summary>
    public void Taken()
    {
        lock (_gate)
        {
            _waiting--;
            if (_waiting == MostWaiting - 1)
                Monitor.PulseAll(_gate);
        }
    }

    /// <summary>The state machine threw: its life is over, and the host tells the coordinator.</summary>
    public void Failed(Exception error)
    {
        lock (_gate)
        {
            _closed = true;
            Monitor.PulseAll(_gate);
        }

        _host.ActorFailed(Self, error);
    }

    /// <summary>The actor has ended, by its own decision or with its actor system; what was to be done last is done now.</summary>
    public void Ended()
    {
        Action? last;
        lock (_gate)
        {
            (_closed, _ended) = (true, true);
            (last, _last) = (_last, null);
            Monitor.PulseAll(_gate);
        }

        last?.Invoke();
    }

    public void Send(ActorId to, IMessage message) => _host.Post(to, new Envelope(Self, message, default));

    public void Send(ActorId to, in TensorMessage message) => _host.Post(to, new Envelope(Self, null, message));

    public void SendSelfLater(TimeSpan delay, IMessage message) => _actor!.Tell(new Later(delay, message), ActorRefs.NoSender);

    public void Offload(Func<IMessage> work) => _host.Offload(Self, work);
}
