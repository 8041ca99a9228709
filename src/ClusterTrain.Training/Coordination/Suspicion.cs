using System.Collections.Immutable;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;

namespace ClusterTrain.Training.Coordination;

/// <summary>
/// Which workers may compute wrongly: shares that are computed twice, because they are late or to audit them, the vote when two answers differ,
/// workers that get no leaves until they have answered, and those that never get any again.
/// </summary>
internal sealed class Suspicion(Roster roster, RunLedger ledger, AuditPlan audit, AuditTotals audited, Action<RunEvent> observe)
{
    // How long the record waits for a late answer, and at first a vote for news.
    private static readonly TimeSpan s_answerPatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_longestPatience = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan s_partPatience = TimeSpan.FromSeconds(1);

    private readonly List<Comparison> _comparisons = [];
    private readonly HashSet<ActorId> _aside = [];
    private readonly Dictionary<string, string> _excluded = [];

    // The step that the server of each segment is known to have reached.
    private readonly Dictionary<int, long> _reached = [];
    private Dispute? _dispute;

    // Who has had leaves in this term: their sums are in the weights.
    private readonly HashSet<ActorId> _sharers = [];
    private NotFinite? _notFinite;

    // Audited steps of which a share could not be compared, while others of theirs still may be; and the steps done when a worker's answer was
    // last equal to another's.
    private readonly HashSet<long> _missed = [];
    private readonly Dictionary<ActorId, long> _foundRight = [];
    private TimeSpan _lastNews;

    // How long a vote may bring no news before it is held again; twice as long every time, as it may have been too short for the steps.
    private TimeSpan _votePatience;

    // The newest step that a server has begun to audit; the others' word of it follows.
    private long _newestAudited = -1;

    // Like _foundRight, of this term alone.
    private readonly Dictionary<ActorId, long> _verified = [];

    /// <summary>What audits have shown.</summary>
    public AuditTotals Audited { get; private set; } = audited;

    /// <summary>True while it is undecided which of two answers is wrong.</summary>
    public bool IsDisputed => _dispute is not null;

    /// <summary>What is computed for a vote; nothing when nothing is disputed.</summary>
    public IEnumerable<Recompute> Asked => _dispute is not { } dispute ? []
        : dispute.Asked.Select(worker => new Recompute(roster.Topology.Term, dispute.Step, dispute.Node, worker, DigestOnly: true));

    /// <summary>
    /// How far training may go: until a vote is over, not beyond what it is about. Parties have no leaves, and newer weights would overtake those they
    /// are to vote with.
    /// </summary>
    public long Limit => _dispute is { } dispute ? dispute.Step + 1 : long.MaxValue;

    /// <summary>True while a worker gets no leaves until it has answered.</summary>
    public bool IsAside(ActorId worker) => _aside.Contains(worker);

    /// <summary>Why a worker is not admitted; null when it is.</summary>
    public string? Exclusion(ActorId worker) => _excluded.GetValueOrDefault(worker.Node);

    /// <summary>Why the record is not what the replay gives, as far as workers were found to compute wrongly.</summary>
    public string Explain(string problem) => string.Join(" ", [problem, .. _excluded.Values.Select(reason => $"Excluded: {reason}")]);

    /// <summary>The workers that get leaves: all but those set aside, or all when there are no others and nobody is suspected.</summary>
    public ImmutableArray<ActorId> Active()
    {
        if (_dispute is null && roster.Workers.All(_aside.Contains))
        {
            _aside.Clear();
        }

        var active = roster.Workers.Where(worker => !_aside.Contains(worker) && _dispute?.IsParty(worker) != true).ToImmutableArray();
        return active.IsEmpty && _dispute is { } dispute ? [.. roster.Workers.Where(worker => !dispute.IsParty(worker))] : active;
    }

    /// <summary>Training brings news.</summary>
    public void News(TimeSpan now) => _lastNews = now;

    /// <summary>The segments are served in a new term: answers of the former one do not come any more.</summary>
    public void Begin(IActorContext context)
    {
        Count(_comparisons);
        _comparisons.Clear();
        _reached.Clear();
        _newestAudited = -1;
        _verified.Clear();
        _sharers.Clear();
        if (_dispute is null)
        {
            _aside.Clear();
        }

        _notFinite = null;
        Withhold(context);
    }

