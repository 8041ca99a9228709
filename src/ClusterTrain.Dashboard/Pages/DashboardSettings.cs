using System.Collections.Immutable;
using System.Globalization;
using System.Net;

namespace ClusterTrain.Dashboard.Pages;

/// <summary>Where the page is served, and to whom.</summary>
public sealed record DashboardSettings
{
    /// <summary>The port unless another one is named.</summary>
    public const int DefaultPort = 7080;

    /// <summary>Where to listen.</summary>
    public IPEndPoint Listen { get; init; } = new(IPAddress.Loopback, DefaultPort);

    /// <summary>What a reader must show; null: nothing, which is possible on loopback alone.</summary>
    public string? Token { get; init; }

    /// <summary>Pages of other nodes that may lead the run, for a reader whose node is gone: <c>HOST:PORT</c>.</summary>
    public ImmutableArray<string> Peers { get; init; } = [];

    /// <summary>True: the page and <c>/metrics</c> are served. False: measures are only sent where the OTEL_ variables say.</summary>
    public bool IsServed { get; init; } = true;

    /// <summary>True when others than this machine can reach it.</summary>
    public bool IsPublic => !IPAddress.IsLoopback(Listen.Address);

    /// <summary>Reads <c>HOST:PORT</c>, <c>HOST</c> or <c>:PORT</c>; the host is an address of this machine, <c>localhost</c> or <c>*</c>.</summary>
    /// <param name="text">The text; empty: the default.</param>
    /// <exception cref="FormatException">It is none of these.</exception>
    public static IPEndPoint ParseAddress(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var (host, port) = (text, DefaultPort);
        var colon = text.LastIndexOf(':');
        if (colon > text.LastIndexOf(']') && (text.IndexOf(':', StringComparison.Ordinal) == colon || text.Contains(']', StringComparison.Ordinal)))
        {
            host = text[..colon];
            if (!int.TryParse(text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out port) || port > IPEndPoint.MaxPort)
            {
                throw Wrong(text);
            }
        }

        return host switch
        {
            "" or "localhost" => new IPEndPoint(IPAddress.Loopback, port),
            "*" => new IPEndPoint(IPAddress.Any, port),
            _ => IPAddress.TryParse(host.Trim('[', ']'), out var address) ? new IPEndPoint(address, port) : throw Wrong(text),
        };
    }

    private static FormatException Wrong(string text) => new(
        $"'{text}' is not an address to listen on. Write HOST:PORT with an address of this machine, "
        + $"for example 127.0.0.1:{DefaultPort} or 0.0.0.0:{DefaultPort}.");
}
