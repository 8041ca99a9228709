using ClusterTrain.Data.Common;
using ClusterTrain.Data.Models;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Data.Prepared;
using ClusterTrain.Data.Store;
using ClusterTrain.InProcess;
using ClusterTrain.Learning.Checks;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Threading;
using ClusterTrain.Runs;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Validation;

namespace ClusterTrain.Reproductions;

/// <summary>
/// Trains the recipes, each with one worker and with three. Of twins the first is trained with one and the second with three, and
/// these two runs are compared.
/// </summary>
/// <param name="rows">The rows that will be run.</param>
/// <param name="recipes">The folder of the recipes.</param>
/// <param name="work">A folder for run folders and exported files.</param>
/// <param name="stop">Ends the work.</param>
internal sealed class RowRunner(IReadOnlyList<Row> rows, string recipes, string work, CancellationToken stop)
{
    private readonly Dictionary<string, IReadOnlyList<EpochRecord>> _epochs = [];

    /// <summary>Trains a row's recipe and measures it.</summary>
    /// <exception cref="DataException">Its data are missing; the message says how to get them.</exception>
    /// <exception cref="ReproductionException">A run failed, or runs differ that must not.</exception>
    public Measured Run(Row row)
    {
        var runs = new List<TrainedRow>();
        foreach (var seed in row.Seeds.DefaultIfEmpty())
        {
            var recipe = RecipeReader.Read(Path.Combine(recipes, row.Recipe + ".yaml"), row.Seeds.Count == 0 ? [] : [$"seed={seed}"]);
            var data = DataPreparation.Prepare(recipe, Locations(row), null, stop);
            var name = $"{row.Recipe}-{seed}";
            runs.Add(row.Twin is { } twin ? TrainTwin(recipe, data, name, twin)
                : rows.Any(other => other.Twin == row.Recipe) ? Score(recipe, data, TrainAlone(recipe, data, name))
                : TrainTwice(recipe, data, name));
        }

        _epochs[row.Recipe] = runs[0].Epochs;
        return row.Measure(runs);
    }

    private DataLocations Locations(Row row)
    {
        var environment = DataLocations.FromEnvironment(recipes);
        if (row.Exported is not { } set)
        {
            return environment;
        }

        var folder = Path.Combine(work, "csv");
        Directory.CreateDirectory(folder);
        CsvExport.Write(set, environment, folder, cancellation: stop);
        return new DataLocations(recipes, [folder], environment.Cache);
    }

    private TrainedRow TrainTwin(Recipe recipe, PreparedData data, string name, string twin)
    {
        if (!_epochs.TryGetValue(twin, out var others))
        {
            throw new ReproductionException($"{name} is compared with {twin}, which was not measured; name both.");
        }

        var run = TrainByThree(recipe, data, name);
        var trained = Score(recipe, data, run);
        var difference = trained.Epochs.Zip(others).FirstOrDefault(pair => pair.First != pair.Second);
        return difference == default && trained.Epochs.Count == others.Count
            ? trained
            : throw new ReproductionException($"{name} differs from {twin} at epoch {difference.First?.Epoch}");
    }

    private TrainedRow TrainTwice(Recipe recipe, PreparedData data, string name)
    {
        var one = TrainAlone(recipe, data, name);
        var three = TrainByThree(recipe, data, name);
        if (!File.ReadAllBytes(one.Receipt).AsSpan().SequenceEqual(File.ReadAllBytes(three.Receipt)))
        {
            throw new ReproductionException($"{name}: the receipts of one worker and of three differ; see {one.Receipt} and {three.Receipt}");
        }

        return Score(recipe, data, one);
    }

    private (string Receipt, string Model) TrainAlone(Recipe recipe, PreparedData data, string name) =>
        Train(recipe, data, Path.Combine(work, name + "-1"), workers: 1, threads: Environment.ProcessorCount);

    private (string Receipt, string Model) TrainByThree(Recipe recipe, PreparedData data, string name) =>
        Train(recipe, data, Path.Combine(work, name + "-3"), workers: 3, threads: 1);

    private static TrainedRow Score(Recipe recipe, PreparedData data, (string Receipt, string Model) run)
    {
        var weights = Model.Read(run.Model).Weights;
        using var pool = new ComputePool(Environment.ProcessorCount, "evaluation");
        using var network = new Network(new NetworkLayout(data.Train.Features, recipe.Layers), recipe.Loss, Kernels.Active, pool);
        return new TrainedRow(
            Receipt.Read(run.Receipt).Epochs,
            new Evaluator(network, data.Train, data.Task).Evaluate(weights.Span),
            data.Test is { } test ? new Evaluator(network, test, data.Task).Evaluate(weights.Span) : null);
    }

    private (string Receipt, string Model) Train(Recipe recipe, PreparedData data, string path, int workers, int threads)
    {
        RecipeChecks.CheckAgainst(recipe, data.Train.Features, data.Train.Outputs, data.Train.Rows);
        using var folder = Directory.Exists(path) ? Found(path, recipe, data) : RunFolder.Create(path, recipe, recipes);
        if (File.Exists(folder.ModelPath))
        {
            return (folder.ReceiptPath, folder.ModelPath);
        }

        var settings = new InProcessSettings { Workers = workers, Threads = threads, Run = new RunSettings { LeastWorkers = workers } };
        using var log = new RunLog(folder, TimeProvider.System);
        var outcome = InProcessTraining.Train(recipe, data, folder, settings, TimeProvider.System, log.Write, stop);
        return outcome switch
        {
            RunCompleted => (folder.ReceiptPath, folder.ModelPath),
            RunFailed failed => throw new ReproductionException($"{path}: the run failed: {failed.Reason}"),
            _ => throw new OperationCanceledException($"{path}: stopped", stop),
        };
    }

    // A run of an earlier call: the same one that would be made now, or none of use.
    private static RunFolder Found(string path, Recipe recipe, PreparedData data)
    {
        var folder = RunFolder.Open(path);
        var wanted = new ReceiptIdentity(recipe.Fingerprint(), data.Fingerprint, Receipt.Program, Receipt.Build);
        var entries = Receipt.Read(folder.ReceiptPath).Entries;
        if (folder.Identity.Recipe == wanted.Recipe && (entries.IsEmpty || entries[0].Identity == wanted))
        {
            return folder;
        }

        folder.Dispose();
        throw new ReproductionException($"{path}: is a run of another recipe, other data or another program; delete it");
    }
}

/// <summary>A row could not be measured, or broke a promise; the message says which.</summary>
internal sealed class ReproductionException(string message) : Exception(message);
