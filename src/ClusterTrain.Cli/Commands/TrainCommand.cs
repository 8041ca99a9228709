using System.CommandLine;
using ClusterTrain.Cli.Output;
using ClusterTrain.InProcess;
using ClusterTrain.Runs;

namespace ClusterTrain.Cli.Commands;

/// <summary><c>clustertrain train</c>: a run in this process, from its start or from a checkpoint.</summary>
internal static class TrainCommand
{
    public static Command Create(Surroundings surroundings)
    {
        var run = new RunOptions(
            "recipe file; without one, the built-in handwritten digits", "run folder, new or empty (default: runs/NAME-DATE-TIME)");
        var workers = CommandOptions.Whole(
            "--workers", "N", "workers; the result has the same bits for any number (default: 1)", 1, CommandOptions.MostThreads);
        var threads = CommandOptions.Whole(
            "--threads", "N", "threads of each worker (default: this machine's cores divided among the workers)", 1, CommandOptions.MostThreads);
        var servers = CommandOptions.Whole(
            "--parameter-servers", "M", "parameter servers, each with a part of the weights (default: 1)", 1, CommandOptions.MostServers);
        var resume = new Option<string?>("--resume") { Description = "resume the run in this folder from its last checkpoint", HelpName = "DIR" };
        var command = new CommandWithExamples(
            "train",
            "Trains the model of a recipe; the last line is the SHA-256 of its weights.",
            "clustertrain train",
            "clustertrain train configs/mnist.yaml --workers 2",
            "clustertrain train configs/mnist.yaml --set epochs=3 --set optimiser.rate=0.05",
            "clustertrain train --resume runs/mnist-20260131-120000")
        {
            workers, threads, servers, resume,
        };
        run.AddTo(command);
        var page = new DashboardOptions();
        page.AddTo(command);
        command.SetAction(parsed => Run(
            run.Read(parsed),
            page.Read(parsed, surroundings),
            parsed.GetValue(resume),
            parsed.GetValue(workers) ?? 1,
            parsed.GetValue(threads),
            parsed.GetValue(servers) ?? 1,
            surroundings));
        return command;
    }

    private static int Run(
        RunArguments arguments, DashboardArguments? watched, string? resumed, int workers, int? threads, int servers, Surroundings surroundings)
    {
        Check(arguments, resumed, workers, threads);
        arguments.CheckAudit(workers);
        if (resumed is not null && RunSource.ResultOf(resumed) is { } result)
        {
            return RunViews.AlreadyDone(resumed, result, arguments.IsJson, surroundings);
        }

        var source = (resumed is not null ? RunSource.OfFolder(resumed) : RunSource.OfRecipe(arguments.Recipe, arguments.Overrides))
            .ReadFrom(arguments.Prepared);
        using var page = LivePage.Of(watched, () => true, [], arguments.IsJson, surroundings);
        using var session = new RunSession(source, arguments, surroundings, page?.Run);
        session.Open(resumed is not null ? RunFolder.Open(resumed) : RunFolders.Create(arguments.Out, source, surroundings.Time));
        IdleMembers.Warn(session.Plan, session.Layout, workers, servers, surroundings.Error);
        var settings = new InProcessSettings
        {
            Workers = workers,
            Threads = threads ?? Math.Max(1, Environment.ProcessorCount / workers),
            Run = arguments.Settings(workers, servers),
        };
        session.Begin(workers, settings.Threads, servers, resumed is not null, "clustertrain train --resume");
        var outcome = InProcessTraining.Train(
            session.Recipe, session.Data, session.Folder, settings, surroundings.Time, session.Observe, surroundings.Interruption.Token);
        return session.End(outcome, settings.Threads);
    }

    private static void Check(RunArguments arguments, string? resumed, int workers, int? threads)
    {
        if (resumed is not null)
        {
            var other = arguments.Recipe is not null ? $"the recipe {arguments.Recipe}"
                : arguments.Overrides.Count > 0 ? "--set"
                : arguments.Out is not null ? "--out" : null;
            if (other is not null)
            {
                throw new UsageException(
                    $"--resume uses the recipe in {resumed}; {other} cannot be used with it. Start a new run to change anything.");
            }
        }

        if ((long)workers * (threads ?? 1) > CommandOptions.MostThreads)
        {
            throw new UsageException(
                $"{workers} workers of {threads} threads are more than {CommandOptions.MostThreads} threads; use fewer of either.");
        }
    }
}
