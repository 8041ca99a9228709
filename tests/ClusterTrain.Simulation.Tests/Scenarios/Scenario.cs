using System.Collections.Immutable;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Simulation.Tests;

/// <summary>Everything one seed decides before the simulation begins.</summary>
internal sealed record Scenario
{
    // L-BFGS asks for full batches and one segment, so it is drawn apart; the rest update each parameter by itself.
    private static readonly OptimiserKind[] s_optimisers = [.. Enum.GetValues<OptimiserKind>().Where(kind => kind != OptimiserKind.Lbfgs)];

    public required ulong Seed { get; init; }

    public required Recipe Recipe { get; init; }

    public required RunSettings Settings { get; init; }

    public required int Workers { get; init; }

    /// <summary>Places that workers can be started at, those at the start included.</summary>
    public required int WorkerPlaces { get; init; }

    /// <summary>Bounds of a link's delay, in microseconds.</summary>
    public required (long Low, long High) DelayUs { get; init; }

    /// <summary>Compute time per row of a typical worker, in microseconds; slow ones take a multiple.</summary>
    public required long RowUs { get; init; }

    /// <summary>Bounds of the time after which the two ends of a broken connection notice.</summary>
    public required (long Low, long High) DetectionUs { get; init; }

    /// <summary>Probability that a message that may be repeated is delivered a second time, later.</summary>
    public required double Duplicates { get; init; }

    /// <summary>True: a worker that loses its coordinator begins a new life with a new id; false: it announces itself again.</summary>
    public required bool WorkersBeginAnew { get; init; }

    public required ImmutableArray<FaultEvent> Events { get; init; }

    /// <summary>A place whose worker takes this long for a share, so that another computes it too.</summary>
    public (int Place, long ShareUs)? Slow { get; init; }

    /// <summary>
    /// A place whose worker computes wrongly: one bit of an answer that another worker gives too. What nobody else computes cannot be
    /// known to be wrong, so those answers are right, and nothing that would end a comparison early happens.
    /// </summary>
    public int? Corrupt { get; init; }

    /// <summary>True: all machines are equally fast.</summary>
    public bool IsEven { get; init; }

    /// <summary>A place whose worker has a wrong kernel from a step on: every sum it gives is wrong, and always in the same way.</summary>
    public (int Place, long Step)? Wrong { get; init; }

    /// <summary>The scenario with a worker whose kernel is wrong from an early step on, by the seed, and with audits of this rate.</summary>
    public Scenario WithWrongKernel(double rate) => this with
    {
        Corrupt = null,
        Wrong = (FirstWorkerPlace + (int)(Seed % (ulong)Workers), 1 + (long)(Seed % 5)),
        Settings = Settings with { AuditRate = rate },
    };

    /// <summary>True: of the weights that wait for a slow worker only the newest are kept, as over a network's links.</summary>
    public bool KeepsNewestWeights { get; init; }

    /// <summary>
    /// Machines on which the places lie, in turns: processes of one machine read each other's tensors where they lie. Null: each place is a machine.
    /// </summary>
    public int? Machines { get; init; }

    /// <summary>Parameter servers beyond those that have a segment.</summary>
    public int SpareServers { get; init; }

    /// <summary>Parameter servers, the spare ones among them.</summary>
    public int Servers => Settings.ParameterServers + SpareServers;

    public int FirstWorkerPlace => 1 + Servers;

    public int Places => FirstWorkerPlace + WorkerPlaces;

    /// <summary>The time from which on nothing goes wrong any more.</summary>
    public long QuietUs => Events.IsEmpty ? 0 : Events.Max(happening => happening.EndUs);

