using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Optimisers;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;
using ClusterTrain.Training.Tensors;

namespace ClusterTrain.Training.Coordination;

/// <summary>
/// Owns the run. It routes: its <see cref="Roster"/> knows the members and who serves which segment, its <see cref="RunLedger"/> the epochs and
/// checkpoints, its <see cref="Suspicion"/> whose answers are in doubt. It is not on the path of a step: an assignment stands until it changes.
/// </summary>
public sealed class Coordinator : IActor, IDisposable
{
    private static readonly TimeSpan s_tickPeriod = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan s_warningPeriod = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_measurePeriod = TimeSpan.FromSeconds(1);

    private readonly RunSettings _settings;
    private readonly Action<RunEvent> _observe;
    private readonly RunLedger _ledger;
    private readonly Roster _roster;
    private readonly Suspicion _suspicion;
    private readonly CheckpointRound _checkpoint;
    private readonly CheckpointPace _pace;
    private readonly Departures _departures = new();
    private readonly ProgressReports _progress;

    private StepTimes? _times;
    private TimeSpan _lastMeasure = -s_measurePeriod;
    private AuditTotals _toldAudit;
    private TimeSpan _lastAudit = -s_measurePeriod;
    private bool _hasNews;
    private bool _waiting = true;
    private bool _ended;
    private TimeSpan? _lastWarning;

