using System.CommandLine;
using System.Globalization;
using ClusterTrain.Cli.Bench;
using ClusterTrain.Cli.Output;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Data.Rows;
using ClusterTrain.Data.Store;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.Benchmark;
using ClusterTrain.Numerics.KernelSets;

namespace ClusterTrain.Cli.Commands;

/// <summary><c>clustertrain bench train</c>: training speed with one thread, and that of other libraries beside it.</summary>
internal static class BenchTrainCommand
{
    private const int SyntheticRows = 60_000; // as many as MNIST has
    private const int PeakRounds = 3;

    public static Command Create(Surroundings surroundings)
    {
        var peers = new Option<bool>("--peers") { Description = "run the programs under bench/peers too, in turns with this one" };
        var seconds = CommandOptions.Seconds("--seconds", "how long each turn measures (default: 2)", allowZero: false);
        var turns = CommandOptions.Whole("--turns", "N", "turns of each program (default: 5)", 1, 1000);
        var data = CommandOptions.Data();
        var json = CommandOptions.Json("print one JSON object per network");
        var command = new CommandWithExamples(
            "train",
            "Measures training with one thread on 784-500-500-10 and 784-10-10, batches of 128 rows.",
            "clustertrain bench train",
            "clustertrain bench train --peers")
        {
            peers, seconds, turns, data, json,
        };
        command.SetAction(parsed => new BenchTrain(surroundings, parsed.GetValue(seconds) ?? 2, parsed.GetValue(turns) ?? 5).Run(
            parsed.GetValue(peers), parsed.GetValue(data), parsed.GetValue(json)));
        return command;
    }

    /// <summary>One call of the command.</summary>
    private sealed class BenchTrain(Surroundings surroundings, double seconds, int turns)
    {
        private readonly Kernels _kernels = KernelChoice.Active();

        public int Run(bool withPeers, string? dataFolder, bool isJson)
        {
            var (rows, mnist) = Rows(Locations.Of(recipeFolder: null, dataFolder, surroundings));
            var peers = withPeers ? PeerProgram.Find(surroundings.Error) : [];
            foreach (var network in BenchmarkNetwork.All)
            {
                var result = Measure(network, rows, mnist, peers);
                if (isJson)
                {
                    WriteJson(result);
                }
                else
                {
                    WriteText(result);
                }
            }

            return ExitCodes.Ok;
        }

        // Real rows where they are at hand; a benchmark downloads nothing.
        private (DataSet Rows, string? Folder) Rows(DataLocations locations)
        {
            const string Name = "mnist";
            var store = new DataStore(locations);
            if (store.Look(Name) is null)
            {
                return (SyntheticImages.Create(1, SyntheticRows, 784, 10), null);
            }

            using var progress = new DataProgressLine(surroundings);
            var recipe = new DataRecipe { Source = new NamedSource(Name), Scale = 1.0 / 255 };
            var rows = DataPreparation.Prepare(recipe, 1, locations, progress, surroundings.Interruption.Token).Train;
            var folders = store.Look(Name)!.Files.Select(file => Path.GetDirectoryName(file)!).Distinct().ToList();
            return (rows, folders.Count == 1 ? folders[0] : null);
        }

        // Clocks drift and machines are shared: the programs take turns, so that each meets the same conditions.
        private BenchmarkResult Measure(BenchmarkNetwork network, DataSet rows, string? mnist, IReadOnlyList<PeerProgram> peers)
        {
            var stop = surroundings.Interruption.Token;
            var ours = new List<double>();
            var theirs = peers.Select(_ => new List<PeerResult>()).ToList();
            double peak = 0;
            for (var turn = 0; turn < turns; turn++)
            {
                peak = Math.Max(peak, KernelBenchmark.Run(_kernels, threads: 1, PeakRounds).PeakGflopsPerSecond);
                ours.AddRange(TrainingBenchmark.Run(network, rows, seconds, surroundings.Time, stop));
                foreach (var (peer, results) in peers.Zip(theirs))
                {
                    if (results.TrueForAll(result => result.Problem is null))
                    {
                        results.Add(peer.Run(network, mnist, seconds, stop));
                    }
                }
            }

            var speeds = peers.Zip(theirs).Select(pair => Speed.Of(pair.First.Name, pair.Second));
            return new BenchmarkResult(network, mnist is not null, peak, [Speed.Of("ClusterTrain", ours), .. speeds]);
        }

