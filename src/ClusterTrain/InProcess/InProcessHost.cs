using ClusterTrain.Actors;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.InProcess;

/// <summary>
/// Host 1: all actors in one process, a mailbox each. Tensors pass by reference. Workers and parameter servers share as many
/// threads as there are workers; the coordinator, and the work it offloads, have one each.
/// </summary>
public sealed class InProcessHost : IDisposable
{
    private readonly ActorHost _actors;
    private readonly Dispatcher<Mailbox> _control = new("coordinator", 1, static mailbox => mailbox.Run(), spins: true);
    private readonly Dispatcher<Mailbox> _compute;
    private readonly Action<string> _coordinatorFailed;
    private ActorId? _coordinator;

    /// <summary>Creates a host without actors.</summary>
    /// <param name="computeThreads">Threads that run workers and parameter servers, at least 1.</param>
    /// <param name="time">The clock.</param>
    /// <param name="coordinatorFailed">Told when the coordinator itself throws: nobody else could end the run.</param>
    public InProcessHost(int computeThreads, TimeProvider time, Action<string> coordinatorFailed)
    {
        ArgumentNullException.ThrowIfNull(time);
        _compute = new Dispatcher<Mailbox>("worker", computeThreads, static mailbox => mailbox.Run(), spins: true);
        _coordinatorFailed = coordinatorFailed;
        _actors = new ActorHost(time, ActorFailed);
    }

    /// <summary>Adds the coordinator.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="actor">The actor.</param>
    public IActorContext AddCoordinator(ActorId id, IActor actor)
    {
        _coordinator = id;
        return _actors.Add(id, actor, _control);
    }

    /// <summary>Adds a worker or a parameter server.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="actor">The actor.</param>
    public IActorContext AddMember(ActorId id, IActor actor) => _actors.Add(id, actor, _compute);

    /// <summary>Puts a message in an actor's mailbox; for an actor that is gone it is dropped.</summary>
    /// <param name="to">The receiver.</param>
    /// <param name="sender">Whom it is from.</param>
    /// <param name="message">The message.</param>
    public void Post(ActorId to, ActorId sender, IMessage message) => _actors.Post(to, sender, message);

    /// <summary>Stops all threads; what waits in mailboxes is dropped.</summary>
    public void Dispose()
    {
        _actors.Stop();
        _compute.Dispose();
        _control.Dispose();
        _actors.Dispose();
    }

    private void ActorFailed(ActorId actor, Exception error)
    {
        if (actor == _coordinator)
        {
            _coordinatorFailed(error.Message);
        }
        else
        {
            var reason = error is TrainingException ? error.Message : $"{actor} failed: {error.Message}";
            _actors.Post(_coordinator!, actor, new MemberFailed(actor, reason));
        }
    }
}
