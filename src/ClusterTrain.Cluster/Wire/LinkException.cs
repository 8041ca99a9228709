namespace ClusterTrain.Cluster.Wire;

/// <summary>Why one node turns another away; the number goes over the wire.</summary>
internal enum RefusalKind : byte
{
    /// <summary>What arrived is not the protocol.</summary>
    Garbage = 1,

    /// <summary>Another protocol version.</summary>
    Version = 2,

    /// <summary>The peer does not have the cluster's secret.</summary>
    Secret = 3,

    /// <summary>The peer is of another run.</summary>
    Run = 4,

    /// <summary>The peer has other data.</summary>
    Data = 5,

    /// <summary>The coordinator was replaced by one of a higher term.</summary>
    Term = 6,

    /// <summary>The actor asked for is not here.</summary>
    Address = 7,

    /// <summary>A bound is reached.</summary>
    Limit = 8,

    /// <summary>The peer was given up, for example because it cannot reach a parameter server; it may join again.</summary>
    Rejoin = 9,

    /// <summary>This node does not lead the run now; the reason names the address of the node that does, or is empty.</summary>
    NotLeading = 10,

    /// <summary>The peer runs another build of the program.</summary>
    Build = 11,
}

/// <summary>A link cannot be made or has to be closed; the message says why.</summary>
internal sealed class LinkException(RefusalKind kind, string message, bool isRefusal = false) : Exception(message)
{
    public RefusalKind Kind { get; } = kind;

    /// <summary>True when it was the peer that refused.</summary>
    public bool IsRefusal { get; } = isRefusal;

    /// <summary>True when trying again cannot help.</summary>
    public bool IsFinal => Kind is RefusalKind.Version or RefusalKind.Secret or RefusalKind.Run or RefusalKind.Data or RefusalKind.Build;
}
