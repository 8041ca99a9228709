using Akka.Actor;
using ClusterTrain.Hosting;
using ClusterTrain.Training;

namespace ClusterTrain.Akka;

/// <summary>To a supervisor: run this state machine as one of your children. The answer is the child.</summary>
internal sealed record RunMachine(Props Props);

/// <summary>What this engine brings to one node of the TCP host: its state machines become children of a supervising actor.</summary>
internal sealed class AkkaEngine(IActorRef supervisor, IControlLane control) : INodeEngine
{
    private static readonly TimeSpan s_longestAnswer = TimeSpan.FromSeconds(10);
    private volatile NodeEndpoint? _coordinator;

    public IControlLane Control => control;

    public NodeEndpoint? Coordinator
    {
        get => _coordinator;
        set => _coordinator = value;
    }

    // Called from threads of the node's own, which may wait.
    public IMailbox CreateMailbox(ActorId id, IActor actor, ActorHost host)
    {
        var mailbox = new TrainingMailbox(id, host);
        mailbox.Begin(supervisor.Ask<IActorRef>(new RunMachine(TrainingActor.PropsOf(mailbox, actor)), s_longestAnswer).GetAwaiter().GetResult());
        return mailbox;
    }
}
