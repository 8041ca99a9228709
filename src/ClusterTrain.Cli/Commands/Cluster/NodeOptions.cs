using System.CommandLine;
using ClusterTrain.Hosting;

namespace ClusterTrain.Cli;

/// <summary>The options that all nodes of a cluster have: how they know each other, time-outs, signs of life.</summary>
internal sealed class NodeOptions
{
    private readonly Option<double?> _handshake = CommandOptions.Seconds(
        "--handshake-seconds", "time for connecting, and for proving who one is (default: 5)", allowZero: false);

    private readonly Option<double?> _flush = CommandOptions.Seconds(
        "--flush-seconds", "how long a node that ends waits for what it sent last to leave (default: 2)", allowZero: false);

    private readonly Option<string?> _health = HealthFile.Option();

    private readonly Option<bool> _json = CommandOptions.Json("print one JSON object per event, and nothing else");
    private readonly Option<bool> _supervised = new("--supervised")
    {
        Description = "stop when the standard input ends, and leave Ctrl-C to the parent process",
        Hidden = true,
    };

    /// <summary>Adds them to a command.</summary>
    /// <param name="command">The command.</param>
    /// <param name="hasJson">False: the command has <c>--json</c> of its own.</param>
    public void AddTo(Command command, bool hasJson)
    {
        command.Options.Add(Engines.Option());
        Security.AddTo(command);
        foreach (var option in (Option[])[_handshake, _flush, _health, _supervised])
            command.Options.Add(option);
        if (hasJson)
            command.Options.Add(_json);
    }

    /// <summary>How nodes know each other.</summary>
    public SecurityOptions Security { get; } = new();

    /// <summary>The bounds of links.</summary>
    public LinkLimits Limits(ParseResult parsed)
    {
        var usual = new LinkLimits();
        return usual with { HandshakeTime = Time(parsed, _handshake) ?? usual.HandshakeTime };
    }

    /// <summary>Time-outs that all nodes have.</summary>
    public ClusterSettings Settings(ParseResult parsed)
    {
        var usual = new ClusterSettings();
        return usual with { FlushTime = Time(parsed, _flush) ?? usual.FlushTime };
    }

    /// <summary>A time of seconds; null when it is not given.</summary>
    public static TimeSpan? Time(ParseResult parsed, Option<double?> option) =>
        parsed.GetValue(option) is { } seconds ? TimeSpan.FromSeconds(seconds) : null;

    /// <summary>True when events are printed as JSON.</summary>
    public bool IsJson(ParseResult parsed) => parsed.GetValue(_json);

    /// <summary>Begins to follow the parent process, when it is one that supervises.</summary>
    public void FollowParent(ParseResult parsed, Surroundings surroundings)
    {
        if (parsed.GetValue(_supervised))
            surroundings.Interruption.FollowInput(Console.OpenStandardInput());
    }

    /// <summary>Begins to touch the health file, when there is one.</summary>
    /// <param name="parsed">The options.</param>
    /// <param name="isWell">Tells whether the node is well.</param>
    /// <param name="surroundings">The clock, and where warnings go.</param>
    public HealthFile? Health(ParseResult parsed, Func<bool> isWell, Surroundings surroundings) =>
        HealthFile.Of(parsed.GetValue(_health), isWell, surroundings);
}
