using System.Collections.Concurrent;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Data.Prepared;
using ClusterTrain.InProcess;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Runs;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Cluster.Tests;

/// <summary>Recipes on the digits, their data, and what the undisturbed run in one process makes of them.</summary>
internal static class TestRuns
{
    public const string Plain = """
        name: digits
        seed: 1
        data: { set: digits, scale: 1/16, validation: 0.1, test: 0.2 }
        layers:
          - { units: 64, activation: relu }
          - { units: 10, activation: softmax }
        loss: categorical-cross-entropy
        optimiser: { kind: momentum, rate: 0.1, momentum: 0.9 }
        batch: 64
        epochs: 12
        """;

    public const string Clipped = Plain + "\nclip_norm: 0.5\n";

    public const string Rounded = Plain + "\ngradient_precision: bfloat16\n";

    /// <summary>Long enough to be disturbed in.</summary>
    public static string Long(string recipe, int epochs = 500) => recipe.Replace("epochs: 12", $"epochs: {epochs}", StringComparison.Ordinal);

    /// <summary>So long that it never ends in a test: nodes are killed in it, and then it is stopped.</summary>
    public static string Endless(string recipe) => Long(recipe, 1_000_000);

    private static readonly ConcurrentDictionary<string, Lazy<string>> s_receipts = new();

    private static readonly Lazy<PreparedData> s_digits = new(() => Prepare(RecipeOf(Plain)));

    /// <summary>The digits; all recipes here prepare them in the same way.</summary>
    public static PreparedData Data => s_digits.Value;

    public static Recipe RecipeOf(string text) => RecipeReader.Parse(text, "test.yaml", []);

    public static PreparedData Prepare(Recipe recipe) =>
        DataPreparation.Prepare(recipe, new DataLocations(null, [], Path.GetTempPath()));

    /// <summary>The receipt of the undisturbed run with one worker in one process.</summary>
    public static string Receipt(string recipe) => s_receipts.GetOrAdd(recipe, text => new Lazy<string>(() =>
    {
        using var temporary = new TemporaryFolder();
        var parsed = RecipeOf(text);
        using var folder = RunFolder.Create(temporary.File("run"), parsed);
        var outcome = InProcessTraining.Train(parsed, Data, folder, new InProcessSettings(), TimeProvider.System, _ => { }, CancellationToken.None);
        Assert.IsType<RunCompleted>(outcome);
        return File.ReadAllText(folder.ReceiptPath);
    })).Value;

    /// <summary>The first epochs' lines of the receipt of the undisturbed run with one worker in one process.</summary>
    public static string[] ReceiptOf(string recipe, int epochs)
    {
        using var temporary = new TemporaryFolder();
        using var stop = new CancellationTokenSource();
        var parsed = RecipeOf(recipe);
        using var folder = RunFolder.Create(temporary.File("run"), parsed);
        InProcessTraining.Train(
            parsed, Data, folder, new InProcessSettings(), TimeProvider.System,
            happened =>
            {
                if (happened is EpochCompleted epoch && epoch.Record.Epoch >= epochs)
                {
                    stop.Cancel();
                }
            },
            stop.Token);
        return [.. File.ReadLines(folder.ReceiptPath).Take(epochs)];
    }
}
