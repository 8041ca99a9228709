using ClusterTrain.Training.Actors;

namespace ClusterTrain.Cluster.Links;

/// <summary>The links of those who connected to a node, one for each of their actors.</summary>
internal sealed class LinkTable
{
    private readonly object _gate = new();
    private readonly Dictionary<ActorId, Link> _links = [];

    public Link[] All
    {
        get
        {
            lock (_gate)
            {
                return [.. _links.Values];
            }
        }
    }

    public Link? Find(ActorId peer)
    {
        lock (_gate)
        {
            return _links.GetValueOrDefault(peer);
        }
    }

    /// <summary>Adds a link; a former one of the same peer is closed first.</summary>
    public void Add(Link link)
    {
        Find(link.Peer)?.Close("it reconnected");
        lock (_gate)
        {
            _links[link.Peer] = link;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Removes a link; false when it was not there any more.</summary>
    public bool Remove(Link link)
    {
        lock (_gate)
        {
            if (!_links.TryGetValue(link.Peer, out var present) || present != link)
            {
                return false;
            }

            _links.Remove(link.Peer);
            Monitor.PulseAll(_gate);
            return true;
        }
    }

    public void WaitUntilEmpty(TimeSpan time, TimeProvider clock)
    {
        var start = clock.GetTimestamp();
        lock (_gate)
        {
            while (_links.Count > 0)
            {
                var left = time - clock.GetElapsedTime(start);
                if (left <= TimeSpan.Zero || !Monitor.Wait(_gate, left))
                {
                    return;
                }
            }
        }
    }
}
