using System.Collections.Immutable;
using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Actors;

namespace ClusterTrain.Training.Messages;

/// <summary>
/// From the coordinator to workers and parameter servers: who serves which segment in a term. A worker subscribes to each
/// of them; messages of an earlier term no longer count.
/// </summary>
/// <param name="Term">The term; it grows with every new coordinator and every change of parameter servers.</param>
/// <param name="Servers">The parameter server of each segment.</param>
public sealed record Topology(long Term, ImmutableArray<ActorId> Servers) : IMessage;

/// <summary>
/// From the coordinator to workers and parameter servers: the workers among whom the leaves of every step are divided, in order. It holds from the
/// step in hand on until the next one; a worker that already pushed part of a step adds what the new assignment asks beyond it.
/// </summary>
/// <param name="Term">The term.</param>
/// <param name="Version">Grows with each assignment of a term.</param>
/// <param name="Workers">The workers; the i-th of n computes the i-th n-th of the leaves.</param>
public sealed record Assignment(long Term, long Version, ImmutableArray<ActorId> Workers) : IMessage
{
    /// <summary>The leaves of a worker: contiguous, balanced, in the order of <see cref="Workers"/>.</summary>
    /// <param name="worker">Index in <see cref="Workers"/>.</param>
    /// <param name="leaves">Leaves of the step.</param>
    /// <returns>First leaf and number of leaves (0 when there are fewer leaves than workers).</returns>
    public (int Start, int Count) Share(int worker, int leaves)
    {
        var start = (int)((long)leaves * worker / Workers.Length);
        var end = (int)((long)leaves * (worker + 1) / Workers.Length);
        return (start, end - start);
    }
}

/// <summary>
/// From the coordinator to the parameter servers, and from each of them to the worker: compute these leaves whoever else may have
/// done so. The worker begins when every server has sent it: by then each tells the coordinator the answers to it (<see cref="Answer"/>).
/// When it has computed them, or is past the step, it says so (<see cref="Settled"/>).
/// </summary>
/// <param name="Term">The term.</param>
/// <param name="Step">The step.</param>
/// <param name="Leaves">The leaves.</param>
/// <param name="Worker">Who is to compute them.</param>
/// <param name="DigestOnly">
/// True: to be compared alone, for a vote, or for an audit, which the parameter servers ask for themselves. The worker sends digests of the sums
/// (<see cref="SumDigest"/>), not the sums.
/// </param>
public sealed record Recompute(long Term, long Step, TreeNode Leaves, ActorId Worker, bool DigestOnly = false) : IMessage;

/// <summary>
/// From a worker to the parameter servers, and from each of them to the coordinator: of these leaves, which two workers were to compute, it has
/// pushed what it will ever push.
/// </summary>
/// <param name="Term">The term.</param>
/// <param name="Step">The step.</param>
/// <param name="Leaves">The leaves.</param>
/// <param name="Worker">Who says so.</param>
public sealed record Settled(long Term, long Step, TreeNode Leaves, ActorId Worker) : IMessage;

/// <summary>From the coordinator to a worker: it computed a wrong sum and takes no further part in the run.</summary>
/// <param name="Reason">Which, how it is known, and what to do.</param>
public sealed record Exclude(string Reason) : IMessage;

/// <summary>From the coordinator to every member: the run is over.</summary>
public sealed record Stop : IMessage;

/// <summary>
/// From the host to a worker or a parameter server: the connection to another member was lost and is there again. What the
/// other sent meanwhile did not arrive.
/// </summary>
/// <param name="Member">The member at the other end.</param>
public sealed record LinkRestored(ActorId Member) : IMessage;
