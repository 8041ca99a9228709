using ClusterTrain.Learning;
using ClusterTrain.Training;

namespace ClusterTrain.Hosting;

/// <summary>What a coordinator's node leads, and how.</summary>
public sealed record CoordinatorOptions
{
    /// <summary>Where it listens; without a secret a loopback address.</summary>
    public NodeEndpoint Listen { get; init; } = new("127.0.0.1", NodeEndpoint.CoordinatorPort);

    /// <summary>The recipe.</summary>
    public required Recipe Recipe { get; init; }

    /// <summary>Its data.</summary>
    public required PreparedData Data { get; init; }

    /// <summary>The run folder, new or opened to go on; not disposed here.</summary>
    public required RunFolder Folder { get; init; }

    /// <summary>How the run is carried out.</summary>
    public RunSettings Run { get; init; } = new();

    /// <summary>Heartbeats and time-outs.</summary>
    public ClusterSettings Cluster { get; init; } = new();

    /// <summary>How nodes know each other.</summary>
    public LinkSecurity Security { get; init; } = LinkSecurity.None;

    /// <summary>The bounds of links.</summary>
    public LinkLimits Limits { get; init; } = new();

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Runs the actors and carries their control messages; null: the node does both itself.</summary>
    internal INodeEngine? Engine { get; init; }
}
