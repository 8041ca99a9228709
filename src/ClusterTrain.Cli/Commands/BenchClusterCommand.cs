using System.CommandLine;
using System.Globalization;
using System.Text;
using ClusterTrain.Cli.Bench;
using ClusterTrain.Cli.Output;
using ClusterTrain.Data.Store;
using ClusterTrain.Learning.RecipeFiles;

namespace ClusterTrain.Cli.Commands;

/// <summary>
/// <c>clustertrain bench cluster</c>: clusters of processes on this machine, beside one process and PyTorch's
/// DistributedDataParallel.
/// </summary>
internal static class BenchClusterCommand
{
    private static readonly (BenchmarkNetwork Network, int Batch)[] s_cases =
        [(BenchmarkNetwork.All[0], 128), (BenchmarkNetwork.All[0], 1024), (BenchmarkNetwork.All[1], 128)];

    public static Command Create(Surroundings surroundings)
    {
        var peers = new Option<bool>("--peers")
        {
            Description = "PyTorch's DistributedDataParallel with two processes over Gloo too, in turns with this program",
        };
        var seconds = CommandOptions.Seconds("--seconds", "how long each turn measures (default: 3)", allowZero: false);
        var turns = CommandOptions.Whole("--turns", "N", "turns of each (default: 5)", 1, 1000);
        var data = CommandOptions.Data();
        var json = CommandOptions.Json("print one JSON object per network and batch");
        var command = new CommandWithExamples(
            "cluster",
            "Measures clusters of processes on this machine beside one process: 784-500-500-10 with batches of 128 and 1,024, 784-10-10 with 128.",
            "clustertrain bench cluster",
            "clustertrain bench cluster --peers --turns 3")
        {
            peers, seconds, turns, data, json,
        };
        command.SetAction(parsed => new BenchCluster(surroundings, parsed.GetValue(seconds) ?? 3, parsed.GetValue(turns) ?? 5).Run(
            parsed.GetValue(peers), parsed.GetValue(data), parsed.GetValue(json)));
        return command;
    }

    /// <summary>MNIST as it is on this machine.</summary>
    /// <param name="surroundings">Where it is looked for.</param>
    /// <param name="benchmark">What is to be measured, as the command line has it.</param>
    /// <param name="data">Folder of the data; null: where it is looked for anyway.</param>
    /// <exception cref="UsageException">It is not there.</exception>
    public static StoredDataSet Mnist(Surroundings surroundings, string benchmark, string? data) =>
        new DataStore(Locations.Of(recipeFolder: null, data, surroundings)).Look("mnist") ?? throw new UsageException(
            $"bench {benchmark} trains on MNIST, which is not on this machine: `clustertrain data get mnist` fetches it; or name its folder with "
                + "--data.");

    /// <summary>One call of the command.</summary>
    private sealed class BenchCluster(Surroundings surroundings, double seconds, int turns)
    {
        private readonly ClusterBenchmark _benchmark = new(surroundings.Time);

        public int Run(bool withPeers, string? dataFolder, bool isJson)
        {
            var mnist = Mnist(surroundings, "cluster", dataFolder);
            var folder = Path.GetDirectoryName(mnist.Files[0])!;
            var peer = withPeers ? PeerProgram.Distributed(surroundings.Error) : null;
            var scratch = Directory.CreateTempSubdirectory("clustertrain-bench-");
            try
            {
                foreach (var (network, batch) in s_cases)
                {
                    var result = Measure(network, batch, scratch.FullName, folder, dataFolder, peer);
                    if (isJson)
                    {
                        WriteJson(result);
                    }
                    else
                    {
                        WriteText(result);
                    }
                }
            }
            finally
            {
                scratch.Delete(recursive: true);
            }

            return ExitCodes.Ok;
        }

