using ClusterTrain.Cluster.Links;

namespace ClusterTrain.Cluster.Nodes;

/// <summary>When a silent node counts as lost and how often a lost connection is tried again.</summary>
public sealed record ClusterSettings
{
    /// <summary>
    /// A node that does not answer for this long is lost. The coordinator's setting holds for the whole cluster: it tells its members. Akka's
    /// heartbeats come four times in it.
    /// </summary>
    public TimeSpan LostAfter { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>First pause before a connection is tried again; it doubles with each attempt.</summary>
    public TimeSpan LeastRetryPause { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>Longest pause before a connection is tried again.</summary>
    public TimeSpan MostRetryPause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>A member that reached no coordinator for this long ends with an error; zero: never.</summary>
    public TimeSpan GiveUpAfter { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long a node that ends waits for what it sent last to leave.</summary>
    public TimeSpan FlushTime { get; init; } = TimeSpan.FromSeconds(2);

    internal void Check()
    {
        if (LostAfter < TimeSpan.FromMilliseconds(200) || LostAfter > TimeSpan.FromMinutes(10))
        {
            throw new ClusterException($"a node would be lost after {LostAfter.TotalMilliseconds} ms of silence: choose 200 ms to 600 s.");
        }

        if (LeastRetryPause <= TimeSpan.Zero || MostRetryPause < LeastRetryPause)
        {
            throw new ClusterException(
                $"retry pauses from {LeastRetryPause} to {MostRetryPause}: the first must be above zero and not above the last.");
        }
    }
}