    /// <summary>Draws a scenario.</summary>
    public static Scenario Draw(ulong seed)
    {
        var random = new SimulationRandom(seed);
        var servers = random.Chance(0.3) ? random.Between(2, 4) : 1;
        var workers = servers == 1 ? random.Pick(1, 2, 3, random.Between(4, 8), random.Between(9, 16)) : random.Between(1, 6);
        var variations = new SimulationRandom(seed ^ 0x9E6C63D0676A9A99);
        var recipe = DrawVariations(variations, DrawRecipe(random, servers, workers));
        var more = new SimulationRandom(seed ^ 0xC2B2AE3D27D4EB4F);
        var (delayUs, rowUs) = (DrawDelay(random), random.Duration(10, 1000));
        var scenario = new Scenario
        {
            Seed = seed,
            Recipe = recipe,
            Settings = new RunSettings
            {
                ParameterServers = servers,
                LeastWorkers = random.Chance(0.8) ? 1 : random.Between(1, workers),
                CheckpointPeriod = TimeSpan.FromMilliseconds(random.Chance(0.5) ? 0 : random.Between(50, 1000)),
                CheckpointSteps = random.Chance(0.3) ? 0 : random.Between(1, 10),
                ReceiptSteps = random.Chance(0.7) ? 0 : random.Between(1, 7),
            },
            Workers = workers,
            WorkerPlaces = workers + 3,
            DelayUs = delayUs,
            RowUs = rowUs,
            DetectionUs = (random.Duration(100, 10_000), random.Duration(10_000, 500_000)),
            Duplicates = random.Pick(0, 0, 0.02, 0.2),
            WorkersBeginAnew = random.Chance(0.5),
            Events = [],
            SpareServers = more.Chance(0.3) ? more.Between(1, servers) : 0,
        };

        var rows = ((InlineSource)recipe.Data.Source).Features.Length;
        var steps = (rows / Math.Max(1, recipe.BatchRows ?? rows)) + 1;
        var stepUs = (delayUs.Low + delayUs.High) + (rowUs * (recipe.BatchRows ?? rows) / workers);
        var horizonUs = Math.Max(20_000, recipe.Epochs * steps * stepUs * 3 / 2);
        scenario = DrawSlowness(variations, scenario with { Events = DrawEvents(random, scenario, horizonUs) });
        return DrawPrecision(seed, DrawMachines(seed, DrawSegments(more, DrawMore(more, scenario, horizonUs))));
    }

    /// <summary>What was added to the draw last, from random numbers of its own like the variations of recipes.</summary>
    private static Scenario DrawMore(SimulationRandom random, Scenario scenario, long horizonUs) => scenario with
    {
        KeepsNewestWeights = random.Chance(0.5),
        Events = scenario.Corrupt is null ? DrawDepartures(random, scenario, horizonUs) : scenario.Events,
        Settings = (random.Chance(0.3) ? scenario.Settings with { CheckpointPeriod = null } : scenario.Settings) with
        {
            AuditRate = random.Pick(0, 0, 0, 0, 0.1, 1),
        },
    };

    /// <summary>Several servers of a larger model have more than one segment each.</summary>
    private static Scenario DrawSegments(SimulationRandom random, Scenario scenario)
    {
        var layers = scenario.Recipe.Layers;
        if (scenario.Settings.ParameterServers == 1 || layers.Length == 1 || !random.Chance(0.5))
        {
            return scenario;
        }

        var larger = layers.SetItem(0, layers[0] with { Units = layers[0].Units * random.Between(2, 4) });
        return scenario with
        {
            Recipe = scenario.Recipe with { Layers = larger },
            Settings = scenario.Settings with { SegmentParameters = GradientNorm.BlockParameters },
        };
    }

    /// <summary>Half of the clusters share memory.</summary>
    private static Scenario DrawMachines(ulong seed, Scenario scenario)
    {
        var random = new SimulationRandom(seed ^ 0xD6E8FEB86659FD93);
        return random.Chance(0.5) ? scenario with { Machines = random.Pick(1, 1, 2, 3) } : scenario;
    }

    /// <summary>In a quarter of the runs gradients are rounded.</summary>
    private static Scenario DrawPrecision(ulong seed, Scenario scenario) => new SimulationRandom(seed ^ 0xA0761D6478BD642F).Chance(0.25)
        ? scenario with { Recipe = scenario.Recipe with { GradientPrecision = GradientPrecision.BFloat16 } }
        : scenario;

