using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace ClusterTrain.Simulation.Tests;

/// <summary>The runner: many seeds, or one again.</summary>
internal static class Program
{
    // On a busy machine the pool would add a thread every half second for as long as the search lasts.
    private static readonly ParallelOptions s_parallel = new() { MaxDegreeOfParallelism = Environment.ProcessorCount };

    private static int Main(string[] arguments)
    {
        var options = new Dictionary<string, string>();
        for (var index = 0; index + 1 < arguments.Length; index += 2)
        {
            options[arguments[index].TrimStart('-')] = arguments[index + 1];
        }

        if (arguments.Length % 2 != 0 || options.Keys.Except(["seeds", "from", "keep", "trace", "plants", "growth", "wrong"]).Any())
        {
            Console.Error.WriteLine(
                "usage: [--from N] [--seeds COUNT] [--wrong AUDIT-RATE], --from N [--keep 0,2,5] [--wrong AUDIT-RATE] --trace FILE, --plants SEEDS, or --growth FOLDER");
            return 2;
        }

        if (options.TryGetValue("plants", out var seedsText))
        {
            return FindPlants(int.Parse(seedsText, CultureInfo.InvariantCulture));
        }

        if (options.TryGetValue("growth", out var folder))
        {
            return Growth.Write(folder);
        }

        var from = ulong.Parse(options.GetValueOrDefault("from", "1"), CultureInfo.InvariantCulture);
        Func<ulong, Scenario> draw = options.TryGetValue("wrong", out var rate)
            ? seed => Scenario.Draw(seed).WithWrongKernel(double.Parse(rate, CultureInfo.InvariantCulture))
            : Scenario.Draw;
        return options.TryGetValue("trace", out var path)
            ? Replay(draw(from), options.GetValueOrDefault("keep"), path)
            : Search(draw, from, int.Parse(options.GetValueOrDefault("seeds", "1000"), CultureInfo.InvariantCulture));
    }

    private static int Search(Func<ulong, Scenario> draw, ulong from, int seeds)
    {
        var watch = Stopwatch.StartNew();
        var failures = new ConcurrentBag<Scenario>();
        var done = 0;
        Parallel.For(0, seeds, s_parallel, index =>
        {
            var scenario = draw(from + (ulong)index);
            if (Simulation.Run(scenario, new Plant()) is { } failure)
            {
                failures.Add(scenario);
                Console.WriteLine(Simulation.Line(scenario, failure));
            }

            if (Interlocked.Increment(ref done) % 10_000 == 0)
            {
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{done} seeds, {failures.Count} failures, {done / watch.Elapsed.TotalSeconds:F0} seeds/s"));
            }
        });
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{seeds} seeds from {from}: {failures.Count} failures, {seeds / watch.Elapsed.TotalSeconds:F0} seeds/s"));
        foreach (var scenario in failures.OrderBy(scenario => scenario.Events.Length).ThenBy(scenario => scenario.Seed).Take(5))
        {
            var (kept, failure) = Simulation.Shrink(scenario, Simulation.Run(scenario, new Plant())!, () => new Plant());
            Console.WriteLine("shrunk: " + Simulation.Line(scenario, failure, kept));
            foreach (var index in kept)
            {
                Console.WriteLine($"  {scenario.Events[index]}");
            }
        }

        return failures.IsEmpty ? 0 : 1;
    }

    /// <summary>Says for each planted fault how many of the seeds find it, and which is the first.</summary>
    private static int FindPlants(int seeds)
    {
        foreach (var (name, create, _) in PlantTable.Rows)
        {
            var found = new ConcurrentBag<(int Seed, SimulationFailure Failure)>();
            Parallel.For(1, seeds + 1, s_parallel, seed =>
            {
                if (Simulation.Run(Scenario.Draw((ulong)seed), create()) is { } failure)
                {
                    found.Add((seed, failure));
                }
            });
            var first = found.OrderBy(run => run.Seed).FirstOrDefault();
            var promises = found.GroupBy(run => run.Failure.Promise).OrderByDescending(group => group.Count())
                .Select(group => $"{group.Key} {group.Count()}");
            Console.WriteLine($"{name,-40} first at seed {first.Seed,4}, {found.Count} of {seeds} seeds ({string.Join(", ", promises)}): "
                + $"{first.Failure?.Message}");
        }

        return 0;
    }

    private static int Replay(Scenario scenario, string? keep, string path)
    {
        if (keep is not null)
        {
            scenario = Simulation.Keep(scenario, [.. keep.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)]);
        }

        using var trace = new StreamWriter(path);
        trace.WriteLine($"workers {scenario.Workers} {scenario.Settings} begin again {scenario.WorkersBeginAnew}");
        var failure = Simulation.Run(scenario, new Plant(), trace);
        Console.WriteLine(failure is null ? $"seed={scenario.Seed} passes" : Simulation.Line(scenario, failure));
        return failure is null ? 0 : 1;
    }
}
