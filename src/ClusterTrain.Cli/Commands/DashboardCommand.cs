using System.CommandLine;
using ClusterTrain.Cli.Output;
using ClusterTrain.Reports.Pages;
using ClusterTrain.Watching;

namespace ClusterTrain.Cli.Commands;

/// <summary><c>clustertrain dashboard</c>: the live page of run folders, of runs that are over or that other processes train.</summary>
internal static class DashboardCommand
{
    private static readonly TimeSpan s_period = TimeSpan.FromSeconds(1);

    public static Command Create(Surroundings surroundings)
    {
        var runs = new Argument<string[]>("RUN")
        {
            Description = "run folders; several are shown side by side, with the settings that differ",
            Arity = new ArgumentArity(1, RunReport.MostRuns),
        };
        var page = new DashboardOptions("--listen", isImplied: true);
        var command = new CommandWithExamples(
            "dashboard",
            "Shows runs on a page in the browser, from their folders. Unfinished runs work too. Ctrl-C ends it.",
            "clustertrain dashboard runs/mnist-20260131-120000",
            "clustertrain dashboard runs/mnist-*")
        {
            runs,
        };
        page.AddTo(command);
        command.SetAction(parsed => Run(parsed.GetRequiredValue(runs), page.Read(parsed, surroundings)!, surroundings));
        return command;
    }

    private static int Run(string[] folders, DashboardArguments arguments, Surroundings surroundings)
    {
        RunFollower[] runs = [.. folders.Select(folder => new RunFollower(folder, surroundings.Time))];
        using var page = LivePage.Serve(arguments, [.. runs.Select(run => run.Watch)], () => true, [], surroundings);
        surroundings.Out.WriteLine(page.Address);
        var isLooking = 0;
        using var timer = surroundings.Time.CreateTimer(_ => Look(), null, s_period, s_period);
        surroundings.Interruption.Token.WaitHandle.WaitOne();
        return ExitCodes.Ok;

        void Look()
        {
            if (Interlocked.Exchange(ref isLooking, 1) == 1)
            {
                return;
            }

            foreach (var run in runs)
            {
                run.Look();
            }

            Volatile.Write(ref isLooking, 0);
        }
    }
}