        // Clocks drift and machines are shared: the programs take turns, so that each meets the same conditions.
        private Result Measure(BenchmarkNetwork network, int batch, string scratch, string mnist, string? data, PeerProgram? peer)
        {
            var stop = surroundings.Interruption.Token;
            var recipe = Path.Combine(scratch, string.Create(CultureInfo.InvariantCulture, $"{network.Name}-{batch}.yaml"));
            File.WriteAllText(recipe, RecipeWriter.Write(TrainingBenchmark.RecipeOf(network, batch)), Encoding.UTF8);
            var ours = ClusterVariant.All.Select(variant => new Measured(variant.Name)).ToList();
            var theirs = new List<PeerResult>();
            for (var turn = 0; turn < turns; turn++)
            {
                foreach (var (variant, measured) in ClusterVariant.All.Zip(ours))
                {
                    var folder = Path.Combine(scratch, "run");
                    measured.Add(_benchmark.Run(variant, recipe, folder, data, seconds, stop));
                    Directory.Delete(folder, recursive: true);
                }

                if (peer is not null && theirs.TrueForAll(result => result.Problem is null))
                {
                    theirs.Add(peer.Run(network, mnist, seconds, stop, batch));
                }
            }

            return new Result(network, batch, ours, PeerTurns.Of(peer, theirs));
        }

        private void WriteText(Result result)
        {
            surroundings.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{result.Network.Name}, batches of {result.Batch}, MNIST"));
            var table = new TextTable("", "samples/s", $"of {result.Ours[0].Name}", "compute", "wait", "sum", "update", "send", "MB a step");
            foreach (var measured in result.Ours)
            {
                table.Add(
                    measured.Name, Figures.Count((long)measured.Median), Ratio(measured.Median / result.Ours[0].Median), measured.Part("computed"),
                    measured.Waited, measured.Part("summed"), measured.Part("updated"), measured.Part("sent"),
                    string.Create(CultureInfo.InvariantCulture, $"{measured.BytesPerStep / 1e6:F2}"));
            }

            if (result.Peer?.Median is { } median)
            {
                table.Add(result.Peer.Name, Figures.Count((long)median), Ratio(median / result.Ours[0].Median), "", "", "", "", "", "");
            }

            foreach (var line in table.Lines())
            {
                surroundings.Out.WriteLine($"  {line}");
            }

            if (result.Peer?.Problem is { } problem)
            {
                surroundings.Out.WriteLine($"  {result.Peer.Name} was not measured: {problem}");
            }

            surroundings.Out.WriteLine();
        }

        private void WriteJson(Result result) => new JsonLines(surroundings.Out).Write(json =>
        {
            json.WriteString("network", result.Network.Name);
            json.WriteNumber("batch", result.Batch);
            json.WriteStartArray("programs");
            foreach (var measured in result.Ours)
            {
                json.WriteStartObject();
                json.WriteString("name", measured.Name);
                json.WriteNumber("samplesPerSecond", measured.Median);
                json.WriteNumber("ofTwoThreads", measured.Median / result.Ours[0].Median);
                json.WriteNumber("bytesPerStep", measured.BytesPerStep);
                json.WriteStartObject("secondsPerStep");
                foreach (var (part, value) in measured.Steps)
                {
                    json.WriteNumber(part, value);
                }

                json.WriteEndObject();
                json.WriteEndObject();
            }

            if (result.Peer is { } peer)
            {
                json.WriteStartObject();
                peer.Write(json);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        });

        private static string Ratio(double ratio) => string.Create(CultureInfo.InvariantCulture, $"{ratio:F2}");
    }

    /// <summary>The turns of one variant.</summary>
    private sealed class Measured(string name)
    {
        private readonly List<double> _windows = [];

        public string Name => name;

        public double Median => _windows.Order().ElementAt(_windows.Count / 2);

        /// <summary>The parts of a step in the last turn.</summary>
        public IReadOnlyDictionary<string, double> Steps { get; private set; } = new Dictionary<string, double>();

        public long BytesPerStep { get; private set; }

        /// <summary>From the weights sent to the last sum there, less the longest computation.</summary>
        public string Waited => Steps.TryGetValue("awaited", out var awaited) ? Text(Math.Max(0, awaited - Steps.GetValueOrDefault("computed"))) : "";

        public void Add(ClusterTurn turn)
        {
            _windows.AddRange(turn.SamplesPerSecond);
            (Steps, BytesPerStep) = (turn.Steps, turn.BytesPerStep);
        }

        public string Part(string name) => Steps.TryGetValue(name, out var seconds) ? Text(seconds) : "";

        private static string Text(double seconds) => string.Create(CultureInfo.InvariantCulture, $"{seconds * 1000:F2} ms");
    }

    /// <summary>All of them with one network and batch; the first is what the others are compared with.</summary>
    private sealed record Result(BenchmarkNetwork Network, int Batch, List<Measured> Ours, PeerTurns? Peer);
}
