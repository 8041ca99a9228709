using System.Collections.Immutable;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using ClusterTrain.Cluster.Links;
using ClusterTrain.Cluster.Membership;
using ClusterTrain.Cluster.Wire;

namespace ClusterTrain.Cluster.Nodes;

/// <summary>
/// How a node that may lead finds its cluster: it asks the others that may, over their links. The first of them founds a cluster when no other
/// is in one; a later one does so only when that took much too long. So there is one cluster, whatever was started or died first.
/// </summary>
/// <param name="node">What the parts of the node share.</param>
/// <param name="self">Where its own links are reached.</param>
internal sealed class Discovery(NodeContext node, NodeEndpoint self)
{
    private static readonly TimeSpan s_longestAnswer = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan s_patiencePerRank = TimeSpan.FromSeconds(8);

    /// <summary>Waits until it is known how to join, or that a cluster is to be founded.</summary>
    public JoinPlan Find(CancellationToken cancellation)
    {
        var began = node.Options.Time.GetTimestamp();
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            var (others, rank) = Others();
            foreach (var other in others)
            {
                if (Ask(node, other, cancellation) is { Seeds.IsEmpty: false } info)
                {
                    return new JoinPlan(info.Seeds);
                }
            }

            if (node.Options.Time.GetElapsedTime(began) >= rank * s_patiencePerRank)
            {
                return new JoinPlan([]);
            }

            cancellation.WaitHandle.WaitOne(s_pause);
        }
    }

    /// <summary>True when another node that may lead is in a cluster in which somebody leads, and this one is not in it.</summary>
    /// <param name="own">The seeds of this node's cluster.</param>
    /// <param name="cancellation">Ends the attempt.</param>
    public bool IsElsewhere(ImmutableArray<string> own, CancellationToken cancellation) =>
        Others().Others.Select(other => Ask(node, other, cancellation))
            .Any(info => info is { Leader.Length: > 0, Seeds.IsEmpty: false } && !info.Seeds.Intersect(own, StringComparer.Ordinal).Any());

    /// <summary>The address of this machine by which others are most likely to reach it.</summary>
    public static string HostOf(NodeOptions options)
    {
        if (options.Advertise is { } advertised)
        {
            return advertised.Host;
        }

        if (!options.Listen.IsAny)
        {
            return options.Listen.Host == "localhost" ? "127.0.0.1" : options.Listen.Host;
        }

        var addresses = NetworkInterface.GetAllNetworkInterfaces()
            .Where(network => network.OperationalStatus == OperationalStatus.Up && network.NetworkInterfaceType != NetworkInterfaceType.Loopback)
            .OrderByDescending(network => network.GetIPProperties().GatewayAddresses.Count > 0)
            .SelectMany(network => network.GetIPProperties().UnicastAddresses)
            .Select(address => address.Address)
            .Where(address => address.AddressFamily == AddressFamily.InterNetwork);
        return addresses.FirstOrDefault()?.ToString() ?? IPAddress.Loopback.ToString();
    }

    /// <summary>The other nodes that may lead, and how many of all come before this one: a name may stand for several addresses.</summary>
    private (ImmutableArray<NodeEndpoint> Others, int Rank) Others()
    {
        var all = node.Options.Join.SelectMany(Resolve).Distinct().ToImmutableArray();
        var own = all.IndexOf(self);
        if (own < 0)
        {
            own = all.IndexOf(self with { Host = node.Options.Listen.Host });
        }

        return (own < 0 ? all : all.RemoveAt(own), own < 0 ? all.Length : own);
    }

    private static IEnumerable<NodeEndpoint> Resolve(NodeEndpoint endpoint)
    {
        if (IPAddress.TryParse(endpoint.Host, out _))
        {
            return [endpoint];
        }

        try
        {
            return Dns.GetHostAddresses(endpoint.Host, AddressFamily.InterNetwork)
                .OrderBy(address => BitConverter.ToString(address.GetAddressBytes()), StringComparer.Ordinal)
                .Select(address => endpoint with { Host = address.ToString() });
        }
        catch (SocketException)
        {
            // The name of a node that was not started yet may have no address.
            return [];
        }
    }

    /// <summary>Asks a node that may lead where its cluster is; null: it does not answer now.</summary>
    /// <param name="node">What the parts of the asking node share.</param>
    /// <param name="other">Where its links are reached.</param>
    /// <param name="cancellation">Ends the attempt.</param>
    /// <exception cref="ClusterException">One side refused the other.</exception>
    public static ClusterInfo? Ask(NodeContext node, NodeEndpoint other, CancellationToken cancellation)
    {
        try
        {
            return node.Dialler.Ask(other, s_longestAnswer, cancellation);
        }
        catch (LinkException error) when (error.IsFinal)
        {
            throw new ClusterException($"the node at {other} {(error.IsRefusal ? "refused this one: it " : "")}{error.Message}");
        }
        catch (Exception error) when (LinkErrors.IsLost(error))
        {
            // It is not there yet, or no more.
            return null;
        }
    }
}
