using System.CommandLine;
using ClusterTrain.Hosting;

namespace ClusterTrain.Cli;

/// <summary><c>clustertrain verify</c>: checks a run against its receipt, or two runs against each other.</summary>
internal static class VerifyCommand
{
    public static Command Create(Surroundings surroundings)
    {
        var run = new Argument<string>("RUN") { Description = "a run folder" };
        var other = new Argument<string?>("OTHER")
        {
            Description = "another run folder, to be equal to the first; the first epoch, step and tensor that differ are named",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var command = new CommandWithExamples(
            "verify",
            "Checks that a run's checkpoints and model hold the weights its receipt names; compares two runs. Exit code 1 when something differs.",
            "clustertrain verify runs/mnist-20260131-120000",
            "clustertrain verify runs/mnist-20260131-120000 runs/cluster")
        {
            run, other,
        };
        command.SetAction(parsed => Run(parsed.GetRequiredValue(run), parsed.GetValue(other), surroundings));
        return command;
    }

    /// <summary>Prints what was found; exit code 1 when something differs.</summary>
    public static int Print(VerificationReport report, Surroundings surroundings)
    {
        foreach (var line in report.Checked)
            surroundings.Out.WriteLine($"ok      {line}");
        foreach (var line in report.Differences)
            surroundings.Out.WriteLine($"DIFFERS {line}");
        return report.Agrees ? ExitCodes.Ok : ExitCodes.Failed;
    }

    private static int Run(string run, string? other, Surroundings surroundings) =>
        Print(other is null ? RunVerification.Verify(run) : RunVerification.Compare(run, other), surroundings);
}
