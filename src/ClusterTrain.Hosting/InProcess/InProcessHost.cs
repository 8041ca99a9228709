using System.Collections.Concurrent;
using ClusterTrain.Training;

namespace ClusterTrain.Hosting;

/// <summary>
/// Host 1: all actors in one process, a mailbox each. Tensors pass by reference. Workers and parameter servers share as many
/// threads as there are workers; the coordinator, and the work it offloads, have one each.
/// </summary>
public sealed class InProcessHost : IDisposable
{
    private readonly ConcurrentDictionary<ActorId, Mailbox> _mailboxes = new();
    private readonly BlockingCollection<(ActorId Owner, Func<IMessage> Work)> _offloaded = [];
    private readonly Dispatcher _control = new("coordinator", 1);
    private readonly Dispatcher _compute;
    private readonly Thread _background;
    private readonly TimeProvider _time;
    private readonly long _started;
    private readonly ConcurrentDictionary<ITimer, byte> _timers = new();
    private readonly Action<string> _coordinatorFailed;
    private ActorId? _coordinator;

    /// <summary>Creates a host without actors.</summary>
    /// <param name="computeThreads">Threads that run workers and parameter servers, at least 1.</param>
    /// <param name="time">The clock.</param>
    /// <param name="coordinatorFailed">Told when the coordinator itself throws: nobody else could end the run.</param>
    public InProcessHost(int computeThreads, TimeProvider time, Action<string> coordinatorFailed)
    {
        ArgumentNullException.ThrowIfNull(time);
        _compute = new Dispatcher("worker", computeThreads);
        _time = time;
        _started = time.GetTimestamp();
        _coordinatorFailed = coordinatorFailed;
        _background = new Thread(RunOffloaded) { Name = "background", IsBackground = true };
        _background.Start();
    }

    /// <summary>Time since the host began.</summary>
    internal TimeSpan Now => _time.GetElapsedTime(_started);

    /// <summary>Adds the coordinator.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="actor">The actor.</param>
    public IActorContext AddCoordinator(ActorId id, IActor actor)
    {
        _coordinator = id;
        return Add(id, actor, _control);
    }

    /// <summary>Adds a worker or a parameter server.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="actor">The actor.</param>
    public IActorContext AddMember(ActorId id, IActor actor) => Add(id, actor, _compute);

    /// <summary>Puts a message in an actor's mailbox; for an actor that is gone it is dropped.</summary>
    /// <param name="to">The receiver.</param>
    /// <param name="sender">Whom it is from.</param>
    /// <param name="message">The message.</param>
    public void Post(ActorId to, ActorId sender, IMessage message) => Post(to, new Envelope(sender, message, default));

    /// <summary>Stops all threads; what waits in mailboxes is dropped.</summary>
    public void Dispose()
    {
        foreach (var timer in _timers.Keys)
        {
            timer.Dispose();
        }

        _offloaded.CompleteAdding();
        _background.Join();
        _compute.Dispose();
        _control.Dispose();
        foreach (var mailbox in _mailboxes.Values)
        {
            mailbox.Close();
        }

        _offloaded.Dispose();
    }

    internal void Post(ActorId to, in Envelope envelope)
    {
        if (_mailboxes.TryGetValue(to, out var mailbox))
        {
            mailbox.Post(envelope);
        }
        else if (envelope.Message is null)
        {
            envelope.Tensor.Lease.Release();
        }
    }

    internal void PostLater(TimeSpan delay, ActorId to, IMessage message)
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

    internal void Offload(ActorId owner, Func<IMessage> work)
    {
        if (!_offloaded.IsAddingCompleted)
        {
            _offloaded.Add((owner, work));
        }
    }

    internal void ActorFailed(ActorId actor, Exception error)
    {
        if (actor == _coordinator)
        {
            _coordinatorFailed(error.Message);
        }
        else
        {
            var reason = error is TrainingException ? error.Message : $"{actor} failed: {error.Message}";
            Post(_coordinator!, actor, new MemberFailed(actor, reason));
        }
    }

    private Mailbox Add(ActorId id, IActor actor, Dispatcher dispatcher)
    {
        var mailbox = new Mailbox(id, actor, dispatcher, this);
        return _mailboxes.TryAdd(id, mailbox) ? mailbox : throw new ArgumentException($"There is an actor {id} already.", nameof(id));
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
