using System.Collections.Immutable;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Training.Coordination;

/// <summary>
/// Which workers may compute wrongly: late shares that are computed twice, the vote when two answers differ, workers that get no leaves until
/// they have answered, and those that never get any again.
/// </summary>
internal sealed class Suspicion(Roster roster, RunLedger ledger, Action<RunEvent> observe)
{
    // How long the record waits for a late answer; and how long a vote may bring no news before another worker is asked.
    private static readonly TimeSpan AnswerPatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan PartPatience = TimeSpan.FromSeconds(1);

    private readonly List<Comparison> _comparisons = [];
    private readonly HashSet<ActorId> _aside = [];
    private readonly Dictionary<string, string> _excluded = [];
    private Dispute? _dispute;
    private NotFinite? _notFinite;
    private TimeSpan _lastNews;

    /// <summary>True while it is undecided which of two answers is wrong.</summary>
    public bool IsDisputed => _dispute is not null;

    /// <summary>What the third worker computes besides its share; null when nothing is disputed.</summary>
    public Recompute? Asked =>
        _dispute is { Third: { } third } dispute ? new Recompute(roster.Topology.Term, dispute.Step, dispute.Node, third) : null;

    /// <summary>True while a worker gets no leaves until it has answered.</summary>
    public bool IsAside(ActorId worker) => _aside.Contains(worker);

    /// <summary>Why a worker is not admitted; null when it is.</summary>
    public string? Exclusion(ActorId worker) => _excluded.GetValueOrDefault(worker.Node);

    /// <summary>The workers that get leaves: all but those set aside, or all when there are no others and nobody is suspected.</summary>
    public ImmutableArray<ActorId> Active()
    {
        if (_dispute is null && roster.Workers.All(_aside.Contains))
        {
            _aside.Clear();
        }

        return [.. roster.Workers.Where(worker => !_aside.Contains(worker) && _dispute?.IsParty(worker) != true)];
    }

    /// <summary>Training brings news.</summary>
    public void News(TimeSpan now) => _lastNews = now;

    /// <summary>The segments are served in a new term: answers of the former one do not come any more.</summary>
    public void Begin(IActorContext context)
    {
        _comparisons.Clear();
        _aside.Clear();
        _notFinite = null;
        ledger.WithholdAfter(context, _dispute?.Step ?? long.MaxValue);
    }

    /// <summary>A number is not finite; the run fails, unless it may come of a wrong answer: then the comparison decides.</summary>
    /// <returns>True when that is so.</returns>
    public bool Doubts(NotFinite problem)
    {
        if (_comparisons.Count == 0)
        {
            return false;
        }

        _notFinite = problem;
        return true;
    }

    /// <summary>A share is late: a worker that is done with its own computes it too, and nothing after the step is recorded until both have
    /// answered.</summary>
    public void ComputeTwice(IActorContext context, LateShare late)
    {
        if (_dispute is not null || !roster.IsWorker(late.Worker) || !roster.IsWorker(late.Helper)
            || _comparisons.Exists(comparison => comparison.Worker == late.Worker))
        {
            return;
        }

        _comparisons.Add(new Comparison(late, roster.Segments.Length, context.Now, context.Now + AnswerPatience));
        ledger.WithholdAfter(context, _comparisons.Min(comparison => comparison.Step));
        roster.SendToServers(context, late);
        observe(new WorkerLate(late.Worker, late.Helper, late.Step));
    }

    /// <summary>A server has heard that a worker will push no more of a share.</summary>
    public Consequence? Settle(IActorContext context, ActorId server, Settled settled)
    {
        foreach (var comparison in _comparisons.Where(comparison => comparison.IsOf(settled)))
        {
            comparison.Settle(settled.Worker, server);
        }

        return Close(context, IsOver);
    }

    /// <summary>A worker is gone: what it was to answer is not waited for.</summary>
    public Consequence? Lost(IActorContext context, ActorId worker) =>
        Close(context, comparison => comparison.Worker == worker || comparison.Helper == worker)
            ?? (_dispute?.Third == worker ? new Consequence.ReplaySteps() : null);

    /// <summary>An answer that is awaited for too long is given up; a vote that does not come to an end is held again.</summary>
    /// <param name="context">The coordinator's.</param>
    /// <param name="isTraining">False while the run waits for members: then there is no news.</param>
    public Consequence? WaitNoLonger(IActorContext context, bool isTraining)
    {
        foreach (var comparison in _comparisons)
        {
            if (comparison.Report(context.Now, roster.Topology.Servers) is { } report)
            {
                observe(new RunWarning(report));
            }
        }

        return Close(context, comparison => context.Now >= comparison.Until)
            ?? (_dispute is not null && isTraining && context.Now - _lastNews >= AnswerPatience ? new Consequence.ReplaySteps() : null);
    }

