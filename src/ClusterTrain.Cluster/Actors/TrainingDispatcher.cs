using Akka.Configuration;
using Akka.Dispatch;
using ClusterTrain.Actors;

namespace ClusterTrain.Cluster.Actors;

/// <summary>Makes the dispatcher of the actors that train; Akka creates it by its name.</summary>
public sealed class TrainingDispatcherConfigurator : MessageDispatcherConfigurator
{
    private readonly TrainingDispatcher _dispatcher;

    /// <summary>Creates the dispatcher.</summary>
    /// <param name="config">Its settings: <c>throughput</c> and <c>threads</c>.</param>
    /// <param name="prerequisites">What Akka gives every dispatcher.</param>
    public TrainingDispatcherConfigurator(Config config, IDispatcherPrerequisites prerequisites)
        : base(config, prerequisites)
    {
        ArgumentNullException.ThrowIfNull(config);
        _dispatcher = new TrainingDispatcher(this, config.GetInt("threads", 1)) { Throughput = config.GetInt("throughput", 64) };
    }

    /// <inheritdoc/>
    public override MessageDispatcher Dispatcher() => _dispatcher;
}

/// <summary>
/// Runs actors that train on threads of their own, never on .NET's pool: computing there would keep heartbeats waiting. A thread that receives
/// from a link may lend itself: an idle actor then runs on it at once, for a change of threads costs more than most messages.
/// </summary>
internal sealed class TrainingDispatcher : MessageDispatcher
{
    [ThreadStatic]
    private static bool s_isLent;

    private readonly Lock _gate = new();
    private readonly int _count;
    private Dispatcher<IRunnable>? _threads;

    public TrainingDispatcher(MessageDispatcherConfigurator configurator, int threads)
        : base(configurator) => _count = threads;

    /// <summary>Does something, during which the first actor that gets a message and is idle runs on this very thread.</summary>
    public static void Lend(Action action)
    {
        s_isLent = true;
        try
        {
            action();
        }
        finally
        {
            s_isLent = false;
        }
    }

    protected override void ExecuteTask(IRunnable run)
    {
        if (s_isLent)
        {
            // Once: what the actor itself sends, and what waits for it after its turn, is for the other threads.
            s_isLent = false;
            run.Run();
        }
        else
        {
            lock (_gate)
            {
                _threads ??= new Dispatcher<IRunnable>("actor", _count, static mailbox => mailbox.Run(), spins: false);
                _threads.Schedule(run);
            }
        }
    }

    // Called whenever the dispatcher has had no actor for a while; the next one gets new threads.
    protected override void Shutdown()
    {
        Dispatcher<IRunnable>? threads;
        lock (_gate)
        {
            (threads, _threads) = (_threads, null);
        }

        threads?.Dispose();
    }
}
