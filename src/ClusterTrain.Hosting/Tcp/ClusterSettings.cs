namespace ClusterTrain.Hosting;

/// <summary>
/// When a silent node counts as lost and how often a lost connection is tried again. The coordinator's heartbeat settings
/// hold for the whole cluster: it tells its members.
/// </summary>
public sealed record ClusterSettings
{
    /// <summary>Time between two heartbeats of a link.</summary>
    public TimeSpan HeartbeatPeriod { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>A peer not heard of for this long is lost; at least twice the heartbeat period.</summary>
    public TimeSpan LostAfter { get; init; } = TimeSpan.FromSeconds(1);

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
        if (HeartbeatPeriod < TimeSpan.FromMilliseconds(10) || HeartbeatPeriod > TimeSpan.FromMinutes(1))
            throw new ClusterException($"heartbeat period {HeartbeatPeriod.TotalMilliseconds} ms: choose 10 ms to 60 s.");
        if (LostAfter < 2 * HeartbeatPeriod)
        {
            throw new ClusterException(
                $"a peer would be lost after {LostAfter.TotalMilliseconds} ms, less than two heartbeats of {HeartbeatPeriod.TotalMilliseconds} ms: "
                + "raise the one or lower the other.");
        }

        if (LeastRetryPause <= TimeSpan.Zero || MostRetryPause < LeastRetryPause)
            throw new ClusterException(
                $"retry pauses from {LeastRetryPause} to {MostRetryPause}: the first must be above zero and not above the last.");
    }
}
