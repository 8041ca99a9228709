using Akka.Actor;
using ClusterTrain.Hosting;
using ClusterTrain.Training;
using Envelope = ClusterTrain.Hosting.Envelope;

namespace ClusterTrain.Akka;

/// <summary>
/// Runs a state machine of training as an Akka actor, on a thread of its own: computing on Akka's pool would keep heartbeats waiting. One
/// that throws is stopped by its supervisor, never restarted: its state is worth nothing, and what it did is computed again elsewhere.
/// </summary>
internal abstract class TrainingActor : UntypedActor, IWithTimers
{
    /// <summary>Configuration of the dispatcher that gives each of these actors a thread.</summary>
    public const string Dispatcher = "akka.actor.training-dispatcher";

    private readonly TrainingMailbox _mailbox;
    private readonly IActor _machine;
    private long _timers;

    protected TrainingActor(TrainingMailbox mailbox, IActor machine)
    {
        _mailbox = mailbox;
        _machine = machine;
    }

    public ITimerScheduler Timers { get; set; } = null!;

    /// <summary>The props of the actor that fits a state machine.</summary>
    public static Props PropsOf(TrainingMailbox mailbox, IActor machine) => (machine switch
    {
        Coordinator coordinator => Props.Create(() => new CoordinatorActor(mailbox, coordinator)),
        Worker worker => Props.Create(() => new WorkerActor(mailbox, worker)),
        ParameterServer server => Props.Create(() => new ParameterServerActor(mailbox, server)),
        _ => throw new ArgumentException($"there is no actor for {machine.GetType().Name}", nameof(machine)),
    }).WithDispatcher(Dispatcher);

    protected sealed override void OnReceive(object message)
    {
        switch (message)
        {
            case Delivery delivery:
                _mailbox.Taken();
                if (_mailbox.IsClosed)
                    delivery.Envelope.Drop();
                else
                    Guarded(delivery.Envelope);
                break;
            case Later later when !_mailbox.IsClosed:
                Timers.StartSingleTimer(_timers++, new Due(later.Message), later.Delay);
                break;
            case Due due when !_mailbox.IsClosed:
                Guarded(new Envelope(_mailbox.Self, due.Message, default));
                break;
            case Finish:
                Context.Stop(Self);
                break;
        }
    }

    /// <summary>Handles one message.</summary>
    protected virtual void Handle(in Envelope envelope)
    {
        if (envelope.Message is HostCall call)
            call.Run();
        else if (envelope.Message is { } message)
            _machine.Receive(_mailbox, envelope.Sender, message);
        else
            _machine.Receive(_mailbox, envelope.Sender, envelope.Tensor);
    }

    protected override void PostStop() => _mailbox.Ended();

    private void Guarded(in Envelope envelope)
    {
        try
        {
            Handle(envelope);
        }
        catch (Exception error)
        {
            // Told to the host here, because a supervisor does not know which message it was; then the supervisor stops the actor.
            _mailbox.Failed(error);
            throw;
        }
    }

    /// <summary>A timer's message, back in the actor.</summary>
    private sealed record Due(IMessage Message) : INotInfluenceReceiveTimeout;
}

/// <summary>Runs a <see cref="Coordinator"/>.</summary>
internal sealed class CoordinatorActor(TrainingMailbox mailbox, Coordinator machine) : TrainingActor(mailbox, machine);

/// <summary>Runs a <see cref="Worker"/>.</summary>
internal sealed class WorkerActor(TrainingMailbox mailbox, Worker machine) : TrainingActor(mailbox, machine);

/// <summary>
/// Runs a <see cref="ParameterServer"/>. Its start weights travel over a link and the order to serve them over Akka: weights that overtake
/// the order wait for it.
/// </summary>
internal sealed class ParameterServerActor(TrainingMailbox mailbox, ParameterServer machine) : TrainingActor(mailbox, machine)
{
    // Weights and optimiser's state of every segment at most; what is older than an order that came is let go.
    private const int MostEarly = 2 * 64;

    private readonly Dictionary<int, long> _served = [];
    private readonly List<Envelope> _early = [];

    protected override void Handle(in Envelope envelope)
    {
        if (envelope.Message is null && envelope.Tensor.Key.Kind != TensorKind.GradientSum
            && envelope.Tensor.Key.Term > _served.GetValueOrDefault(envelope.Tensor.Key.Segment))
        {
            Keep(envelope);
            return;
        }

        base.Handle(envelope);
        if (envelope.Message is Serve serve && serve.Term > _served.GetValueOrDefault(serve.Segment))
        {
            _served[serve.Segment] = serve.Term;
            var awaited = _early.Where(early => early.Tensor.Key.Segment == serve.Segment && early.Tensor.Key.Term <= serve.Term);
            foreach (var early in awaited.ToArray())
            {
                _early.Remove(early);
                base.Handle(early);
            }
        }
    }

    protected override void PostStop()
    {
        foreach (var early in _early)
            early.Drop();

        _early.Clear();
        base.PostStop();
    }

    private void Keep(in Envelope envelope)
    {
        if (_early.Count == MostEarly)
        {
            _early[0].Drop();
            _early.RemoveAt(0);
        }

        _early.Add(envelope);
    }
}
