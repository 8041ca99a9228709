using System.Collections.Immutable;
using ClusterTrain.Learning;

namespace ClusterTrain.Hosting;

/// <summary>What a member's node does, and how.</summary>
public sealed record MemberOptions
{
    /// <summary>Where the coordinator may be reached; tried in turn.</summary>
    public required ImmutableArray<NodeEndpoint> Join { get; init; }

    /// <summary>Its name: letters, digits, '.', '_' and '-'. Members of one run may have the same.</summary>
    public required string Name { get; init; }

    /// <summary>True when it computes leaves.</summary>
    public bool IsWorker { get; init; }

    /// <summary>True when it holds segments of the parameters; with <see cref="IsWorker"/> both in one process.</summary>
    public bool IsParameterServer { get; init; }

    /// <summary>Threads of the worker.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>Where the parameter server listens; without a secret a loopback address.</summary>
    public NodeEndpoint Listen { get; init; } = new("127.0.0.1", NodeEndpoint.ServerPort);

    /// <summary>
    /// Where others reach the parameter server; null: at the address from which it reached the coordinator.
    /// </summary>
    public NodeEndpoint? Advertise { get; init; }

    /// <summary>
    /// Prepares the worker's own copy of a recipe's data; null, also as its answer: it has none. Throwing
    /// <see cref="DataException"/> means the same.
    /// </summary>
    public Func<Recipe, CancellationToken, PreparedData?>? OwnData { get; init; }

    /// <summary>Folder where data fetched from the coordinator is kept; null: none is fetched.</summary>
    public string? Cache { get; init; }

    /// <summary>Time-outs; the heartbeats' are the coordinator's.</summary>
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
