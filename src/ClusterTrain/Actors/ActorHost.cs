using System.Collections.Concurrent;
using ClusterTrain.Training.Actors;

namespace ClusterTrain.Actors;

/// <summary>The actors of one process: their mailboxes, timers, and the lane of the work they offload.</summary>
internal sealed class ActorHost : IDisposable
{
    private readonly ConcurrentDictionary<ActorId, Mailbox> _mailboxes = new();
    private readonly ConcurrentDictionary<ITimer, byte> _timers = new();
    private readonly OffloadLane _offloaded;
    private readonly TimeProvider _time;
    private readonly long _started;
    private readonly Action<ActorId, Exception> _failed;

    /// <summary>Creates a host without actors.</summary>
    /// <param name="time">The clock.</param>
    /// <param name="failed">Told of an actor that threw; its mailbox is closed by then.</param>
    public ActorHost(TimeProvider time, Action<ActorId, Exception> failed)
    {
        _time = time;
        _started = time.GetTimestamp();
        _failed = failed;
        _offloaded = new OffloadLane(Post);
    }

    public TimeSpan Now => _time.GetElapsedTime(_started);

    public Mailbox Add(ActorId id, IActor actor, Dispatcher<Mailbox> dispatcher)
    {
        var mailbox = new Mailbox(id, actor, dispatcher, this);
        return _mailboxes.TryAdd(id, mailbox) ? mailbox : throw new ArgumentException($"There is an actor {id} already.", nameof(id));
    }

    public void Post(ActorId to, ActorId sender, IMessage message) => Post(to, new Envelope(sender, message, default));

    /// <summary>Puts a message in an actor's mailbox; drops it when there is no such actor.</summary>
    public void Post(ActorId to, in Envelope envelope)
    {
        if (_mailboxes.TryGetValue(to, out var mailbox))
        {
            mailbox.Post(envelope);
        }
        else
        {
            envelope.Drop();
        }
    }

    public void PostLater(TimeSpan delay, ActorId to, IMessage message)
    {
        ITimer? timer = null;
        timer = _time.CreateTimer(_ => Fire(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _timers.TryAdd(timer, 0);
        timer.Change(delay, Timeout.InfiniteTimeSpan);

        void Fire()
        {
            if (_timers.TryRemove(timer!, out var _))
            {
                timer!.Dispose();
                Post(to, to, message);
            }
        }
    }

    public void Offload(ActorId owner, Func<IMessage> work) => _offloaded.Add(owner, work);

    public void ActorFailed(ActorId actor, Exception error) => _failed(actor, error);

    /// <summary>Stops the timers, and the lane after the work it was given; actors run on.</summary>
    public void Stop()
    {
        foreach (var timer in _timers.Keys)
        {
            timer.Dispose();
        }

        _offloaded.Stop();
    }

    /// <summary>Drops what waits in mailboxes; after <see cref="Stop"/>, when no thread runs actors any more.</summary>
    public void Dispose()
    {
        foreach (var mailbox in _mailboxes.Values)
        {
            mailbox.Close();
        }

        _mailboxes.Clear();
        _offloaded.Dispose();
    }
}
