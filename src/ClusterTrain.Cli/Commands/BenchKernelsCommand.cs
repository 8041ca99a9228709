using System.CommandLine;
using System.Globalization;
using ClusterTrain.Cli.Output;
using ClusterTrain.Numerics.Benchmark;
using ClusterTrain.Numerics.KernelSets;

namespace ClusterTrain.Cli.Commands;

/// <summary><c>clustertrain bench kernels</c>: the products of a dense layer against the core's own peak.</summary>
internal static class BenchKernelsCommand
{
    private const int MostRounds = 10_000;

    public static Command Create(Surroundings surroundings)
    {
        var threads = CommandOptions.Whole("--threads", "N", "threads that share each product (default: 1)", 1, CommandOptions.MostThreads);
        var rounds = CommandOptions.Whole("--rounds", "N", "turns of every shape, the best of which counts (default: 30)", 1, MostRounds);
        var json = CommandOptions.Json("print one JSON object");
        var command = new CommandWithExamples(
            "kernels",
            "Measures the products of dense layers against the core's own multiply-add peak.",
            "clustertrain bench kernels",
            "CLUSTERTRAIN_KERNELS=avx2 clustertrain bench kernels --json")
        {
            threads, rounds, json,
        };
        command.SetAction(parsed => Run(
            parsed.GetValue(threads) ?? 1, parsed.GetValue(rounds) ?? 30, parsed.GetValue(json), surroundings.Out));
        return command;
    }

    private static int Run(int threads, int rounds, bool isJson, TextWriter output)
    {
        var kernels = KernelChoice.Active();
        var (peak, measurements) = KernelBenchmark.Run(kernels, threads, rounds);
        if (isJson)
        {
            WriteJson(kernels, threads, peak, measurements, new JsonLines(output));
        }
        else
        {
            WriteText(kernels, threads, peak, measurements, output);
        }

        return ExitCodes.Ok;
    }

    private static void WriteText(
        Kernels kernels, int threads, double peak, IReadOnlyList<KernelMeasurement> measurements, TextWriter output)
    {
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{kernels.Name}: the peak of one core is {peak:F1} GFLOP/s (multiply-add chains in registers)"));
        output.WriteLine(
            $"{Figures.Count(threads, "thread")}; percent of the peak of all threads; tree: what the leaves add to the time of one single leaf");
        output.WriteLine();
        var table = new TextTable("product", "shape", "GFLOP/s", "median", "of peak", "time", "tree");
        foreach (var one in measurements)
        {
            table.Add(
                one.Name,
                one.Shape,
                one.GflopsPerSecond.ToString("F1", CultureInfo.InvariantCulture),
                one.MedianGflopsPerSecond.ToString("F1", CultureInfo.InvariantCulture),
                string.Create(CultureInfo.InvariantCulture, $"{one.PercentOfPeak:F0} %"),
                string.Create(CultureInfo.InvariantCulture, $"{one.Microseconds:F1} us"),
                one.TreePercent is { } tree ? string.Create(CultureInfo.InvariantCulture, $"{tree:+0.0;-0.0;0.0} %") : "");
        }

        foreach (var line in table.Lines())
        {
            output.WriteLine(line);
        }
    }

    private static void WriteJson(
        Kernels kernels, int threads, double peak, IReadOnlyList<KernelMeasurement> measurements, JsonLines lines) => lines.Write(json =>
    {
        json.WriteString("kernels", kernels.Name);
        json.WriteNumber("threads", threads);
        json.WriteNumber("peakGflopsPerSecond", peak);
        json.WriteStartArray("measurements");
        foreach (var one in measurements)
        {
            json.WriteStartObject();
            json.WriteString("product", one.Name);
            json.WriteString("shape", one.Shape);
            json.WriteNumber("gflopsPerSecond", one.GflopsPerSecond);
            json.WriteNumber("medianGflopsPerSecond", one.MedianGflopsPerSecond);
            json.WriteNumber("percentOfPeak", one.PercentOfPeak);
            json.WriteNumber("microseconds", one.Microseconds);
            if (one.TreePercent is { } tree)
            {
                json.WriteNumber("treePercent", tree);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    });
}
