using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using ClusterTrain.Hosting;
using ClusterTrain.Hosting.Tests;
using ClusterTrain.Learning;
using ClusterTrain.Training;

namespace ClusterTrain.Akka.Tests;

/// <summary>A cluster of real nodes in the test's process, each with an actor system of its own, over real sockets on loopback.</summary>
internal sealed class AkkaCluster : IDisposable
{
    // Quicker than a real one may be, for these nodes begin at the same moment.
    private const string Quick = """
        akka.cluster.seed-node-timeout = 500ms
        akka.cluster.gossip-interval = 100ms
        akka.cluster.leader-actions-interval = 100ms
        akka.cluster.pub-sub.gossip-interval = 200ms
        """;

    private readonly TemporaryFolder _temporary = new();
    private readonly CancellationTokenSource _end = new();
    private readonly Recipe _recipe;

    public AkkaCluster(string recipe, RunSettings settings)
    {
        _recipe = TestRuns.RecipeOf(recipe);
        Run = new AkkaRun { Recipe = _recipe, Data = TestRuns.Data, Folder = _temporary.File("run"), Settings = settings };
        Seeds = [new NodeEndpoint("127.0.0.1", FreePort())];
    }

    public AkkaRun Run { get; }

    public ImmutableArray<NodeEndpoint> Seeds { get; }

    public string Receipt => File.ReadAllText(Path.Combine(Run.Folder, "receipt.jsonl"));

    /// <summary>Starts a node; the first one begins the cluster.</summary>
    public RunningNode Start(string name, Func<AkkaNodeOptions, AkkaNodeOptions> role)
    {
        var isFirst = name == "c1";
        return new RunningNode(
            role(new AkkaNodeOptions
            {
                Name = name,
                Listen = isFirst ? Seeds[0] : new NodeEndpoint("127.0.0.1", FreePort()),
                Seeds = Seeds,
                Configuration = [Quick],
                OwnData = (_, _) => TestRuns.Data,
            }),
            _end.Token);
    }

    public RunningNode StartCoordinator(string name) => Start(name, options => options with { Run = Run });

    public RunningNode StartServer(string name, params int[] segments) => Start(name, options => options with { Segments = [.. segments] });

    public RunningNode StartWorker(string name) => Start(name, options => options with { IsWorker = true });

    public void Dispose()
    {
        _end.Cancel();
        _end.Dispose();
        _temporary.Dispose();
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}

/// <summary>A node that runs, and what it said.</summary>
internal sealed class RunningNode
{
    private readonly List<AkkaNodeEvent> _events = [];
    private readonly CancellationTokenSource _stop;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public RunningNode(AkkaNodeOptions options, CancellationToken end)
    {
        _stop = CancellationTokenSource.CreateLinkedTokenSource(end);
        Node = new AkkaNode(options, Add);
        Outcome = Node.RunAsync(_stop.Token);
    }

    public AkkaNode Node { get; }

    public Task<AkkaNodeOutcome> Outcome { get; }

    /// <summary>Asks it to leave.</summary>
    public void Stop() => _stop.Cancel();

    /// <summary>Waits for an event of a kind.</summary>
    public async Task<T> WaitForAsync<T>(Func<T, bool>? isIt = null)
        where T : AkkaNodeEvent
    {
        using var limit = new CancellationTokenSource(Patience.Limit);
        while (true)
        {
            Task changed;
            lock (_events)
            {
                changed = _changed.Task;
                if (_events.OfType<T>().FirstOrDefault(happened => isIt?.Invoke(happened) ?? true) is { } found)
                    return found;
            }

            try
            {
                await changed.WaitAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                lock (_events)
                    Assert.Fail($"no {typeof(T).Name} came; what came: {string.Join("\n", _events.TakeLast(20))}");
            }
        }
    }

    private void Add(AkkaNodeEvent happened)
    {
        lock (_events)
        {
            _events.Add(happened);
            _changed.SetResult();
            _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }
}
