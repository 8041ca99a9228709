using System.Collections.Immutable;
using ClusterTrain.Training.Actors;

namespace ClusterTrain.Cluster.Wire;

/// <summary>What the coordinator tells a member that has proven itself; from it the member builds plan, layout and network.</summary>
/// <param name="RecipeText">The resolved recipe, YAML.</param>
/// <param name="TrainingRows">Rows of the training data.</param>
/// <param name="Features">Features of a row.</param>
/// <param name="Outputs">Targets of a row.</param>
/// <param name="Data">Fingerprint of the prepared data.</param>
/// <param name="LostAfter">Silence after which a peer is lost.</param>
/// <param name="Servers">The parameter servers in force, which the member must be able to reach before it joins.</param>
/// <param name="Cluster">The Akka cluster the coordinator is in.</param>
internal sealed record Welcome(
    string RecipeText, long TrainingRows, int Features, int Outputs, string Data, TimeSpan LostAfter, ImmutableArray<ActorId> Servers,
    ClusterInfo Cluster);

/// <summary>From a member to the coordinator, over its link: it cannot reach another member.</summary>
/// <param name="Peer">The member it cannot reach.</param>
/// <param name="Reason">Why.</param>
internal sealed record Unreachable(ActorId Peer, string Reason);

/// <summary>An Akka cluster as a node of it sees it.</summary>
/// <param name="Self">Akka address of the node, with the number of its incarnation; empty: it is in no cluster now.</param>
/// <param name="Seeds">Akka addresses (<c>HOST:PORT</c>) through which the cluster can be joined.</param>
/// <param name="Leader">Where members connect to the coordinator that leads (<c>HOST:PORT</c>); empty: none is known to.</param>
internal sealed record ClusterInfo(string Self, ImmutableArray<string> Seeds, string Leader)
{
    /// <summary>A node that is in no cluster.</summary>
    public static ClusterInfo None { get; } = new("", [], "");
}

/// <summary>The sender's tensors lie in memory that a process of the same machine can map: <c>/proc/Process/fd/File</c>.</summary>
/// <param name="Process">Number of the process that has it open.</param>
/// <param name="File">Number of the file descriptor.</param>
internal sealed record SharedMemory(int Process, int File);

/// <summary>The answer of a node that sees that memory; a node that does not sends none, and tensors are sent to it.</summary>
/// <param name="Token">What it read at the start of the memory, hexadecimal.</param>
/// <param name="Reader">Names the node that answers.</param>
/// <param name="Process">Number of its process.</param>
/// <param name="Started">When the process started, in clock ticks since the system did.</param>
/// <param name="Held">Where tensors lie that it holds, from an earlier link.</param>
internal sealed record SharedMemorySeen(string Token, string Reader, int Process, long Started, ImmutableArray<long> Held);

/// <summary>
/// From a node to the coordinator's singleton, again and again: who it is. The answer is <see cref="Registered"/>; the coordinator closes the
/// links of these members when Akka finds the node unreachable.
/// </summary>
/// <param name="Node">The node's name.</param>
/// <param name="Members">Its members, by their ids.</param>
internal sealed record Register(string Node, ImmutableArray<ActorId> Members);

/// <summary>From the coordinator's singleton: it leads.</summary>
/// <param name="Endpoint">Where members connect to it.</param>
/// <param name="Term">Its term.</param>
internal sealed record Registered(string Endpoint, long Term);

/// <summary>Something happened in the run; published to all who subscribe to <see cref="Topic"/>.</summary>
/// <param name="Json">What, as in the run folder's log.</param>
internal sealed record RunNotice(string Json)
{
    /// <summary>The topic.</summary>
    public const string Topic = "clustertrain.run";
}

/// <summary>From outside the cluster: how is it?</summary>
internal sealed record StatusRequest;

/// <summary>How the cluster is.</summary>
/// <param name="Json">One JSON object.</param>
internal sealed record StatusReport(string Json);
