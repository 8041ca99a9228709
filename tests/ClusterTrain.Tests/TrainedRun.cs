using ClusterTrain.Data.Common;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Data.Prepared;
using ClusterTrain.InProcess;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Runs;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Tests;

/// <summary>Trains small real runs, on the handwritten digits that are built in, in a folder that is removed afterwards.</summary>
internal sealed class TrainedRun : IDisposable
{
    private const string Digits =
        """
        name: digits
        data: { set: digits, scale: 1/16, validation: 200, test: 200 }
        layers:
          - { units: 24, activation: relu }
          - { units: 10, activation: softmax }
        loss: categorical-cross-entropy
        optimiser: { kind: momentum, rate: 0.05 }
        batch: 100
        leaf: 8
        epochs: 3
        """;

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("clustertrain-test-");

    public List<RunEvent> Events { get; } = [];

    public string Root => _root.FullName;

    public string Folder(string name) => Path.Combine(Root, name);

    public static Recipe Recipe(params string[] overrides) => RecipeReader.Parse(Digits, "digits", overrides);

    public static PreparedData Data(Recipe recipe) => DataPreparation.Prepare(recipe, DataLocations.FromEnvironment(null));

    /// <summary>Trains a new run.</summary>
    public RunOutcome Train(string name, Recipe recipe, InProcessSettings? settings = null, Action<RunEvent, CancellationTokenSource>? observe = null)
    {
        using var folder = RunFolder.Create(Folder(name), recipe);
        return Train(folder, recipe, settings, observe);
    }

    /// <summary>Goes on with a run.</summary>
    public RunOutcome Resume(string name, Recipe recipe, InProcessSettings? settings = null)
    {
        using var folder = RunFolder.Open(Folder(name));
        return Train(folder, recipe, settings, null);
    }

    /// <summary>The receipt of a run, as text.</summary>
    public string Receipt(string name) => File.ReadAllText(Path.Combine(Folder(name), "receipt.jsonl"));

    /// <summary>Trains in a folder that is open.</summary>
    public RunOutcome Train(RunFolder folder, Recipe recipe, InProcessSettings? settings, Action<RunEvent, CancellationTokenSource>? observe)
    {
        using var stop = new CancellationTokenSource();
        return InProcessTraining.Train(
            recipe,
            Data(recipe),
            folder,
            settings ?? new InProcessSettings(),
            TimeProvider.System,
            happened =>
            {
                Events.Add(happened);
                observe?.Invoke(happened, stop);
            },
            stop.Token);
    }

    public void Dispose() => _root.Delete(recursive: true);
}
