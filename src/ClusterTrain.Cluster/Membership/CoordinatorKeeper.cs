using System.Text;
using System.Text.Json;
using Akka.Actor;
using Akka.Cluster;
using Akka.Cluster.Tools.PublishSubscribe;
using ClusterTrain.Cluster.Wire;
using ClusterTrain.Runs;
using ClusterTrain.Training.Coordination;
using AkkaCluster = Akka.Cluster.Cluster;

namespace ClusterTrain.Cluster.Membership;

/// <summary>To the coordinator's singleton: another node is to lead.</summary>
internal sealed record StepDown
{
    public static StepDown Instance { get; } = new();
}

/// <summary>
/// The coordinator's singleton, on the oldest of the nodes that may lead: has its node lead the run, answers whoever registers, and publishes what
/// happens. The lock of the run folder and the term keep two of them from doing harm.
/// </summary>
internal sealed class CoordinatorKeeper : UntypedActor
{
    private readonly IMembershipListener _listener;
    private readonly Action _steppedDown;
    private readonly Dictionary<string, Register> _registered = [];
    private IActorRef _mediator = ActorRefs.Nobody;
    private ILeadership? _leadership;
    private bool _hasEnded;
    private bool _isSteppingDown;

    /// <summary>Creates the keeper.</summary>
    /// <param name="listener">Its node.</param>
    /// <param name="steppedDown">Told when another node has the singleton now: this actor system will never have it again.</param>
    public CoordinatorKeeper(IMembershipListener listener, Action steppedDown) => (_listener, _steppedDown) = (listener, steppedDown);

    /// <summary>True when a cluster has another node that may lead.</summary>
    public static bool CanOthersLead(AkkaCluster cluster) => cluster.State.Members.Any(member =>
        member.HasRole(AkkaConfiguration.CoordinatorRole) && member.Status == MemberStatus.Up && member.UniqueAddress != cluster.SelfUniqueAddress);

    protected override void PreStart()
    {
        _mediator = DistributedPubSub.Get(Context.System).Mediator;
        BeginToLead();
    }

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case Register register:
                _registered[register.Node] = register;
                _leadership!.Register(Sender.Path.Address.ToString(), register);
                if (_leadership.Answer is { } answer)
                {
                    Sender.Tell(answer, Self);
                }

                break;
            case Happened happened:
                Publish(happened.Event);
                break;
            case StatusRequest:
                Sender.Tell(Report(), Self);
                break;
            case StepDown:
                BeginToStepDown();
                break;
            case Ended ended:
                if (_isSteppingDown)
                {
                    Context.Stop(Self);
                }
                else if (ended.LeadsAgain)
                {
                    BeginToLead();
                }
                else
                {
                    _hasEnded = true;
                }

                break;
        }
    }

    // The folder is released even when the actor system ends without asking: another node waits for it.
    protected override void PostStop()
    {
        _leadership?.Abort();
        if (_isSteppingDown)
        {
            _steppedDown();
        }
    }

    private StatusReport Report() => new(_leadership!.Report(AkkaCluster.Get(Context.System), _registered.Values));

    private void Publish(RunEvent happened)
    {
        var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            RunEventJson.Write(json, happened);
            json.WriteEndObject();
        }

        // Speeds of very many workers do not fit a message; nobody needs them to follow a run.
        if (bytes.Length <= ClusterSerializer.MostBytes - 1024)
        {
            _mediator.Tell(new Publish(RunNotice.Topic, new RunNotice(Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length))), Self);
        }
    }

    private void BeginToLead()
    {
        var self = Self;
        _leadership = _listener.BeginToLead(
            happened => self.Tell(new Happened(happened), ActorRefs.NoSender),
            leadsAgain => self.Tell(new Ended(leadsAgain), ActorRefs.NoSender));
    }

    private void BeginToStepDown()
    {
        _isSteppingDown = true;
        if (_hasEnded)
        {
            Context.Stop(Self);
            return;
        }

        // Never the end of the run: whoever has the singleton next leads it on, and be it this node in a new actor system.
        _leadership!.Abort();
    }

    private sealed record Happened(RunEvent Event);

    private sealed record Ended(bool LeadsAgain);
}