    /// <summary>Creates a coordinator.</summary>
    /// <param name="plan">What each step is.</param>
    /// <param name="layout">The parameters.</param>
    /// <param name="settings">How the run is carried out.</param>
    /// <param name="start">Where it begins.</param>
    /// <param name="recorder">Its durable record.</param>
    /// <param name="pool">Lends buffers.</param>
    /// <param name="observe">Told what happens; called from the coordinator's thread.</param>
    public Coordinator(
        TrainingPlan plan, NetworkLayout layout, RunSettings settings, RunStart start, IRunRecorder recorder, TensorPool pool,
            Action<RunEvent> observe)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(start);
        _settings = settings;
        _observe = observe;
        var stateCount = Optimiser.StatePlanes(plan.Recipe.Optimiser, layout.Parameters);
        _ledger = new RunLedger(plan, layout, stateCount, settings, start, recorder, pool);
        _roster = new Roster(plan, layout, settings, start.Term << 20);
        _suspicion = new Suspicion(_roster, _ledger, new AuditPlan(plan, settings.AuditRate), start.Audited, observe);
        _toldAudit = start.Audited;
        _checkpoint = new CheckpointRound(_roster, _ledger);
        _pace = new CheckpointPace(settings.CheckpointPeriod);
        _progress = new ProgressReports(plan, observe);
    }

    /// <summary>Begins the run; the host calls it once before any message.</summary>
    public void Start(IActorContext context)
    {
        _pace.Start(context.Now);
        context.SendSelfLater(s_tickPeriod, new Tick());
        if (_settings.AuditRate > 0)
        {
            _observe(new RunAudited(_toldAudit));
        }

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
            switch (message)
            {
                case Join:
                    context.Send(sender, new Stop());
                    break;
                case JournalWritten written:
                    _ledger.Drop(written);
                    break;
                case JournalStalled or WorkFailed:
                    _ledger.Stalled();
                    break;
            }

            return;
        }

        var term = _roster.Topology.Term;
        switch (message)
        {
            case Join when _suspicion.Exclusion(sender) is { } reason:
                context.Send(sender, new Exclude(reason));
                break;
            case Join join:
                Add(context, sender, join);
                break;
            case WantsToLeave:
                Depart(context, sender);
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
            case NotFinite problem when !_suspicion.Doubts(problem):
                End(context, new RunFailed(_suspicion.Explain(_ledger.NotFiniteReason(problem))));
                break;
            case StepReport report when report.Term == term:
                _suspicion.News(context.Now);
                _progress.Add(report);
                _ledger.Reached(report);
                _pace.Reached(report);
                Follow(context, _suspicion.Reached(context, report));
                break;
            case AuditBegan began when began.Term == term:
                _suspicion.Audit(context, began);
                break;
            case LateShare late when late.Term == term:
                _suspicion.ComputeTwice(context, late);
                break;
            case Settled settled when settled.Term == term:
                Follow(context, _suspicion.Settle(context, sender, settled));
                break;
            case Answer answer when answer.Term == term:
                _suspicion.News(context.Now);
                Follow(context, _suspicion.Compare(context, answer));
                break;
            case ComputeReport report:
                _roster.Report(sender, report);
                _hasNews = true;
                break;
            case StepTimes times when times.Term == term && times.Segment == 0:
                _times = times;
                _hasNews = true;
                break;
            case Holding holding when holding.Term == term && !_roster.IsServed:
                _roster.Add(sender, holding);
                MembersChanged(context);
                break;
            case Held held when held.Term == term:
                _checkpoint.Held(context, held);
                break;
            case StopRequested:
                _departures.Stop(context.Now);
                if (_suspicion.IsDisputed)
                {
                    Interrupt(context);
                }
                else if (_roster.IsServed)
                {
                    AskForCheckpoint(context);
                }
                else
                {
                    MembersChanged(context);
                }

                break;
            case Tick:
                context.SendSelfLater(s_tickPeriod, message);
                Look(context);
                break;
            case JournalWritten written:
                Receive(context, sender, _ledger.Written(context, written));
                break;
            case JournalStalled stalled:
                Stalled(context, stalled);
                break;
            case ReceiptRecorded recorded:
                Recorded(context, recorded);
                break;
            case ReceiptContradicted:
                Contradicted(context);
                break;
            case CheckpointWritten written:
                CheckpointDone(context, written);
                break;
            case ResultWritten result:
                _suspicion.Close("complete");
                End(context, result.Outcome);
                break;
            case WorkFailed failed:
                _ledger.Stalled();
                End(context, new RunFailed(failed.Error.Message));
                break;
        }
    }

    /// <inheritdoc/>
    public void Receive(IActorContext context, ActorId sender, in TensorMessage message)
    {
        if (_ended || message.Key.Term != _roster.Topology.Term)
        {
            message.Lease.Release();
            return;
        }

        _suspicion.News(context.Now);
        _ledger.Add(context, message);
    }

    /// <inheritdoc/>
    public void Dispose() => _ledger.Dispose();

    private void Add(IActorContext context, ActorId member, Join join)
    {
        if (join.Role == NodeRole.Worker ? !_roster.AddWorker(member) : !_roster.AddServer(member, join.Holding))
        {
            return;
        }

        _observe(new MembershipChanged(member, join.Role, "joined"));
        if (join.Role == NodeRole.Worker && _roster.IsServed)
        {
            context.Send(member, _roster.Topology);
        }

        MembersChanged(context);
    }

    private void Remove(IActorContext context, ActorId member, string what)
    {
        _departures.Remove(member);
        if (_roster.Remove(member) is not { } role)
        {
            return;
        }

        _observe(new MembershipChanged(member, role, what));
        if (role == NodeRole.Worker)
        {
            Follow(context, _suspicion.Lost(context, member) ?? new Consequence.DivideAnew());
            return;
        }

        if (_roster.Topology.Servers.Contains(member))
        {
            // Its part of the optimiser's state is gone, unless another holds it too or it comes back with it.
            GiveSegmentsUp();
        }

        MembersChanged(context);
    }

    private void Follow(IActorContext context, Consequence? consequence)
    {
        switch (consequence)
        {
            case Consequence.DivideAnew:
                MembersChanged(context);
                break;
            case Consequence.EndVote:
                // Servers hear of it before the assignment that leaves some of those out that have voted.
                SendLimit(context);
                MembersChanged(context);
                if (!_ended && _departures.IsAwaited)
                {
                    AskForCheckpoint(context);
                }

                break;
            case Consequence.ReplaySteps when _departures.IsStopping:
                Interrupt(context);
                break;
            case Consequence.ReplaySteps:
                GiveSegmentsUp();
                MembersChanged(context);
                break;
            case Consequence.Fail fail:
                End(context, new RunFailed(fail.Reason));
                break;
        }
    }

    /// <summary>Serves the segments when enough servers are there, and divides the leaves among the workers that are there.</summary>
    private void MembersChanged(IActorContext context)
    {
        var begins = !_roster.IsServed && _roster.HasEnoughServers;
        if (begins && !BeginTerm(context))
        {
            return;
        }

        if (_departures.IsStopping && !_roster.IsServed)
        {
            // Nothing is under way: what the last checkpoint holds is all there is.
            End(context, new RunInterrupted(_ledger.RestartStep));
            return;
        }

        var enough = _roster.IsServed && _roster.HasEnoughWorkers;
        if (_roster.IsServed)
        {
            _roster.AssignSpares(context);

            // With too few workers the leaves are given to none, and the run rests.
            _roster.Divide(context, enough ? _suspicion.Active() : []);
            if (_suspicion.Divided(context) is { } consequence)
            {
                Follow(context, consequence);
                return;
            }
        }

        if (enough && (_waiting || begins))
        {
            _waiting = false;
            _observe(new RunBegan(_progress.Step, _roster.Workers.Count, _roster.Topology.Servers.Distinct().Count()));
        }
        else if (!enough)
        {
            _waiting = true;
            _progress.Pause();
            ReportWaiting();
        }
    }

    private void ReportWaiting() => _observe(new RunWaiting($"waiting for {_roster.Missing}"));

    /// <summary>
    /// Nobody serves, and there are servers enough: they continue from what they hold when it allows that, otherwise from the last checkpoint.
    /// </summary>
    /// <returns>False when that has to wait, or the run has ended.</returns>
    private bool BeginTerm(IActorContext context)
    {
        if (_suspicion.IsDisputed && _suspicion.CallThird(context.Now) is { } failure)
        {
            Follow(context, failure);
            return false;
        }

        _roster.Cut();
        if (!_suspicion.IsDisputed && _roster.AskForHoldings(context))
        {
            return false;
        }

        var isAdopted = !_suspicion.IsDisputed && AdoptSegments(context);
        if (!isAdopted && _departures.IsStopping)
        {
            return true;
        }

        if (!isAdopted)
        {
            ServeSegments(context);
        }

        _suspicion.Begin(context);
        if (_departures.IsAwaited)
        {
            AskForCheckpoint(context);
        }

        return true;
    }

    /// <summary>A server goes: at once when it has no segment, otherwise after a checkpoint.</summary>
    private void Depart(IActorContext context, ActorId server)
    {
        if (_roster.Topology.Servers.Contains(server))
        {
            _departures.Add(context.Now, server);
            AskForCheckpoint(context);
        }
        else
        {
            Dismiss(context, server);
        }
    }

    private void Dismiss(IActorContext context, ActorId server)
    {
        context.Send(server, new Stop());
        Remove(context, server, "left");
    }

    /// <summary>
    /// When the servers still hold every segment, they continue from where they are: only the coordinator, or a connection, was
    /// lost.
    /// </summary>
    private bool AdoptSegments(IActorContext context)
    {
        if (_roster.FindHolders() is not var (holders, step, recorded) || !_ledger.Adopt(step, recorded, _roster.Segments))
        {
            return false;
        }

        _roster.BeginTerm(holders);
        _progress.Adopt(step);
        _pace.Adopt();
        SendTerm(context);
        return true;
    }

    private void ServeSegments(IActorContext context)
    {
        _roster.BeginTerm();
        _ledger.Begin(_roster.Segments);
        _progress.Begin(_ledger.RestartStep);
        _pace.Begin();
        var (term, servers) = (_roster.Topology.Term, _roster.Topology.Servers);
        foreach (var segment in _roster.Segments)
        {
            var server = servers[segment.Index];
            context.Send(server, new Serve(term, segment.Index, servers.Length, _ledger.RestartStep, _settings.CheckpointSteps,
                _settings.ReceiptSteps));
            _ledger.SendRestart(context, server, term, segment);
        }

        SendTerm(context);
        foreach (var vote in _suspicion.Asked)
        {
            _roster.SendToServers(context, vote);
        }
    }

    private void SendTerm(IActorContext context)
    {
        _roster.Broadcast(context, _roster.Topology);
        if (_settings.AuditRate > 0)
        {
            _roster.SendToServers(context, new AuditShares(_roster.Topology.Term, _settings.AuditRate));
        }

        SendLimit(context);
    }

    /// <summary>Tells what the audit has shown, when that has changed.</summary>
    private void TellAudit(TimeSpan now)
    {
        if (_settings.AuditRate > 0 && _suspicion.Audited != _toldAudit)
        {
            (_toldAudit, _lastAudit) = (_suspicion.Audited, now);
            _observe(new RunAudited(_toldAudit));
        }
    }

    private void SendLimit(IActorContext context) =>
        _roster.Broadcast(
            context,
            new Advance(
                _roster.Topology.Term,
                _ledger.Contradiction is null ? Math.Min(_ledger.Limit, _suspicion.Limit) : _suspicion.Limit,
                _ledger.RecordedStep));

    private void GiveSegmentsUp()
    {
        _roster.GiveSegmentsUp();
        _checkpoint.GiveUp();
    }

    /// <summary>Tells what the members did lately.</summary>
    private void Measure(IActorContext context)
    {
        if (!_hasNews)
        {
            return;
        }

        (_hasNews, _lastMeasure) = (false, context.Now);
        _observe(new WorkerSpeeds(_roster.Speeds));
        var steps = _times is { Steps: > 0 } times
            ? new StepMeasure(
                times.Step, (times.Awaited - times.Summed) / times.Steps, times.Summed / times.Steps, times.Updated / times.Steps,
                    times.Sent / times.Steps,
                times.GradientNorm)
            : null;
        _observe(new MembersMeasured(_roster.Measures(_suspicion.IsAside), steps, [.. _roster.Topology.Servers.Distinct()]));
    }

    /// <summary>Does what is due.</summary>
    private void Look(IActorContext context)
    {
        if (context.Now - _lastMeasure >= s_measurePeriod)
        {
            Measure(context);
        }

        if (context.Now - _lastAudit >= s_measurePeriod)
        {
            TellAudit(context.Now);
        }

        _ledger.WriteDue(context, _departures.IsAwaited);
        if (!_waiting && _roster.IsServed && _pace.IsDue(context.Now) && !_suspicion.IsDisputed && !_ledger.IsCheckpointHeld)
        {
            AskForCheckpoint(context);
        }

        Follow(context, _suspicion.WaitNoLonger(context, isTraining: !_waiting && _roster.IsServed));
        if (!_ended && _departures.IsOverdue(context.Now) && !_roster.HasEnoughWorkers)
        {
            LetGo(context, new RunInterrupted(_ledger.RestartStep));
        }
    }

    /// <summary>The checkpoint that was waited for is there, or cannot be had.</summary>
    private void LetGo(IActorContext context, RunOutcome outcome)
    {
        if (_departures.IsStopping)
        {
            End(context, outcome);
            return;
        }

        foreach (var server in _departures.Take())
        {
            Dismiss(context, server);
        }
    }

    private void AskForCheckpoint(IActorContext context)
    {
        _ledger.WriteDue(context, _departures.IsAwaited);
        if (_suspicion.IsDisputed)
        {
            // What is replayed may be wrong. When the vote is over it is asked for.
            return;
        }

        _pace.Ask(context.Now);
        _checkpoint.Begin(context);
    }

    private void Recorded(IActorContext context, ReceiptRecorded recorded)
    {
        if (recorded.Epoch is { } epoch && !recorded.WasKnown)
        {
            _observe(_ledger.Describe(epoch, _roster.Workers.Count));
        }

        _ledger.Recorded(context, recorded);
        if (_roster.IsServed)
        {
            SendLimit(context);
        }
    }

    /// <summary>The receipt is not what the replay gives. In a dispute the vote comes first: it says whose fault it is.</summary>
    private void Contradicted(IActorContext context)
    {
        if (_ledger.Contradiction is not { } problem)
        {
            return;
        }

        if (!_suspicion.IsDisputed)
        {
            End(context, new RunFailed(_suspicion.Explain(problem)));
        }
        else if (_roster.IsServed)
        {
            // Nothing is recorded any more, and training must still reach what the vote is about.
            SendLimit(context);
        }
    }

    private void Stalled(IActorContext context, JournalStalled stalled)
    {
        _ledger.Stalled();
        if (_departures.IsStopping)
        {
            End(context, new RunFailed(
                $"stopped, but the run folder cannot be written: {stalled.Problem}. The last checkpoint is that of step {_ledger.RestartStep}."));
        }
        else if (_lastWarning is not { } last || context.Now - last >= s_warningPeriod)
        {
            _lastWarning = context.Now;
            _observe(new RunWarning(
                $"the run folder cannot be written: {stalled.Problem}; training continues as far as it may, and writing is retried"));
        }
    }

    private void CheckpointDone(IActorContext context, CheckpointWritten written)
    {
        var isOfReplay = _ledger.CheckpointDone(written);
        _pace.Done(context.Now, written.Held);
        if (written.Problem is null)
        {
            _observe(new CheckpointSaved(written.Step));
        }
        else
        {
            _observe(new RunWarning($"the checkpoint at step {written.Step} could not be written: {written.Problem}; training continues, and the "
                + "next one is written in time"));
        }

        if (isOfReplay && _departures.IsAwaited && _checkpoint.IsAnsweredBy(written.Step))
        {
            LetGo(context, written.Problem is null ? new RunInterrupted(written.Step)
                : new RunFailed($"stopped, but the checkpoint could not be written: {written.Problem}"));
        }
    }

    /// <summary>The run is stopped while it is in doubt what was computed since the checkpoint: nothing of that is saved.</summary>
    private void Interrupt(IActorContext context)
    {
        _suspicion.Close("stopped");
        End(context, new RunInterrupted(_ledger.SavedStep));
    }

    private void End(IActorContext context, RunOutcome outcome)
    {
        _ended = true;
        Measure(context);
        TellAudit(context.Now);
        _roster.Broadcast(context, new Stop());
        _observe(new RunEnded(outcome));
    }
}
