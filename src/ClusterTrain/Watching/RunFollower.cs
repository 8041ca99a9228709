using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Runs;
using ClusterTrain.Training.Coordination;

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
        Watch.Begin(Describe(folder), withHistory: false);
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
            Watch.Begin(Describe(_folder), withHistory: false);
        }
    }

    /// <summary>What a run folder says of its run.</summary>
    /// <param name="folder">The run folder.</param>
    /// <exception cref="RunFolderException">It is no run folder.</exception>
    /// <exception cref="RecipeException">Its recipe is damaged.</exception>
    private static WatchedRun Describe(string folder)
    {
        var recipeFile = Path.Combine(folder, "recipe.yaml");
        if (!File.Exists(Path.Combine(folder, "run.json")) || !File.Exists(recipeFile))
        {
            throw new RunFolderException(
                $"{folder}: is not a run folder (run.json or recipe.yaml is missing). Name the folder that `clustertrain train` printed.");
        }

        var recipe = RecipeReader.Read(recipeFile, []);
        var first = RunHistory.Read(folder).Select(line => line.Happened).OfType<EpochCompleted>().FirstOrDefault();
        return new WatchedRun(recipe, folder, 0, first is null ? 0 : first.Record.Step / first.Record.Epoch, 0);
    }
}
