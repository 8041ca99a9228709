using System.CommandLine;
using ClusterTrain.Hosting;
using ClusterTrain.Learning;
using ClusterTrain.Training;

namespace ClusterTrain.Cli;

/// <summary><c>clustertrain coordinator</c>: leads a run whose workers and parameter servers are other processes.</summary>
internal static class CoordinatorCommand
{
    public static Command Create(Surroundings surroundings)
    {
        var run = new RunOptions(
            "recipe file; without one, that of the run folder, or the built-in handwritten digits",
            "run folder; one that holds this recipe's run is gone on with (default: runs/NAME-DATE-TIME)");
        var node = new NodeOptions();
        var listen = new Option<string?>("--listen")
        {
            Description = $"where members join (default: 127.0.0.1:{NodeEndpoint.CoordinatorPort}); elsewhere than on loopback a secret is needed",
            HelpName = "HOST:PORT",
        };
        var workers = CommandOptions.Whole(
            "--min-workers", "N", "workers needed to begin, and to go on (default: 1)", 1, CommandOptions.MostThreads);
        var servers = CommandOptions.Whole(
            "--parameter-servers", "M", "parameter servers, each with a part of the weights (default: 1)", 1, CommandOptions.MostServers);
        var heartbeat = CommandOptions.Seconds("--heartbeat-seconds", "time between two signs of life of a link (default: 0.25)", allowZero: false);
        var lost = CommandOptions.Seconds("--lost-after-seconds", "a node not heard of for this long is lost (default: 1)", allowZero: false);
        var command = new CommandWithExamples(
            "coordinator",
            "Leads a run: workers and parameter servers join it over the network. Started again on the same folder, it goes on.",
            "clustertrain coordinator configs/mnist.yaml --out runs/mnist",
            "clustertrain coordinator configs/mnist.yaml --out runs/mnist --listen 0.0.0.0:7070 --secret-file secret --min-workers 4")
        {
            listen, workers, servers, heartbeat, lost,
        };
        command.TakesEnvironment = true;
        run.AddTo(command);
        node.AddTo(command, hasJson: false);
        command.SetAction(parsed =>
        {
            var settings = node.Settings(parsed);
            settings = settings with
            {
                HeartbeatPeriod = NodeOptions.Time(parsed, heartbeat) ?? settings.HeartbeatPeriod,
                LostAfter = NodeOptions.Time(parsed, lost) ?? settings.LostAfter,
            };
            var endpoint = NodeEndpoint.Parse(parsed.GetValue(listen) ?? $"127.0.0.1:{NodeEndpoint.CoordinatorPort}", NodeEndpoint.CoordinatorPort);
            node.FollowParent(parsed, surroundings);
            return Run(
                run.Read(parsed),
                (parsed.GetValue(workers) ?? 1, parsed.GetValue(servers) ?? 1),
                (session, members) => new CoordinatorOptions
                {
                    Listen = endpoint,
                    Recipe = session.Recipe,
                    Data = session.Data,
                    Folder = session.Folder,
                    Run = members,
                    Cluster = settings,
                    Security = node.Security.Read(parsed, surroundings),
                    Limits = node.Limits(parsed),
                    Time = surroundings.Time,
                },
                isWell => node.Health(parsed, isWell, surroundings),
                surroundings);
        });
        return command;
    }

    private static int Run(
        RunArguments arguments,
        (int Workers, int Servers) members,
        Func<RunSession, RunSettings, CoordinatorOptions> options,
        Func<Func<bool>, HealthFile?> health,
        Surroundings surroundings)
    {
        var isOld = arguments.Out is { } path && File.Exists(Path.Combine(path, "run.json"));
        var source = (isOld ? OfFolder(arguments) : RunSource.OfRecipe(arguments.Recipe, arguments.Overrides)).ReadFrom(arguments.Prepared);
        if (isOld && RunSource.ResultOf(arguments.Out!) is { } result)
            return RunViews.AlreadyDone(arguments.Out!, result, arguments.IsJson, surroundings);
        using var session = new RunSession(
            source, arguments, () => isOld ? RunFolder.Open(arguments.Out!) : RunFolders.Create(arguments.Out, source, surroundings.Time), surroundings);
        IdleMembers.Warn(session.Plan, session.Layout, members.Workers, members.Servers, surroundings.Error);
        var nodeOptions = options(session, arguments.Settings(members.Workers, members.Servers));
        using var node = new CoordinatorNode(nodeOptions, session.Observe);
        if (!nodeOptions.Security.HasSecret)
            surroundings.Error.WriteLine("note: without a cluster secret only nodes of this machine can join");
        session.Begin(members.Workers, 0, members.Servers, isOld, "clustertrain coordinator --out", node.Endpoint);
        using var alive = health(() => true);
        var outcome = node.RunAsync(surroundings.Interruption.Token).GetAwaiter().GetResult();
        return session.End(outcome, Environment.ProcessorCount);
    }

    private static RunSource OfFolder(RunArguments arguments)
    {
        var folder = RunSource.OfFolder(arguments.Out!);
        if (arguments.Recipe is null && arguments.Overrides.Count == 0)
            return folder;
        var given = RunSource.OfRecipe(arguments.Recipe, arguments.Overrides);
        return given.Recipe.Fingerprint() == folder.Recipe.Fingerprint()
            ? folder
            : throw new UsageException(
                $"{arguments.Out}: holds a run of another recipe than {arguments.Recipe ?? "the built-in one with --set"} "
                + $"(see {Path.Combine(arguments.Out!, "recipe.yaml")}). Name another folder with --out, or leave the recipe out to go on with that run.");
    }
}