    /// <summary>A number is not finite; the run fails, unless it may come of a wrong answer: then the comparison decides.</summary>
    /// <returns>True when that is so.</returns>
    public bool Doubts(NotFinite problem)
    {
        if (problem.Term != roster.Topology.Term)
        {
            // The steps are computed again.
            return true;
        }

        if (_comparisons.Count == 0)
        {
            return false;
        }

        _notFinite = problem;
        return true;
    }

    /// <summary>
    /// A share is late: a worker that is done with its own, or has none, computes it too, and nothing after the step is recorded until both have
    /// answered.
    /// </summary>
    public void ComputeTwice(IActorContext context, LateShare late)
    {
        if (_dispute is not null || !roster.IsWorker(late.Worker) || !roster.IsWorker(late.Helper)
            || _comparisons.Exists(comparison => !comparison.IsAudit && comparison.Worker == late.Worker))
        {
            return;
        }

        _comparisons.Add(new Comparison(late, roster.Segments.Length, context.Now, context.Now + s_answerPatience));
        Withhold(context);
        roster.SendToServers(context, late);
        observe(new WorkerLate(late.Worker, late.Helper, late.Step));
    }

    /// <summary>The shares of a step are computed twice, and nothing after the step is recorded until they were compared.</summary>
    public void Audit(IActorContext context, AuditBegan began)
    {
        var (term, step) = (began.Term, began.Step);
        if (step <= _newestAudited)
        {
            return;
        }

        _newestAudited = step;
        var shares = audit.Shares(step, roster.Assignment);
        if (_dispute is not null || began.Version < roster.SharesSince)
        {
            // A vote comes first; or the leaves were divided again before the server heard of it.
            Audited = Audited with { Missed = Audited.Missed + shares.Length };
            return;
        }

        foreach (var (worker, leaves, helper) in shares)
        {
            var share = new LateShare(term, step, leaves, worker, helper);
            _comparisons.Add(new Comparison(share, roster.Segments.Length, context.Now, TimeSpan.MaxValue, isAudit: true)
            {
                IsHelperNext = audit.HasLeaves(helper, step + 1, roster.Assignment),
            });
        }

        Withhold(context);
    }

    /// <summary>The leaves are divided again: the shares of a step in hand are not what they were, and so cannot be compared.</summary>
    public Consequence? Divided(IActorContext context)
    {
        _sharers.UnionWith(roster.Assignment.Workers);
        Withhold(context);
        return roster.SharesSince == roster.Assignment.Version && _comparisons.Exists(comparison => comparison.IsAudit)
            ? Close(context, comparison => comparison.IsAudit)
            : null;
    }

    /// <summary>
    /// A server has reached a step. Once all of them are two steps beyond one that is audited, all that was computed of it twice was told: whoever
    /// computed its share of the step between had computed what was asked of the one before.
    /// </summary>
    public Consequence? Reached(IActorContext context, StepReport report)
    {
        _reached[report.Segment] = report.Step;
        return _reached.Count == roster.Segments.Length && _comparisons.Exists(comparison => comparison.IsAudit)
            ? Close(context, comparison => comparison is { IsAudit: true, IsHelperNext: true } && comparison.Step + 2 <= _reached.Values.Min())
            : null;
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
    public Consequence? Lost(IActorContext context, ActorId worker)
    {
        if (_dispute is not { } dispute)
        {
            return Close(context, comparison => comparison.Worker == worker || comparison.Helper == worker);
        }

        if (dispute.Third == worker && !dispute.CanBeDecided)
        {
            return new Consequence.ReplaySteps();
        }

        dispute.Lose(worker);
        return dispute.IsComplete ? Decide(context, dispute) : null;
    }

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

        if (_dispute is not { } dispute)
        {
            return Close(context, comparison => context.Now >= comparison.Until);
        }

        if (!isTraining)
        {
            _lastNews = context.Now;
            return null;
        }

        if (context.Now - _lastNews < _votePatience)
        {
            return null;
        }

        if (dispute.CanBeDecided)
        {
            return Decide(context, dispute);
        }

        _votePatience = 2 * _votePatience < s_longestPatience ? 2 * _votePatience : s_longestPatience;
        return new Consequence.ReplaySteps();
    }

