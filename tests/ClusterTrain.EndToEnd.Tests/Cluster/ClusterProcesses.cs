using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace ClusterTrain.EndToEnd.Tests;

/// <summary>The processes of a cluster on this machine, each started and killed as a test wants.</summary>
public sealed class ClusterProcesses : IDisposable
{
    private const string Secret = "a secret of the incident tests, long enough";

    private readonly TemporaryFolder _folder = new();
    private readonly List<ClusterTrainProcess> _all = [];
    private readonly string[] _options;
    private int _workers;

    /// <summary>Starts a coordinator and a parameter server.</summary>
    /// <param name="options">More options of the coordinator.</param>
    public ClusterProcesses(params string[] options)
    {
        _options = options;
        Coordinator = StartCoordinator("127.0.0.1:0");
        Address = JsonDocument.Parse(Coordinator.WaitForLine("\"event\":\"run\"")).RootElement.GetProperty("address").GetString()!;
        Server = StartServer();
    }

    /// <summary>Where the coordinator listens.</summary>
    public string Address { get; }

    /// <summary>The present coordinator.</summary>
    public ClusterTrainProcess Coordinator { get; private set; }

    /// <summary>The present parameter server.</summary>
    public ClusterTrainProcess Server { get; private set; }

    /// <summary>The present workers.</summary>
    public List<ClusterTrainProcess> Workers { get; } = [];

    /// <summary>The run folder.</summary>
    public string RunFolder => _folder["run"];

    /// <summary>Starts workers.</summary>
    public void AddWorkers(int count)
    {
        for (var i = 0; i < count; i++)
        {
            Workers.Add(StartWorker());
        }
    }

    /// <summary>Starts a worker that is not among <see cref="Workers"/>.</summary>
    /// <param name="options">More options.</param>
    public ClusterTrainProcess StartWorker(params string[] options) => StartWorker(Secret, Address, options);

    /// <summary>Starts a worker with another secret, or that connects elsewhere.</summary>
    public ClusterTrainProcess StartWorker(string secret, string address, params string[] options)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"worker-{++_workers}");
        return Start(secret, ["worker", "--json", "--join", address, "--name", name, "--threads", "1", .. options]);
    }

    /// <summary>Starts a parameter server in place of one that was killed.</summary>
    public void RestartServer() => Server = StartServer();

    /// <summary>Starts a parameter server that stands by.</summary>
    public void StartSpareServer() => StartServer("spare");

    /// <summary>Starts a coordinator in place of one that was killed.</summary>
    public void RestartCoordinator() => Coordinator = StartCoordinator(Address);

    /// <summary>Starts a coordinator on the same run folder, at another port.</summary>
    public ClusterTrainProcess StartSecondCoordinator() => StartCoordinator("127.0.0.1:0");

    /// <summary>Waits for a progress event that comes after all that is known by now, and gives the time since a moment.</summary>
    /// <param name="since">The moment.</param>
    /// <param name="after">An event that must come first.</param>
    public TimeSpan TimeToNextStep(long since, string? after = null)
    {
        if (after is not null)
        {
            Coordinator.WaitForLine(after);
        }

        Coordinator.WaitForLine("\"event\":\"progress\"");
        return Stopwatch.GetElapsedTime(since);
    }

    /// <summary>Waits for the end of the run and gives its receipt.</summary>
    public string Finish()
    {
        var exitCode = Coordinator.WaitForExit();
        Assert.True(exitCode == 0,
            $"the coordinator ended with exit code {exitCode}:\n{string.Join('\n', Coordinator.Lines.TakeLast(20))}\n{Coordinator.Errors}");
        return File.ReadAllText(Path.Combine(RunFolder, "receipt.jsonl"));
    }

    public void Dispose()
    {
        foreach (var process in _all)
        {
            process.Dispose();
        }

        _folder.Dispose();
    }

    private ClusterTrainProcess StartCoordinator(string listen) => Start(
        Secret, ["coordinator", "--json", .. IncidentRun.Recipe, "--out", RunFolder, "--listen", listen, .. _options]);

    private ClusterTrainProcess StartServer(string name = "server") => Start(
        Secret, ["parameter-server", "--json", "--join", Address, "--name", name, "--listen", "127.0.0.1:0"]);

    private ClusterTrainProcess Start(string secret, string[] args)
    {
        var process = ClusterTrainProcess.Start(new Dictionary<string, string> { ["CLUSTERTRAIN_SECRET"] = secret }, args);
        _all.Add(process);
        return process;
    }
}
