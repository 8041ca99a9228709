using System.Collections.Immutable;
using System.Globalization;
using System.Reflection;

namespace ClusterTrain.Simulation.Tests;

/// <summary>Simulates seeds and reports failures as lines that replay them.</summary>
internal static class Simulation
{
    /// <summary>The commit the program was built from, shortened.</summary>
    private static string Commit
    {
        get
        {
            var version = typeof(Simulation).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;
            var plus = version.IndexOf('+', StringComparison.Ordinal);
            return plus < 0 ? "unknown" : version[(plus + 1)..Math.Min(version.Length, plus + 9)];
        }
    }

    /// <summary>Simulates one scenario.</summary>
    /// <returns>Null, or which promise was broken and how.</returns>
    public static SimulationFailure? Run(Scenario scenario, Plant plant, TextWriter? trace = null)
    {
        using var cluster = new SimulatedCluster(scenario, plant, trace);
        try
        {
            cluster.Run();
            return null;
        }
        catch (SimulationFailure failure)
        {
            return cluster.IsBeyondKnowledge(failure) ? null : failure;
        }
        catch (Exception error) when (trace is null)
        {
            // Whatever an actor throws is a failure of the cluster, with the place it was thrown at.
            var place = error.StackTrace?.Split('\n')[0].Trim() ?? "";
            return new SimulationFailure("crash", $"{error.GetType().Name}: {error.Message.ReplaceLineEndings(" ")} {place}");
        }
    }

    /// <summary>The line that replays a failure.</summary>
    public static string Line(Scenario scenario, SimulationFailure failure, ImmutableArray<int>? kept = null)
    {
        var keep = kept is { } events ? $" keep={string.Join(',', events)}" : "";
        return string.Create(CultureInfo.InvariantCulture, $"seed={scenario.Seed} commit={Commit}{keep} {failure.Message}");
    }

    /// <summary>Leaves out events as long as the same promise is broken without them.</summary>
    /// <returns>Indices of the events that are needed, and the failure they lead to.</returns>
    public static (ImmutableArray<int> Kept, SimulationFailure Failure) Shrink(Scenario scenario, SimulationFailure failure, Func<Plant> plant)
    {
        var kept = Enumerable.Range(0, scenario.Events.Length).ToImmutableArray();
        for (var size = Math.Max(1, kept.Length / 2); ; size = Math.Max(1, size / 2))
        {
            var isSmaller = false;
            for (var start = 0; start < kept.Length;)
            {
                var fewer = kept.RemoveRange(start, Math.Min(size, kept.Length - start));
                if (Run(Keep(scenario, fewer), plant()) is { } other && other.Promise == failure.Promise)
                {
                    (kept, failure, isSmaller) = (fewer, other, true);
                }
                else
                {
                    start += size;
                }
            }

            if (size == 1 && !isSmaller)
            {
                return (kept, failure);
            }
        }
    }

    /// <summary>The scenario with some of its events.</summary>
    public static Scenario Keep(Scenario scenario, ImmutableArray<int> kept) =>
        scenario with { Events = [.. kept.Select(index => scenario.Events[index])] };
}
