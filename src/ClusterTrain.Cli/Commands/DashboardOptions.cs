using System.CommandLine;
using System.Runtime.CompilerServices;
using ClusterTrain.Cli.Output;
using ClusterTrain.Dashboard;
using ClusterTrain.Dashboard.Pages;
using ClusterTrain.Watching;

namespace ClusterTrain.Cli.Commands;

/// <summary>The options by which a run is shown on a live page.</summary>
internal sealed class DashboardOptions
{
    /// <summary>Environment variable of the page's token itself; it is no option, because command lines are seen by all users.</summary>
    public const string TokenVariable = "CLUSTERTRAIN_DASHBOARD_TOKEN";

    // The usual variable of OpenTelemetry: measures and traces are sent there.
    private const string CollectorVariable = "OTEL_EXPORTER_OTLP_ENDPOINT";

    private readonly Option<string?> _address;
    private readonly Option<string?> _token = new("--dashboard-token-file")
    {
        Description = "file with the token that readers of the page need, except on loopback (default: a new one, which is printed)",
        HelpName = "FILE",
    };

    private readonly bool _isImplied;

    /// <summary>Creates the options.</summary>
    /// <param name="name">The option's name.</param>
    /// <param name="isImplied">True: the page is served without the option too.</param>
    public DashboardOptions(string name = "--dashboard", bool isImplied = false)
    {
        _isImplied = isImplied;
        _address = new Option<string?>(name)
        {
            Description = $"{(isImplied ? "where the page is served" : "show the run on a live page, at this address")} (default: 127.0.0.1:7080)",
            HelpName = "HOST:PORT",
            Arity = isImplied ? ArgumentArity.ExactlyOne : ArgumentArity.ZeroOrOne,
        };
    }

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_address);
        command.Options.Add(_token);
    }

    /// <summary>What was given; null: nothing, and nothing of a web server is loaded.</summary>
    /// <exception cref="UsageException">An option cannot be used.</exception>
    public DashboardArguments? Read(ParseResult parsed, Surroundings surroundings)
    {
        var isServed = _isImplied || parsed.GetResult(_address) is not null;
        var isSent = surroundings.Variable(CollectorVariable) is { Length: > 0 };
        if (!isServed && !isSent)
        {
            return null;
        }

        var token = parsed.GetValue(_token) is { } file ? ReadToken(file) : surroundings.Variable(TokenVariable) is { Length: > 0 } text ? text.Trim()
            : null;
        return new DashboardArguments(isServed, parsed.GetValue(_address) ?? "", token, _address.Name);
    }

    private static string ReadToken(string file)
    {
        var token = File.ReadAllText(file).Trim();
        return token.Length > 0 ? token : throw new UsageException($"{file}: is empty; write a token into it.");
    }
}

/// <summary>What <see cref="DashboardOptions"/> were given.</summary>
/// <param name="IsServed">True: there is a page; false: measures are sent, and that is all.</param>
/// <param name="Address">Where; empty: at the usual address.</param>
/// <param name="Token">What a reader must show; null: nothing was said.</param>
/// <param name="Option">The option's name, for messages.</param>
internal sealed record DashboardArguments(bool IsServed, string Address, string? Token, string Option);

/// <summary>The live page of this process, or what sends its measures. Only where that is asked for is anything of it loaded.</summary>
internal sealed class LivePage : IDisposable
{
    private readonly Surroundings _surroundings;
    private readonly IDisposable _server;

    private LivePage(IReadOnlyList<RunWatch> runs, IDisposable server, string? address, Surroundings surroundings) =>
        (Runs, _server, Address, _surroundings) = (runs, server, address, surroundings);

    /// <summary>The runs it shows.</summary>
    public IReadOnlyList<RunWatch> Runs { get; }

    /// <summary>The run, where there is one.</summary>
    public RunWatch Run => Runs[0];

    /// <summary>Where the page is; null: there is none.</summary>
    public string? Address { get; }

    /// <summary>Serves the page of one run that is about to begin.</summary>
    /// <param name="arguments">What was asked for; null: nothing.</param>
    /// <param name="isReady">Tells whether the process does its work.</param>
    /// <param name="peers">Hosts of other nodes that may lead the run.</param>
    /// <param name="isJson">True: the address is printed as JSON.</param>
    /// <param name="surroundings">Where the command runs.</param>
    public static LivePage? Of(
        DashboardArguments? arguments, Func<bool> isReady, IEnumerable<string> peers, bool isJson, Surroundings surroundings)
    {
        if (arguments is null)
        {
            return null;
        }

        var page = Serve(arguments, [new RunWatch(surroundings.Time)], isReady, peers, surroundings);
        page.Tell(isJson);
        return page;
    }

    /// <summary>Serves pages.</summary>
    /// <exception cref="UsageException">The address cannot be used.</exception>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static LivePage Serve(
        DashboardArguments arguments, IReadOnlyList<RunWatch> runs, Func<bool> isReady, IEnumerable<string> peers, Surroundings surroundings)
    {
        try
        {
            var listen = DashboardSettings.ParseAddress(arguments.Address);
            var settings = new DashboardSettings
            {
                Listen = listen,
                IsServed = arguments.IsServed,
                Token = arguments.Token,
                Peers = [.. peers.Select(host => $"{host}:{listen.Port}")],
            };
            if (settings is { IsPublic: true, Token: null })
            {
                settings = settings with { Token = DashboardServer.NewToken() };
            }

            var server = DashboardServer.Start(settings, runs, isReady, surroundings.Time);
            return new LivePage(runs, server, arguments.IsServed ? server.Address : null, surroundings);
        }
        catch (FormatException error)
        {
            throw new UsageException($"{arguments.Option}: {error.Message} A recipe comes before the option.");
        }
        catch (IOException error)
        {
            throw new UsageException($"{arguments.Option}: the page cannot be served: {error.Message} Name another port.");
        }
    }

    /// <summary>Prints where the page is.</summary>
    public void Tell(bool isJson)
    {
        if (Address is null)
        {
            return;
        }

        if (isJson)
        {
            new JsonLines(_surroundings.Out).Write(json =>
            {
                json.WriteString("event", "dashboard");
                json.WriteString("address", Address);
            });
            return;
        }

        _surroundings.Error.WriteLine($"live page: {Address}");
    }

    public void Dispose() => _server.Dispose();
}
