using System.Collections.Immutable;
using ClusterTrain.InProcess;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Threading;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Plan;
using ClusterTrain.Training.Servers;
using ClusterTrain.Training.Tensors;
using ClusterTrain.Training.Workers;

namespace ClusterTrain.Training.Tests;

[CollectionDefinition(nameof(SteadyStateTests), DisableParallelization = true)]
[Collection(nameof(SteadyStateTests))]
public sealed class SteadyStateTests
{
    // Reports a few times a second, and an epoch's record once in thousands of steps, may allocate; a step may not.
    private const double BytesPerStep = 50;
    private const int Epochs = 6;

    [Theory]
    [InlineData(1, 1, false)]
    [InlineData(3, 1, false)]
    [InlineData(2, 2, false)]
    [InlineData(1, 1, true)]
    public void A_steady_run_allocates_nothing_per_step(int workers, int servers, bool clips)
    {
        var stepsPerEpoch = servers == 1 ? 4000 : 1000;
        var recipe = LineRun.Recipe(epochs: Epochs, batchRows: 1);
        recipe = recipe with
        {
            Data = recipe.Data with
            {
                Source = new InlineSource
                {
                    Features = [.. Enumerable.Range(0, stepsPerEpoch * 4).Select(row => (ImmutableArray<float>)[row % 7, 1, row % 3])],
                    Targets = [.. Enumerable.Range(0, stepsPerEpoch * 4).Select(row => (ImmutableArray<float>)[row % 5])],
                },
            },
            Layers = [new LayerRecipe { Units = servers == 1 ? 4 : 900, Activation = ActivationKind.Relu }, new LayerRecipe { Units = 1 }],
            BatchRows = 4,
            LeafRows = 1,
            ClipNorm = clips ? 0.1 : null,
            Optimiser = new OptimiserRecipe { Rate = 1e-4 },
        };
        var data = LineRun.Data(recipe);
        var plan = new TrainingPlan(recipe, data.Train.Rows);
        var layout = new NetworkLayout(data.Train.Features, recipe.Layers);
        var weights = new float[layout.Parameters];
        layout.Initialise(recipe.Seed, weights);
        var allocated = new List<long>();
        var recorder = new AllocationRecorder(allocated);
        var tensors = new TensorPool();
        using var ended = new ManualResetEventSlim();
        var start = new RunStart(1, new RunState(0, 0, weights, new float[layout.Parameters]), [], 0, null);
        using var coordinator = new Coordinator(
            plan, layout, new RunSettings { ParameterServers = servers, LeastWorkers = workers, CheckpointPeriod = TimeSpan.Zero }, start, recorder,
                tensors,
            happened =>
            {
                if (happened is RunEnded)
                {
                    ended.Set();
                }
            });
        var members = new List<IDisposable>();
        using (var host = new InProcessHost(1, TimeProvider.System, _ => ended.Set()))
        {
            coordinator.Start(host.AddCoordinator(LineRun.Coordinator, coordinator));
            for (var index = 0; index < servers; index++)
            {
                var server = new ParameterServer(plan, layout, Kernels.Active, new ComputePool(1), tensors);
                members.Add(server);
                server.Start(host.AddMember(new ActorId($"server-{index}"), server), LineRun.Coordinator);
            }

            for (var index = 0; index < workers; index++)
            {
                var pool = new ComputePool(1);
                var worker = new Worker(plan, layout, data.Train, new Network(layout, recipe.Loss, Kernels.Active, pool), tensors);
                members.Add(worker);
                members.Add(pool);
                worker.Start(host.AddMember(new ActorId($"worker-{index}"), worker), LineRun.Coordinator);
            }

            Assert.True(ended.Wait(TimeSpan.FromMinutes(2)), "the run did not end");
        }

        members.ForEach(member => member.Dispose());
        Assert.Equal(Epochs, allocated.Count);

        // The first epochs fill pools and queues. What else the process does now and then (the test host sends results) hits some epochs, not all.
        var least = Enumerable.Range(2, Epochs - 2).Min(epoch => allocated[epoch] - allocated[epoch - 1]);
        var perStep = least / (double)stepsPerEpoch;
        Assert.True(perStep < BytesPerStep, $"{perStep:F1} bytes were allocated per step");
    }

    private sealed class AllocationRecorder(List<long> allocated) : IRunRecorder
    {
        public (EpochRecord Record, bool WasKnown) RecordEpoch(int epoch, long step, double loss, ReadOnlyMemory<float> weights)
        {
            allocated.Add(GC.GetTotalAllocatedBytes());
            return (new EpochRecord(epoch, step, loss, null, ""), false);
        }

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
