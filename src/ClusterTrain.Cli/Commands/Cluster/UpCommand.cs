using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using ClusterTrain.Cli.Output;

namespace ClusterTrain.Cli.Commands.Cluster;

/// <summary><c>clustertrain up</c>: a whole cluster of processes on this machine.</summary>
internal static class UpCommand
{
    private const int SecretBytes = 32;

    public static Command Create(Surroundings surroundings)
    {
        var run = new RunOptions(
            "recipe file; without one, that of the run folder, or the built-in handwritten digits",
            "run folder; a run in it is resumed (default: runs/NAME-DATE-TIME)");
        var workers = CommandOptions.Whole("--workers", "N", "worker processes (default: 2)", 1, CommandOptions.MostThreads);
        var threads = CommandOptions.Whole(
            "--threads", "N", "threads of each worker (default: this machine's cores divided among the workers)", 1, CommandOptions.MostThreads);
        var servers = CommandOptions.Whole(
            "--parameter-servers", "M", "parameter server processes, each with a part of the weights (default: 1)", 1, CommandOptions.MostServers);
        var colocate = new Option<bool>(
            "--colocate")
        { Description = "a parameter server in each worker's process, instead of processes of their own" };
        var noSharedMemory = NodeCommandOptions.CreateNoSharedMemory();
        var command = new CommandWithExamples(
            "up",
            "Trains with a cluster of processes on this machine; one that is killed is started again. Ctrl-C stops them all.",
            "clustertrain up configs/mnist.yaml --workers 4",
            "clustertrain up configs/mnist.yaml --workers 4 --colocate",
            "clustertrain up --out runs/mnist-20260131-120000")
        {
            workers, threads, servers, colocate, noSharedMemory,
        };
        command.TakesEnvironment = true;
        run.AddTo(command);
        var page = new DashboardOptions();
        page.AddTo(command);
        command.SetAction(parsed =>
        {
            var arguments = run.Read(parsed);
            var count = parsed.GetValue(workers) ?? 2;
            var isColocated = parsed.GetValue(colocate);
            if (isColocated && parsed.GetValue(servers) is not null)
            {
                throw new UsageException("--colocate puts a parameter server beside each worker; --parameter-servers cannot be used with it.");
            }

            arguments.CheckAudit(count);
            using var cluster = new LocalCluster(
                new LocalClusterOptions
                {
                    Run = arguments,
                    Watched = page.Read(parsed, surroundings),
                    Workers = count,
                    Threads = parsed.GetValue(threads) ?? Math.Max(1, Environment.ProcessorCount / count),
                    ParameterServers = isColocated ? Math.Min(count, CommandOptions.MostServers) : parsed.GetValue(servers) ?? 1,
                    IsColocated = isColocated,
                    SharesMemory = !parsed.GetValue(noSharedMemory),
                    Secret = surroundings.Variable(SecurityOptions.SecretVariable) is { Length: > 0 } given
                        ? given
                        : Convert.ToBase64String(RandomNumberGenerator.GetBytes(SecretBytes)),
                },
                surroundings);
            return cluster.Run();
        });
        return command;
    }
}

/// <summary>What a local cluster is.</summary>
internal sealed record LocalClusterOptions
{
    public required RunArguments Run { get; init; }

    /// <summary>The live page; null: there is none.</summary>
    public DashboardArguments? Watched { get; init; }

    public required int Workers { get; init; }

    /// <summary>Threads of each worker.</summary>
    public required int Threads { get; init; }

    public required int ParameterServers { get; init; }

    /// <summary>True: the parameter servers are in the workers' processes.</summary>
    public required bool IsColocated { get; init; }

    /// <summary>False: tensors are sent to processes of this machine too.</summary>
    public required bool SharesMemory { get; init; }

    public required string Secret { get; init; }

    private string[] Memory => SharesMemory ? [] : [NodeCommandOptions.NoSharedMemory];

    /// <summary>The coordinator's command line.</summary>
    /// <param name="folder">The run folder, once it is known.</param>
    /// <param name="address">Where it listens, once it is known.</param>
    public IEnumerable<string> Coordinator(string? folder, string? address)
    {
        string[] own = ["coordinator", "--json", "--listen", address ?? "127.0.0.1:0", "--parameter-servers", Text(ParameterServers), .. Memory];
        return [.. own, .. Run.CommandLine(), .. (folder ?? Run.Out) is { } path ? new[] { "--out", path } : []];
    }

    /// <summary>The members' names and command lines.</summary>
    /// <param name="address">Where the coordinator listens.</param>
    public IEnumerable<(string Name, string[] Args)> Members(string address)
    {
        for (var number = 1; number <= (IsColocated ? 0 : ParameterServers); number++)
        {
            var name = $"parameter-server-{Text(number)}";
            yield return (name, ["parameter-server", "--join", address, "--name", name, "--listen", "127.0.0.1:0", .. Memory]);
        }

        for (var number = 1; number <= Workers; number++)
        {
            var name = $"worker-{Text(number)}";
            string[] server = IsColocated ? ["--colocate", "--listen", "127.0.0.1:0"] : [];
            string[] data = Run.Data is { } folder ? ["--data", folder] : [];
            yield return (name, ["worker", "--join", address, "--name", name, "--threads", Text(Threads), .. server, .. data, .. Memory]);
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
