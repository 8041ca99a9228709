using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using ClusterTrain.Akka;
using ClusterTrain.Hosting;

namespace ClusterTrain.Cli;

/// <summary>The options that all nodes of an Akka cluster have.</summary>
internal sealed class AkkaNodeArguments
{
    private readonly Option<string?> _name = new("--name") { Description = "the node's name (default: host and process)", HelpName = "NAME" };
    private readonly Option<string?> _listen = new("--listen")
    {
        Description = $"where Akka listens (default: 127.0.0.1:{AkkaNodeOptions.DefaultPort}); elsewhere than on loopback a secret is needed",
        HelpName = "HOST:PORT",
    };

    private readonly Option<string?> _public = new("--public-host") { Description = "host by which others reach this node (default: that of --listen; with 0.0.0.0 this machine's name)", HelpName = "HOST" };
    private readonly Option<string[]> _seeds = new("--seeds")
    {
        Description = "nodes to join the cluster through, the same list in the same order on every node; the first of them begins the cluster",
        HelpName = "HOST:PORT,...",
    };

    private readonly Option<int?> _linkPort = CommandOptions.Whole(
        "--link-port", "PORT", "first port of this node's links for tensors (default: any free ones)", 1, 65000);

    private readonly Option<string?> _health = HealthFile.Option();
    private readonly SecurityOptions _security = new();

    /// <summary>Adds them to a command.</summary>
    public void AddTo(CommandWithExamples command)
    {
        foreach (var option in (Option[])[Engines.Option(), _name, _listen, _public, _seeds, _linkPort, _health])
            command.Options.Add(option);
        _security.AddTo(command);
        Configuration.AddTo(command);
        command.TakesEnvironment = true;
    }

    /// <summary>The options of HOCON.</summary>
    public AkkaConfigurationArguments Configuration { get; } = new();

    /// <summary>A node without a role yet.</summary>
    /// <exception cref="ClusterException">An address or a file cannot be used.</exception>
    /// <exception cref="UsageException">Options contradict each other or are missing.</exception>
    public AkkaNodeOptions Read(ParseResult parsed, Surroundings surroundings)
    {
        return new AkkaNodeOptions
        {
            Name = parsed.GetValue(_name) ?? DefaultName(),
            Listen = NodeEndpoint.Parse(parsed.GetValue(_listen) ?? $"127.0.0.1:{AkkaNodeOptions.DefaultPort}", AkkaNodeOptions.DefaultPort),
            PublicHost = parsed.GetValue(_public),
            Seeds = Endpoints(parsed.GetValue(_seeds)),
            LinkPort = parsed.GetValue(_linkPort) ?? 0,
            Security = _security.Read(parsed, surroundings),
            Configuration = Configuration.Read(parsed),
            Time = surroundings.Time,
        };
    }

    /// <summary>Takes part in a run until it is over, or until a signal.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="options">The node, with its role.</param>
    /// <param name="surroundings">Where it runs.</param>
    /// <returns>The exit code.</returns>
    public int Run(ParseResult parsed, AkkaNodeOptions options, Surroundings surroundings)
    {
        _ = KernelChoice.Active();
        var view = new AkkaNodeView(options, surroundings);
        var node = new AkkaNode(options, view.Observe);
        using var health = HealthFile.Of(parsed.GetValue(_health), () => node.IsUp, surroundings);
        return view.End(node.RunAsync(surroundings.Interruption.Token).GetAwaiter().GetResult());
    }

    /// <summary>Reads addresses, separated by commas or given one by one.</summary>
    public static ImmutableArray<NodeEndpoint> Endpoints(string[]? texts) =>
    [
        .. (texts ?? []).SelectMany(text => text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            .Select(text => NodeEndpoint.Parse(text, AkkaNodeOptions.DefaultPort)),
    ];

    private static string DefaultName()
    {
        var host = new string([.. Environment.MachineName.Where(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.').Take(40)]);
        return string.Create(CultureInfo.InvariantCulture, $"{(host.Length == 0 ? "node" : host)}-{Environment.ProcessId}");
    }
}

/// <summary>The options with which any setting of Akka's is overridden.</summary>
internal sealed class AkkaConfigurationArguments
{
    private readonly Option<string[]> _files = new("--akka-config") { Description = "HOCON file whose settings override those of configs/akka.conf; may be repeated", HelpName = "FILE" };
    private readonly Option<string[]> _values = new("--akka")
    {
        Description = "one setting of Akka's, for example akka.cluster.failure-detector.acceptable-heartbeat-pause=5s; may be repeated",
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
            throw new UsageException($"--akka is '{bad}'; write path=value, for example akka.loglevel=INFO.");
        return [.. values, .. (parsed.GetValue(_files) ?? []).Select(File.ReadAllText)];
    }
}
