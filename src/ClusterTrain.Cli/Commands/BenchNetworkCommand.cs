using System.CommandLine;
using System.Globalization;
using System.Text;
using ClusterTrain.Cli.Bench;
using ClusterTrain.Cli.Output;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Training.Plan;

namespace ClusterTrain.Cli.Commands;

/// <summary><c>clustertrain bench network</c>: two machines, each a network namespace with one core, and a link of limited speed.</summary>
internal static class BenchNetworkCommand
{
    private static readonly (BenchmarkNetwork Network, int Batch)[] s_cases = [(BenchmarkNetwork.All[0], 128), (BenchmarkNetwork.All[0], 1024)];
    private static readonly int[] s_megabits = [1000, 10_000];

    public static Command Create(Surroundings surroundings)
    {
        var seconds = CommandOptions.Seconds("--seconds", "how long each turn measures (default: 5)", allowZero: false);
        var turns = CommandOptions.Whole("--turns", "N", "turns of each (default: 3)", 1, 1000);
        var set = new Option<string[]>("--set")
        {
            Description = "set a value of the recipe, for example gradient_precision=bfloat16; may be repeated",
            HelpName = "path=value",
        };
        var data = CommandOptions.Data();
        var json = CommandOptions.Json("print one JSON object per batch and speed");
        var command = new CommandWithExamples(
            "network",
            "Measures two machines of one core joined by 1 and 10 Gbit/s: 784-500-500-10 with batches of 128 and 1,024. The machines are network "
                + "namespaces, so it needs root, on Linux.",
            "clustertrain bench network",
            "clustertrain bench network --turns 5 --json",
            "clustertrain bench network --set gradient_precision=bfloat16 --set leaf=64")
        {
            seconds, turns, set, data, json,
        };
        command.SetAction(parsed => Run(
            surroundings, parsed.GetValue(seconds) ?? 5, parsed.GetValue(turns) ?? 3, parsed.GetValue(set) ?? [], parsed.GetValue(data),
            parsed.GetValue(json)));
        return command;
    }

    private static int Run(Surroundings surroundings, double seconds, int turns, string[] overrides, string? data, bool isJson)
    {
        BenchClusterCommand.Mnist(surroundings, "network", data);
        var benchmark = new NetworkBenchmark(surroundings.Time, seconds);
        var stop = surroundings.Interruption.Token;
        var scratch = Directory.CreateTempSubdirectory("clustertrain-bench-");
        try
        {
            foreach (var (network, batch) in s_cases)
            {
                var table = new TextTable("", "samples/s", "a step", "compute", "wire", "step / limit", "MB sent", "sent / minimum");
                foreach (var megabits in s_megabits)
                {
                    var result = Measure(benchmark, network, batch, megabits, turns, overrides, scratch.FullName, data, stop);
                    if (isJson)
                    {
                        WriteJson(surroundings.Out, network, batch, result);
                    }
                    else
                    {
                        table.Add(
                            string.Create(CultureInfo.InvariantCulture, $"{megabits / 1000} Gbit/s"), Figures.Count((long)(batch / result.Step)),
                            Time(result.Step), Time(result.Compute), Time(result.Wire), Ratio(result.Step / result.Roofline),
                            Ratio(result.BytesSent / 1e6), Ratio(result.BytesSent / result.Bound));
                    }
                }

                if (!isJson)
                {
                    surroundings.Out.WriteLine(
                        string.Create(CultureInfo.InvariantCulture, $"{network.Name}, batches of {batch}, MNIST, two machines of one core"));
                    foreach (var line in table.Lines())
                    {
                        surroundings.Out.WriteLine($"  {line}");
                    }

                    surroundings.Out.WriteLine();
                }
            }
        }
        finally
        {
            scratch.Delete(recursive: true);
        }

        return ExitCodes.Ok;
    }

    // Computing alone and training over the link take turns, so that both meet the same conditions.
    private static NetworkResult Measure(
        NetworkBenchmark benchmark,
        BenchmarkNetwork network,
        int batch,
        int megabits,
        int turns,
        string[] overrides,
        string scratch,
        string? data,
        CancellationToken stop)
    {
        var (recipe, whole) = Recipe(network, batch, overrides, scratch);
        var (_, half) = Recipe(network, batch / 2, overrides, scratch);
        var folder = Path.Combine(scratch, "run");
        List<double> computes = [];
        List<(double Step, double BytesSent)> trained = [];
        for (var turn = 0; turn < turns; turn++)
        {
            computes.Add(benchmark.Compute(half, batch / 2, folder, data, stop));
            Directory.Delete(folder, recursive: true);
            trained.Add(benchmark.Train(megabits, whole, batch, folder, data, stop));
            Directory.Delete(folder, recursive: true);
        }

        var median = trained.OrderBy(turn => turn.Step).ElementAt(turns / 2);
        var layout = new NetworkLayout(network.Layers[0], recipe.Layers);

        // Of two machines each sends half of the gradient and half of the weights.
        var bound = layout.Parameters * (new TrainingPlan(recipe, batch).GradientBytes + sizeof(float)) / 2.0;
        return new NetworkResult(median.Step, computes.Order().ElementAt(turns / 2), median.BytesSent, bound, megabits * 1e6);
    }

    private static (Recipe Recipe, string File) Recipe(BenchmarkNetwork network, int batch, string[] overrides, string scratch)
    {
        var file = Path.Combine(scratch, string.Create(CultureInfo.InvariantCulture, $"{network.Name}-{batch}.yaml"));
        var recipe = RecipeReader.Parse(RecipeWriter.Write(TrainingBenchmark.RecipeOf(network, batch)), file, overrides);
        if (recipe.BatchRows != batch || !recipe.Layers.Select(layer => layer.Units).SequenceEqual(network.Layers.Skip(1)))
        {
            throw new UsageException("--set cannot change the batch or the units of layers here: they are what the table compares.");
        }

        File.WriteAllText(file, RecipeWriter.Write(recipe), Encoding.UTF8);
        return (recipe, file);
    }

    private static void WriteJson(TextWriter output, BenchmarkNetwork network, int batch, NetworkResult result) => new JsonLines(output).Write(json =>
    {
        json.WriteString("network", network.Name);
        json.WriteNumber("batch", batch);
        json.WriteNumber("bitsPerSecond", result.BitsPerSecond);
        json.WriteNumber("samplesPerSecond", batch / result.Step);
        json.WriteNumber("stepSeconds", result.Step);
        json.WriteNumber("computeSeconds", result.Compute);
        json.WriteNumber("wireSeconds", result.Wire);
        json.WriteNumber("stepOverLimit", result.Step / result.Roofline);
        json.WriteNumber("bytesSent", result.BytesSent);
        json.WriteNumber("sentOverMinimum", result.BytesSent / result.Bound);
    });

    private static string Time(double seconds) => string.Create(CultureInfo.InvariantCulture, $"{seconds * 1000:F2} ms");

    private static string Ratio(double ratio) => string.Create(CultureInfo.InvariantCulture, $"{ratio:F2}");
}
