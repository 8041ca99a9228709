using System.Globalization;
using ClusterTrain.Learning;
using ClusterTrain.Training;

namespace ClusterTrain.Cli;

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

/// <summary>What is about to be trained, and how.</summary>
internal sealed record RunDescription
{
    public required TrainingPlan Plan { get; init; }

    public required NetworkLayout Layout { get; init; }

    public required PreparedData Data { get; init; }

    /// <summary>The run folder, as it is shown.</summary>
    public required string Folder { get; init; }

    public required int Workers { get; init; }

    public required int Threads { get; init; }

    public required int ParameterServers { get; init; }

    public required string Kernels { get; init; }

    public required bool IsResumed { get; init; }

    /// <summary>What is trained, and how, in a line each.</summary>
    public IEnumerable<string> Lines()
    {
        var recipe = Plan.Recipe;
        var shape = string.Join('-', Layout.Layers.Select(layer => layer.Outputs).Prepend(Layout.Features));
        yield return $"{recipe.Name}: {shape}, {Figures.Count(Layout.Parameters)} parameters; {Figures.Count(Plan.TrainingRows, "row")} "
            + $"in batches of {Figures.Count(Plan.BatchRows)} ({Figures.Count(Plan.Leaves(0), "leaf", "leaves")}), {Figures.Count(recipe.Epochs, "epoch")}";
        var servers = ParameterServers == 1 ? "" : $", {ParameterServers} parameter servers";
        yield return $"{Figures.Count(Workers, "worker")} of {Figures.Count(Threads, "thread")}{servers}, {Kernels}; "
            + $"{(IsResumed ? "going on in" : "run folder")} {Folder}";
    }
}

/// <summary>How a run ended.</summary>
internal sealed record RunSummary
{
    public required RunOutcome Outcome { get; init; }

    public required TimeSpan Elapsed { get; init; }

    /// <summary>The run folder, as it is shown.</summary>
    public required string Folder { get; init; }

    /// <summary>Figures of the result on the test rows; null when there are none, or no result.</summary>
    public Evaluation? Test { get; init; }

    /// <summary>The lines that tell a person of a completed run, before the last one.</summary>
    public IEnumerable<string> CompletedLines(RunCompleted completed)
    {
        if (completed.StoppedEarly)
            yield return string.Create(CultureInfo.InvariantCulture, $"stopped early; the weights are those of epoch {completed.Epoch}");
        if (Test is { } test)
            yield return $"{Figures.Line(test, "test_")}  on {Figures.Count(test.Rows, "row")}";
        yield return $"done in {Figures.Duration(Elapsed)}; {Path.Combine(Folder, "model.safetensors")}";
    }

    /// <summary>The last line of a completed run.</summary>
    public static string HashLine(string weightsSha256) => $"weights sha256 {weightsSha256}";

    /// <summary>The lines that tell a person of a run that was stopped.</summary>
    public IEnumerable<string> InterruptedLines(RunInterrupted interrupted)
    {
        yield return string.Create(CultureInfo.InvariantCulture, $"stopped at step {interrupted.Step}; go on with");
        yield return $"  clustertrain train --resume {(Folder.Contains(' ', StringComparison.Ordinal) ? $"\"{Folder}\"" : Folder)}";
    }
}
