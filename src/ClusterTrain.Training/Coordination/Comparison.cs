using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Training.Coordination;

/// <summary>
/// A worker's share that another worker computes too, because it is late or to audit it: the answers of the two must be equal bit for bit.
/// </summary>
internal sealed class Comparison(LateShare late, int segments, TimeSpan began, TimeSpan until, bool isAudit = false)
{
    // Until then it is nothing to speak of that a worker is waited for.
    private static readonly TimeSpan s_quiet = TimeSpan.FromSeconds(1);

    // A worker may answer more than once, and one that computes wrongly not with the same bits: every answer counts, the first was used.
    private readonly HashSet<Answer> _answers = [];

    // The servers that have heard from a worker that it will push no more of the share.
    private readonly HashSet<(ActorId Worker, ActorId Server)> _settled = [];
    private bool _isReported;

    public long Step => late.Step;

    /// <summary>True when nobody was late: the share is computed twice to see whether both are right.</summary>
    public bool IsAudit => isAudit;

    /// <summary>True when the helper has leaves of its own in the next step.</summary>
    public bool IsHelperNext { get; init; }

    /// <summary>The worker whose share it is.</summary>
    public ActorId Worker => late.Worker;

    /// <summary>Who computes its share too.</summary>
    public ActorId Helper => late.Helper;

    /// <summary>When answers that have not come are no longer waited for.</summary>
    public TimeSpan Until { get; private set; } = until;

    public bool IsOf(Settled settled) => (settled.Step, settled.Leaves) == (late.Step, late.Leaves);

    public bool IsOf(Answer answer) => answer.Step == late.Step && late.Leaves.Contains(answer.Node);

    /// <summary>The first two answers that differ; null when there are none.</summary>
    public (Answer First, Answer Second)? Mismatch { get; private set; }

    /// <summary>Takes an answer.</summary>
    public void Add(Answer answer)
    {
        if (Mismatch is null && _answers.FirstOrDefault(other =>
            (other.Segment, other.Node) == (answer.Segment, answer.Node) && !IsSame(other, answer)) is { } other)
        {
            Mismatch = (other, answer);
        }

        _answers.Add(answer);
    }

    /// <summary>True when a worker's sums over all leaves of the share have come, for every segment.</summary>
    public bool HasAnswered(ActorId worker) =>
        Nodes(worker).SelectMany(answer => Enumerable.Range(answer.Node.Start, answer.Node.Count).Select(leaf => (answer.Segment, leaf))).Distinct()
            .Count()
            == late.Leaves.Count * segments;

    /// <summary>A worker has told a server that it will push no more of the share; its answers to that server have come before.</summary>
    public void Settle(ActorId worker, ActorId server) => _settled.Add((worker, server));

    /// <summary>True when nothing more is to be expected.</summary>
    /// <remarks>
    /// Two workers whose assignments differ may cut the share into different nodes, whose sums cannot be compared. Then an answer to the same nodes
    /// may still come, until both say that none will.
    /// </remarks>
    public bool IsOver(IReadOnlyCollection<ActorId> servers) =>
        IsDone(Worker, servers) && IsDone(Helper, servers)
        && (IsSettled(Worker, servers) || !HasAnswered(Worker) || !HasAnswered(Helper) || Nodes(Helper).IsSubsetOf(Nodes(Worker)));

    /// <summary>True when the share was computed twice, and all of it compared.</summary>
    public bool IsCompared => HasAnswered(Worker) && HasAnswered(Helper) && Nodes(Helper).SetEquals(Nodes(Worker));

    private bool IsDone(ActorId worker, IEnumerable<ActorId> servers) => HasAnswered(worker) || IsSettled(worker, servers);

    private bool IsSettled(ActorId worker, IEnumerable<ActorId> servers) => servers.All(server => _settled.Contains((worker, server)));

    private HashSet<(int Segment, TreeNode Node)> Nodes(ActorId worker) =>
        [.. _answers.Where(answer => answer.Worker == worker).Select(answer => (answer.Segment, answer.Node))];

    /// <summary>What is waited for, once it has been for a while and nobody was told; otherwise null.</summary>
    public string? Report(TimeSpan now, IReadOnlyCollection<ActorId> servers)
    {
        if (isAudit || _isReported || now - began < s_quiet)
        {
            return null;
        }

        _isReported = true;
        return $"{(IsDone(Worker, servers) ? Helper : Worker)} has not answered yet for {late.Leaves} of step {Step}, which two workers compute: "
            + $"nothing after that step is recorded before it has, for {(Until - now).TotalSeconds:F0} s at most; training continues";
    }

    /// <summary>The late worker has answered in part: the rest is on its way, or was before anybody looked.</summary>
    public void WaitNoLongerThan(TimeSpan until) => Until = until < Until ? until : Until;

    /// <summary>
    /// Something was heard of the step of an audit: what is missing may take as long again, or as little as this.
    /// </summary>
    public void WaitOn(TimeSpan now, TimeSpan least) => Until = now + (now - began > least ? now - began : least);

    /// <summary>True when two answers are equal bit for bit.</summary>
    public static bool IsSame(Answer one, Answer other) => Bits(one) == Bits(other);

    /// <summary>What of an answer is compared.</summary>
    public static (string Digest, long Loss) Bits(Answer answer) => (answer.Digest, BitConverter.DoubleToInt64Bits(answer.Loss));
}
