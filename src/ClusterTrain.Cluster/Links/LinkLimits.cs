namespace ClusterTrain.Cluster.Links;

/// <summary>The bounds of links between nodes. What reaches one is refused or closed with a message that names the peer and the bound.</summary>
public sealed record LinkLimits
{
    /// <summary>Time to connect, and again to authenticate.</summary>
    public TimeSpan HandshakeTime { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Connections that have not authenticated yet; the oldest is closed for a new one.</summary>
    public int PendingConnections { get; init; } = 128;

    /// <summary>Connections of authenticated peers.</summary>
    public int Connections { get; init; } = 2048;

    /// <summary>Bytes of a hello.</summary>
    public int HelloBytes { get; init; } = 2048;

    /// <summary>Bytes of a message.</summary>
    public int MessageBytes { get; init; } = 1 << 20;

    /// <summary>Bytes of the welcome, most of which is the recipe.</summary>
    public int WelcomeBytes { get; init; } = 16 << 20;

    /// <summary>UTF-8 bytes of the reason in a refusal; a longer one is cut.</summary>
    public int RefusalBytes { get; init; } = 2048;

    /// <summary>Bytes of one piece of a data transfer.</summary>
    public int DataBytes { get; init; } = 1 << 20;

    /// <summary>
    /// Bytes that wait to be sent over one link, beside four times the model; beyond it the peer does not read and the link is closed.
    /// </summary>
    public long WaitingBytes { get; init; } = 64 << 20;

    /// <summary>Data transfers at one time; further ones wait.</summary>
    public int DataTransfers { get; init; } = 4;

    /// <summary>Warnings about refused connections in ten seconds; further ones are counted in the next.</summary>
    public int WarningsPerTenSeconds { get; init; } = 10;
}
