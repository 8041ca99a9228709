using System.CommandLine;
using ClusterTrain.Hosting;
using ClusterTrain.Learning;

namespace ClusterTrain.Cli;

/// <summary><c>clustertrain worker</c>: computes leaves of a run that a coordinator elsewhere leads.</summary>
internal static class WorkerCommand
{
    public static Command Create(Surroundings surroundings)
    {
        var threads = CommandOptions.Whole("--threads", "N", "threads (default: this machine's cores)", 1, CommandOptions.MostThreads);
        var colocate = new Option<bool>("--colocate") { Description = "be a parameter server too, in the same process" };
        var data = CommandOptions.Data();
        var member = new MemberCommandOptions();
        var command = new CommandWithExamples(
            "worker",
            "Joins a run and computes; joins again whenever the coordinator was lost. SIGTERM leaves the run.",
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

    /// <summary>A worker's own copy of the rows: what is not on its machine comes from the coordinator, not from where that had it.</summary>
    public static PreparedData OwnData(Recipe recipe, string? folder, Surroundings surroundings, CancellationToken cancellation) =>
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
            "Joins a run and holds its weights, or a part of them. SIGTERM leaves the run, which goes back to its last checkpoint.",
            "clustertrain parameter-server --join 10.0.0.5:7070 --secret-file secret --listen 0.0.0.0:7071");
        member.AddTo(command);
        command.SetAction(parsed => member.Run(parsed, options => options with { IsParameterServer = true }, surroundings));
        return command;
    }
}

/// <summary>The options that workers and parameter servers have, and what they do.</summary>
internal sealed class MemberCommandOptions
{
    private readonly NodeOptions _node = new();
    private readonly Option<string?> _join = new("--join")
    {
        Description = $"where the coordinator listens; several, separated by commas, are tried in turn (default: 127.0.0.1:{NodeEndpoint.CoordinatorPort})",
        HelpName = "HOST:PORT",
    };

    private readonly Option<string?> _name = new("--name") { Description = "name of this node in logs (default: the machine's)", HelpName = "NAME" };
    private readonly Option<string?> _listen = new("--listen")
    {
        Description = "where a parameter server is reached (default: any free port, on loopback without a secret)",
        HelpName = "HOST:PORT",
    };

    private readonly Option<string?> _advertise = new("--advertise")
    {
        Description = "where others reach a parameter server, when that is not the address from which it reaches the coordinator",
        HelpName = "HOST:PORT",
    };

    private readonly Option<double?> _retry = CommandOptions.Seconds(
        "--retry-seconds", "longest pause before a lost connection is tried again (default: 1)", allowZero: false);

    private readonly Option<double?> _giveUp = CommandOptions.Seconds(
        "--give-up-seconds", "end with an error when no coordinator was reached for this long; 0: never (default: 600)", allowZero: true);

    /// <summary>Adds them to a command.</summary>
    public void AddTo(CommandWithExamples command)
    {
        foreach (var option in (Option[])[_join, _name, _listen, _advertise, _retry, _giveUp])
            command.Options.Add(option);
        _node.AddTo(command, hasJson: true);
        command.TakesEnvironment = true;
    }

    /// <summary>Takes part in a run until it is over, or until a signal.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="complete">Adds what the role needs.</param>
    /// <param name="surroundings">Where it runs.</param>
    /// <returns>The exit code: 0 also after a signal, when the run was left in good order.</returns>
    public int Run(ParseResult parsed, Func<MemberOptions, MemberOptions> complete, Surroundings surroundings)
    {
        _ = KernelChoice.Active();
        var security = _node.Security.Read(parsed, surroundings);
        var settings = _node.Settings(parsed);
        var options = complete(new MemberOptions
        {
            Join = [.. (parsed.GetValue(_join) ?? "127.0.0.1").Split(',').Select(text => NodeEndpoint.Parse(text.Trim(), NodeEndpoint.CoordinatorPort))],
            Name = parsed.GetValue(_name) ?? Environment.MachineName,
            Listen = NodeEndpoint.Parse(parsed.GetValue(_listen) ?? (security.HasSecret ? "0.0.0.0:0" : "127.0.0.1:0"), NodeEndpoint.ServerPort),
            Advertise = parsed.GetValue(_advertise) is { } advertised ? NodeEndpoint.Parse(advertised, NodeEndpoint.ServerPort) : null,
            Cluster = settings with
            {
                MostRetryPause = NodeOptions.Time(parsed, _retry) ?? settings.MostRetryPause,
                GiveUpAfter = NodeOptions.Time(parsed, _giveUp) ?? settings.GiveUpAfter,
            },
            Security = security,
            Limits = _node.Limits(parsed),
            Time = surroundings.Time,
        });
        using IMemberView view = _node.IsJson(parsed) ? new JsonMemberView(surroundings.Out) : new PlainMemberView(surroundings);
        _node.FollowParent(parsed, surroundings);
        using var node = new MemberNode(options, view.Observe);
        view.Begin(options, node.Endpoint);
        using var health = _node.Health(parsed, () => node.IsConnected, surroundings);
        var outcome = node.RunAsync(surroundings.Interruption.Token).GetAwaiter().GetResult();
        view.End(outcome);
        return outcome is MemberEndedByError ? ExitCodes.Failed : ExitCodes.Ok;
    }
}
