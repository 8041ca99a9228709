using System.CommandLine;
using ClusterTrain.Cli.Output;
using ClusterTrain.Cluster.Links;
using ClusterTrain.Cluster.Nodes;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Runs;

namespace ClusterTrain.Cli.Commands.Cluster;

/// <summary><c>clustertrain coordinator</c>: leads a run whose workers and parameter servers are other processes, or stands by to.</summary>
internal static class CoordinatorCommand
{
    public static Command Create(Surroundings surroundings)
    {
        var run = new RunOptions(
            "recipe file; without one, that of the run folder, or the built-in handwritten digits",
            "run folder; a run in it is resumed (default: runs/NAME-DATE-TIME)");
        var node = new NodeCommandOptions(
            "other nodes that may lead this run, the same list on each; they share the run folder, and the oldest of them leads",
            $"where members join (default: 127.0.0.1:{NodeEndpoint.CoordinatorPort}); elsewhere than on loopback a secret is needed",
            null,
            $"127.0.0.1:{NodeEndpoint.CoordinatorPort}");
        var workers = CommandOptions.Whole(
            "--min-workers", "N", "workers needed to begin and to continue (default: 1)", 1, CommandOptions.MostThreads);
        var servers = CommandOptions.Whole(
            "--parameter-servers", "M", "parameter servers, each with a part of the weights (default: 1)", 1, CommandOptions.MostServers);
        var lost = CommandOptions.Seconds(
            "--lost-after-seconds", "a node that does not answer for this long is lost (default: 2)", allowZero: false);
        var otherBuilds = new Option<bool>("--allow-other-builds")
        {
            Description = "take in members of another build of ClusterTrain, and name them (default: refuse them; their bits may differ)",
        };
        var command = new CommandWithExamples(
            "coordinator",
            "Leads a run: workers and parameter servers join it over the network. Started again on the same folder, it resumes.",
            "clustertrain coordinator configs/mnist.yaml --out runs/mnist",
            "clustertrain coordinator configs/mnist.yaml --out runs/mnist --listen 0.0.0.0:7070 --secret-file secret --min-workers 4",
            "clustertrain coordinator configs/mnist.yaml --out /shared/mnist --listen 0.0.0.0:7070 --join 10.0.0.5,10.0.0.6,10.0.0.7 --secret-file "
                + "secret")
        {
            workers, servers, lost, otherBuilds,
        };
        run.AddTo(command);
        var page = new DashboardOptions();
        page.AddTo(command);
        node.AddTo(command);
        command.SetAction(parsed =>
        {
            var options = node.Read(parsed, surroundings) with { MayLead = true, AllowOtherBuilds = parsed.GetValue(otherBuilds) };
            options = options with
            {
                Cluster = options.Cluster with { LostAfter = CommandOptions.Time(parsed, lost) ?? options.Cluster.LostAfter },
            };
            node.FollowParent(parsed, surroundings);
            return Run(
                run.Read(parsed),
                page.Read(parsed, surroundings),
                (parsed.GetValue(workers) ?? 1, parsed.GetValue(servers) ?? 1),
                options,
                isWell => node.Health(parsed, isWell, surroundings),
                surroundings);
        });
        return command;
    }

