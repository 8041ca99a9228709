using Akka.Actor;
using ClusterTrain.Actors;
using ClusterTrain.Training.Actors;
using Envelope = ClusterTrain.Actors.Envelope;
using IActorContext = ClusterTrain.Training.Actors.IActorContext;

namespace ClusterTrain.Cluster.Actors;

/// <summary>The way of a node's threads to one of its <see cref="TrainingActor"/>s.</summary>
internal sealed class ActorHandle(ActorId id, Action<ActorId, Exception> failed)
{
    /// <summary>Messages that may wait before deliveries from outside block, which holds their senders up in turn.</summary>
    public const int MostWaiting = 1024;

    private readonly object _gate = new();
    private IActorRef _actor = ActorRefs.Nobody;
    private int _waiting;
    private bool _closed;
    private bool _ended;
    private Action? _last;

    public ActorId Id => id;

    /// <summary>True when what still waits is to be dropped.</summary>
    public bool IsClosed => Volatile.Read(ref _closed);

    /// <summary>Gives the handle its actor, before anything is posted.</summary>
    public void Begin(IActorRef actor) => _actor = actor;

    /// <summary>Has the state machine do something with its context, in its turn.</summary>
    public void Start(Action<IActorContext> start) => _actor.Tell(new StartCall(start), ActorRefs.NoSender);

    /// <summary>Does something in the actor's turn, between two of its messages.</summary>
    public void Call(Action action) => _actor.Tell(new HostCall(action), ActorRefs.NoSender);

    /// <summary>Puts a message in.</summary>
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
        }

        _actor.Tell(envelope, ActorRefs.NoSender);
    }

    /// <summary>
    /// Puts a message in that came from outside, when there is room; the actor, when it is idle, runs on this very thread.
    /// </summary>
    public void Deliver(in Envelope envelope)
    {
        lock (_gate)
        {
            while (_waiting >= MostWaiting && !_closed)
            {
                Monitor.Wait(_gate);
            }
        }

        var delivered = envelope;
        TrainingDispatcher.Lend(() => Post(delivered));
    }

    /// <summary>Drops what waits, takes nothing more, and does one last thing after the message in hand.</summary>
    public void Close(Action last)
    {
        lock (_gate)
        {
            _closed = true;
            Monitor.PulseAll(_gate);
            if (!_ended)
            {
                _last = last;
                _actor.Tell(Finish.Instance, ActorRefs.NoSender);
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
            if (_waiting-- == MostWaiting)
            {
                Monitor.PulseAll(_gate);
            }
        }
    }

    /// <summary>The state machine threw: it is given nothing more.</summary>
    public void Failed(Exception error)
    {
        lock (_gate)
        {
            _closed = true;
            Monitor.PulseAll(_gate);
        }

        failed(id, error);
    }

    /// <summary>The actor has ended; what was to be done last is done now.</summary>
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
}
