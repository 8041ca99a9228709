using System.Collections.Immutable;
using ClusterTrain.Learning;

namespace ClusterTrain.Training;

/// <summary>
/// Owns the run: which members there are, who serves which segment, who computes which leaves, and through its
/// <see cref="RunLedger"/> the epochs and checkpoints. It is not on the path of a step: an assignment stands until it changes.
/// </summary>
public sealed class Coordinator : IActor, IDisposable
{
    private static readonly TimeSpan TickPeriod = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan WarningPeriod = TimeSpan.FromSeconds(10);

    // How long the record waits for a late answer; and how long a vote may bring no news before another worker is asked.
    private static readonly TimeSpan AnswerPatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan PartPatience = TimeSpan.FromSeconds(1);

    private readonly TrainingPlan _plan;
    private readonly NetworkLayout _layout;
    private readonly RunSettings _settings;
    private readonly TensorPool _pool;
    private readonly Action<RunEvent> _observe;
    private readonly RunLedger _ledger;
    private readonly List<ActorId> _workers = [];
    private readonly List<ActorId> _servers = [];
    private readonly Dictionary<ActorId, ImmutableArray<SegmentPosition>> _holdings = [];
    private readonly Dictionary<ActorId, double> _speeds = [];

    // Late shares that are computed twice; workers that get no leaves until they have answered; those that never get any again.
    private readonly List<Comparison> _comparisons = [];
    private readonly HashSet<ActorId> _aside = [];
    private readonly Dictionary<string, string> _excluded = [];
    private readonly long _firstTerm;

    private Topology _topology;
    private ImmutableArray<Segment> _segments = [];
    private long _assignmentVersion;
    private bool _waiting = true;
    private Dispute? _dispute;
    private NotFinite? _notFinite;
    private TimeSpan _lastNews;
    private bool _stopping;
    private bool _ended;

    private long?[] _held = [];
    private bool _holding;
    private TimeSpan _lastCheckpoint;
    private TimeSpan? _lastWarning;
    private bool _reported;
    private long _reportedStep;
    private double _reportedLoss;
    private (TimeSpan At, long Step) _window;