    /// <summary>Takes the answer of a worker.</summary>
    public Consequence? Compare(IActorContext context, Answer answer)
    {
        if (_dispute is not null)
        {
            return Decide(context, _dispute, answer);
        }

        Consequence? consequence = null;
        foreach (var comparison in _comparisons.Where(comparison => comparison.IsOf(answer)))
        {
            comparison.Add(answer);
            if (answer.Worker == comparison.Worker)
            {
                comparison.WaitNoLongerThan(context.Now + PartPatience);
            }
            else if (comparison.HasAnswered(comparison.Helper) && !IsOver(comparison) && _aside.Add(comparison.Worker))
            {
                // The step continues without it; so do the next ones, until it has answered.
                consequence = new Consequence.DivideAnew();
            }
        }

        return Close(context, IsOver) ?? consequence;
    }

    private bool IsOver(Comparison comparison) => comparison.IsOver(roster.Topology.Servers);

    /// <summary>Chooses who decides, rather another one than before; without anybody the run fails.</summary>
    public Consequence? CallThird(TimeSpan now)
    {
        var dispute = _dispute!;
        var others = roster.Workers.Where(worker => !dispute.IsParty(worker)).ToList();
        if (others.Count == 0)
        {
            return new Consequence.Fail(
                $"corruption: {dispute}, and there is no third worker to decide which is wrong. Check the memory and processor of both machines; "
                + $"the run can be resumed from step {ledger.RestartStep}, with three workers the wrong one is found and excluded.");
        }

        _dispute = dispute with { Third = others.Find(worker => worker != dispute.Third) ?? others[0] };
        _lastNews = now;
        return null;
    }

    /// <summary>
    /// Ends comparisons, unless answers differ; their late workers get leaves again. Differing answers are dealt with in the order of their steps:
    /// what differs later may do so because of the earlier.
    /// </summary>
    private Consequence? Close(IActorContext context, Predicate<Comparison> which)
    {
        var closed = _comparisons.FindAll(comparison => comparison.Mismatch is null && which(comparison));
        _comparisons.RemoveAll(closed.Contains);
        if (_comparisons.Find(comparison => comparison.Mismatch is not null && comparison.Step == _comparisons[0].Step) is { Mismatch: { } mismatch })
        {
            return BeginDispute(context, new Dispute(mismatch.First, mismatch.Second, null));
        }

        if (closed.Count == 0)
        {
            return null;
        }

        if (_comparisons.Count == 0 && _notFinite is { } problem)
        {
            return new Consequence.Fail(ledger.NotFiniteReason(problem));
        }

        ledger.WithholdAfter(context, _comparisons.Select(comparison => comparison.Step).DefaultIfEmpty(long.MaxValue).Min());
        var aside = _aside.Count;
        _aside.ExceptWith(closed.Select(comparison => comparison.Worker));
        return _aside.Count < aside ? new Consequence.DivideAnew() : null;
    }

    /// <summary>
    /// Two answers differ, and one of them may be in the weights: the steps since the checkpoint, none of which is recorded after that
    /// of the answers, are replayed by workers other than the two, and one of these decides between them.
    /// </summary>
    private Consequence.ReplaySteps BeginDispute(IActorContext context, Dispute dispute)
    {
        observe(new RunWarning($"corruption: {dispute}; the steps since {ledger.RestartStep} are replayed"));
        if (dispute.IsWithItself)
        {
            Exclude(context, dispute.First.Worker, $"{dispute}");
        }
        else
        {
            _dispute = dispute;
        }

        roster.ForgetHoldings();
        return new Consequence.ReplaySteps();
    }

    private Consequence? Decide(IActorContext context, Dispute dispute, Answer answer)
    {
        if (!dispute.IsDecidedBy(answer))
        {
            return null;
        }

        var firstIsRight = Comparison.IsSame(dispute.First, answer);
        if (!firstIsRight && !Comparison.IsSame(dispute.Second, answer))
        {
            return new Consequence.Fail(
                $"corruption: {dispute}, and {answer.Worker} a third one. Check the memory and processor of these machines; the run can be resumed "
                    + $"from step {ledger.RestartStep}.");
        }

        var (right, wrong) = firstIsRight ? (dispute.First.Worker, dispute.Second.Worker) : (dispute.Second.Worker, dispute.First.Worker);
        _dispute = null;
        Exclude(
            context, wrong,
            $"{wrong} computed a wrong sum of {dispute.Node} at step {dispute.Step} (segment {dispute.First.Segment}): {right} and {answer.Worker} "
                + $"agree on another");
        ledger.WithholdAfter(context, long.MaxValue);
        return new Consequence.DivideAnew();
    }

    private void Exclude(IActorContext context, ActorId worker, string what)
    {
        var reason = $"{what}. Check the memory and processor of its machine.";
        _excluded[worker.Node] = reason; // a process started again on that machine computes no better
        roster.Remove(worker);
        _aside.Remove(worker);
        context.Send(worker, new Exclude(reason));
        observe(new MembershipChanged(worker, NodeRole.Worker, $"excluded: {reason}"));
    }
}
