using System.Globalization;
using System.Net;

namespace ClusterTrain.Cluster.Links;

/// <summary>Where a node listens or is reached.</summary>
/// <param name="Host">A name or an address.</param>
/// <param name="Port">The port, 0 (any free one, for listening) to 65535.</param>
public sealed record NodeEndpoint(string Host, int Port)
{
    /// <summary>The port a coordinator listens at unless told otherwise.</summary>
    public const int CoordinatorPort = 7070;

    /// <summary>The port a parameter server listens at unless told otherwise.</summary>
    public const int ServerPort = 7071;

    /// <summary>Reads <c>HOST:PORT</c>, <c>HOST</c>, or <c>[IPV6]:PORT</c>.</summary>
    /// <param name="text">The text.</param>
    /// <param name="defaultPort">The port when none is named.</param>
    /// <exception cref="ClusterException">It is none of these.</exception>
    public static NodeEndpoint Parse(string text, int defaultPort)
    {
        ArgumentNullException.ThrowIfNull(text);
        var bracket = text.LastIndexOf(']');
        var colon = text.LastIndexOf(':');
        var hasPort = colon > bracket && (bracket > 0 || text.IndexOf(':', StringComparison.Ordinal) == colon);
        var host = (hasPort ? text[..colon] : text).Trim('[', ']');
        var port = defaultPort;
        var isAmbiguous = host.Contains(':', StringComparison.Ordinal) && !IPAddress.TryParse(host, out _);
        if (host.Length == 0 || isAmbiguous || host.Any(c => char.IsWhiteSpace(c) || c is '@' or '/')
            || (hasPort && !int.TryParse(text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out port))
            || port > IPEndPoint.MaxPort)
        {
            throw new ClusterException(
                $"'{text}' is not an address. Write HOST:PORT, for example 10.0.0.5:{defaultPort} or [::1]:{defaultPort}.");
        }

        return new NodeEndpoint(host, port);
    }

    /// <summary>The text that <see cref="Parse"/> reads.</summary>
    public override string ToString()
    {
        var host = Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]" : Host;
        return string.Create(CultureInfo.InvariantCulture, $"{host}:{Port}");
    }

    internal bool IsLoopback => Host == "localhost" || (IPAddress.TryParse(Host, out var address) && IPAddress.IsLoopback(address));

    internal bool IsAny => IPAddress.TryParse(Host, out var address) && (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any));
}