    private static Scenario DrawSlowness(SimulationRandom random, Scenario scenario)
    {
        if (scenario.Workers < 2 || !random.Chance(0.25))
        {
            return scenario;
        }

        var slow = scenario.FirstWorkerPlace + random.Between(0, scenario.Workers - 1);
        scenario = scenario with { Slow = (slow, random.Duration(60_000, 600_000)) };
        return random.Chance(0.5)
            ? scenario
            : scenario with
            {
                Corrupt = random.Chance(0.3) ? slow : scenario.FirstWorkerPlace + random.Between(0, scenario.Workers - 1),
                Events = [.. scenario.Events.Where(happening => happening is DiskFailure or WorkerJoins or StopAndResume)],
            };
    }

    private static (long Low, long High) DrawDelay(SimulationRandom random)
    {
        var low = random.Duration(10, 5000);
        return (low, random.Chance(0.3) ? low : random.Duration(low, 20 * low));
    }

    private static Recipe DrawRecipe(SimulationRandom random, int servers, int workers)
    {
        // Segments are cut at whole blocks, so several servers need a network of several blocks.
        var blocks = servers > 1 && random.Chance(0.8) ? servers : 1;
        var features = blocks > 1 ? 64 : random.Between(1, 6);
        var hidden = blocks > 1 ? (((blocks - 1) * GradientNorm.BlockParameters) / 65) + random.Between(1, 20) : random.Between(1, 8);
        var isClassification = random.Chance(0.5);
        var outputs = random.Between(isClassification ? 2 : 1, 3);
        var leafRows = random.Between(1, 4);
        var batchRows = leafRows * random.Between(1, Math.Max(2, workers * 2)) + random.Between(0, leafRows - 1);
        var rows = Math.Max(outputs + 4, (int)(batchRows * (1 + (3 * random.Unit()))));
        var validation = random.Chance(0.4) ? random.Between(1, 3) : 0;
        var layers = ImmutableArray.CreateBuilder<LayerRecipe>();
        if (blocks > 1 || random.Chance(0.6))
        {
            layers.Add(new LayerRecipe
            {
                Units = hidden,
                Activation = random.Pick(ActivationKind.Tanh, ActivationKind.Relu, ActivationKind.Sigmoid)
            });
        }

        layers.Add(new LayerRecipe
        {
            Units = outputs,
            Activation = isClassification ? ActivationKind.Softmax : ActivationKind.Identity,
            Biases = random.Chance(0.8) ? new() { Kind = InitialiserKind.Zeros } : null,
        });

        return new Recipe
        {
            Name = "simulated",
            Seed = random.Next() >> 1,
            Data = new DataRecipe
            {
                Source = new InlineSource
                {
                    Features = [.. Enumerable.Range(0, rows + validation).Select(_ => Floats(random, features))],
                    Targets = [.. Enumerable.Range(0, rows + validation).Select(row => isClassification ? [row % outputs] : Floats(random, outputs))],
                },
                Validation = validation == 0 ? null : new SplitSize(validation, null),
                Task = isClassification ? TaskKind.Classification : TaskKind.Regression,
            },
            Layers = layers.ToImmutable(),
            Loss = isClassification ? LossKind.CategoricalCrossEntropy : random.Pick(LossKind.SquaredError, LossKind.MeanSquaredError),
            Optimiser = new OptimiserRecipe { Kind = random.Pick(s_optimisers), Rate = random.Pick(0.001, 0.01, 0.03) },
            Schedule = new ScheduleRecipe { Kind = random.Pick(Enum.GetValues<ScheduleKind>()), WarmUpEpochs = random.Pick(0, 0, 0.5, 1) },
            L2 = random.Pick(0, 0, 0.01),
            ClipNorm = random.Chance(0.3) ? random.Pick(0.01, 0.5) : null,
            BatchRows = random.Chance(0.9) ? batchRows : null,
            LeafRows = leafRows,
            Epochs = random.Between(1, 8),
            EarlyStopping = validation > 0 && random.Chance(0.5)
                ? new EarlyStoppingRecipe
                {
                    Patience = random.Between(1, 3),
                    RestoreBest = random.Chance(0.7),
                    Least = random.Pick(0, 0.01),
                    Metric = isClassification && random.Chance(0.3) ? StoppingMetric.ValidationAccuracy : StoppingMetric.ValidationLoss,
                }
                : null,
        };
    }

