using ClusterTrain.Hosting;
using ClusterTrain.Learning;
using ClusterTrain.Training;

namespace ClusterTrain.Cli;

/// <summary>The options of <c>clustertrain train</c>.</summary>
internal sealed record TrainOptions
{
    public string? Recipe { get; init; }

    public IReadOnlyList<string> Overrides { get; init; } = [];

    public int Workers { get; init; } = 1;

    /// <summary>Threads of each worker; null: the cores divided among them.</summary>
    public int? Threads { get; init; }

    public int ParameterServers { get; init; } = 1;

    public string? Out { get; init; }

    public string? Resume { get; init; }

    public double? CheckpointSeconds { get; init; }

    public long CheckpointSteps { get; init; }

    public long ReceiptSteps { get; init; }

    public string? Data { get; init; }

    /// <summary>The file of prepared rows; null: the recipe's own source, or what the resumed run reads.</summary>
    public string? Prepared { get; init; }

    /// <summary>True: figures are written for TensorBoard too.</summary>
    public bool IsForTensorBoard { get; init; }

    public bool IsJson { get; init; }

    public bool IsQuiet { get; init; }

    /// <summary>How the run is carried out.</summary>
    public InProcessSettings Settings
    {
        get
        {
            var usual = new RunSettings();
            return new InProcessSettings
            {
                Workers = Workers,
                Threads = Threads ?? Math.Max(1, Environment.ProcessorCount / Workers),
                Run = usual with
                {
                    ParameterServers = ParameterServers,
                    LeastWorkers = Workers,
                    CheckpointPeriod = CheckpointSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : usual.CheckpointPeriod,
                    CheckpointSteps = CheckpointSteps,
                    ReceiptSteps = ReceiptSteps,
                },
            };
        }
    }

    /// <summary>Refuses options that contradict each other.</summary>
    /// <exception cref="UsageException">They do.</exception>
    public void Check()
    {
        if (Resume is not null)
        {
            var other = Recipe is not null ? $"the recipe {Recipe}" : Overrides.Count > 0 ? "--set" : Out is not null ? "--out" : null;
            if (other is not null)
            {
                throw new UsageException(
                    $"--resume goes on with the recipe in {Resume}; {other} cannot be used with it. Start a new run to change anything.");
            }
        }

        if (IsJson && IsQuiet)
            throw new UsageException("--json and --quiet contradict each other; use one of them.");
        if ((long)Workers * (Threads ?? 1) > CommandOptions.MostThreads)
            throw new UsageException($"{Workers} workers of {Threads} threads are more than {CommandOptions.MostThreads} threads; use fewer of either.");
    }

    /// <summary>Says so when there are more members than there is work for.</summary>
    /// <param name="plan">The run.</param>
    /// <param name="layout">Its parameters.</param>
    /// <param name="error">Receives the lines.</param>
    public void WarnOfIdleMembers(TrainingPlan plan, NetworkLayout layout, TextWriter error)
    {
        var leaves = plan.Leaves(0);
        if (Workers > leaves)
        {
            error.WriteLine(
                $"note: a batch of {plan.BatchRows} rows has {Figures.Count(leaves, "leaf", "leaves")} of {plan.LeafRows} rows; "
                + $"{Workers - leaves} of the {Workers} workers will have nothing to do");
        }

        var segments = plan.Segments(layout, ParameterServers).Length;
        if (ParameterServers > segments && Optimiser.NeedsWholeModel(plan.Recipe.Optimiser))
        {
            error.WriteLine("note: the optimiser needs the whole model in one place; 1 parameter server will do the work");
        }
        else if (ParameterServers > segments)
        {
            error.WriteLine(
                $"note: the {Figures.Count(layout.Parameters)} parameters are too few for {ParameterServers} parameter servers; "
                + $"{segments} will do the work");
        }
    }
}
