using System.Collections.Immutable;
using System.Globalization;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Watching;

/// <summary>What limits the pace of a run, from what its members say they do.</summary>
public static class Bottleneck
{
    // A worker that takes so many times the median of the others is the slow one.
    private const double SlowMultiple = 1.25;

    /// <summary>One sentence; empty when nothing is known yet.</summary>
    /// <param name="machines">The members.</param>
    /// <param name="steps">Where a step's time goes, by the parameter server.</param>
    /// <param name="isTraining">False while the run rests.</param>
    /// <param name="state">The run's state.</param>
    public static string Sentence(ImmutableArray<MachineView> machines, StepMeasure? steps, bool isTraining, string state)
    {
        if (!isTraining)
        {
            return state.StartsWith("waiting", StringComparison.Ordinal) ? $"Not training: the run is {state}." : "";
        }

        if (machines.FirstOrDefault(machine => machine.State == MachineState.Late) is { } late)
        {
            return $"{late.Name} is the slow node: the others do its share until it answers.";
        }

        var workers = machines.Where(machine => machine is { State: MachineState.Computing, Measure: { Leaves: > 0 } })
            .OrderByDescending(machine => machine.Measure!.Value.ComputePerStep).ToArray();
        if (workers.Length == 0 || steps is null)
        {
            return "";
        }

        var slowest = workers[0].Measure!.Value;
        var step = steps.Awaited + steps.Summed + steps.Updated + steps.Sent;
        var links = steps.Awaited - slowest.ComputePerStep is { Ticks: > 0 } rest ? rest : TimeSpan.Zero;
        var server = steps.Summed + steps.Updated + steps.Sent;
        if (slowest.ComputePerStep < links || slowest.ComputePerStep < server)
        {
            return links >= server
                ? $"The links are the bottleneck: {Part(links, step)} of a step goes by while weights and sums travel or wait for a processor."
                : $"The parameter server is the bottleneck: adding sums and updating take {Part(server, step)} of a step.";
        }

        if (workers.Length == 1)
        {
            return $"Computing is the bottleneck: it takes {Part(slowest.ComputePerStep, step)} of a step.";
        }

        var others = workers[1..][(workers.Length - 1) / 2].Measure!.Value.ComputePerStep;
        var leaves = slowest.Leaves == 1 ? "leaf" : "leaves";
        return slowest.ComputePerStep > SlowMultiple * others
            ? $"{workers[0].Name} is the slow node: it computes {Time(slowest.ComputePerStep)} of each step for {slowest.Leaves} {leaves}, "
                + $"the others {Time(others)}; all wait for it ({Part(slowest.ComputePerStep, step)} of a step)."
            : $"Computing is the bottleneck: it takes {Part(slowest.ComputePerStep, step)} of a step; {workers[0].Name} is slightly slower.";
    }

    /// <summary>A time as a person reads it, for example <c>4.1 ms</c>.</summary>
    public static string Time(TimeSpan time) => time.TotalSeconds switch
    {
        >= 100 => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:F0} s"),
        >= 1 => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:F1} s"),
        >= 0.1 => string.Create(CultureInfo.InvariantCulture, $"{time.TotalMilliseconds:F0} ms"),
        >= 0.001 => string.Create(CultureInfo.InvariantCulture, $"{time.TotalMilliseconds:F1} ms"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{time.TotalMicroseconds:F0} µs"),
    };

    private static string Part(TimeSpan part, TimeSpan whole) =>
        string.Create(CultureInfo.InvariantCulture, $"{Math.Min(100, 100 * (part / whole)):F0} %");
}
