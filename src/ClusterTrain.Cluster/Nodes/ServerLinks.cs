using System.Collections.Concurrent;
using System.Collections.Immutable;
using ClusterTrain.Cluster.Links;
using ClusterTrain.Training.Actors;

namespace ClusterTrain.Cluster.Nodes;

/// <summary>A member's links to the parameter servers it needs.</summary>
/// <param name="make">Begins to connect to a server.</param>
internal sealed class ServerLinks(Func<ActorId, ServerLink> make)
{
    private readonly object _gate = new();
    private readonly ConcurrentDictionary<ActorId, ServerLink> _links = [];

    /// <summary>The links there are.</summary>
    public IEnumerable<Link> All => _links.Values.Select(server => server.Link).OfType<Link>();

    /// <summary>False for a server that no link is kept to.</summary>
    /// <param name="server">The server.</param>
    /// <param name="link">The link to it; null while there is none.</param>
    public bool TryFind(ActorId server, out Link? link)
    {
        link = _links.TryGetValue(server, out var kept) ? kept.Link : null;
        return kept is not null;
    }

    /// <summary>Keeps links to these servers too.</summary>
    public void Add(IEnumerable<ActorId> servers)
    {
        lock (_gate)
        {
            foreach (var server in servers)
            {
                if (!_links.ContainsKey(server))
                {
                    _links[server] = make(server);
                }
            }
        }
    }

    /// <summary>Ends the links to all but these servers.</summary>
    public void Drop(IReadOnlySet<ActorId> except, string reason)
    {
        List<ServerLink> dropped = [];
        lock (_gate)
        {
            foreach (var server in _links.Keys.Where(server => !except.Contains(server)).ToArray())
            {
                if (_links.TryRemove(server, out var link))
                {
                    dropped.Add(link);
                }
            }
        }

        foreach (var server in dropped)
        {
            server.End(reason);
        }

        foreach (var server in dropped)
        {
            server.Dispose();
        }
    }

    /// <summary>A link was made: whoever waits for it looks again.</summary>
    public void Restored()
    {
        lock (_gate)
        {
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Waits until all of these servers that links are kept to are connected; gives one that is not.</summary>
    /// <param name="servers">The servers.</param>
    /// <param name="limit">How long to wait at most.</param>
    /// <param name="clock">The clock.</param>
    /// <param name="stop">Ends the waiting when a link is made next, or at its limit.</param>
    public ActorId? WaitFor(ImmutableArray<ActorId> servers, TimeSpan limit, TimeProvider clock, CancellationToken stop)
    {
        var start = clock.GetTimestamp();
        lock (_gate)
        {
            while (servers.FirstOrDefault(server => _links.TryGetValue(server, out var link) && link.Link is null) is { } missing)
            {
                var left = limit - clock.GetElapsedTime(start);
                if (left <= TimeSpan.Zero || stop.IsCancellationRequested)
                {
                    return missing;
                }

                Monitor.Wait(_gate, left);
            }
        }

        return null;
    }
}
