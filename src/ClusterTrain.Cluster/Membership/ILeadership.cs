using System.Collections.Immutable;
using ClusterTrain.Cluster.Wire;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Coordination;
using AkkaCluster = Akka.Cluster.Cluster;

namespace ClusterTrain.Cluster.Membership;

/// <summary>The run, as the coordinator's singleton drives it.</summary>
internal interface ILeadership
{
    /// <summary>Where members connect, and the term; null while it does not lead yet, or no more.</summary>
    Registered? Answer { get; }

    /// <summary>The status of the run and of the cluster as one JSON object.</summary>
    /// <param name="cluster">The cluster.</param>
    /// <param name="registered">The nodes that registered.</param>
    string Report(AkkaCluster cluster, IEnumerable<Register> registered);

    /// <summary>A node says which members are its.</summary>
    void Register(string address, Register register);

    /// <summary>Ends at once: links are closed and the run folder is released.</summary>
    void Abort();
}

/// <summary>What the membership tells its node; called from Akka's threads, which must not be held up.</summary>
internal interface IMembershipListener
{
    /// <summary>The ids of this node's members now.</summary>
    ImmutableArray<ActorId> Members { get; }

    /// <summary>This node is to lead.</summary>
    /// <param name="happened">To be told what happens in the run.</param>
    /// <param name="ended">
    /// To be told when the leadership has ended; with true when another coordinator leads the run, which this node then waits to lead again.
    /// </param>
    ILeadership BeginToLead(Action<RunEvent> happened, Action<bool> ended);

    /// <summary>The coordinator's singleton said where it is.</summary>
    void Led(Registered leader);

    /// <summary>A node is unreachable, dead or gone: links to its members are to be closed.</summary>
    void NodeLost(string address, string reason);

    /// <summary>The coordinator published what happened.</summary>
    void Heard(string json);

    /// <summary>Something that a person should know.</summary>
    void Say(string message);
}
