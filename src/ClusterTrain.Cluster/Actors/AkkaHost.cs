using System.Collections.Concurrent;
using System.Globalization;
using Akka.Actor;
using Akka.Configuration;
using ClusterTrain.Actors;
using ClusterTrain.Training.Actors;
using Envelope = ClusterTrain.Actors.Envelope;

namespace ClusterTrain.Cluster.Actors;

/// <summary>Where messages go whose receiver is not in this process.</summary>
internal interface IActorRoute
{
    /// <summary>Sends a message on, or drops it; a tensor's reference goes with it.</summary>
    void Send(ActorId to, in Envelope envelope);
}

/// <summary>
/// The Akka actors of one node that train, in an actor system of their own. It is not the one that is a member of the cluster: that one ends
/// when the cluster downs the node, and what a parameter server holds must not end with it (docs/decisions/0010).
/// </summary>
internal sealed class AkkaHost : IDisposable
{
    private readonly ConcurrentDictionary<ActorId, ActorHandle> _actors = new();
    private readonly OffloadLane _offloaded;
    private readonly ActorSystem _system;
    private readonly TimeProvider _time;
    private readonly long _started;
    private readonly Action<ActorId, Exception> _failed;

    /// <summary>Creates a host without actors.</summary>
    /// <param name="system">The actor system, see <see cref="Configuration"/>; ended by <see cref="Dispose"/>.</param>
    /// <param name="time">The clock.</param>
    /// <param name="route">Takes messages to others than this process's actors.</param>
    /// <param name="failed">Told of an actor that threw.</param>
    public AkkaHost(ActorSystem system, TimeProvider time, IActorRoute route, Action<ActorId, Exception> failed)
    {
        _system = system;
        _time = time;
        _started = time.GetTimestamp();
        Route = route;
        _failed = failed;
        _offloaded = new OffloadLane((to, sender, message) => Post(to, new Envelope(sender, message, default)));
    }

    /// <summary>Monotonic time since the host began.</summary>
    public TimeSpan Now => _time.GetElapsedTime(_started);

    private IActorRoute Route { get; }

    /// <summary>The configuration of the actor system of a host.</summary>
    /// <param name="threads">Threads that run actors.</param>
    public static Config Configuration(int threads) => ConfigurationFactory.ParseString(string.Create(CultureInfo.InvariantCulture, $$"""
        akka {
          loglevel = OFF
          stdout-loglevel = OFF
          loggers = []
          log-dead-letters = off
          log-dead-letters-during-shutdown = off
          scheduler.tick-duration = 50ms
          actor {
            provider = local
            training-dispatcher {
              type = "{{typeof(TrainingDispatcherConfigurator).AssemblyQualifiedName}}"
              throughput = 64
              threads = {{threads}}
            }
          }
          coordinated-shutdown { exit-clr = off, run-by-clr-shutdown-hook = off }
        }
        """));

    /// <summary>Adds an actor.</summary>
    public ActorHandle Add(ActorId id, IActor machine)
    {
        var handle = new ActorHandle(id, _failed);
        if (!_actors.TryAdd(id, handle))
        {
            throw new ArgumentException($"There is an actor {id} already.", nameof(id));
        }

        handle.Begin(_system.ActorOf(TrainingActor.PropsOf(handle, machine, this)));
        return handle;
    }

    /// <summary>Ends an actor's life, and does one last thing after the message it has in hand.</summary>
    public void Remove(ActorId id, Action last)
    {
        if (_actors.TryRemove(id, out var handle))
        {
            handle.Close(last);
        }
        else
        {
            last();
        }
    }

    public bool Has(ActorId id) => _actors.ContainsKey(id);

    /// <summary>Gives a message to an actor of this process, or to the route.</summary>
    public void Post(ActorId to, in Envelope envelope)
    {
        if (_actors.TryGetValue(to, out var handle))
        {
            handle.Post(envelope);
        }
        else
        {
            Route.Send(to, envelope);
        }
    }

    /// <summary>Gives a message that came over a link to an actor of this process; drops it when that is gone.</summary>
    public void Deliver(ActorId to, in Envelope envelope)
    {
        if (_actors.TryGetValue(to, out var handle))
        {
            handle.Deliver(envelope);
        }
        else
        {
            envelope.Drop();
        }
    }

    public void Offload(ActorId owner, Func<IMessage> work) => _offloaded.Add(owner, work);

    /// <summary>Finishes the work that was offloaded, and ends the actor system.</summary>
    public void Dispose()
    {
        _offloaded.Stop();
        _offloaded.Dispose();
        foreach (var id in _actors.Keys)
        {
            Remove(id, static () => { });
        }

        _system.Terminate().Wait();
        _system.Dispose();
    }
}
