using Akka.Actor;
using Akka.Configuration;
using Akka.TestKit;
using Akka.TestKit.Xunit2;
using ClusterTrain.Hosting;
using ClusterTrain.Learning;
using ClusterTrain.Training;
using ClusterTrain.Training.Tests;
using Envelope = ClusterTrain.Hosting.Envelope;
using IActorContext = ClusterTrain.Training.IActorContext;

namespace ClusterTrain.Akka.Tests;

/// <summary>What a probe sees of a message: the values of a tensor are copied, for its lease goes on.</summary>
internal sealed record Seen(ActorId From, IMessage? Message, TensorKey Key, float[] Values, double Loss);

/// <summary>One state machine in its Akka actor; a probe stands for each actor it talks to.</summary>
public abstract class Stage : TestKit, IDisposable
{
    private readonly Dictionary<ActorId, TestProbe> _probes = [];
    private readonly ActorHost _host;

    protected Stage()
        : base(ConfigurationFactory.ParseString("""
            akka.actor.provider = local
            akka.actor.guardian-supervisor-strategy = "Akka.Actor.StoppingSupervisorStrategy, Akka"
            akka.loggers = []
            akka.test.single-expect-default = 60s
            """).WithFallback(AkkaConfiguration.BuiltIn()))
    {
        _host = new ActorHost(TimeProvider.System, (id, error) => Failures.Add((id, error))) { Route = new ProbeRoute(this) };
    }

    private protected TensorPool Pool { get; } = new();

    private protected Recipe Recipe { get; } = LineRun.Recipe();

    private protected TrainingPlan Plan => new(Recipe, 4);

    private protected NetworkLayout Layout => LineRun.Layout(Recipe);

    private protected List<(ActorId Id, Exception Error)> Failures { get; } = [];

    private protected TestProbe Coordinator => Probe("coordinator");

    /// <summary>Runs a state machine as its actor, and its first act.</summary>
    private protected (TrainingMailbox Mailbox, IActorRef Actor) Begin(string name, IActor machine, Action<IActorContext> start)
    {
        var mailbox = new TrainingMailbox(new ActorId(name), _host);
        var actor = Sys.ActorOf(TrainingActor.PropsOf(mailbox, machine), name);
        mailbox.Begin(actor);
        mailbox.Post(new Envelope(mailbox.Self, new HostCall(() => start(mailbox)), default));
        return (mailbox, actor);
    }

    private protected TestProbe Probe(string name)
    {
        lock (_probes)
        {
            var id = new ActorId(name);
            if (!_probes.TryGetValue(id, out var probe))
                _probes.Add(id, probe = CreateTestProbe(name));

            return probe;
        }
    }

    private protected static void Tell(TrainingMailbox mailbox, string from, IMessage message) =>
        mailbox.Deliver(new Envelope(new ActorId(from), message, default));

    private protected void Tell(TrainingMailbox mailbox, string from, TensorKey key, double loss, params ReadOnlySpan<float> values) =>
        mailbox.Deliver(new Envelope(new ActorId(from), null, Pool.Tensor(key, loss, values)));

    private protected static T Expect<T>(TestProbe probe)
        where T : IMessage => Assert.IsType<T>(probe.ExpectMsg<Seen>().Message);

    /// <summary>The next tensor a probe sees; other messages in between do not matter.</summary>
    private protected static Seen ExpectTensor(TestProbe probe) => (Seen)probe.FishForMessage(message => message is Seen { Message: null });

    private protected static void ExpectNothing(TestProbe probe) => probe.ExpectNoMsg(TimeSpan.FromMilliseconds(100));

    protected override void AfterAll()
    {
        base.AfterAll();
        _host.Stop();
        _host.Dispose();
    }

    private sealed class ProbeRoute(Stage stage) : IActorRoute
    {
        public void Send(ActorId to, in Envelope envelope)
        {
            var seen = new Seen(
                envelope.Sender, envelope.Message, envelope.Tensor.Key, envelope.Message is null ? envelope.Tensor.Values.ToArray() : [], envelope.Tensor.Loss);
            envelope.Drop();
            stage.Probe(to.Name).Tell(seen);
        }
    }
}
