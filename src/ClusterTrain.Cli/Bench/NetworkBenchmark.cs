using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using ClusterTrain.Cli.Output;

namespace ClusterTrain.Cli.Bench;

/// <summary>What two machines reached over a link.</summary>
/// <param name="Step">Seconds a step took.</param>
/// <param name="Compute">Seconds that a machine alone takes for its half of a step.</param>
/// <param name="BytesSent">Bytes that the machine that sent more sent in a step, with the headers of TCP and below.</param>
/// <param name="Bound">Bytes of ring all-reduce: 2(n - 1)/n of the model, gradients in the recipe's precision.</param>
/// <param name="BitsPerSecond">Speed of the link each way.</param>
internal sealed record NetworkResult(double Step, double Compute, double BytesSent, double Bound, double BitsPerSecond)
{
    /// <summary>Seconds that the bound takes on the link.</summary>
    public double Wire => Bound * 8 / BitsPerSecond;

    /// <summary>The shortest time a step can take: the longer of computing and sending, each hiding the other.</summary>
    public double Roofline => Math.Max(Compute, Wire);
}

/// <summary>Trains on two machines of one core each, with a worker and a parameter server on both, over a link of limited speed.</summary>
/// <param name="time">The clock.</param>
/// <param name="seconds">How long each turn measures, after the warm-up.</param>
internal sealed class NetworkBenchmark(TimeProvider time, double seconds)
{
    private const int Port = 7000;
    private const string SecretVariable = "CLUSTERTRAIN_SECRET";
    private readonly ClusterBenchmark _benchmark = new(time);

    /// <summary>Seconds a step takes on one machine alone, by one thread.</summary>
    /// <param name="recipe">The recipe's file, with the rows of one machine as its batch.</param>
    /// <param name="rows">Rows of that batch.</param>
    /// <param name="folder">A folder that is not there yet, for the run.</param>
    /// <param name="data">Folder of the data.</param>
    /// <param name="stop">Ends it, with all its processes.</param>
    public double Compute(string recipe, int rows, string folder, string? data, CancellationToken stop)
    {
        var turn = _benchmark.Run(new ClusterVariant("", "train", "--threads", "1"), recipe, folder, data, seconds, stop);
        return rows / Median(turn.SamplesPerSecond);
    }

    /// <summary>Seconds a step takes on two machines, and the bytes that the one that sends more sends in it.</summary>
    /// <param name="megabitsPerSecond">Speed of the link.</param>
    /// <param name="recipe">The recipe's file.</param>
    /// <param name="rows">Rows of its batch.</param>
    /// <param name="folder">A folder that is not there yet, for the run.</param>
    /// <param name="data">Folder of the data.</param>
    /// <param name="stop">Ends it, with all its processes.</param>
    public (double Step, double BytesSent) Train(
        int megabitsPerSecond, string recipe, int rows, string folder, string? data, CancellationToken stop)
    {
        using var lab = new NetworkLab(megabitsPerSecond);
        var secret = Convert.ToHexString(RandomNumberGenerator.GetBytes(32));
        var coordinator = string.Create(CultureInfo.InvariantCulture, $"{NetworkLab.Addresses[0]}:{Port}");
        var workers = new List<(Process Process, Task<string> Errors)>();
        try
        {
            for (var machine = 0; machine < NetworkLab.Addresses.Length; machine++)
            {
                string[] worker =
                [
                    "worker", "--join", coordinator, "--listen", $"{NetworkLab.Addresses[machine]}:0", "--threads", "1", "--colocate",
                    "--no-shared-memory", "--give-up-seconds", "60", .. data is null ? Array.Empty<string>() : ["--data", data],
                ];
                var start = ClusterBenchmark.Command(worker, lab.Launcher(machine));
                start.Environment[SecretVariable] = secret;
                var process = Process.Start(start)!;
                process.BeginOutputReadLine();
                workers.Add((process, process.StandardError.ReadToEndAsync(CancellationToken.None)));
            }

            string[] run =
            [
                "coordinator", recipe, "--listen", coordinator, "--min-workers", "2", "--parameter-servers", "2",
                .. ClusterBenchmark.Options(folder, data),
            ];
            var leader = ClusterBenchmark.Command(run, lab.Launcher(0));
            leader.Environment[SecretVariable] = secret;
            List<long[]> sent = [];
            var turn = _benchmark.Measure(leader, seconds, () => sent.Add([lab.BytesSent(0), lab.BytesSent(1)]), stop);
            var bytes = sent[^1].Zip(sent[0], (after, before) => after - before).Max();
            return (rows / Median(turn.SamplesPerSecond), (double)bytes / turn.StepsMeasured);
        }
        catch (UsageException error) when (workers.Find(worker => worker.Process.HasExited) is { Errors: { } said })
        {
            throw new UsageException($"{error.Message} A worker ended: {said.Result.Trim()}", error);
        }
        finally
        {
            foreach (var (worker, _) in workers)
            {
                worker.Kill(entireProcessTree: true);
                worker.WaitForExit();
                worker.Dispose();
            }
        }
    }

    /// <summary>Trains another library's network on the two machines, a process of one thread on each.</summary>
    /// <param name="megabitsPerSecond">Speed of the link.</param>
    /// <param name="peer">The program: PyTorch's DistributedDataParallel.</param>
    /// <param name="network">The network.</param>
    /// <param name="batch">Rows in the batch of the two together.</param>
    /// <param name="mnist">Folder of MNIST's files.</param>
    /// <param name="stop">Ends it, with all its processes.</param>
    public PeerResult Train(int megabitsPerSecond, PeerProgram peer, BenchmarkNetwork network, int batch, string mnist, CancellationToken stop)
    {
        using var lab = new NetworkLab(megabitsPerSecond);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stop);
        Task<PeerResult>[] both = [Task.Run(() => Run(0), CancellationToken.None), Task.Run(() => Run(1), CancellationToken.None)];
        try
        {
            // Both measure the same. The one that fails first says why; the other only loses its peer.
            var first = Task.WhenAny(both).Result.GetAwaiter().GetResult();
            return first.Problem is null ? both[0].GetAwaiter().GetResult() : first;
        }
        finally
        {
            end.Cancel();
            Task.WhenAll(both).ContinueWith(_ => { }, TaskScheduler.Default).Wait(CancellationToken.None);
        }

        PeerResult Run(int machine) => peer.Run(
            network, mnist, seconds, end.Token, batch, lab.Launcher(machine),
            [
                "--rank", machine.ToString(CultureInfo.InvariantCulture), "--interface", NetworkLab.Device,
                "--rendezvous", string.Create(CultureInfo.InvariantCulture, $"tcp://{NetworkLab.Addresses[0]}:{Port}"),
            ]);
    }

    private static double Median(IReadOnlyList<double> windows) => windows.Order().ElementAt(windows.Count / 2);
}