    /// <summary>Creates a coordinator.</summary>
    /// <param name="plan">What each step is.</param>
    /// <param name="layout">The parameters.</param>
    /// <param name="settings">How the run is carried out.</param>
    /// <param name="start">Where it begins.</param>
    /// <param name="recorder">Its durable record.</param>
    /// <param name="pool">Lends buffers.</param>
    /// <param name="observe">Told what happens; called from the coordinator's thread.</param>
    public Coordinator(
        TrainingPlan plan, NetworkLayout layout, RunSettings settings, RunStart start, IRunRecorder recorder, TensorPool pool, Action<RunEvent> observe)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(start);
        _plan = plan;
        _layout = layout;
        _settings = settings;
        _pool = pool;
        _observe = observe;
        _firstTerm = start.Term << 20;
        _topology = new Topology(_firstTerm, []);
        var stateCount = Optimiser.StatePlanes(plan.Recipe.Optimiser, layout.Parameters);
        _ledger = new RunLedger(plan, layout, stateCount, settings, start, recorder, pool);
    }

    /// <summary>Begins the run; the host calls it once before any message.</summary>
    public void Start(IActorContext context)
    {
        _lastCheckpoint = context.Now;
        context.SendSelfLater(TickPeriod, new Tick());
        _ledger.SaveBest(context);
        if (!_ledger.FinishWhenDone(context))
        {
            ReportWaiting();
        }
    }

    /// <inheritdoc/>
    public void Receive(IActorContext context, ActorId sender, IMessage message)
    {
        if (_ended)
        {
            if (message is Join)
            {
                context.Send(sender, new Stop());
            }

            return;
        }

        switch (message)
        {
            case Join when _excluded.TryGetValue(sender.Node, out var reason):
                context.Send(sender, new Exclude(reason));
                break;
            case Join { Role: NodeRole.Worker }:
                AddWorker(context, sender);
                break;
            case Join { Role: NodeRole.ParameterServer } join:
                AddServer(context, sender, join.Holding);
                break;
            case Leave:
                Remove(context, sender, "left");
                break;
            case MemberLost lost:
                Remove(context, lost.Member, $"lost: {lost.Reason}");
                break;
            case MemberFailed failed:
                End(context, new RunFailed(failed.Reason));
                break;
            case NotFinite problem when _comparisons.Count > 0:
                // It may come of a wrong answer: the comparison decides.
                _notFinite = problem;
                break;
            case NotFinite problem:
                End(context, new RunFailed(NotFiniteReason(problem)));
                break;
            case StepReport report when report.Term == _topology.Term:
                _lastNews = context.Now;
                Report(context, report);
                break;
            case LateShare late when late.Term == _topology.Term:
                ComputeTwice(context, late);
                break;
            case Recompute needless when needless.Term == _topology.Term:
                Close(context, comparison => (comparison.Step, comparison.Helper) == (needless.Step, needless.Worker));
                break;
            case Answer answer when answer.Term == _topology.Term:
                _lastNews = context.Now;
                Compare(context, answer);
                break;
            case ComputeReport report:
                _speeds[sender] = report.Rows / report.ComputeTime.TotalSeconds;
                _observe(new WorkerSpeeds(_speeds.ToImmutableDictionary()));
                break;
            case Held held when held.Term == _topology.Term && _holding:
                _held[held.Segment] = held.Step;
                SnapshotWhenHeld(context);
                break;
            case StopRequested:
                _stopping = true;
                StopOrCheckpoint(context);
                break;
            case Tick:
                context.SendSelfLater(TickPeriod, message);
                _ledger.Retry(context);
                CheckpointWhenDue(context);
                WaitNoLonger(context);
                break;
            case JournalWritten written:
                Receive(context, sender, _ledger.Written(context, written));
                break;
            case JournalStalled stalled:
                _ledger.Stalled();
                if (_stopping)
                {
                    End(context, new RunFailed(
                        $"stopped, but the run folder cannot be written: {stalled.Problem}. The last checkpoint is that of step {_ledger.RestartStep}."));
                }
                else
                {
                    Warn(context, stalled.Problem);
                }

                break;
            case ReceiptRecorded recorded:
                Complete(context, recorded);
                break;
            case CheckpointWritten written:
                CheckpointDone(context, written);
                break;
            case ResultWritten result:
                End(context, result.Outcome);
                break;
            case WorkFailed failed:
                End(context, new RunFailed(failed.Error.Message));
                break;
        }
    }

    /// <inheritdoc/>
    public void Receive(IActorContext context, ActorId sender, in TensorMessage message)
    {
        if (_ended || message.Key.Term != _topology.Term)
        {
            message.Lease.Release();
            return;
        }

        _lastNews = context.Now;
        _ledger.Add(context, message);
    }

    /// <inheritdoc/>
    public void Dispose() => _ledger.Dispose();

    private void AddWorker(IActorContext context, ActorId worker)
    {
        if (_workers.Contains(worker))
        {
            return;
        }

        _workers.Add(worker);
        _observe(new MembershipChanged(worker, NodeRole.Worker, "joined"));
        if (!_topology.Servers.IsEmpty)
        {
            context.Send(worker, _topology);
        }

        MembersChanged(context);
    }

    private void AddServer(IActorContext context, ActorId server, ImmutableArray<SegmentPosition> holding)
    {
        if (_servers.Contains(server))
        {
            return;
        }

        _servers.Add(server);
        _holdings[server] = holding;
        _observe(new MembershipChanged(server, NodeRole.ParameterServer, "joined"));
        MembersChanged(context);
    }

    private void Remove(IActorContext context, ActorId member, string what)
    {
        if (_workers.Remove(member))
        {
            _speeds.Remove(member);
            _observe(new MembershipChanged(member, NodeRole.Worker, what));
            Close(context, comparison => comparison.Worker == member || comparison.Helper == member);
            if (_dispute is { } dispute && dispute.Third == member)
            {
                GiveSegmentsUp();
            }

            if (!_ended)
            {
                MembersChanged(context);
            }
        }
        else if (_servers.Remove(member))
        {
            _observe(new MembershipChanged(member, NodeRole.ParameterServer, what));
            if (_topology.Servers.Contains(member))
            {
                // Its part of the optimiser's state is gone: every segment goes back to the last checkpoint and the steps are replayed.
                GiveSegmentsUp();
            }

            MembersChanged(context);
        }
    }

    /// <summary>Serves the segments when enough servers are there, and divides the leaves among the workers that are there.</summary>
    private void MembersChanged(IActorContext context)
    {
        if (_stopping && _topology.Servers.IsEmpty)
        {
            StopOrCheckpoint(context);
            return;
        }

        if (_topology.Servers.IsEmpty && _servers.Count >= _settings.ParameterServers)
        {
            if (_dispute is not null && !CallThird(context))
            {
                return;
            }

            _segments = _plan.Segments(_layout, _settings.ParameterServers);
            _comparisons.Clear();
            _aside.Clear();
            _notFinite = null;
            if (_dispute is not null || !AdoptSegments(context))
            {
                ServeSegments(context);
            }

            _ledger.WithholdAfter(context, _dispute?.Step ?? long.MaxValue);
        }

        var enough = !_topology.Servers.IsEmpty && _workers.Count >= _settings.LeastWorkers;
        if (!_topology.Servers.IsEmpty)
        {
            // With too few workers the leaves are given to none, and the run rests.
            Broadcast(context, new Assignment(_topology.Term, ++_assignmentVersion, enough ? [.. Active()] : []));
        }

        if (enough && _waiting)
        {
            _waiting = false;
            _window = (context.Now, _ledger.RestartStep);
            _observe(new RunBegan(_ledger.RestartStep, _workers.Count, _topology.Servers.Length));
        }
        else if (!enough)
        {
            _waiting = true;
            ReportWaiting();
        }
    }

    private void ReportWaiting()
    {
        var workers = Math.Max(0, _settings.LeastWorkers - _workers.Count);
        var servers = Math.Max(0, _settings.ParameterServers - _servers.Count);
        _observe(new RunWaiting(
            "waiting for " + string.Join(" and ", new[] { Count(workers, "more worker"), Count(servers, "more parameter server") }.OfType<string>())));

        static string? Count(int number, string thing) => number switch
        {
            0 => null,
            1 => $"1 {thing}",
            _ => $"{number} {thing}s",
        };
    }

    /// <summary>
    /// When a former coordinator's servers still hold every segment, each at most a step apart, they go on from where they are: only the
    /// coordinator was lost.
    /// </summary>
    private bool AdoptSegments(IActorContext context)
    {
        var holders = new ActorId[_segments.Length];
        var (first, last, recorded) = (long.MaxValue, long.MinValue, 0L);
        var held = _servers.SelectMany(server => _holdings.GetValueOrDefault(server, []).Select(position => (Server: server, Position: position)))
            .Where(segment => segment.Position.Segments == holders.Length).ToList();
        var served = held.Select(segment => segment.Position.Served).DefaultIfEmpty().Max();
        foreach (var (server, position) in held.Where(segment => segment.Position.Served == served))
        {
            holders[position.Segment] = server;
            (first, last) = (Math.Min(first, position.Step), Math.Max(last, position.Step));
            recorded = Math.Max(recorded, position.Recorded);
        }

        // What servers held is told once, when they join: later it is out of date.
        _holdings.Clear();
        if (Array.Exists(holders, holder => holder is null) || last - first > 1 || !_ledger.Adopt(context.Now, first, recorded, _segments))
        {
            return false;
        }

        _topology = new Topology(_topology.Term + 1, [.. holders]);
        Broadcast(context, _topology);
        Broadcast(context, new Advance(_topology.Term, _ledger.Limit, _ledger.RecordedStep));
        return true;
    }

    /// <summary>Nobody serves; what a server of the former term still sends, and may send again later with gaps, no longer counts.</summary>
    private void GiveSegmentsUp()
    {
        _topology = new Topology(_topology.Term + 1, []);
        _holding = false;
    }

    private void ServeSegments(IActorContext context)
    {
        _topology = new Topology(_topology.Term + 1, [.. _segments.Select(segment => _servers[segment.Index])]);
        _ledger.Begin(context.Now, _segments);
        foreach (var segment in _segments)
        {
            var server = _topology.Servers[segment.Index];
            context.Send(server, new Serve(_topology.Term, segment.Index, _segments.Length, _ledger.RestartStep, _settings.CheckpointSteps, _settings.ReceiptSteps));
            _ledger.SendRestart(context, server, _topology.Term, segment);
        }

        Broadcast(context, _topology);
        Broadcast(context, new Advance(_topology.Term, _ledger.Limit, _ledger.RecordedStep));
        if (_dispute is { Third: { } third } dispute)
        {
            SendToServers(context, new Recompute(_topology.Term, dispute.Step, dispute.Node, third));
        }
    }

    private void SendToServers(IActorContext context, IMessage message)
    {
        foreach (var server in _topology.Servers.Distinct())
        {
            context.Send(server, message);
        }
    }

    /// <summary>The workers that get leaves: all but those set aside, or all when there are no others and nobody is suspected.</summary>
    private IEnumerable<ActorId> Active()
    {
        if (_dispute is null && _workers.TrueForAll(_aside.Contains))
        {
            _aside.Clear();
        }

        return _workers.Where(worker => !_aside.Contains(worker) && _dispute?.IsParty(worker) != true);
    }

    /// <summary>A share is late: a worker that is done with its own computes it too, and nothing after the step is recorded until both have answered.</summary>
    private void ComputeTwice(IActorContext context, LateShare late)
    {
        if (_dispute is not null || !_workers.Contains(late.Worker) || !_workers.Contains(late.Helper)
            || _comparisons.Exists(comparison => comparison.Worker == late.Worker))
        {
            return;
        }

        _comparisons.Add(new Comparison(late, _segments.Length, context.Now + AnswerPatience));
        _ledger.WithholdAfter(context, _comparisons.Min(comparison => comparison.Step));
        SendToServers(context, new Recompute(late.Term, late.Step, late.Leaves, late.Helper));
    }

    private void Compare(IActorContext context, Answer answer)
    {
        if (_dispute is not null)
        {
            Decide(context, _dispute, answer);
            return;
        }

        foreach (var comparison in _comparisons.Where(comparison => comparison.IsOf(answer)))
        {
            comparison.Add(answer);
            if (answer.Worker == comparison.Worker)
            {
                comparison.WaitNoLongerThan(context.Now + PartPatience);
            }
            else if (comparison.HasAnswered(comparison.Helper) && !comparison.HasAnswered(comparison.Worker) && _aside.Add(comparison.Worker))
            {
                // The step goes on without it; so do the next ones, until it has answered.
                MembersChanged(context);
            }
        }

        Close(context, comparison => comparison.HasAnswered(comparison.Worker) && comparison.HasAnswered(comparison.Helper));
    }

    /// <summary>
    /// Ends comparisons, unless answers differ; their late workers get leaves again. Differing answers are dealt with in the order of their steps:
    /// what differs later may do so because of the earlier.
    /// </summary>
    private void Close(IActorContext context, Predicate<Comparison> which)
    {
        var closed = _comparisons.FindAll(comparison => comparison.Mismatch is null && which(comparison));
        _comparisons.RemoveAll(closed.Contains);
        if (_comparisons.Find(comparison => comparison.Mismatch is not null && comparison.Step == _comparisons[0].Step) is { Mismatch: { } mismatch })
        {
            BeginDispute(context, new Dispute(mismatch.First, mismatch.Second, null));
            return;
        }

        if (closed.Count == 0)
        {
            return;
        }

        if (_comparisons.Count == 0 && _notFinite is { } problem)
        {
            End(context, new RunFailed(NotFiniteReason(problem)));
            return;
        }

        _ledger.WithholdAfter(context, _comparisons.Select(comparison => comparison.Step).DefaultIfEmpty(long.MaxValue).Min());
        var aside = _aside.Count;
        _aside.ExceptWith(closed.Select(comparison => comparison.Worker));
        if (_aside.Count < aside)
        {
            MembersChanged(context);
        }
    }

    /// <summary>An answer that is awaited for too long is given up; a vote that does not come to an end is held again.</summary>
    private void WaitNoLonger(IActorContext context)
    {
        Close(context, comparison => context.Now >= comparison.Until);
        if (_dispute is not null && !_waiting && !_topology.Servers.IsEmpty && context.Now - _lastNews >= AnswerPatience)
        {
            GiveSegmentsUp();
            MembersChanged(context);
        }
    }

    /// <summary>
    /// Two answers differ, and one of them may be in the weights: the steps since the checkpoint, none of which is recorded after that
    /// of the answers, are replayed by workers other than the two, and one of these decides between them.
    /// </summary>
    private void BeginDispute(IActorContext context, Dispute dispute)
    {
        _observe(new RunWarning($"corruption: {dispute}; the steps since {_ledger.RestartStep} are replayed"));
        if (dispute.IsWithItself)
        {
            Exclude(context, dispute.First.Worker, $"{dispute}");
        }
        else
        {
            _dispute = dispute;
        }

        _holdings.Clear();
        GiveSegmentsUp();
        MembersChanged(context);
    }

    /// <summary>Chooses who decides, rather another one than before; without anybody the run fails.</summary>
    private bool CallThird(IActorContext context)
    {
        var dispute = _dispute!;
        var others = _workers.FindAll(worker => !dispute.IsParty(worker));
        if (others.Count == 0)
        {
            End(context, new RunFailed(
                $"corruption: {dispute}, and there is no third worker to decide which is wrong. Check the memory and processor of both machines; "
                + $"the run can be resumed from step {_ledger.RestartStep}, with three workers the wrong one is found and excluded."));
            return false;
        }

        _dispute = dispute with { Third = others.Find(worker => worker != dispute.Third) ?? others[0] };
        _lastNews = context.Now;
        return true;
    }

    private void Decide(IActorContext context, Dispute dispute, Answer answer)
    {
        if (!dispute.IsDecidedBy(answer))
        {
            return;
        }

        var firstIsRight = Comparison.IsSame(dispute.First, answer);
        if (!firstIsRight && !Comparison.IsSame(dispute.Second, answer))
        {
            End(context, new RunFailed(
                $"corruption: {dispute}, and {answer.Worker} a third one. Check the memory and processor of these machines; the run can be resumed from step {_ledger.RestartStep}."));
            return;
        }

        var (right, wrong) = firstIsRight ? (dispute.First.Worker, dispute.Second.Worker) : (dispute.Second.Worker, dispute.First.Worker);
        _dispute = null;
        Exclude(
            context, wrong,
            $"{wrong} computed a wrong sum of {dispute.Node} at step {dispute.Step} (segment {dispute.First.Segment}): {right} and {answer.Worker} agree on another");
        _ledger.WithholdAfter(context, long.MaxValue);
        MembersChanged(context);
    }

    private void Exclude(IActorContext context, ActorId worker, string what)
    {
        var reason = $"{what}. Check the memory and processor of its machine.";
        _excluded[worker.Node] = reason; // a process started again on that machine computes no better
        _workers.Remove(worker);
        _speeds.Remove(worker);
        _aside.Remove(worker);
        context.Send(worker, new Exclude(reason));
        _observe(new MembershipChanged(worker, NodeRole.Worker, $"excluded: {reason}"));
    }

    private void Broadcast(IActorContext context, IMessage message)
    {
        foreach (var server in _servers)
        {
            context.Send(server, message);
        }

        foreach (var worker in _workers)
        {
            context.Send(worker, message);
        }
    }

    private void Report(IActorContext context, StepReport report)
    {
        if (report.Segment != 0)
        {
            return;
        }

        _reportedStep = report.Step;
        _reportedLoss = report.Loss;
        var elapsed = context.Now - _window.At;
        var isFirst = !_reported && report.Step > _window.Step;
        if (elapsed >= TickPeriod || isFirst)
        {
            var rows = (double)(report.Step - _window.Step) * _plan.TrainingRows / _plan.StepsPerEpoch;
            _reported = true;
            _observe(new RunProgress(_reportedStep, _reportedLoss, elapsed > TimeSpan.Zero ? Math.Max(0, rows / elapsed.TotalSeconds) : 0));
            _window = (context.Now, report.Step);
        }
    }

    private void Complete(IActorContext context, ReceiptRecorded recorded)
    {
        if (recorded.Epoch is { } epoch && !recorded.WasKnown)
        {
            _observe(_ledger.Describe(epoch, recorded.Finished, _workers.Count));
        }

        _ledger.Recorded(context, recorded);
        Broadcast(context, new Advance(_topology.Term, _ledger.Limit, _ledger.RecordedStep));
    }

    private void CheckpointWhenDue(IActorContext context)
    {
        if (!_waiting && _settings.CheckpointPeriod > TimeSpan.Zero && context.Now - _lastCheckpoint >= _settings.CheckpointPeriod)
        {
            RequestCheckpoint(context);
        }
    }

    private void StopOrCheckpoint(IActorContext context)
    {
        if (_topology.Servers.IsEmpty)
        {
            // Nothing is under way: what the last checkpoint holds is all there is.
            End(context, new RunInterrupted(_ledger.RestartStep));
        }
        else
        {
            RequestCheckpoint(context);
        }
    }

    /// <summary>Asks every segment to stay where it is, so that a step can be named that none of them has passed.</summary>
    private void RequestCheckpoint(IActorContext context)
    {
        _lastCheckpoint = context.Now;
        _held = new long?[_topology.Servers.Length];
        _holding = _held.Length > 0;
        Broadcast(context, new Hold(_topology.Term));
    }

    private void SnapshotWhenHeld(IActorContext context)
    {
        if (Array.TrueForAll(_held, step => step is not null))
        {
            _holding = false;
            var step = _held.Max()!.Value;
            _ledger.WantCheckpoint(step);
            Broadcast(context, new SnapshotAt(_topology.Term, step));
        }
    }

    private void Warn(IActorContext context, string problem)
    {
        if (_lastWarning is { } last && context.Now - last < WarningPeriod)
        {
            return;
        }

        _lastWarning = context.Now;
        _observe(new RunWarning($"the run folder cannot be written: {problem}; training goes on as far as it may, and writing is tried again"));
    }

    private void CheckpointDone(IActorContext context, CheckpointWritten written)
    {
        _ledger.CheckpointDone(written);
        if (written.Problem is null)
        {
            _observe(new CheckpointSaved(written.Step));
        }
        else
        {
            _observe(new RunWarning($"the checkpoint at step {written.Step} could not be written: {written.Problem}; training goes on, the next one is tried in time"));
        }

        if (_stopping)
        {
            End(context, written.Problem is null ? new RunInterrupted(written.Step) : new RunFailed($"stopped, but the checkpoint could not be written: {written.Problem}"));
        }
    }

    private void End(IActorContext context, RunOutcome outcome)
    {
        _ended = true;
        Broadcast(context, new Stop());
        _observe(new RunEnded(outcome));
    }

    private string NotFiniteReason(NotFinite problem) =>
        $"step {problem.Step} (epoch {_plan.Epoch(problem.Step) + 1}): {problem.What} is not finite. "
        + (_plan.Recipe.Optimiser.Kind == OptimiserKind.Lbfgs
            ? "Scale or standardise the features."
            : "Lower optimiser.rate, scale or standardise the features, or set clip_norm.");
}
