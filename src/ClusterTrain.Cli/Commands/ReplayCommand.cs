using System.CommandLine;
using ClusterTrain.Cli.Output;
using ClusterTrain.Runs;

namespace ClusterTrain.Cli.Commands;

/// <summary><c>clustertrain replay</c>: computes a stretch of a run again and compares it with the receipt.</summary>
internal static class ReplayCommand
{
    public static Command Create(Surroundings surroundings)
    {
        var run = new Argument<string>("RUN") { Description = "a run folder" };
        var from = new Option<long>("--from") { Description = "first step to replay", HelpName = "STEP", Required = true };
        var to = new Option<long>("--to") { Description = "last step to replay", HelpName = "STEP", Required = true };
        var threads = CommandOptions.Whole("--threads", "N", "threads to compute with (default: all cores)", 1, 1024);
        var data = CommandOptions.Data();
        var json = VerifyCommand.Json();
        var command = new CommandWithExamples(
            "replay",
            "Computes steps of a run again on this machine, from the nearest checkpoint before them, and compares the weights with the receipt. "
            + "Exit code 1 when they differ; the first step that does is named.",
            "clustertrain replay runs/mnist-20260131-120000 --from 430 --to 860")
        {
            run, from, to, threads, data, json,
        };
        command.SetAction(parsed => Run(
            parsed.GetRequiredValue(run),
            parsed.GetValue(from),
            parsed.GetValue(to),
            parsed.GetValue(threads) ?? Environment.ProcessorCount,
            parsed.GetValue(data),
            parsed.GetValue(json),
            surroundings));
        return command;
    }

    private static int Run(string run, long from, long to, int threads, string? dataFolder, bool isJson, Surroundings surroundings)
    {
        var data = RunSource.OfFolder(run).Prepare(dataFolder, surroundings);
        return VerifyCommand.Print(
            RunVerification.Replay(run, from, to, data, threads, null, surroundings.Interruption.Token), isJson, surroundings);
    }
}
