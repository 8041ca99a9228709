using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Simulation.Tests;

/// <summary>Stands before a parameter server and may change the pushes it gets.</summary>
internal abstract class ServerDecorator(IActor server) : IActor
{
    /// <summary>The newest term the server was told of.</summary>
    protected long Term { get; private set; }

    public void Receive(IActorContext context, ActorId sender, IMessage message)
    {
        Term = message switch
        {
            Serve serve => Math.Max(Term, serve.Term),
            Topology topology => Math.Max(Term, topology.Term),
            Copy copy => Math.Max(Term, copy.Term),
            Rest rest => Math.Max(Term, rest.Term),
            _ => Term,
        };
        server.Receive(context, sender, message);
    }

    public void Receive(IActorContext context, ActorId sender, in TensorMessage message)
    {
        if (message.Key.Kind == TensorKind.GradientSum)
        {
            Push(context, sender, message);
        }
        else
        {
            Restored(context, sender, message);
        }
    }

    /// <summary>Weights or state to begin with have come.</summary>
    protected virtual void Restored(IActorContext context, ActorId sender, in TensorMessage message) => Pass(context, sender, message);

    protected abstract void Push(IActorContext context, ActorId sender, in TensorMessage push);

    protected void Pass(IActorContext context, ActorId sender, in TensorMessage message) => server.Receive(context, sender, message);
}
