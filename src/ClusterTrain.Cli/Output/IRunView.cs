using System.Globalization;
using ClusterTrain.Learning.Metrics;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Cli.Output;

/// <summary>Shows a run to whoever started it: a person at a terminal, a log file, a program.</summary>
internal interface IRunView : IDisposable
{
    /// <summary>Before the first step.</summary>
    void Begin(RunDescription run);

    /// <summary>What happens; called from several threads, one at a time.</summary>
    void Observe(RunEvent happened);

    /// <summary>After the last step.</summary>
    void End(RunSummary report);
}

/// <summary>What is about to be trained, and how. Plain values, so that another process can be told of it.</summary>
internal sealed record RunDescription
{
    /// <summary>Name of the recipe.</summary>
    public required string Recipe { get; init; }

    /// <summary>The features, then the outputs of every layer.</summary>
    public required IReadOnlyList<int> Widths { get; init; }

    public required long Parameters { get; init; }

    /// <summary>Bytes of a number of a gradient sum between machines.</summary>
    public required int GradientBytes { get; init; }

    /// <summary>Training rows.</summary>
    public required long Rows { get; init; }

    public required int BatchRows { get; init; }

    /// <summary>Leaves of a whole batch.</summary>
    public required int Leaves { get; init; }

    public required int Epochs { get; init; }

    public required long StepsPerEpoch { get; init; }

    public required bool IsClassification { get; init; }

    /// <summary>The run folder, as it is shown.</summary>
    public required string Folder { get; init; }

    /// <summary>Workers, or of a cluster the fewest it runs with.</summary>
    public required int Workers { get; init; }

    /// <summary>Threads of each worker; 0 in a cluster, where each worker knows its own.</summary>
    public required int Threads { get; init; }

    public required int ParameterServers { get; init; }

    public required string Kernels { get; init; }

    public required bool IsResumed { get; init; }

    /// <summary>Where the members of a cluster join; null: the run is in one process.</summary>
    public string? Address { get; init; }

    /// <summary>How the run is resumed when it is stopped.</summary>
    public required string ResumeCommand { get; init; }

    /// <summary>The epoch, counted from 0, that a number of steps lies in; the last of an epoch belongs to it.</summary>
    public long EpochOf(long step) => Math.Max(0, step - 1) / StepsPerEpoch;

    /// <summary>What is trained, and how, in a line each.</summary>
    public IEnumerable<string> Lines()
    {
        yield return $"{Recipe}: {string.Join('-', Widths)}, {Figures.Count(Parameters)} parameters; {Figures.Count(Rows, "row")} "
            + $"in batches of {Figures.Count(BatchRows)} ({Figures.Count(Leaves, "leaf", "leaves")}), {Figures.Count(Epochs, "epoch")}";
        var servers = Figures.Count(ParameterServers, "parameter server");
        var folder = $"{(IsResumed ? "resuming in" : "run folder")} {Folder}";
        yield return Address is null
            ? $"{Figures.Count(Workers, "worker")} of {Figures.Count(Threads, "thread")}{(ParameterServers == 1 ? "" : $", {servers}")}, {Kernels}; "
                + $"{folder}"
            : $"listening at {Address} for {Figures.Count(Workers, "worker")} or more and {servers}; {folder}";
    }

    /// <summary>The lines that tell a person of a run that was stopped.</summary>
    public IEnumerable<string> InterruptedLines(RunInterrupted interrupted)
    {
        yield return string.Create(CultureInfo.InvariantCulture, $"stopped at step {interrupted.Step}; resume with");
        yield return $"  {ResumeCommand}";
    }
}

/// <summary>How a run ended.</summary>
internal sealed record RunSummary
{
    public required RunOutcome Outcome { get; init; }

    public required TimeSpan Elapsed { get; init; }

    /// <summary>The run folder, as it is shown.</summary>
    public required string Folder { get; init; }

    /// <summary>What the audit has shown; null: nothing was audited.</summary>
    public AuditTotals? Audited { get; init; }

    /// <summary>What a worker moves in a step; null: the run is in one process, or it is not known.</summary>
    public StepTraffic? Traffic { get; init; }

    /// <summary>Figures of the result on the training rows; null when there is no result.</summary>
    public Evaluation? Training { get; init; }

    /// <summary>Figures of the result on the test rows; null when there are none, or no result.</summary>
    public Evaluation? Test { get; init; }

    /// <summary>The record of the epoch whose weights the result has, where epochs were trained after it; null: it is the last.</summary>
    public EpochRecord? Best { get; init; }

    /// <summary>The lines that tell a person of a completed run, before the last one.</summary>
    public IEnumerable<string> CompletedLines(RunCompleted completed)
    {
        if (Training is { } training)
        {
            yield return $"{Figures.Line(training, "train_")}  on {Figures.Count(training.Rows, "row")}";
        }

        if (completed.StoppedEarly)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"stopped early; the weights are those of epoch {completed.Epoch}");
        }
        else if (Best is { } best)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"the weights are those of epoch {best.Epoch}, the best");
        }

        if (Best is { Validation: { } validation } chosen)
        {
            yield return string.Create(CultureInfo.InvariantCulture,
                $"epoch {chosen.Epoch}: loss {Figures.Number(chosen.Loss)}  {Figures.Line(validation, "val_")}");
        }

        if (Test is { } test)
        {
            yield return $"{Figures.Line(test, "test_")}  on {Figures.Count(test.Rows, "row")}";
        }

        if (Audited is { } audited)
        {
            yield return audited.Sentence;
        }

        if (Traffic is { } traffic)
        {
            yield return traffic.Sentence;
        }

        yield return $"done in {Figures.Duration(Elapsed)}; {Path.Combine(Folder, "model.safetensors")}";
    }

    /// <summary>The last line of a completed run.</summary>
    public static string HashLine(string weightsSha256) => $"weights sha256 {weightsSha256}";
}
