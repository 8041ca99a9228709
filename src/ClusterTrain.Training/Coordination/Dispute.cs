using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Training.Coordination;

/// <summary>
/// Two answers differ. The weights they were computed with may be wrong themselves, so the steps are replayed without the two; then both, and a third
/// worker, compute the sum again with the same weights, and the majority is right. One that contradicts itself is wrong whatever others say.
/// </summary>
/// <param name="first">The answer that came first, and was used.</param>
/// <param name="second">The other.</param>
/// <param name="members">The workers there are when it begins.</param>
/// <param name="isThere">Tells whether a worker is a member.</param>
internal sealed class Dispute(Answer first, Answer second, HashSet<ActorId> members, Predicate<ActorId> isThere)
{
    private readonly HashSet<ActorId> _asked = [];
    private readonly Dictionary<ActorId, Answer> _votes = [];

    /// <summary>Whose answer came first.</summary>
    public ActorId First => first.Worker;

    public long Step => first.Step;

    public TreeNode Node => first.Node;

    /// <summary>The worker that took part in the replay; null before it is chosen.</summary>
    public ActorId? Third { get; private set; }

    /// <summary>Whose votes are awaited, or there.</summary>
    public IReadOnlyCollection<ActorId> Asked => _asked;

    /// <summary>Whose votes are there.</summary>
    public IReadOnlyCollection<ActorId> Voters => _votes.Keys;

    public bool IsWithItself => first.Worker == second.Worker;

    /// <summary>True when the third has voted: the others' votes help, but need not come.</summary>
    public bool CanBeDecided => Third is not null && _votes.ContainsKey(Third);

    /// <summary>True when nobody's vote is awaited any more.</summary>
    public bool IsComplete => CanBeDecided && _asked.All(_votes.ContainsKey);

    /// <summary>True for a worker whose answer is disputed, also when it was started again.</summary>
    public bool IsParty(ActorId worker) => IsLifeOf(worker, first.Worker) || IsLifeOf(worker, second.Worker);

    /// <summary>
    /// True for the worker itself, and for it started again: it is gone, and this one has its name and came later. Names alone need not differ.
    /// </summary>
    public bool IsLifeOf(ActorId worker, ActorId former) =>
        worker == former || (worker.Node == former.Node && !isThere(former) && !members.Contains(worker));

    /// <summary>Asks for votes, once more if there was a replay before.</summary>
    /// <param name="third">A worker that is no party.</param>
    /// <param name="workers">The workers that are there, with the parties as far as they are.</param>
    public void Ask(ActorId third, IReadOnlyCollection<ActorId> workers)
    {
        Third = third;
        _votes.Clear();
        _asked.Clear();
        foreach (var party in new[] { first.Worker, second.Worker })
        {
            _asked.UnionWith(workers.Where(worker => IsLifeOf(worker, party)).Take(1));
        }

        _asked.Add(third);
    }

    /// <summary>Takes a vote; the first of a worker counts.</summary>
    public void Add(Answer answer)
    {
        if ((answer.Step, answer.Segment, answer.Node) == (Step, first.Segment, Node) && _asked.Contains(answer.Worker))
        {
            _votes.TryAdd(answer.Worker, answer);
        }
    }

    /// <summary>A party is gone: a vote that it has not given is not awaited.</summary>
    public void Lose(ActorId worker)
    {
        if (!_votes.ContainsKey(worker))
        {
            _asked.Remove(worker);
        }
    }

    /// <summary>What the votes that are there say; the third's is one of them.</summary>
    public Verdict Decide()
    {
        var third = _votes[Third!];
        var groups = _votes.Values.GroupBy(Comparison.Bits).Select(group => group.ToList()).OrderByDescending(group => group.Count).ToList();
        if (groups.Count == 1)
        {
            // Nobody is wrong any more, or nobody else is there: the former answers say who was.
            return Comparison.IsSame(first, third) ? Outvoted(second.Worker, first.Worker, third.Worker)
                : Comparison.IsSame(second, third) ? Outvoted(first.Worker, second.Worker, third.Worker)
                : new Verdict.Nobody(_votes.Count == 1
                    ? $"In the replay both are gone, and {Third} has another"
                    : "In the replay all agree, but on another");
        }

        if (2 * groups[0].Count > _votes.Count)
        {
            return Outvoted(groups[1][0].Worker, groups[0][0].Worker, groups[0][1].Worker);
        }

        // One of the parties is gone.
        return _votes.Values.FirstOrDefault(vote => vote.Worker != Third) is { } party && _votes.Count == 2
            && Comparison.IsSame(FormerOfOther(party), third)
            ? Outvoted(party.Worker, FormerOfOther(party).Worker, third.Worker)
            : new Verdict.Split();
    }

    public override string ToString() =>
        $"{first.Worker} and {(IsWithItself ? "the same again" : second.Worker)} computed different sums of {Node} at step {Step} (segment {first.Segment})";

    /// <summary>What the other party had answered in the first place.</summary>
    private Answer FormerOfOther(Answer vote) =>
        vote.Worker == second.Worker || (vote.Worker != first.Worker && vote.Worker.Node == second.Worker.Node) ? first : second;

    private Verdict.Wrong Outvoted(ActorId wrong, ActorId one, ActorId other) => new(
        wrong, $"{wrong} computed a wrong sum of {Node} at step {Step} (segment {first.Segment}): {one} and {other} agree on another");
}

/// <summary>What a vote has shown.</summary>
internal abstract record Verdict
{
    /// <summary>A worker computed wrongly.</summary>
    /// <param name="Worker">Which.</param>
    /// <param name="Reason">What shows it.</param>
    internal sealed record Wrong(ActorId Worker, string Reason) : Verdict;

    /// <summary>Nobody differs now, and from neither of the former answers does it follow who was wrong: these were computed with wrong weights.</summary>
    /// <param name="Found">What was found instead.</param>
    internal sealed record Nobody(string Found) : Verdict;

    /// <summary>There is no majority.</summary>
    internal sealed record Split : Verdict;
}
