using ClusterTrain.Cli.Output;
using ClusterTrain.Data.Models;
using ClusterTrain.Learning.ModelFiles;

namespace ClusterTrain.Cli.Commands;

/// <summary>Chooses how a run is shown.</summary>
internal static class RunViews
{
    /// <summary>JSON when it was asked for, a progress bar on a terminal, plain lines elsewhere.</summary>
    public static IRunView Of(RunArguments arguments, Surroundings surroundings) =>
        arguments.IsJson ? new JsonRunView(surroundings.Out, surroundings.Time)
        : surroundings.Terminal is { } terminal && !arguments.IsQuiet ? new TerminalRunView(terminal)
        : new PlainRunView(surroundings.Out, surroundings.Error, surroundings.Time, arguments.IsQuiet);

    /// <summary>Says that a run was complete before, with the identity of its result, and gives the exit code.</summary>
    /// <param name="folder">The run folder.</param>
    /// <param name="result">Its model.</param>
    /// <param name="isJson">True: as JSON.</param>
    /// <param name="surroundings">Where to write.</param>
    public static int AlreadyDone(string folder, Model result, bool isJson, Surroundings surroundings)
    {
        var hash = WeightsHash.Of(result.Weights.Span);
        if (isJson)
        {
            new JsonLines(surroundings.Out).Write(json =>
            {
                json.WriteString("event", "result");
                json.WriteString("folder", folder);
                json.WriteBoolean("wasComplete", true);
                json.WriteString("weightsSha256", hash);
            });
            return ExitCodes.Ok;
        }

        surroundings.Error.WriteLine($"the run in {folder} is complete; there is nothing to resume");
        surroundings.Out.WriteLine(RunSummary.HashLine(hash));
        return ExitCodes.Ok;
    }
}
