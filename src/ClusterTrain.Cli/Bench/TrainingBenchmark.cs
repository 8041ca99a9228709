using System.Collections.Immutable;
using ClusterTrain.Data.Rows;
using ClusterTrain.InProcess;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Optimisers;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;

namespace ClusterTrain.Cli.Bench;

/// <summary>A network whose training is timed.</summary>
/// <param name="Layers">Features, then the units of each layer: ReLU, and softmax at the end.</param>
internal sealed record BenchmarkNetwork(ImmutableArray<int> Layers)
{
    /// <summary>The large network of configs/mnist-500-500.yaml, and one so small that all but its products counts.</summary>
    public static ImmutableArray<BenchmarkNetwork> All { get; } = [new([784, 500, 500, 10]), new([784, 10, 10])];

    /// <summary>Its name, such as 784-10-10.</summary>
    public string Name => string.Join('-', Layers);

    /// <summary>
    /// Multiplications and additions that training with one row needs: the forward product and the weight gradient of each layer, and
    /// the input gradient of each but the first.
    /// </summary>
    public double FlopsPerSample =>
        Enumerable.Range(0, Layers.Length - 1).Sum(layer => (layer == 0 ? 4.0 : 6.0) * Layers[layer] * Layers[layer + 1]);
}

/// <summary>
/// Times steps of training through the coordinator, a worker and a parameter server in this process, without a run folder: no
/// disk is waited for.
/// </summary>
internal static class TrainingBenchmark
{
    /// <summary>Rows of a batch.</summary>
    public const int BatchRows = 128;

    private const int ManyEpochs = 1_000_000;
    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(0.5);

    /// <summary>Trains for a while with one thread.</summary>
    /// <param name="network">The network.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="seconds">How long to measure, after the warm-up.</param>
    /// <param name="time">The clock.</param>
    /// <param name="stop">Ends it early.</param>
    /// <returns>Samples per second in each window of about 0.2 s.</returns>
    /// <exception cref="TrainingException">The loss did not fall, so the speed means nothing.</exception>
    /// <exception cref="OperationCanceledException">It was ended early.</exception>
    public static IReadOnlyList<double> Run(BenchmarkNetwork network, DataSet rows, double seconds, TimeProvider time, CancellationToken stop)
    {
        var recipe = RecipeOf(network);
        var plan = new TrainingPlan(recipe, rows.Rows);
        var layout = new NetworkLayout(rows.Features, recipe.Layers);
        var weights = new float[layout.Parameters];
        layout.Initialise(recipe.Seed, weights);
        var stateCount = Optimiser.StatePlanes(recipe.Optimiser, layout.Parameters);
        var start = new RunStart(1, new RunState(0, 0, weights, new float[layout.Parameters * stateCount]), [], 0, null);
        var settings = new InProcessSettings { Run = new RunSettings { CheckpointPeriod = TimeSpan.Zero } };
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var windows = new List<double>();
        var (firstLoss, lastLoss) = (double.NaN, double.NaN);
        var began = time.GetTimestamp();
        var outcome = InProcessTraining.Train(plan, layout, rows, start, new NoRecord(), settings, time, Observe, enough.Token);
        stop.ThrowIfCancellationRequested();
        if (outcome is RunFailed failed)
        {
            throw new TrainingException(failed.Reason);
        }

        return lastLoss < firstLoss && windows.Count > 0
            ? windows
            : throw new TrainingException(
                $"{network.Name}: the loss did not fall ({firstLoss:F4} at first, {lastLoss:F4} at last), so its speed means nothing.");

        void Observe(RunEvent happened)
        {
            if (happened is not RunProgress progress)
            {
                return;
            }

            firstLoss = double.IsNaN(firstLoss) ? progress.Loss : firstLoss;
            lastLoss = progress.Loss;
            var elapsed = time.GetElapsedTime(began);
            if (elapsed >= s_warmUp && !enough.IsCancellationRequested)
            {
                windows.Add(progress.SamplesPerSecond);
            }

            if (elapsed >= s_warmUp + TimeSpan.FromSeconds(seconds))
            {
                enough.Cancel();
            }
        }
    }

    /// <summary>The recipe that trains a network on MNIST for as long as it is let.</summary>
    public static Recipe RecipeOf(BenchmarkNetwork network, int batch = BatchRows)
    {
        var units = network.Layers.RemoveAt(0);
        return new Recipe
        {
            Name = "bench",
            Data = new DataRecipe { Source = new NamedSource("mnist"), Scale = 1.0 / 255 },
            Layers =
            [
                .. units.Select((count, index) => new LayerRecipe
                {
                    Units = count,
                    Activation = index == units.Length - 1 ? ActivationKind.Softmax : ActivationKind.Relu,
                }),
            ],
            Loss = LossKind.CategoricalCrossEntropy,
            Optimiser = new OptimiserRecipe { Kind = OptimiserKind.Momentum, Rate = 0.01, Momentum = 0.9 },
            BatchRows = batch,
            Epochs = ManyEpochs,
        };
    }

    /// <summary>Takes everything and keeps nothing.</summary>
    private sealed class NoRecord : IRunRecorder
    {
        public (EpochRecord Record, bool WasKnown) RecordEpoch(int epoch, long step, double loss, ReadOnlyMemory<float> weights) =>
            (new EpochRecord(epoch, step, loss, null, string.Empty), false);

        public bool RecordStep(long step, ReadOnlyMemory<float> weights) => false;

        public void WriteCheckpoint(RunState state)
        {
        }

        public void WriteBest(EpochRecord record, ReadOnlyMemory<float> weights)
        {
        }

        public void WriteResult(EpochRecord record, ReadOnlyMemory<float> weights)
        {
        }
    }
}
