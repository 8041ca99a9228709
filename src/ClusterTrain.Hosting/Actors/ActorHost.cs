using System.Collections.Concurrent;
using ClusterTrain.Training;

namespace ClusterTrain.Hosting;

/// <summary>Where messages go whose receiver is not in this process.</summary>
internal interface IActorRoute
{
    /// <summary>Sends a message on, or drops it; a tensor's reference goes with it.</summary>
    void Send(ActorId to, in Envelope envelope);
}

/// <summary>The actors of one process: their mailboxes, timers, and the lane of the work they offload.</summary>
internal sealed class ActorHost : IDisposable
{
    private readonly ConcurrentDictionary<ActorId, IMailbox> _mailboxes = new();
    private readonly BlockingCollection<(ActorId Owner, Func<IMessage> Work)> _offloaded = [];
    private readonly ConcurrentDictionary<ITimer, byte> _timers = new();
    private readonly Thread _background;
    private readonly TimeProvider _time;
    private readonly long _started;
    private readonly Action<ActorId, Exception> _failed;
    private bool _stopped;

    /// <summary>Creates a host without actors.</summary>
    /// <param name="time">The clock.</param>
    /// <param name="failed">Told of an actor that threw; its mailbox is closed by then.</param>
    public ActorHost(TimeProvider time, Action<ActorId, Exception> failed)
    {
        _time = time;
        _started = time.GetTimestamp();
        _failed = failed;
        _background = new Thread(RunOffloaded) { Name = "background", IsBackground = true };
        _background.Start();
    }

    /// <summary>Takes messages to others than this process's actors; null: they are dropped. Set before there are actors.</summary>
    public IActorRoute? Route { get; set; }

    /// <summary>Makes the mailboxes; null: those of this host, on the dispatcher given.</summary>
    public INodeEngine? Engine { get; init; }

    public TimeSpan Now => _time.GetElapsedTime(_started);

    public IMailbox Add(ActorId id, IActor actor, Dispatcher dispatcher)
    {
        var mailbox = Engine?.CreateMailbox(id, actor, this) ?? new Mailbox(id, actor, dispatcher, this);
        return _mailboxes.TryAdd(id, mailbox) ? mailbox : throw new ArgumentException($"There is an actor {id} already.", nameof(id));
    }

    /// <summary>Ends an actor's life: nothing reaches it any more. It may still be handling a message.</summary>
    public void Remove(ActorId id)
    {
        if (_mailboxes.TryRemove(id, out var mailbox))
            mailbox.Close();
    }

    /// <summary>Ends an actor's life and does one last thing after the message it has in hand.</summary>
    public void Remove(ActorId id, Action last)
    {
        if (_mailboxes.TryRemove(id, out var mailbox))
            mailbox.CloseThen(last);
    }

    public bool Has(ActorId id) => _mailboxes.ContainsKey(id);

    public void Post(ActorId to, ActorId sender, IMessage message) => Post(to, new Envelope(sender, message, default));

    /// <summary>Puts a message in an actor's mailbox, or gives it to the route.</summary>
    public void Post(ActorId to, in Envelope envelope)
    {
        if (_mailboxes.TryGetValue(to, out var mailbox))
            mailbox.Post(envelope);
        else if (Route is not null)
            Route.Send(to, envelope);
        else
            envelope.Drop();
    }

    /// <summary>
    /// Puts a message that came from outside in the mailbox of one of this process's actors and, when that actor is idle,
    /// runs it on this very thread: a change of threads costs more than most messages. Blocks while the mailbox is full.
    /// </summary>
    public void Deliver(ActorId to, in Envelope envelope)
    {
        if (_mailboxes.TryGetValue(to, out var mailbox))
            mailbox.Deliver(envelope);
        else
            envelope.Drop();
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

    public void Offload(ActorId owner, Func<IMessage> work)
    {
        lock (_offloaded)
        {
            if (!_stopped)
                _offloaded.Add((owner, work));
        }
    }

    public void ActorFailed(ActorId actor, Exception error) => _failed(actor, error);

    /// <summary>Stops the timers, and the background lane after the work it was given; actors run on.</summary>
    public void Stop()
    {
        foreach (var timer in _timers.Keys)
            timer.Dispose();

        lock (_offloaded)
        {
            _stopped = true;
            _offloaded.CompleteAdding();
        }

        _background.Join();
    }

    /// <summary>Drops what waits in mailboxes; after <see cref="Stop"/>, when no thread runs actors any more.</summary>
    public void Dispose()
    {
        foreach (var id in _mailboxes.Keys)
            Remove(id);

        _offloaded.Dispose();
    }

    private void RunOffloaded()
    {
        foreach (var (owner, work) in _offloaded.GetConsumingEnumerable())
        {
            IMessage result;
            try
            {
                result = work();
            }
            catch (Exception error)
            {
                // Work runs for its owner: what it throws is the owner's to handle.
                result = new WorkFailed(error);
            }

            Post(owner, owner, result);
        }
    }
}
