namespace ClusterTrain.EndToEnd.Tests;

/// <summary>
/// The run that every incident happens to, and its receipt when nothing happens: in one process, by one worker. It is made once.
/// With <c>CLUSTERTRAIN_INCIDENTS=full</c> the run is longer, every incident happens, and its bound is held as it is; otherwise the machine
/// is expected to be busy with other tests, and bounds are five times as long.
/// </summary>
public sealed class IncidentRun : IDisposable
{
    private const int BusyMachine = 5;

    private readonly TemporaryFolder _folder = new();

    public IncidentRun()
    {
        using var alone = ClusterTrainProcess.Run(["train", .. Recipe, "--out", _folder["alone"], "--workers", "1"]);
        Receipt = File.ReadAllText(Path.Combine(_folder["alone"], "receipt.jsonl"));
    }

    /// <summary>True when everything is to be shown, on a machine that does nothing else.</summary>
    public static bool IsFull { get; } = Environment.GetEnvironmentVariable("CLUSTERTRAIN_INCIDENTS") == "full";

    /// <summary>The recipe, as arguments: digits with a wider layer, for as many epochs as the incidents need.</summary>
    public static string[] Recipe { get; } =
        ["--set", "layers[0].units=256", "--set", $"epochs={(IsFull ? 1800 : 800)}", "--checkpoint-seconds", "0.5"];

    /// <summary>The folder of the undisturbed run.</summary>
    public string Folder => _folder["alone"];

    /// <summary>The receipt of the undisturbed run.</summary>
    public string Receipt { get; }

    /// <summary>A bound as it is held here.</summary>
    public static TimeSpan Bound(double seconds) => TimeSpan.FromSeconds(IsFull ? seconds : seconds * BusyMachine);

    public void Dispose() => _folder.Dispose();
}

/// <summary>Classes of this collection share the run, and no other test of the project runs beside them.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class IncidentCollection : ICollectionFixture<IncidentRun>
{
    public const string Name = "incidents";
}

/// <summary>An incident that takes longer or needs root; it happens with <c>CLUSTERTRAIN_INCIDENTS=full</c>.</summary>
public sealed class FullIncidentFactAttribute : IncidentFactAttribute
{
    /// <summary>Creates the attribute.</summary>
    /// <param name="needsRoot">True: it makes network namespaces or mounts.</param>
    public FullIncidentFactAttribute(bool needsRoot = false)
    {
        if (!IncidentRun.IsFull)
        {
            Skip = "runs with CLUSTERTRAIN_INCIDENTS=full";
        }
        else if (needsRoot && Environment.UserName != "root")
        {
            Skip = "needs root";
        }
    }
}

/// <summary>An incident that happens in every run of the tests. It needs signals, which Windows has not.</summary>
public class IncidentFactAttribute : FactAttribute
{
    public IncidentFactAttribute()
    {
        if (OperatingSystem.IsWindows())
        {
            Skip = "needs signals";
        }
    }
}

/// <summary>An incident in several variants, like <see cref="IncidentFactAttribute"/>.</summary>
public class IncidentTheoryAttribute : TheoryAttribute
{
    public IncidentTheoryAttribute()
    {
        if (OperatingSystem.IsWindows())
        {
            Skip = "needs signals";
        }
    }
}