    private static int Run(
        RunArguments arguments,
        DashboardArguments? watched,
        (int Workers, int Servers) members,
        NodeOptions options,
        Func<Func<bool>, HealthFile?> health,
        Surroundings surroundings)
    {
        var isShared = !options.Join.IsEmpty;
        if (isShared && arguments.Out is null)
        {
            throw new UsageException("--out is missing: nodes that may lead the same run (--join) share its run folder. Name it on each of them.");
        }

        var isOld = IsRun(arguments.Out);
        var source = (isOld ? OfFolder(arguments) : RunSource.OfRecipe(arguments.Recipe, arguments.Overrides)).ReadFrom(arguments.Prepared);
        if (isOld && RunSource.ResultOf(arguments.Out!) is { } result)
        {
            return RunViews.AlreadyDone(arguments.Out!, result, arguments.IsJson, surroundings);
        }

        // The port is opened, and the cluster founded or found, while the data is prepared.
        RunSession? session = null;
        LivePage? page = null;
        using var node = new ClusterNode(options, happened => Observe(happened));
        if (arguments.IsJson)
        {
            new JsonLines(surroundings.Out).Write(json =>
            {
                json.WriteString("event", "node");
                json.WriteString("address", node.Endpoint!.ToString());
            });
        }

        using var served = page =
            LivePage.Of(watched, () => node.TakesPart, options.Join.Select(other => other.Host), arguments.IsJson, surroundings);
        using var prepared = session = new RunSession(source, arguments, surroundings, page?.Run);
        if (isShared)
        {
            session.Watch(arguments.Out!);
        }

        IdleMembers.Warn(session.Plan, session.Layout, members.Workers, members.Servers, surroundings.Error);
        if (!options.Security.HasSecret)
        {
            surroundings.Error.WriteLine("note: without a cluster secret only nodes of this machine can join");
        }

        using var alive = health(() => node.TakesPart);
        var run = new LeadableRun
        {
            Recipe = session.Recipe,
            Data = session.Data,
            Settings = arguments.Settings(members.Workers, members.Servers),
            Folder = arguments.Out is { } path ? Path.GetFullPath(path) : "",
            OpenFolder = takesOver =>
                IsRun(arguments.Out) ? Reopen(arguments.Out!, source, takesOver) : RunFolders.Create(arguments.Out, source, surroundings.Time),
        };
        return End(node.RunAsync(run, surroundings.Interruption.Token).GetAwaiter().GetResult());

        void Observe(NodeEvent happened)
        {
            switch (happened)
            {
                case NodeLeads leads:
                    session!.Open(leads.Folder);
                    session.Begin(
                        members.Workers, 0, members.Servers, leads.IsResumed, "clustertrain coordinator --out", leads.Endpoint.ToString());
                    page?.Run.Leads(leads.Endpoint.ToString(), leads.Folder.Identity.Term);
                    break;
                case NodeRunEvent { Happened: var inRun }:
                    session!.Observe(inRun);
                    break;
                case NodeHeard { Happened: var heard }:
                    page?.Run.Observe(heard);
                    break;
                case NodeStandsBy standby:
                    page?.Run.Leads(standby.Leader, standby.Term);
                    surroundings.Error.WriteLine($"standing by: {standby.Leader} leads, term {standby.Term}");
                    break;
                case NodeNotice notice:
                    surroundings.Error.WriteLine(notice.Message);
                    break;
                case NodeWarning warning:
                    surroundings.Error.WriteLine($"warning: {warning.Message}");
                    break;
            }
        }

        int End(NodeOutcome outcome)
        {
            switch (outcome)
            {
                case NodeLed led:
                    return session!.End(led.Outcome, Environment.ProcessorCount);
                case NodeLeft:
                    surroundings.Error.WriteLine("left the run; another node leads it now");
                    return surroundings.Interruption.ExitCode;
                case NodeFinished { Problem: { } problem }:
                    surroundings.Error.WriteLine($"error: the leader reports: {problem}");
                    return ExitCodes.Failed;
                case NodeFailed failed:
                    surroundings.Error.WriteLine($"error: {failed.Reason}");
                    return ExitCodes.Failed;
                default:
                    return ExitCodes.Ok;
            }
        }
    }

    private static bool IsRun(string? folder) => folder is not null && File.Exists(Path.Combine(folder, "run.json"));

    private static RunFolder Reopen(string path, RunSource source, bool takesOver)
    {
        var folder = takesOver ? RunFolder.TakeOver(path) : RunFolder.Open(path);
        if (folder.Identity.Recipe == source.Recipe.Fingerprint())
        {
            return folder;
        }

        folder.Dispose();
        throw new RunFolderException(
            $"{path}: holds a run of another recipe (fingerprint {folder.Identity.Recipe}, this one's is {source.Recipe.Fingerprint()}). "
            + "Name another folder.");
    }

    private static RunSource OfFolder(RunArguments arguments)
    {
        var folder = RunSource.OfFolder(arguments.Out!);
        if (arguments.Recipe is null && arguments.Overrides.Count == 0)
        {
            return folder;
        }

        var given = RunSource.OfRecipe(arguments.Recipe, arguments.Overrides);
        return given.Recipe.Fingerprint() == folder.Recipe.Fingerprint()
            ? folder
            : throw new UsageException(
                $"{arguments.Out}: holds a run of another recipe than {arguments.Recipe ?? "the built-in one with --set"} "
                + $"(see {Path.Combine(arguments.Out!, "recipe.yaml")}). Name another folder with --out, or leave the recipe out to resume that "
                    + "run.");
    }
}
