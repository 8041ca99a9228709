using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using ClusterTrain.Akka;
using ClusterTrain.Learning;
using ClusterTrain.Training;

namespace ClusterTrain.Cli;

/// <summary>The role commands of the Akka engine.</summary>
internal static class AkkaCommands
{
    /// <summary>All of them.</summary>
    public static IEnumerable<Command> All(Surroundings surroundings) =>
        [Coordinator(surroundings), ParameterServer(surroundings), Worker(surroundings), AkkaStatusCommand.Create(surroundings)];

    private static CommandWithExamples Coordinator(Surroundings surroundings)
    {
        var recipe = new Argument<string?>("RECIPE")
        {
            Description = "recipe file; without one, the built-in handwritten digits",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var set = new Option<string[]>("--set") { Description = "set a value of the recipe; may be repeated", HelpName = "path=value" };
        var folder = new Option<string?>("--out") { Description = "run folder, which all nodes that may lead share", HelpName = "DIR", Required = true };
        var workers = CommandOptions.Whole("--min-workers", "N", "workers needed to begin, and to go on (default: 1)", 1, CommandOptions.MostThreads);
        var servers = CommandOptions.Whole(
            "--parameter-servers", "M", "segments of the weights, each at a parameter server (default: 1)", 1, CommandOptions.MostServers);
        var period = CommandOptions.Seconds("--checkpoint-seconds", "time between checkpoints, 0 for none by time (default: 30)", allowZero: true);
        var segments = Segments("segments this node may hold besides (default: none)");
        var data = CommandOptions.Data();
        var node = new AkkaNodeArguments();
        var command = new CommandWithExamples(
            "coordinator",
            "A node that may lead the run: the oldest of them does, and when it is lost, the next.",
            "clustertrain coordinator configs/mnist.yaml --engine akka --out /shared/mnist --seeds 10.0.0.1:7060,10.0.0.2:7060 --secret-file secret")
        {
            recipe, set, folder, workers, servers, period, segments, data,
        };
        node.AddTo(command);
        command.SetAction(parsed =>
        {
            var path = parsed.GetValue(folder)!;
            var source = RunSource.OfRecipe(parsed.GetValue(recipe), parsed.GetValue(set) ?? []);
            var usual = new RunSettings();
            var prepared = source.Prepare(parsed.GetValue(data), surroundings);
            RecipeChecks.CheckAgainst(source.Recipe, prepared.Train.Features, prepared.Train.Outputs, prepared.Train.Rows);
            return node.Run(
                parsed,
                node.Read(parsed, surroundings) with
                {
                    Segments = Numbers(parsed.GetValue(segments)),
                    Run = new AkkaRun
                    {
                        Recipe = source.Recipe,
                        RecipeFolder = source.RecipeFolder,
                        Data = prepared,
                        Folder = Path.GetFullPath(path),
                        Settings = usual with
                        {
                            LeastWorkers = parsed.GetValue(workers) ?? 1,
                            ParameterServers = parsed.GetValue(servers) ?? 1,
                            CheckpointPeriod = parsed.GetValue(period) is { } seconds ? TimeSpan.FromSeconds(seconds) : usual.CheckpointPeriod,
                        },
                    },
                },
                surroundings);
        });
        return command;
    }

    private static CommandWithExamples ParameterServer(Surroundings surroundings)
    {
        var segments = Segments("segments this node may hold (default: 1)");
        var node = new AkkaNodeArguments();
        var command = new CommandWithExamples(
            "parameter-server",
            "A node that holds segments of the weights: each is at the oldest node that may hold it, and when that is lost, at the next.",
            "clustertrain parameter-server --engine akka --seeds 10.0.0.1:7060,10.0.0.2:7060 --segments 1,2 --secret-file secret")
        {
            segments,
        };
        node.AddTo(command);
        command.SetAction(parsed => node.Run(
            parsed,
            node.Read(parsed, surroundings) with { Segments = Numbers(parsed.GetValue(segments) is { Length: > 0 } given ? given : ["1"]) }, surroundings));
        return command;
    }

    private static CommandWithExamples Worker(Surroundings surroundings)
    {
        var threads = CommandOptions.Whole("--threads", "N", "threads (default: this machine's cores)", 1, CommandOptions.MostThreads);
        var data = CommandOptions.Data();
        var node = new AkkaNodeArguments();
        var command = new CommandWithExamples(
            "worker", "A node that computes.", "clustertrain worker --engine akka --seeds 10.0.0.1:7060,10.0.0.2:7060 --secret-file secret")
        {
            threads, data,
        };
        node.AddTo(command);
        command.SetAction(parsed => node.Run(
            parsed,
            node.Read(parsed, surroundings) with
            {
                IsWorker = true,
                Threads = parsed.GetValue(threads) ?? Environment.ProcessorCount,
                Cache = Locations.Of(null, parsed.GetValue(data), surroundings).Cache,
                OwnData = (recipe, cancellation) => WorkerCommand.OwnData(recipe, parsed.GetValue(data), surroundings, cancellation),
            },
            surroundings));
        return command;
    }

    private static Option<string[]> Segments(string description) => new("--segments") { Description = description, HelpName = "N,..." };

    private static ImmutableArray<int> Numbers(string[]? texts)
    {
        var numbers = ImmutableArray.CreateBuilder<int>();
        foreach (var text in (texts ?? []).SelectMany(text => text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)))
        {
            if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number is < 1 or > CommandOptions.MostServers)
                throw new UsageException($"--segments has '{text}'; allowed are whole numbers from 1 to {CommandOptions.MostServers}, separated by commas.");
            if (!numbers.Contains(number))
                numbers.Add(number);
        }

        return numbers.ToImmutable();
    }
}
