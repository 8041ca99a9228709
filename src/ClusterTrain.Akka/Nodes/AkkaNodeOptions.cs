using System.Collections.Immutable;
using ClusterTrain.Hosting;
using ClusterTrain.Learning;
using ClusterTrain.Training;

namespace ClusterTrain.Akka;

/// <summary>The run a coordinator-capable node can lead. It must be the same on all of them.</summary>
public sealed record AkkaRun
{
    /// <summary>The recipe.</summary>
    public required Recipe Recipe { get; init; }

    /// <summary>The folder of the recipe's file, in full; null when it is no file.</summary>
    public string? RecipeFolder { get; init; }

    /// <summary>Its data.</summary>
    public required PreparedData Data { get; init; }

    /// <summary>The run folder, which all coordinator-capable nodes share; a new one is created by whichever leads first.</summary>
    public required string Folder { get; init; }

    /// <summary>How the run is carried out.</summary>
    public RunSettings Settings { get; init; } = new();
}

/// <summary>What a node of an Akka cluster does, and how.</summary>
public sealed record AkkaNodeOptions
{
    /// <summary>The port of Akka's connections unless told otherwise.</summary>
    public const int DefaultPort = 7060;

    /// <summary>The node's name: letters, digits, '.', '_' and '-'.</summary>
    public required string Name { get; init; }

    /// <summary>Where Akka listens; without a secret a loopback address.</summary>
    public NodeEndpoint Listen { get; init; } = new("127.0.0.1", DefaultPort);

    /// <summary>
    /// The host by which other nodes reach this one; null: that of <see cref="Listen"/>, or this machine's name when that is all addresses.
    /// </summary>
    public string? PublicHost { get; init; }

    /// <summary>Nodes to join the cluster through, the same list on every node; empty: this node is the first.</summary>
    public ImmutableArray<NodeEndpoint> Seeds { get; init; } = [];

    /// <summary>
    /// First port of the node's links: the coordinator's, then one for each segment of <see cref="Segments"/>; 0: any free ones.
    /// </summary>
    public int LinkPort { get; init; }

    /// <summary>The run it may lead; null: it is not coordinator-capable.</summary>
    public AkkaRun? Run { get; init; }

    /// <summary>The segments of the parameters it may hold, from 1; each is held by the oldest node that may.</summary>
    public ImmutableArray<int> Segments { get; init; } = [];

    /// <summary>True when it computes leaves.</summary>
    public bool IsWorker { get; init; }

    /// <summary>Threads of the worker.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>Prepares the worker's own copy of a recipe's data; null, also as its answer: it has none.</summary>
    public Func<Recipe, CancellationToken, PreparedData?>? OwnData { get; init; }

    /// <summary>Folder where data fetched from the coordinator is kept; null: none is fetched.</summary>
    public string? Cache { get; init; }

    /// <summary>HOCON that overrides configs/akka.conf, the first before the others.</summary>
    public ImmutableArray<string> Configuration { get; init; } = [];

    /// <summary>Heartbeats and time-outs of the links.</summary>
    public ClusterSettings Cluster { get; init; } = new();

    /// <summary>How nodes know each other.</summary>
    public LinkSecurity Security { get; init; } = LinkSecurity.None;

    /// <summary>The bounds of links.</summary>
    public LinkLimits Limits { get; init; } = new();

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    internal string ReachedAt => PublicHost ?? (Listen.IsAny ? Environment.MachineName : Listen.Host);

    internal void Check()
    {
        MemberIds.CheckName(Name);
        if (Run is null && Segments.IsEmpty && !IsWorker)
            throw new ClusterException($"{Name} has no role: let it be a coordinator, a parameter server, a worker, or several of them.");
        if (!Security.HasSecret && !Listen.IsLoopback)
        {
            throw new ClusterException(
                $"cannot listen at {Listen} without a cluster secret: whoever reaches that address could join. "
                + "Give all nodes the same secret, or listen at 127.0.0.1.");
        }
    }
}