    /// <summary>Takes the answer of a worker.</summary>
    public Consequence? Compare(IActorContext context, Answer answer)
    {
        if (_dispute is { } dispute)
        {
            dispute.Add(answer);
            return dispute.IsComplete ? Decide(context, dispute) : null;
        }

        Consequence? consequence = null;
        foreach (var comparison in _comparisons.Where(comparison => comparison.IsOf(answer)))
        {
            comparison.Add(answer);
            if (comparison.IsAudit)
            {
                comparison.WaitOn(context.Now, s_answerPatience);
            }
            else if (answer.Worker == comparison.Worker && roster.PushesTogether)
            {
                comparison.WaitNoLongerThan(context.Now + s_partPatience);
            }
            else if (answer.Worker != comparison.Worker && comparison.HasAnswered(comparison.Helper) && !IsOver(comparison)
                && _aside.Add(comparison.Worker))
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
            return new Consequence.Fail(Explain(
                $"corruption: {dispute}, and there is no third worker to decide which is wrong. Check the memory and processor of both machines; "
                + $"the run can be resumed from step {ledger.SavedStep}, with three workers the wrong one is found and excluded."));
        }

        var third = others.Find(worker => worker != dispute.Third && !_aside.Contains(worker)) ?? others.Find(worker => worker != dispute.Third);
        dispute.Ask(third ?? others[0], roster.Workers);
        _lastNews = now;
        return null;
    }

    /// <summary>The run ends: when a vote is not over, that is said.</summary>
    /// <param name="how">For example "stopped".</param>
    public void Close(string how)
    {
        if (_dispute is { } dispute)
        {
            observe(new RunWarning(
                $"{dispute}, and the run was {how} before a vote: nothing that is recorded rests on these sums, but earlier ones may have been wrong. "
                    + "Check the memory and processor of both machines; `clustertrain replay RUN` says whether the record is right."));
        }
    }

    /// <summary>
    /// Ends comparisons, unless answers differ; their late workers get leaves again. Differing answers are dealt with in the order of their steps:
    /// what differs later may do so because of the earlier.
    /// </summary>
    private Consequence? Close(IActorContext context, Predicate<Comparison> which)
    {
        var closed = _comparisons.FindAll(comparison => comparison.Mismatch is null && which(comparison));
        _comparisons.RemoveAll(closed.Contains);
        Count(closed);
        if (_comparisons.Find(comparison => comparison.Mismatch is not null && comparison.Step == _comparisons[0].Step) is { Mismatch: { } mismatch })
        {
            Audited = Audited with { Shares = Audited.Shares + 1, Differed = Audited.Differed + 1 };
            return BeginDispute(context, new Dispute(mismatch.First, mismatch.Second, [.. roster.Workers], roster.IsWorker));
        }

        if (closed.Count == 0)
        {
            return null;
        }

        if (_comparisons.Count == 0 && _notFinite is { } problem)
        {
            return new Consequence.Fail(ledger.NotFiniteReason(problem));
        }

        Withhold(context);
        var aside = _aside.Count;
        _aside.ExceptWith(closed.Where(comparison => !comparison.IsAudit).Select(comparison => comparison.Worker));
        return _aside.Count < aside ? new Consequence.DivideAnew() : null;
    }

    /// <summary>Counts comparisons that are over; a late share that both computed is as good as one that was chosen.</summary>
    private void Count(List<Comparison> closed)
    {
        foreach (var comparison in closed.Where(comparison => comparison.Mismatch is null))
        {
            if (comparison.IsCompared)
            {
                Audited = Audited with { Shares = Audited.Shares + 1 };
                FoundRight(comparison.Worker, comparison.Step);
                FoundRight(comparison.Helper, comparison.Step);
            }
            else if (comparison.IsAudit)
            {
                Audited = Audited with { Missed = Audited.Missed + 1 };
                _missed.Add(comparison.Step);
            }
        }

        // Of a step all shares are there, or none are.
        foreach (var step in closed.Where(comparison => comparison.IsAudit).Select(comparison => comparison.Step).Distinct())
        {
            if (!_missed.Contains(step) && !_comparisons.Exists(open => open.IsAudit && open.Step <= step))
            {
                Audited = Audited with { VerifiedStep = Math.Max(Audited.VerifiedStep, step + 1) };
            }
        }

        _missed.RemoveWhere(step => !_comparisons.Exists(open => open.Step == step));
    }

    /// <summary>
    /// Nothing is recorded or written past an open comparison; and with audits, what comes after the step at which every worker was found right is held
    /// back for a while: the next audit may show that it is wrong. In a dispute nothing new is written, but what the replay gives is compared.
    /// </summary>
    private void Withhold(IActorContext context)
    {
        if (_dispute is { } dispute)
        {
            ledger.CompareUpTo(context, dispute.Step);
            return;
        }

        ledger.WithholdAfter(
            context,
            _comparisons.Select(comparison => comparison.Step).DefaultIfEmpty(long.MaxValue).Min(),
            audit.Rate > 0 && roster.Workers.Count > 1
                ? audit.Sharers(roster.Assignment).Select(worker => _verified.GetValueOrDefault(worker)).DefaultIfEmpty().Min()
                : long.MaxValue);
    }

