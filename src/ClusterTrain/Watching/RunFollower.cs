using ClusterTrain.Runs;


namespace ClusterTrain.Watching;

/// <summary>Watches a run through its folder alone: one that is over, or that another process trains.</summary>
public sealed class RunFollower
{
    private readonly string _folder;
    private long _position;

    /// <summary>Reads what there is.</summary>
    /// <param name="folder">The run folder.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="RunFolderException">It is no run folder.</exception>
    public RunFollower(string folder, TimeProvider time)
    {
        _folder = folder;
        Watch = new RunWatch(time);
        Watch.Begin(RunHistory.Describe(folder), withHistory: false);
        Look();
    }

    /// <summary>The run.</summary>
    public RunWatch Watch { get; }

    /// <summary>Takes in what was written since the last look.</summary>
    public void Look()
    {
        foreach (var (happened, at) in RunHistory.Read(_folder, ref _position))
        {
            Watch.Observe(happened, at);
        }

        if (Watch.View() is { Run.StepsPerEpoch: 0, Recorded: > 0 })
        {
            Watch.Begin(RunHistory.Describe(_folder), withHistory: false);
        }
    }
}