        private void WriteText(BenchmarkResult result)
        {
            var output = surroundings.Out;
            var rows = result.IsMnist ? "MNIST" : "synthetic rows";
            output.WriteLine($"{result.Network.Name}, batches of {TrainingBenchmark.BatchRows}, one thread, {rows}");
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{_kernels.Name}: the peak of one core is {result.PeakGflops:F1} GFLOP/s; a sample takes {result.Network.FlopsPerSample / 1e6:F3} "
                    + $"MFLOP"));
            var table = new TextTable("program", "samples/s", "best", "of peak", "ClusterTrain is");
            foreach (var speed in result.Speeds)
            {
                if (speed.Median is not { } median)
                {
                    continue;
                }

                table.Add(
                    $"{speed.Name} {speed.Version}".TrimEnd(),
                    Figures.Count((long)median),
                    Figures.Count((long)speed.Best),
                    string.Create(CultureInfo.InvariantCulture, $"{result.PercentOfPeak(median):F0} %"),
                    speed == result.Speeds[0]
                        ? ""
                        : string.Create(CultureInfo.InvariantCulture, $"{result.Speeds[0].Median / median:F2} times as fast"));
            }

            foreach (var line in table.Lines())
            {
                output.WriteLine($"  {line}");
            }

            foreach (var speed in result.Speeds.Where(speed => speed.Problem is not null))
            {
                output.WriteLine($"  {speed.Name} was not measured: {speed.Problem}");
            }

            output.WriteLine();
        }

        private void WriteJson(BenchmarkResult result) => new JsonLines(surroundings.Out).Write(json =>
        {
            json.WriteString("network", result.Network.Name);
            json.WriteNumber("batch", TrainingBenchmark.BatchRows);
            json.WriteNumber("threads", 1);
            json.WriteString("rows", result.IsMnist ? "mnist" : "synthetic");
            json.WriteString("kernels", _kernels.Name);
            json.WriteNumber("peakGflopsPerSecond", result.PeakGflops);
            json.WriteNumber("flopsPerSample", result.Network.FlopsPerSample);
            json.WriteStartArray("programs");
            foreach (var speed in result.Speeds)
            {
                json.WriteStartObject();
                json.WriteString("name", speed.Name);
                if (speed.Median is { } median)
                {
                    json.WriteString("version", speed.Version);
                    json.WriteNumber("samplesPerSecond", median);
                    json.WriteNumber("bestSamplesPerSecond", speed.Best);
                    json.WriteNumber("percentOfPeak", result.PercentOfPeak(median));
                    json.WriteNumber("clusterTrainIsTimesAsFast", result.Speeds[0].Median!.Value / median);
                }
                else
                {
                    json.WriteString("problem", speed.Problem);
                }

                json.WriteEndObject();
            }

            json.WriteEndArray();
        });
    }

    /// <summary>All programs on one network, this one first.</summary>
    private sealed record BenchmarkResult(BenchmarkNetwork Network, bool IsMnist, double PeakGflops, IReadOnlyList<Speed> Speeds)
    {
        public double PercentOfPeak(double samplesPerSecond) => 100 * samplesPerSecond * Network.FlopsPerSample / 1e9 / PeakGflops;
    }

    /// <summary>Samples per second of one program over its turns.</summary>
    private sealed record Speed(string Name, string Version, double? Median, double Best, string? Problem)
    {
        public static Speed Of(string name, List<double> windows) =>
            new(name, VersionAction.Version.Split('+')[0], MedianOf(windows), windows.Max(), null);

        public static Speed Of(string name, List<PeerResult> turns)
        {
            if (turns.Find(turn => turn.Problem is not null) is { } failed)
            {
                return new Speed(name, string.Empty, null, 0, failed.Problem);
            }

            var speeds = turns.Select(turn => turn.SamplesPerSecond!.Value).ToList();
            return new Speed(name, turns[0].Version, MedianOf(speeds), speeds.Max(), null);
        }

        private static double MedianOf(List<double> values) => values.Order().ElementAt(values.Count / 2);
    }
}
