using System.Text;
using ClusterTrain.Learning;
using ClusterTrain.Training;

namespace ClusterTrain.Hosting.Tests;

/// <summary>A cluster whose nodes live in the test's process and talk over real sockets on loopback.</summary>
internal sealed class TestCluster : IDisposable
{
    public static readonly LinkSecurity Secret = new() { Secret = [.. Encoding.UTF8.GetBytes("a secret of the tests")] };

    private readonly TemporaryFolder _temporary = new();
    private readonly List<MemberNode> _members = [];
    private readonly Recipe _recipe;
    private RunFolder? _folder;

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

    public EventLog<RunEvent> Events { get; } = new();

    public EventLog<MemberEvent> MemberEvents { get; } = new();

    public CoordinatorNode Coordinator { get; private set; } = null!;

    public Task<RunOutcome> Outcome { get; private set; } = null!;

    public List<Task<MemberOutcome>> MemberOutcomes { get; } = [];

    public string Receipt => File.ReadAllText(_folder!.ReceiptPath);

    public RunFolder Folder => _folder!;

    /// <summary>Starts the coordinator: the first time on a new run folder, then again on the same one at the same port.</summary>
    public CoordinatorNode StartCoordinator()
    {
        var path = _temporary.File("run");
        _folder?.Dispose();
        _folder = _folder is null ? RunFolder.Create(path, _recipe) : RunFolder.Open(path);
        Coordinator = new CoordinatorNode(
            new CoordinatorOptions
            {
                Listen = new NodeEndpoint("127.0.0.1", Coordinator?.Endpoint.Port ?? 0),
                Recipe = _recipe,
                Data = TestRuns.Data,
                Folder = _folder,
                Run = Run,
                Cluster = Settings,
                Security = Security,
                Limits = Limits,
            },
            Events.Add);
        Outcome = Coordinator.RunAsync(CancellationToken.None);
        return Coordinator;
    }

    public MemberNode StartWorker(string name = "worker", Func<MemberOptions, MemberOptions>? change = null) =>
        StartMember(Options(name) with { IsWorker = true }, change);

    public MemberNode StartServer(string name = "server", Func<MemberOptions, MemberOptions>? change = null) =>
        StartMember(Options(name) with { IsParameterServer = true }, change);

    public MemberNode StartBoth(string name) => StartMember(Options(name) with { IsWorker = true, IsParameterServer = true }, null);

    /// <summary>Waits for the end of the run and compares its receipt with that of the undisturbed run in one process.</summary>
    public async Task EndsLikeAloneAsync()
    {
        await Outcome.WaitAsync(Patience.Limit);
        Assert.True(Outcome.Result is RunCompleted, $"the run ended with {Outcome.Result}");
        Assert.Equal(TestRuns.Receipt(RecipeText), Receipt);
    }

    public void Dispose()
    {
        Coordinator?.Abort();
        Outcome?.ContinueWith(_ => { }, TaskScheduler.Default).Wait();
        foreach (var member in _members)
            member.Abort();

        foreach (var outcome in MemberOutcomes)
            outcome.ContinueWith(_ => { }, TaskScheduler.Default).Wait();

        foreach (var member in _members)
            member.Dispose();

        Coordinator?.Dispose();
        _folder?.Dispose();
        _temporary.Dispose();
    }

    public MemberOptions Options(string name) => new()
    {
        Join = [Coordinator.Endpoint],
        Name = name,
        Listen = new NodeEndpoint("127.0.0.1", 0),
        OwnData = (_, _) => TestRuns.Data,
        Cluster = Settings,
        Security = Security,
        Limits = Limits,
    };

    private MemberNode StartMember(MemberOptions options, Func<MemberOptions, MemberOptions>? change)
    {
        var node = new MemberNode(change is null ? options : change(options), MemberEvents.Add);
        _members.Add(node);
        MemberOutcomes.Add(node.RunAsync(CancellationToken.None));
        return node;
    }
}
