using Akka.Actor;
using ClusterTrain.Actors;
using ClusterTrain.Training.Actors;
using Envelope = ClusterTrain.Actors.Envelope;
using IActorContext = ClusterTrain.Training.Actors.IActorContext;

namespace ClusterTrain.Cluster.Actors;

/// <summary>
/// A state machine of training as an Akka actor: a thin shell that is the machine's context. A machine that throws is stopped, never
/// restarted: its state is worth nothing, and what it did is computed again elsewhere.
/// </summary>
internal sealed class TrainingActor : UntypedActor, IWithTimers, IActorContext
{
    /// <summary>Configuration of the dispatcher that runs these actors.</summary>
    public const string Dispatcher = "akka.actor.training-dispatcher";

    private readonly ActorHandle _handle;
    private readonly IActor _machine;
    private readonly AkkaHost _host;
    private long _timers;

    /// <summary>Creates the actor; Akka does it.</summary>
    public TrainingActor(ActorHandle handle, IActor machine, AkkaHost host)
    {
        _handle = handle;
        _machine = machine;
        _host = host;
    }

    public ITimerScheduler Timers { get; set; } = null!;

    ActorId IActorContext.Self => _handle.Id;

    TimeSpan IActorContext.Now => _host.Now;

    /// <summary>The props of the actor of a state machine.</summary>
    public static Props PropsOf(ActorHandle handle, IActor machine, AkkaHost host) =>
        Props.Create(() => new TrainingActor(handle, machine, host)).WithDispatcher(Dispatcher);

    void IActorContext.Send(ActorId to, IMessage message) => _host.Post(to, new Envelope(_handle.Id, message, default));

    void IActorContext.Send(ActorId to, in TensorMessage message) => _host.Post(to, new Envelope(_handle.Id, null, message));

    void IActorContext.SendSelfLater(TimeSpan delay, IMessage message) => Timers.StartSingleTimer(_timers++, new Due(message), delay);

    void IActorContext.Offload(Func<IMessage> work) => _host.Offload(_handle.Id, work);

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case Envelope envelope:
                _handle.Taken();
                if (_handle.IsClosed)
                {
                    envelope.Drop();
                }
                else
                {
                    Handle(envelope);
                }

                break;
            case StartCall start when !_handle.IsClosed:
                Guarded(() => start.Start(this));
                break;
            case Due due when !_handle.IsClosed:
                Handle(new Envelope(_handle.Id, due.Message, default));
                break;
            case HostCall call:
                call.Run();
                break;
            case Finish:
                Context.Stop(Self);
                break;
        }
    }

    protected override void PostStop() => _handle.Ended();

    private void Handle(in Envelope envelope)
    {
        var (sender, message, tensor) = envelope;
        if (message is not null)
        {
            Guarded(() => _machine.Receive(this, sender, message));
        }
        else
        {
            Guarded(() => _machine.Receive(this, sender, tensor));
        }
    }

    private void Guarded(Action action)
    {
        try
        {
            action();
        }
        catch (Exception error)
        {
            // Whatever a machine throws ends its life; the host tells the coordinator, which ends the run with the reason.
            _handle.Failed(error);
            Context.Stop(Self);
        }
    }

    /// <summary>A timer's message, back in the actor.</summary>
    private sealed record Due(IMessage Message) : INotInfluenceReceiveTimeout;
}

/// <summary>The first thing an actor does, or what it does for a coordinator that is new to it.</summary>
internal sealed record StartCall(Action<IActorContext> Start);

/// <summary>The last message to an actor.</summary>
internal sealed record Finish
{
    public static Finish Instance { get; } = new();
}