    private void FoundRight(ActorId worker, long step) =>
        _foundRight[worker] = _verified[worker] = Math.Max(step + 1, _verified.GetValueOrDefault(worker));

    /// <summary>
    /// Two answers differ, and one of them may be in the weights: the steps since the checkpoint, none of which is recorded after that
    /// of the answers, are replayed by workers other than the two, and one of these takes part in the vote.
    /// </summary>
    private Consequence.ReplaySteps BeginDispute(IActorContext context, Dispute dispute)
    {
        observe(new RunWarning($"corruption: {dispute}; the steps since {ledger.RestartStep} are replayed"));
        Count(_comparisons);
        _comparisons.Clear();
        _votePatience = s_answerPatience;

        ledger.GiveUp();
        if (dispute.IsWithItself)
        {
            WarnOfDoubt(dispute.First);
            Exclude(context, dispute, dispute.First, $"{dispute}");
        }
        else
        {
            _dispute = dispute;
        }

        roster.ForgetHoldings();
        return new Consequence.ReplaySteps();
    }

    /// <summary>The vote is over.</summary>
    private Consequence Decide(IActorContext context, Dispute dispute)
    {
        switch (dispute.Decide())
        {
            case Verdict.Split:
                return new Consequence.Fail(Explain(
                    $"corruption: {dispute}, and {dispute.Third} a third one. Check the memory and processor of these machines; the run can be resumed "
                        + $"from step {ledger.SavedStep}."));
            case Verdict.Wrong wrong:
                WarnOfDoubt(wrong.Worker);
                if (Exclude(context, dispute, wrong.Worker, wrong.Reason))
                {
                    // Its sums are in the replay. When it is the third, the two are still to be decided between.
                    _dispute = wrong.Worker == dispute.Third ? dispute : null;
                    roster.ForgetHoldings();
                    return new Consequence.ReplaySteps();
                }

                break;
            case Verdict.Nobody nobody:
                observe(new RunWarning(
                    $"{dispute}. {nobody.Found}: sums that nobody compared were wrong before, and whose is not known. Nobody is "
                        + "excluded. Check the memory and processor of both machines; `clustertrain replay RUN` says whether the record is right."));
                break;
        }

        _dispute = null;
        _aside.Clear();
        foreach (var worker in dispute.Voters.Count > 1 ? dispute.Voters.Where(roster.IsWorker) : [])
        {
            FoundRight(worker, dispute.Step);
        }

        Withhold(context);
        return ledger.Contradiction is { } problem ? new Consequence.Fail(Explain(problem)) : new Consequence.EndVote();
    }

    /// <summary>
    /// Tells what is not computed again, and rests on sums of a worker that were compared with nobody's since it was last right. Later entries of the
    /// receipt are compared with what the replay gives.
    /// </summary>
    private void WarnOfDoubt(ActorId wrong)
    {
        var (right, kept) = (_foundRight.GetValueOrDefault(wrong), ledger.SavedStep);
        if (kept > right)
        {
            observe(new RunWarning(
                $"{wrong} may have been wrong in the steps from {right} to {kept} too: nobody else computed its shares there, and the checkpoint of "
                    + $"step {kept} rests on them. `clustertrain replay RUN --from {right} --to {kept}` computes them again and says whether the "
                    + "record is right; where it is not, start a new run. With --audit 1 no step goes by uncompared."));
        }
    }

    /// <summary>Admits a worker no longer, nor others of its name.</summary>
    /// <returns>True when it has had leaves in this term.</returns>
    private bool Exclude(IActorContext context, Dispute dispute, ActorId worker, string what)
    {
        var reason = $"{what}. Check the memory and processor of its machine.";
        _excluded[worker.Node] = reason; // a process started again on that machine computes no better

        ActorId[] lives = [.. roster.Workers.Where(member => dispute.IsLifeOf(member, worker)).DefaultIfEmpty(worker)];
        foreach (var life in lives)
        {
            roster.Remove(life);
            _aside.Remove(life);
            context.Send(life, new Exclude(reason));
            observe(new MembershipChanged(life, NodeRole.Worker, $"excluded: {reason}"));
        }

        return lives.Any(_sharers.Contains);
    }
}