    /// <summary>What was added to the draw later, from random numbers of its own: seeds continue giving the scenarios they gave.</summary>
    private static Recipe DrawVariations(SimulationRandom random, Recipe recipe)
    {
        if (random.Chance(0.1))
        {
            return recipe with
            {
                Optimiser = recipe.Optimiser with { Kind = OptimiserKind.Lbfgs, Memory = random.Between(1, 4) },
                Schedule = new ScheduleRecipe(),
                ClipNorm = null,
                BatchRows = null,
                Epochs = recipe.Epochs * random.Between(1, 4),
            };
        }

        return recipe with
        {
            Layers = [.. recipe.Layers.Select((layer, index) =>
                index + 1 < recipe.Layers.Length && random.Chance(0.3) ? layer with { Dropout = random.Pick(0.1, 0.5) } : layer)],
        };
    }

    private static ImmutableArray<FaultEvent> DrawDepartures(SimulationRandom random, Scenario scenario, long horizonUs)
    {
        var events = scenario.Events.ToList();
        if (random.Chance(0.1))
        {
            events.Add(new ServerLeaves(random.Between(0, horizonUs), random.Between(1, scenario.Servers), random.Duration(1000, horizonUs + 1000)));
        }

        if (random.Chance(0.1))
        {
            events.Add(new StopAll(random.Between(0, horizonUs)));
        }

        if (random.Chance(0.1))
        {
            events.Add(new CoordinatorHangs(random.Between(0, horizonUs), random.Duration(1000, horizonUs + 1000),
                random.Duration(1000, 4 * (horizonUs + 1000))));
        }

        return [.. events.OrderBy(happening => happening.AtUs)];
    }

    private static ImmutableArray<float> Floats(SimulationRandom random, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => random.Symmetric())];

    private static ImmutableArray<FaultEvent> DrawEvents(SimulationRandom random, Scenario scenario, long horizonUs)
    {
        var count = random.Pick(0, random.Between(1, 3), random.Between(1, 3), random.Between(4, 12));
        var events = new List<FaultEvent>();
        var nextPlace = scenario.FirstWorkerPlace + scenario.Workers;
        for (var index = 0; index < count; index++)
        {
            var at = random.Between(0, horizonUs);
            var worker = scenario.FirstWorkerPlace + random.Between(0, scenario.Workers - 1);
            var server = random.Between(1, scenario.Servers);
            var any = random.Between(0, scenario.FirstWorkerPlace + scenario.Workers - 1);
            var forUs = random.Duration(Math.Max(100, horizonUs / 100), horizonUs + 1000);
            switch (random.Between(0, 14))
            {
                case 0 or 1:
                    events.Add(new Crash(at, worker, random.Chance(0.4) ? null : forUs, random.Chance(0.3)));
                    break;
                case 2:
                    events.Add(new Crash(at, server, forUs, random.Chance(0.3)));
                    break;
                case 3 or 4:
                    events.Add(new Crash(at, 0, forUs, random.Chance(0.5)));
                    break;
                case 5 or 6:
                    var other = random.Between(0, scenario.FirstWorkerPlace + scenario.Workers - 1);
                    if (other != any)
                    {
                        events.Add(new Partition(at, any, other, random.Chance(0.4), forUs));
                    }

                    break;
                case 7:
                    events.Add(new Isolation(at, any, forUs));
                    break;
                case 8:
                    events.Add(new Disconnect(at, server, worker));
                    break;
                case 9:
                    events.Add(new Disconnect(at, 0, random.Pick(server, worker)));
                    break;
                case 10:
                    events.Add(new Stall(at, any, forUs));
                    break;
                case 11:
                    events.Add(random.Chance(0.5) ? new ClockJump(at, any, random.Duration(1000, 3_600_000_000))
                        : new DiskFailure(at, random.Between(1, 3)));
                    break;
                case 12:
                    if (nextPlace < scenario.Places)
                    {
                        events.Add(new WorkerJoins(at, nextPlace++));
                    }

                    break;
                case 13:
                    events.Add(new WorkerLeaves(at, worker));
                    break;
                case 14:
                    events.Add(new StopAndResume(at));
                    break;
            }
        }

        return [.. events.OrderBy(happening => happening.AtUs)];
    }
}
