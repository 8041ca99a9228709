using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using System.Text;
using ClusterTrain.Cluster.Links;
using ClusterTrain.Cluster.Nodes;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Runs;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Cluster.Tests;

/// <summary>A cluster of real nodes in the test's process, each with its Akka systems and its links over real sockets on loopback.</summary>
internal sealed class TestCluster : IDisposable
{
    public static readonly LinkSecurity Secret = new() { Secret = [.. Encoding.UTF8.GetBytes("a secret of the tests")] };

    private readonly TemporaryFolder _temporary = new();
    private readonly List<ClusterNode> _nodes = [];
    private readonly List<RunFolder> _folders = [];
    private readonly Recipe _recipe;
    private ImmutableArray<NodeEndpoint> _shared = [];

    public TestCluster(string recipe)
    {
        RecipeText = recipe;
        _recipe = TestRuns.RecipeOf(recipe);
    }

    public string RecipeText { get; }

    public LinkSecurity Security { get; init; } = Secret;

    public ClusterSettings Settings { get; init; } = new();

    public LinkLimits Limits { get; init; } = new();

    public RunSettings Run { get; init; } = new() { CheckpointPeriod = TimeSpan.FromMilliseconds(200) };

    /// <summary>What happened in the run, whichever node led it.</summary>
    public EventLog<RunEvent> Events { get; } = new();

    public EventLog<NodeEvent> MemberEvents { get; } = new();

    /// <summary>The node that may lead that was started last.</summary>
    public ClusterNode Coordinator { get; private set; } = null!;

    public Task<NodeOutcome> Outcome { get; private set; } = null!;

    public List<Task<NodeOutcome>> MemberOutcomes { get; } = [];

    /// <summary>Where the first node that may lead listens, and each that is started in its place.</summary>
    public NodeEndpoint Endpoint { get; private set; } = new("127.0.0.1", 0);

    /// <summary>Where several nodes that may lead listen; the same each time.</summary>
    public ImmutableArray<NodeEndpoint> SharedEndpoints(int count)
    {
        if (_shared.IsEmpty)
        {
            var listeners = Enumerable.Range(0, count).Select(_ => new TcpListener(IPAddress.Loopback, 0)).ToList();
            listeners.ForEach(listener => listener.Start());
            _shared = [.. listeners.Select(listener => new NodeEndpoint("127.0.0.1", ((IPEndPoint)listener.LocalEndpoint).Port))];
            listeners.ForEach(listener => listener.Stop());
            Endpoint = _shared[0];
        }

        return _shared;
    }

    public string FolderPath => _temporary.File("run");

    public string Receipt => File.ReadAllText(Path.Combine(FolderPath, "receipt.jsonl"));

    /// <summary>Starts a node that may lead: the first time on a new run folder, then again on the same one at the same port.</summary>
    public ClusterNode StartCoordinator(Func<NodeOptions, NodeOptions>? change = null)
    {
        var options = new NodeOptions
        {
            Name = "coordinator",
            MayLead = true,
            Listen = Endpoint,
            Cluster = Settings,
            Security = Security,
            Limits = Limits,
        };
        Coordinator = new ClusterNode(change?.Invoke(options) ?? options, Observe);
        Endpoint = Endpoint.Port == 0 ? Coordinator.Endpoint! : Endpoint;
        _nodes.Add(Coordinator);
        Outcome = Coordinator.RunAsync(
            new LeadableRun { Recipe = _recipe, Data = TestRuns.Data, Settings = Run, OpenFolder = OpenFolder, Folder = FolderPath },
                CancellationToken.None);
        return Coordinator;
    }

    /// <summary>Starts a node that may lead, and waits until it does.</summary>
    public void StartLeading()
    {
        var coordinator = StartCoordinator();
        Events.WaitFor<RunWaiting>("the run waits for members", _ => true);
        Assert.True(SpinWait.SpinUntil(() => coordinator.TakesPart, Patience.Limit), "it does not lead");
    }

    public ClusterNode StartWorker(string name = "worker", Func<NodeOptions, NodeOptions>? change = null) =>
        StartMember(Options(name) with { IsWorker = true }, change);

    public ClusterNode StartServer(string name = "server", Func<NodeOptions, NodeOptions>? change = null) =>
        StartMember(Options(name) with { IsParameterServer = true }, change);

    public ClusterNode StartBoth(string name) => StartMember(Options(name) with { IsWorker = true, IsParameterServer = true }, null);

    /// <summary>Waits for the end of the run and compares its receipt with that of the undisturbed run in one process.</summary>
    public async Task EndsLikeAloneAsync()
    {
        var outcome = await Outcome.WaitAsync(Patience.Limit);
        Assert.True(outcome is NodeLed { Outcome: RunCompleted }, $"the run ended with {outcome}");
        Assert.Equal(TestRuns.Receipt(RecipeText), Receipt);
    }

    /// <summary>Waits for some more epochs, kills all nodes, and compares the receipt with that of the undisturbed run in one process.</summary>
    public async Task TrainsLikeAloneAsync()
    {
        var before = Events.Count;
        Events.WaitFor<EpochCompleted>("another epoch", _ => true, before);
        foreach (var node in _nodes)
        {
            node.Abort();
        }

        await StoppedAsync();
        var lines = File.ReadAllLines(Path.Combine(FolderPath, "receipt.jsonl"));
        Assert.Equal(TestRuns.ReceiptOf(RecipeText, lines.Length), lines);
    }

    /// <summary>Waits until the coordinator that was aborted is gone, and its run folder is free.</summary>
    public async Task StoppedAsync()
    {
        await Outcome.WaitAsync(Patience.Limit);
        lock (_folders)
        {
            foreach (var folder in _folders)
            {
                folder.Dispose();
            }
        }
    }

    public void Dispose()
    {
        foreach (var node in _nodes)
        {
            node.Abort();
        }

        foreach (var outcome in MemberOutcomes.Append(Outcome).OfType<Task<NodeOutcome>>())
        {
            outcome.ContinueWith(_ => { }, TaskScheduler.Default).Wait();
        }

        foreach (var node in _nodes)
        {
            node.Dispose();
        }

        foreach (var folder in _folders)
        {
            folder.Dispose();
        }

        _temporary.Dispose();
    }

    public NodeOptions Options(string name) => new()
    {
        Join = _shared.IsEmpty ? [Endpoint] : _shared,
        Name = name,
        Listen = new NodeEndpoint("127.0.0.1", 0),
        OwnData = (_, _) => TestRuns.Data,
        Cluster = Settings,
        Security = Security,
        Limits = Limits,
    };

    private RunFolder OpenFolder(bool takesOver)
    {
        var folder = File.Exists(Path.Combine(FolderPath, "run.json")) ? (takesOver ? RunFolder.TakeOver(FolderPath) : RunFolder.Open(FolderPath))
            : RunFolder.Create(FolderPath, _recipe);
        lock (_folders)
        {
            _folders.Add(folder);
        }

        return folder;
    }

    private void Observe(NodeEvent happened)
    {
        MemberEvents.Add(happened);
        if (happened is NodeRunEvent inRun)
        {
            Events.Add(inRun.Happened);
        }
        else if (happened is NodeWarning warning)
        {
            Events.Add(new RunWarning(warning.Message));
        }
    }

    private ClusterNode StartMember(NodeOptions options, Func<NodeOptions, NodeOptions>? change)
    {
        var node = new ClusterNode(change is null ? options : change(options), MemberEvents.Add);
        _nodes.Add(node);
        MemberOutcomes.Add(node.RunAsync(null, CancellationToken.None));
        return node;
    }
}
