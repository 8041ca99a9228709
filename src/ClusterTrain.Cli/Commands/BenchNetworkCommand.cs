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
        var peers = new Option<bool>("--peers")
        {
            Description = "PyTorch's DistributedDataParallel with a process on each machine too, in turns with this program",
        };
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
            "clustertrain bench network --peers --turns 5 --json",
            "clustertrain bench network --set gradient_precision=bfloat16 --set leaf=64")
        {
            peers, seconds, turns, set, data, json,
        };
        command.SetAction(parsed => new BenchNetwork(
            surroundings, parsed.GetValue(seconds) ?? 5, parsed.GetValue(turns) ?? 3, parsed.GetValue(set) ?? [], parsed.GetValue(data)).Run(
                parsed.GetValue(peers), parsed.GetValue(json)));
        return command;
    }

    /// <summary>One call of the command.</summary>
    private sealed class BenchNetwork(Surroundings surroundings, double seconds, int turns, string[] overrides, string? data)
    {
        private readonly NetworkBenchmark _benchmark = new(surroundings.Time, seconds);

        public int Run(bool withPeers, bool isJson)
        {
            var mnist = BenchClusterCommand.Mnist(surroundings, "network", data);
            var peer = withPeers ? PeerProgram.Distributed(surroundings.Error) : null;
            var scratch = Directory.CreateTempSubdirectory("clustertrain-bench-");
            try
            {
                foreach (var (network, batch) in s_cases)
                {
                    var results = new List<Result>();
                    foreach (var megabits in s_megabits)
                    {
                        results.Add(Measure(network, batch, megabits, scratch.FullName, Path.GetDirectoryName(mnist.Files[0])!, peer));
                        if (isJson)
                        {
                            WriteJson(results[^1]);
                        }
                    }

                    if (!isJson)
                    {
                        WriteText(results);
                    }
                }
            }
            finally
            {
                scratch.Delete(recursive: true);
            }

            return ExitCodes.Ok;
        }

        // Computing alone, training over the link and the peer take turns, so that all meet the same conditions.
        private Result Measure(BenchmarkNetwork network, int batch, int megabits, string scratch, string mnist, PeerProgram? peer)
        {
            var stop = surroundings.Interruption.Token;
            var (recipe, whole) = Recipe(network, batch, scratch);
            var (_, half) = Recipe(network, batch / 2, scratch);
            var folder = Path.Combine(scratch, "run");
            List<double> computes = [];
            List<(double Step, double BytesSent)> trained = [];
            List<PeerResult> theirs = [];
            for (var turn = 0; turn < turns; turn++)
            {
                computes.Add(_benchmark.Compute(half, batch / 2, folder, data, stop));
                Directory.Delete(folder, recursive: true);
                trained.Add(_benchmark.Train(megabits, whole, batch, folder, data, stop));
                Directory.Delete(folder, recursive: true);
                if (peer is not null && theirs.TrueForAll(result => result.Problem is null))
                {
                    theirs.Add(_benchmark.Train(megabits, peer, network, batch, mnist, stop));
                }
            }

            var median = trained.OrderBy(turn => turn.Step).ElementAt(turns / 2);
            var layout = new NetworkLayout(network.Layers[0], recipe.Layers);

            // Of two machines each sends half of the gradient and half of the weights.
            var bound = layout.Parameters * (new TrainingPlan(recipe, batch).GradientBytes + sizeof(float)) / 2.0;
            var ours = new NetworkResult(median.Step, computes.Order().ElementAt(turns / 2), median.BytesSent, bound, megabits * 1e6);
            return new Result(network, batch, ours, PeerTurns.Of(peer, theirs));
        }

        private (Recipe Recipe, string File) Recipe(BenchmarkNetwork network, int batch, string scratch)
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

        private void WriteText(List<Result> results)
        {
            var table = new TextTable("", "samples/s", "a step", "compute", "wire", "step / limit", "MB sent", "sent / minimum");
            var missing = new List<string>();
            foreach (var result in results)
            {
                var ours = result.Ours;
                var link = string.Create(CultureInfo.InvariantCulture, $"{ours.BitsPerSecond / 1e9:F0} Gbit/s");
                table.Add(
                    link, Figures.Count((long)(result.Batch / ours.Step)), Time(ours.Step), Time(ours.Compute), Time(ours.Wire),
                    Ratio(ours.Step / ours.Roofline), Ratio(ours.BytesSent / 1e6), Ratio(ours.BytesSent / ours.Bound));
                if (result.Peer?.Median is { } median)
                {
                    table.Add($"{link}, {result.Peer.Name}", Figures.Count((long)median), Time(result.Batch / median), "", "", "", "", "");
                }
                else if (result.Peer is { } peer)
                {
                    missing.Add($"{link}: {peer.Name} was not measured: {peer.Problem}");
                }
            }

            surroundings.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{results[0].Network.Name}, batches of {results[0].Batch}, MNIST, two machines of one core"));
            foreach (var line in table.Lines().Concat(missing))
            {
                surroundings.Out.WriteLine($"  {line}");
            }

            surroundings.Out.WriteLine();
        }

        private void WriteJson(Result result) => new JsonLines(surroundings.Out).Write(json =>
        {
            var ours = result.Ours;
            json.WriteString("network", result.Network.Name);
            json.WriteNumber("batch", result.Batch);
            json.WriteNumber("bitsPerSecond", ours.BitsPerSecond);
            json.WriteNumber("samplesPerSecond", result.Batch / ours.Step);
            json.WriteNumber("stepSeconds", ours.Step);
            json.WriteNumber("computeSeconds", ours.Compute);
            json.WriteNumber("wireSeconds", ours.Wire);
            json.WriteNumber("stepOverLimit", ours.Step / ours.Roofline);
            json.WriteNumber("bytesSent", ours.BytesSent);
            json.WriteNumber("sentOverMinimum", ours.BytesSent / ours.Bound);
            if (result.Peer is { } peer)
            {
                json.WriteStartObject("peer");
                peer.Write(json);
                json.WriteEndObject();
            }
        });

        private static string Time(double time) => string.Create(CultureInfo.InvariantCulture, $"{time * 1000:F2} ms");

        private static string Ratio(double ratio) => string.Create(CultureInfo.InvariantCulture, $"{ratio:F2}");
    }

    /// <summary>Both machines with one batch and speed.</summary>
    private sealed record Result(BenchmarkNetwork Network, int Batch, NetworkResult Ours, PeerTurns? Peer);
}
