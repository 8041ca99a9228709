using System.Collections.Immutable;
using System.CommandLine;
using ClusterTrain.Cli.Output;
using ClusterTrain.Cluster.Links;
using ClusterTrain.Cluster.Nodes;

namespace ClusterTrain.Cli.Commands.Cluster;

/// <summary>The options that all nodes of a cluster have: how they find and know each other, time-outs, signs of life.</summary>
internal sealed class NodeCommandOptions
{
    /// <summary>Name of the option that keeps a node from sharing memory.</summary>
    public const string NoSharedMemory = "--no-shared-memory";

    private readonly Option<string?> _join;
    private readonly Option<string?> _listen;
    private readonly Option<string?> _name = new("--name") { Description = "name of this node in logs (default: the machine's)", HelpName = "NAME" };
    private readonly Option<string?> _advertise = new("--advertise")
    {
        Description = "address at which others reach this node, if it is not the one it listens on or connects from",
        HelpName = "HOST:PORT",
    };

    private readonly Option<int?> _clusterPort = CommandOptions.Whole(
        "--cluster-port", "PORT", "port of Akka's connections, which every node has (default: any free one)", 1, 65535);

    private readonly Option<double?> _handshake = CommandOptions.Seconds(
        "--handshake-seconds", "time limit to connect, and again to authenticate (default: 5)", allowZero: false);

    private readonly Option<double?> _flush = CommandOptions.Seconds(
        "--flush-seconds", "how long a node waits at its end until its last messages are sent (default: 2)", allowZero: false);

    private readonly Option<bool> _noSharedMemory = CreateNoSharedMemory();

    private readonly Option<string?> _health = new("--health-file")
    {
        Description = "file to touch every second while the node takes part in the run, for health checks",
        HelpName = "FILE",
    };

    private readonly Option<bool> _supervised = new("--supervised")
    {
        Description = "stop when the standard input ends, and leave Ctrl-C to the parent process",
        Hidden = true,
    };

    private readonly AkkaOptions _akka = new();
    private readonly string? _defaultJoin;
    private readonly string? _defaultListen;

    /// <summary>The option to send tensors to processes of this machine too.</summary>
    public static Option<bool> CreateNoSharedMemory() => new(NoSharedMemory)
    {
        Description = "send tensors to processes of this machine too, instead of letting them read each other's memory",
    };

    /// <summary>Creates the options.</summary>
    /// <param name="join">What the description of <c>--join</c> says.</param>
    /// <param name="listen">What the description of <c>--listen</c> says.</param>
    /// <param name="defaultJoin">Where to join unless told otherwise; null: nowhere.</param>
    /// <param name="defaultListen">Where to listen unless told otherwise; null: at any free port, on loopback without a secret.</param>
    public NodeCommandOptions(string join, string listen, string? defaultJoin, string? defaultListen)
    {
        _join = new Option<string?>("--join") { Description = join, HelpName = "HOST:PORT,..." };
        _listen = new Option<string?>("--listen") { Description = listen, HelpName = "HOST:PORT" };
        (_defaultJoin, _defaultListen) = (defaultJoin, defaultListen);
    }

    /// <summary>How nodes know each other.</summary>
    public SecurityOptions Security { get; } = new();

    /// <summary>Adds them to a command.</summary>
    public void AddTo(CommandWithExamples command)
    {
        foreach (var option in (Option[])[_join, _listen, _advertise, _clusterPort, _name])
        {
            command.Options.Add(option);
        }

        Security.AddTo(command);
        foreach (var option in (Option[])[_handshake, _flush, _noSharedMemory, _health, _supervised])
        {
            command.Options.Add(option);
        }

        _akka.AddTo(command);
        command.TakesEnvironment = true;
    }

    /// <summary>A node without a role.</summary>
    /// <exception cref="ClusterException">An address or a file cannot be used.</exception>
    /// <exception cref="UsageException">Options contradict each other or are missing.</exception>
    public NodeOptions Read(ParseResult parsed, Surroundings surroundings)
    {
        var security = Security.Read(parsed, surroundings);
        var (limits, cluster) = (new LinkLimits(), new ClusterSettings());
        var listen = parsed.GetValue(_listen) ?? _defaultListen ?? (security.HasSecret ? "0.0.0.0:0" : "127.0.0.1:0");
        return new NodeOptions
        {
            Name = parsed.GetValue(_name) ?? Environment.MachineName,
            Join = Endpoints(parsed.GetValue(_join) ?? _defaultJoin),
            Listen = NodeEndpoint.Parse(listen, NodeEndpoint.CoordinatorPort),
            Advertise = parsed.GetValue(_advertise) is { } advertised ? NodeEndpoint.Parse(advertised, NodeEndpoint.CoordinatorPort) : null,
            ClusterPort = parsed.GetValue(_clusterPort) ?? 0,
            Security = security,
            Limits = limits with { HandshakeTime = CommandOptions.Time(parsed, _handshake) ?? limits.HandshakeTime },
            SharesMemory = !parsed.GetValue(_noSharedMemory),
            Cluster = cluster with { FlushTime = CommandOptions.Time(parsed, _flush) ?? cluster.FlushTime },
            AkkaConfiguration = _akka.Read(parsed),
            Time = surroundings.Time,
        };
    }

    /// <summary>Begins to follow the parent process, when it is one that supervises.</summary>
    public void FollowParent(ParseResult parsed, Surroundings surroundings)
    {
        if (parsed.GetValue(_supervised))
        {
            surroundings.Interruption.FollowInput(Console.OpenStandardInput());
        }
    }

    /// <summary>Begins to touch the health file, when there is one.</summary>
    /// <param name="parsed">The options.</param>
    /// <param name="isWell">Tells whether the node is well.</param>
    /// <param name="surroundings">The clock, and where warnings go.</param>
    public HealthFile? Health(ParseResult parsed, Func<bool> isWell, Surroundings surroundings) =>
        parsed.GetValue(_health) is { } path ? new HealthFile(path, isWell, surroundings) : null;

    private static ImmutableArray<NodeEndpoint> Endpoints(string? text) =>
    [
        .. (text ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .Select(one => NodeEndpoint.Parse(one, NodeEndpoint.CoordinatorPort)),
    ];
}

/// <summary>The options with which any setting of Akka's is overridden.</summary>
internal sealed class AkkaOptions
{
    private readonly Option<string[]> _files = new("--akka-config")
    {
        Description = "HOCON file whose settings override those of configs/akka.conf; may be repeated",
        HelpName = "FILE",
    };

    private readonly Option<string[]> _values = new("--akka")
    {
        Description = "an Akka setting, for example akka.loglevel=INFO; may be repeated",
        HelpName = "path=value",
    };

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_files);
        command.Options.Add(_values);
    }

    /// <summary>HOCON texts, the first before the others.</summary>
    /// <exception cref="UsageException">One is no setting.</exception>
    public ImmutableArray<string> Read(ParseResult parsed)
    {
        var values = parsed.GetValue(_values) ?? [];
        if (Array.Find(values, value => value.IndexOf('=', StringComparison.Ordinal) < 1) is { } bad)
        {
            throw new UsageException($"--akka is '{bad}'; write path=value, for example akka.loglevel=INFO.");
        }

        return [.. values, .. (parsed.GetValue(_files) ?? []).Select(File.ReadAllText)];
    }
}
