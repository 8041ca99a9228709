using ClusterTrain.Learning;
using ClusterTrain.Training;

namespace ClusterTrain.Hosting.Tests;

/// <summary>Runs recipes in one process, each in a folder of its own that is gone at the end.</summary>
internal sealed class RecipeRuns : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("clustertrain-runs-").FullName;
    private int _runs;

    /// <summary>Two noisy spirals of points, told apart by their sign, as rows of a recipe.</summary>
    public static string Rows(int rows)
    {
        var (features, targets) = (new List<string>(), new List<string>());
        for (var row = 0; row < rows; row++)
        {
            var (turn, side) = (row * 0.11, row % 2 == 0 ? 1 : -1);
            var (x, y) = (side * Math.Cos(turn) * turn / 5, side * Math.Sin(turn) * turn / 5);
            features.Add(FormattableString.Invariant($"[{x:F3}, {y:F3}]"));
            targets.Add(side > 0 ? "[1]" : "[0]");
        }

        return $"inline: {{ features: [{string.Join(", ", features)}], targets: [{string.Join(", ", targets)}] }}";
    }

    /// <summary>Trains to the end and returns the receipt.</summary>
    public IReadOnlyList<EpochRecord> Train(string yaml, int workers, int threads = 1, int servers = 1)
    {
        using var folder = RunFolder.Create(Path.Combine(_root, $"{++_runs}"), RecipeReader.Parse(yaml, "r.yaml", []));
        Assert.IsType<RunCompleted>(Run(yaml, folder, new InProcessSettings
        {
            Workers = workers,
            Threads = threads,
            Run = new RunSettings { LeastWorkers = workers, ParameterServers = servers },
        }));
        return folder.ReadReceipt();
    }

    /// <summary>Trains until a step, then goes on from the checkpoint there in a second run; returns the whole receipt.</summary>
    public IReadOnlyList<EpochRecord> TrainInTwo(string yaml, int untilEpoch, int secondWorkers)
    {
        var path = Path.Combine(_root, $"{++_runs}");
        using (var folder = RunFolder.Create(path, RecipeReader.Parse(yaml, "r.yaml", [])))
        {
            using var stop = new CancellationTokenSource();
            var outcome = Run(
                yaml,
                folder,
                new InProcessSettings { Workers = 1 },
                happened =>
                {
                    if (happened is EpochCompleted epoch && epoch.Record.Epoch == untilEpoch)
                    {
                        stop.Cancel();
                    }
                },
                stop.Token);
            Assert.IsType<RunInterrupted>(outcome);
        }

        using (var folder = RunFolder.Open(path))
        {
            var settings = new InProcessSettings { Workers = secondWorkers, Run = new RunSettings { LeastWorkers = secondWorkers } };
            Assert.IsType<RunCompleted>(Run(yaml, folder, settings));
            return folder.ReadReceipt();
        }
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private RunOutcome Run(
        string yaml, RunFolder folder, InProcessSettings settings, Action<RunEvent>? observe = null, CancellationToken stop = default)
    {
        var recipe = RecipeReader.Parse(yaml, "r.yaml", []);
        var data = DataPreparation.Prepare(recipe, new DataLocations(null, [], _root), cancellation: CancellationToken.None);
        return InProcessTraining.Train(recipe, data, folder, settings, TimeProvider.System, observe ?? (_ => { }), stop);
    }
}
