using System.Collections.Immutable;
using ClusterTrain.Cluster.Links;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Prepared;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Runs;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Cluster.Nodes;

/// <summary>What a node of a cluster does, and how.</summary>
public sealed record NodeOptions
{
    /// <summary>The node's name: letters, digits, '.', '_' and '-'. Nodes of one cluster may have the same.</summary>
    public required string Name { get; init; }

    /// <summary>True when it may lead the run: the oldest node that may does.</summary>
    public bool MayLead { get; init; }

    /// <summary>True when it computes leaves.</summary>
    public bool IsWorker { get; init; }

    /// <summary>True when it holds segments of the parameters; with <see cref="IsWorker"/> both in one process.</summary>
    public bool IsParameterServer { get; init; }

    /// <summary>Where its links are reached; without a secret a loopback address. A mere worker listens nowhere.</summary>
    public NodeEndpoint Listen { get; init; } = new("127.0.0.1", 0);

    /// <summary>
    /// Where others reach its links, and with the same host its cluster port; null: found out from <see cref="Listen"/> or from the address by
    /// which it reached the coordinator.
    /// </summary>
    public NodeEndpoint? Advertise { get; init; }

    /// <summary>The port of Akka's connections; 0: any free one.</summary>
    public int ClusterPort { get; init; }

    /// <summary>Where nodes that may lead listen, tried in turn. One that is the only one to lead needs none.</summary>
    public ImmutableArray<NodeEndpoint> Join { get; init; } = [];

    /// <summary>Threads of the worker.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>
    /// Prepares the worker's own copy of a recipe's data; null, also as its answer: it has none. Throwing
    /// <see cref="DataException"/> means the same.
    /// </summary>
    public Func<Recipe, CancellationToken, PreparedData?>? OwnData { get; init; }

    /// <summary>Folder where data fetched from the coordinator is kept; null: none is fetched.</summary>
    public string? Cache { get; init; }

    /// <summary>Time-outs.</summary>
    public ClusterSettings Cluster { get; init; } = new();

    /// <summary>How nodes know each other.</summary>
    public LinkSecurity Security { get; init; } = LinkSecurity.None;

    /// <summary>The bounds of links.</summary>
    public LinkLimits Limits { get; init; } = new();

    /// <summary>False: tensors are sent to processes of this machine too, instead of being read where they lie.</summary>
    public bool SharesMemory { get; init; } = true;

    /// <summary>HOCON that overrides configs/akka.conf, the first before the others.</summary>
    public ImmutableArray<string> AkkaConfiguration { get; init; } = [];

    /// <summary>True when a coordinator takes members of another build in, and names them; otherwise it refuses them.</summary>
    public bool AllowOtherBuilds { get; init; }

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    internal bool Listens => MayLead || IsParameterServer;

    internal bool HasMembers => IsWorker || IsParameterServer;

    internal void Check()
    {
        if (!BitConverter.IsLittleEndian)
        {
            throw new ClusterException("cluster nodes need a little-endian machine: floats cross the network as they lie in memory.");
        }

        if (!MayLead && !HasMembers)
        {
            throw new ClusterException($"{Name} has no role: let it be a coordinator, a parameter server, a worker, or several of them.");
        }

        if (HasMembers && Join.IsDefaultOrEmpty)
        {
            throw new ClusterException("a member must know where the coordinator is: name it with --join HOST:PORT.");
        }

        MemberIds.CheckName(Name);
        Cluster.Check();
    }
}

/// <summary>The run that a node may lead. It is the same on all nodes that may.</summary>
public sealed record LeadableRun
{
    /// <summary>The recipe.</summary>
    public required Recipe Recipe { get; init; }

    /// <summary>Its data.</summary>
    public required PreparedData Data { get; init; }

    /// <summary>How the run is carried out.</summary>
    public RunSettings Settings { get; init; } = new();

    /// <summary>
    /// Opens the run folder, or creates it; with true it takes it over from a coordinator that hangs. Nodes that may lead share it. A
    /// <see cref="RunFolderException"/> with an inner <see cref="IOException"/> says that another process holds it.
    /// </summary>
    public required Func<bool, RunFolder> OpenFolder { get; init; }

    /// <summary>The run folder's path, for the status; empty: it is named when it is created.</summary>
    public string Folder { get; init; } = "";
}
