using System.CommandLine;
using ClusterTrain.Cli.Output;
using ClusterTrain.Cluster.Links;
using ClusterTrain.Cluster.Nodes;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Data.Prepared;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Cli.Commands.Cluster;

/// <summary><c>clustertrain worker</c>: computes leaves of a run that a coordinator elsewhere leads.</summary>
internal static class WorkerCommand
{
    public static Command Create(Surroundings surroundings)
    {
        var threads = CommandOptions.Whole("--threads", "N", "threads (default: this machine's cores)", 1, CommandOptions.MostThreads);
        var colocate = new Option<bool>("--colocate") { Description = "also act as a parameter server, in the same process" };
        var data = CommandOptions.Data();
        var member = new MemberCommandOptions();
        var command = new CommandWithExamples(
            "worker",
            "Joins a run and computes; rejoins after losing the coordinator. SIGTERM leaves the run.",
            "clustertrain worker --join 10.0.0.5:7070 --secret-file secret",
            "clustertrain worker --join 10.0.0.5:7070 --secret-file secret --threads 8 --colocate --listen 0.0.0.0:7071")
        {
            threads, colocate, data,
        };
        member.AddTo(command);
        command.SetAction(parsed => member.Run(
            parsed,
            options => options with
            {
                IsWorker = true,
                IsParameterServer = parsed.GetValue(colocate),
                Threads = parsed.GetValue(threads) ?? Environment.ProcessorCount,
                OwnData = (recipe, cancellation) => OwnData(recipe, parsed.GetValue(data), surroundings, cancellation),
                Cache = Locations.Of(null, null, surroundings).Cache,
            },
            surroundings));
        return command;
    }

    // What is not on a worker's machine comes from the coordinator, not from where that had it.
    private static PreparedData OwnData(Recipe recipe, string? folder, Surroundings surroundings, CancellationToken cancellation) =>
        DataPreparation.Prepare(recipe, Locations.Of(null, folder, surroundings, mayDownload: false), null, cancellation);
}

/// <summary><c>clustertrain parameter-server</c>: holds weights of a run that a coordinator elsewhere leads.</summary>
internal static class ParameterServerCommand
{
    public static Command Create(Surroundings surroundings)
    {
        var member = new MemberCommandOptions();
        var command = new CommandWithExamples(
            "parameter-server",
            "Joins a run and holds its weights, or a part of them; with more of them than the run needs, the others stand by. SIGTERM leaves the "
                + "run.",
            "clustertrain parameter-server --join 10.0.0.5:7070 --secret-file secret --listen 0.0.0.0:7071");
        member.AddTo(command);
        command.SetAction(parsed => member.Run(parsed, options => options with { IsParameterServer = true }, surroundings));
        return command;
    }
}

/// <summary>The options that workers and parameter servers have, and what they do.</summary>
internal sealed class MemberCommandOptions
{
    private readonly NodeCommandOptions _node = new(
        $"where nodes that may lead listen; several, separated by commas, are tried in turn (default: 127.0.0.1:{NodeEndpoint.CoordinatorPort})",
        "where a parameter server is reached (default: any free port, on loopback without a secret)",
        "127.0.0.1",
        null);

    private readonly Option<bool> _json = CommandOptions.Json("print only JSON, one object per event");
    private readonly Option<double?> _retry = CommandOptions.Seconds(
        "--retry-seconds", "longest pause before a lost connection is tried again (default: 1)", allowZero: false);

    private readonly Option<double?> _giveUp = CommandOptions.Seconds(
        "--give-up-seconds", "fail when no coordinator could be reached for this long (default: 600; 0: never)", allowZero: true);

    /// <summary>Adds them to a command.</summary>
    public void AddTo(CommandWithExamples command)
    {
        _node.AddTo(command);
        foreach (var option in (Option[])[_retry, _giveUp, _json])
        {
            command.Options.Add(option);
        }
    }

    /// <summary>Takes part in a run until it is over, or until a signal.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="complete">Adds what the role needs.</param>
    /// <param name="surroundings">Where it runs.</param>
    /// <returns>The exit code: 0 also after a signal, when the run was left in good order.</returns>
    public int Run(ParseResult parsed, Func<NodeOptions, NodeOptions> complete, Surroundings surroundings)
    {
        _ = KernelChoice.Active();
        var options = complete(_node.Read(parsed, surroundings));
        var settings = options.Cluster;
        options = options with
        {
            Cluster = settings with
            {
                MostRetryPause = CommandOptions.Time(parsed, _retry) ?? settings.MostRetryPause,
                GiveUpAfter = CommandOptions.Time(parsed, _giveUp) ?? settings.GiveUpAfter,
            },
        };
        using IMemberView view = parsed.GetValue(_json) ? new JsonMemberView(surroundings.Out) : new PlainMemberView(surroundings);
        _node.FollowParent(parsed, surroundings);
        using var node = new ClusterNode(options, view.Observe);
        view.Begin(options, node.Endpoint);
        using var health = _node.Health(parsed, () => node.TakesPart, surroundings);
        var outcome = node.RunAsync(null, surroundings.Interruption.Token).GetAwaiter().GetResult();
        view.End(outcome);
        return outcome is NodeFailed ? ExitCodes.Failed : ExitCodes.Ok;
    }
}
