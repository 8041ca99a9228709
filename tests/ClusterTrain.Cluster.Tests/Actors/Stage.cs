using Akka.Actor;
using Akka.Configuration;
using Akka.TestKit;
using Akka.TestKit.Xunit2;
using ClusterTrain.Cluster.Actors;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Plan;
using ClusterTrain.Training.Tensors;
using ClusterTrain.Training.Tests;
using Envelope = ClusterTrain.Actors.Envelope;
using IActorContext = ClusterTrain.Training.Actors.IActorContext;

namespace ClusterTrain.Cluster.Tests;

/// <summary>What a probe sees of a message: the values of a tensor are copied, for its lease continues.</summary>
internal sealed record Seen(ActorId From, IMessage? Message, TensorKey Key, float[] Values, double Loss);

/// <summary>One state machine in its Akka actor; a probe stands for each actor it talks to.</summary>
public abstract class Stage : TestKit
{
    private readonly Dictionary<ActorId, TestProbe> _probes = [];
    private readonly AkkaHost _host;

    protected Stage()
        : base(ConfigurationFactory.ParseString("akka.test.single-expect-default = 60s").WithFallback(AkkaHost.Configuration(threads: 1)))
    {
        _host = new AkkaHost(Sys, TimeProvider.System, new ProbeRoute(this), (id, error) => Failures.Add((id, error)));
    }

    private protected TensorPool Pool { get; } = new();

    private protected Recipe Recipe { get; } = LineRun.Recipe();

    private protected TrainingPlan Plan => new(Recipe, 4);

    private protected NetworkLayout Layout => LineRun.Layout(Recipe);

    private protected List<(ActorId Id, Exception Error)> Failures { get; } = [];

    private protected TestProbe Coordinator => Probe("coordinator");

    /// <summary>Runs a state machine as its actor, and its first act.</summary>
    private protected ActorHandle Begin(string name, IActor machine, Action<IActorContext> start)
    {
        var handle = _host.Add(new ActorId(name), machine);
        handle.Start(start);
        return handle;
    }

    /// <summary>Ends an actor.</summary>
    private protected void End(ActorHandle handle, Action last) => _host.Remove(handle.Id, last);

    private protected TestProbe Probe(string name)
    {
        lock (_probes)
        {
            var id = new ActorId(name);
            if (!_probes.TryGetValue(id, out var probe))
            {
                _probes.Add(id, probe = CreateTestProbe(name));
            }

            return probe;
        }
    }

    private protected static void Tell(ActorHandle handle, string from, IMessage message) =>
        handle.Deliver(new Envelope(new ActorId(from), message, default));

    private protected void Tell(ActorHandle handle, string from, TensorKey key, double loss, params ReadOnlySpan<float> values) =>
        handle.Deliver(new Envelope(new ActorId(from), null, Pool.Tensor(key, loss, values)));

    private protected static T Expect<T>(TestProbe probe)
        where T : IMessage => Assert.IsType<T>(probe.ExpectMsg<Seen>().Message);

    /// <summary>The next tensor a probe sees; other messages in between do not matter.</summary>
    private protected static Seen ExpectTensor(TestProbe probe) => (Seen)probe.FishForMessage(message => message is Seen { Message: null });

    private protected static void ExpectNothing(TestProbe probe) => probe.ExpectNoMsg(TimeSpan.FromMilliseconds(100));

    protected override void AfterAll()
    {
        _host.Dispose();
        base.AfterAll();
    }

    private sealed class ProbeRoute(Stage stage) : IActorRoute
    {
        public void Send(ActorId to, in Envelope envelope)
        {
            var seen = new Seen(
                envelope.Sender, envelope.Message, envelope.Tensor.Key, envelope.Message is null ? envelope.Tensor.Values.ToArray()
                    : [], envelope.Tensor.Loss);
            envelope.Drop();
            stage.Probe(to.Name).Tell(seen);
        }
    }
}
