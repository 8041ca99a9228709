using System.Collections.Immutable;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;
using ClusterTrain.Training.Tensors;

namespace ClusterTrain.Training.Servers;

/// <summary>
/// One segment at a parameter server: it adds the gradient sums of the step in hand in tree order, applies the update when
/// the tree is complete, and broadcasts the weights of the next step.
/// </summary>
internal sealed class SegmentServer : IDisposable
{
    private static readonly TimeSpan s_reportPeriod = TimeSpan.FromMilliseconds(200);

    private readonly TrainingPlan _plan;
    private readonly SegmentUpdate _update;
    private readonly TensorPool _pool;
    private readonly TreeSum<TensorMessage> _sum;
    private readonly List<ActorId> _subscribers = [];
    private readonly List<ActorId> _absent = [];
    private readonly UnrecordedSteps _unrecorded;
    private readonly long _checkpointSteps;
    private readonly long _servedTerm;
    private readonly ImmutableArray<Segment> _segments;
    private readonly NormParts _norm;
    private readonly SpareCopies _copies = new();
    private readonly StepClock _clock;
    private ImmutableArray<ActorId> _spares = [];

    // The server this is a spare copy for; null when this is the segment's server.
    private ActorId? _original;

    // The first segment's sums are pushed last: its server looks who is late.
    private readonly StepPace? _pace;

    private TensorLease? _weights;

    // Where there are other segments: the weights of the step before, as long as another server may still need a sum of it.
    // Once a sum of the present step is pushed, every server has reached it.
    private TensorLease? _formerWeights;
    private TensorLease? _state;
    private double _epochLoss;

    // The loss that goes with the weights of the step: where an epoch has just ended, that of all of it, while the next one begins at 0.
    private double _snapshotLoss;
    private bool _serving;

    // Until the weights of the step are sent.
    private bool _resting = true;
    private string? _failure;
    private long? _heldAt;
    private long _snapshotAt = -1;
    private long _limit;
    private TimeSpan? _lastReport;

    // How far a copy may be behind the weights that workers have. Alone, a segment can go back to any step, and workers with it; among others it
    // must be at a step whose weights the others can still send.
    private int MostBehind => _segments.Length == 1 ? 2 : 0;

    // The time of a step is told of the first segment, which is pushed last; the other segments of its server add theirs to it.
    private bool IsTimed => Segment.Index == 0;

    // When the first weights were sent to a worker.
    private TimeSpan? _began;

    public SegmentServer(
        Serve serve, ImmutableArray<Segment> segments, TrainingPlan plan, SegmentUpdate update, TensorPool pool, StepClock clock)
        : this(serve, segments, plan, update, pool, clock, recorded: serve.Step)
    {
    }

    private SegmentServer(
        Serve serve, ImmutableArray<Segment> segments, TrainingPlan plan, SegmentUpdate update, TensorPool pool, StepClock clock, long recorded)
    {
        _clock = clock;
        Term = serve.Term;
        _servedTerm = serve.Term;
        _segments = segments;
        _norm = new NormParts(segments, update.Segment.Index);
        _pace = update.Segment.Index == 0 ? new StepPace() : null;
        Step = serve.Step;
        var start = new StepReport(serve.Term, update.Segment.Index, serve.Step, 0, TimeSpan.Zero);
        _unrecorded = new UnrecordedSteps(plan, pool, serve.ReceiptSteps, recorded, start);
        _checkpointSteps = serve.CheckpointSteps;
        _plan = plan;
        _update = update;
        _pool = pool;
        _sum = new TreeSum<TensorMessage>(Combine, static sum => sum.Lease.Release());
    }

    /// <summary>A spare copy of a segment.</summary>
    public SegmentServer(
        Copy copy, ActorId original, ImmutableArray<Segment> segments, TrainingPlan plan, SegmentUpdate update, TensorPool pool, StepClock clock)
        : this(
            new Serve(copy.Term, copy.Position.Segment, copy.Position.Segments, copy.Position.Step, copy.CheckpointSteps, copy.ReceiptSteps),
            segments, plan, update, pool, clock, copy.Position.Recorded)
    {
        _original = original;
        _servedTerm = copy.Position.Served;
    }

    public Segment Segment => _update.Segment;

    /// <summary>True for a spare copy.</summary>
    public bool IsCopy => _original is not null;

    public long Term { get; private set; }

    /// <summary>The step whose weights the segment holds, or waits for.</summary>
    public long Step { get; private set; }

    /// <summary>True once the weights of the first step, and the optimiser's state, have arrived.</summary>
    public bool IsServing => _serving;

    /// <summary>True when workers have, or may have, the weights of the step.</summary>
    public bool IsSent => !_resting;

    /// <summary>True when no sum of the step has come.</summary>
    public bool IsUntouched { get; private set; } = true;

    /// <summary>Where it is, for a coordinator that may be new.</summary>
    public SegmentPosition Position =>
        new(Segment.Index, _segments.Length, _servedTerm, Step, _formerWeights is null ? Step : Step - 1, _unrecorded.Recorded);

    /// <summary>Takes the weights or the optimiser's state of the first step.</summary>
    public void Restore(IActorContext context, in TensorMessage message)
    {
        var isWeights = message.Key.Kind == TensorKind.Weights;
        var expected = isWeights ? Segment.Length : _update.StateLength;
        if (IsCopy && !_serving && isWeights && message.Length == expected && message.Key.Step < Step && _unrecorded.IsMissing(message.Key.Step))
        {
            _unrecorded.KeepCopy(message);
            return;
        }

        if (_serving || message.Key.Step != Step || message.Length != expected)
        {
            message.Lease.Release();
            return;
        }

        // A private copy: the sender may continue using its lease, and the optimiser writes its state in place.
        var copy = _pool.Rent(message.Length);
        message.Values.CopyTo(copy.Span);
        message.Lease.Release();
        if (isWeights)
        {
            if (IsCopy && _unrecorded.IsMissing(Step))
            {
                _unrecorded.Keep(message with { Lease = copy.Share(), Offset = 0 });
            }

            _weights?.Release();
            _weights = copy;
            _snapshotLoss = message.Loss;
            _epochLoss = _plan.EndsEpoch(Step) ? 0 : message.Loss;
        }
        else
        {
            _state?.Release();
            _state = copy;
        }

        if (_weights is not null && (_update.StateLength == 0 || _state is not null))
        {
            _serving = true;
            if (IsCopy)
            {
                _began = context.Now;
                context.Send(_original!, new Copied(Term, Segment.Index, Step));
            }

            BeginStep(context);
            KeepCopies(context, _spares);
        }
    }

    /// <summary>These servers are to keep a copy.</summary>
    public void KeepCopies(IActorContext context, ImmutableArray<ActorId> servers)
    {
        _spares = servers;
        foreach (var server in _copies.Follow(servers))
        {
            SendCopy(context, server);
        }

        Broadcast(context);
    }

    /// <summary>A spare server's copy has reached a step.</summary>
    public void Confirm(IActorContext context, ActorId server, long step)
    {
        if (_copies.Confirm(server, step))
        {
            SendCopy(context, server);
        }

        Broadcast(context);
    }

    /// <summary>The link to a server was lost and is there again: when it keeps a copy, sums are missing there.</summary>
    public void CopyAgain(IActorContext context, ActorId server)
    {
        if (_copies.All.Contains(server))
        {
            SendCopy(context, server);
        }
    }

    /// <summary>Goes on without copies that are late.</summary>
    public void GiveUpLateCopies(IActorContext context)
    {
        if (!_copies.IsEmpty)
        {
            _copies.GiveUpLate(context.Now);
            Broadcast(context);
        }
    }

    private void SendCopy(IActorContext context, ActorId server)
    {
        if (!_serving || _failure is not null)
        {
            return;
        }

        _copies.Begin(server);
        context.Send(server, new Copy(Term, Position, _checkpointSteps, _unrecorded.ReceiptSteps));
        _unrecorded.SendWeights(context, server, Term, before: Step);
        SendWeights(context, server, _snapshotLoss);
        SendState(context, server);
    }

    /// <summary>Sends the whole sum of the step in hand, and what else of the norm is needed to apply it, to the spare servers.</summary>
    private void SendSum(IActorContext context, in TensorMessage sum)
    {
        foreach (var server in _copies.All)
        {
            if (!_copies.IsSent(server))
            {
                continue;
            }

            for (var other = 0; _update.Clips && other < _segments.Length; other++)
            {
                if (other != Segment.Index)
                {
                    context.Send(server, _norm.PartOf(Term, Step, other));
                }
            }

            sum.Lease.Share();
            context.Send(server, sum with { Key = sum.Key with { Term = Term, Node = ReductionTree.Root(_plan.Leaves(Step)) } });
        }
    }

    /// <summary>A new coordinator leads: what was under way is pushed again by the workers, what it may have missed is sent again.</summary>
    public void Adopt(IActorContext context, ActorId coordinator, long term)
    {
        Term = term;
        _original = null;
        _copies.Clear();
        _spares = [];
        _subscribers.Clear();
        _absent.Clear();
        _heldAt = null;
        _snapshotAt = -1;
        _unrecorded.SendAll(context, coordinator, term);
        if (_failure is not null)
        {
            context.Send(coordinator, new NotFinite(Term, Step, _failure));
        }
        else if (_serving)
        {
            BeginStep(context);
        }
    }

    /// <summary>Nobody leads on: sums of the step in hand no longer count, and will be pushed again.</summary>
    public void Rest()
    {
        _resting = true;
        _sum.Reset(1);
    }

    public void Subscribe(IActorContext context, ActorId worker)
    {
        _absent.Remove(worker);
        if (!_subscribers.Contains(worker))
        {
            _subscribers.Add(worker);
        }

        if (_formerWeights is not null)
        {
            SendWeights(context, worker, _formerWeights, Step - 1, 0);
        }

        if (IsSent)
        {
            _began ??= context.Now;
            SendWeights(context, worker, 0);
        }
    }

    /// <summary>
    /// Sends no more weights to subscribers that took part and no longer do, until they take part again. One that no assignment
    /// has named so far stays: it may have heard of this server before this server hears of it.
    /// </summary>
    public void Follow(IActorContext context, ImmutableArray<ActorId> former, Assignment assignment)
    {
        _pace?.Follow(context.Now, assignment);
        var workers = assignment.Workers;
        for (var index = _subscribers.Count - 1; index >= 0; index--)
        {
            var worker = _subscribers[index];
            if (former.Contains(worker) && !workers.Contains(worker))
            {
                _subscribers.RemoveAt(index);
                _absent.Add(worker);
            }
        }

        foreach (var worker in workers)
        {
            if (_absent.Contains(worker))
            {
                Subscribe(context, worker);
            }
        }
    }

    public void Advance(IActorContext context, long limit, long recorded)
    {
        _limit = Math.Max(_limit, limit);
        _unrecorded.Forget(recorded);
        Broadcast(context);
    }

    public void Hold(IActorContext context, ActorId coordinator)
    {
        // A step whose sums are complete meanwhile is applied when the segment may continue.
        _heldAt = Step;
        context.Send(coordinator, new Held(Term, Segment.Index, Step));
    }

    public void SnapshotAt(IActorContext context, ActorId coordinator, long step)
    {
        _heldAt = null;
        _snapshotAt = step;
        if (Step == step && _serving)
        {
            SendSnapshot(context, coordinator, withWeights: true);
        }

        Broadcast(context);
        Apply(context, coordinator);
    }

    /// <summary>This segment's part of the gradient norm of the step before, and of the one in hand, as far as others may need them.</summary>
    public IEnumerable<NormPart> NormParts => new[] { _norm.SentBefore, _norm.Sent }.OfType<NormPart>();

    /// <summary>Takes a worker's gradient sum; one that is late, or was counted already, is dropped.</summary>
    /// <returns>This segment's part of the gradient norm when it is known with this sum, for the other segments of this server; else null.</returns>
    public NormPart? Add(IActorContext context, ActorId sender, ActorId coordinator, ImmutableArray<ActorId> servers, in TensorMessage sum)
    {
        if (sum.Key.Step == Step)
        {
            _pace?.Answered(context.Now, sender);
        }

        var began = _clock.Now;
        if (!_serving || _failure is not null || sum.Key.Step != Step || Step >= _plan.Steps || sum.Length != Segment.Length || _sum.IsComplete
            || _sum.Offer(sum.Key.Node, sum) != TreeOffer.Added)
        {
            sum.Lease.Release();
            return null;
        }

        IsUntouched = false;
        _clock.Added(began);
        ForgetFormer();
        if (!_sum.IsComplete)
        {
            return null;
        }

        if (IsTimed)
        {
            _clock.Complete();
        }

        NormPart? part = null;
        if (_update.Clips)
        {
            began = _clock.Now;
            var root = _sum.Root();
            _clock.Added(began);
            _update.NormPart(root.Values, _norm.Own);
            part = _norm.ComputedOwn(Term, Step);
            if (part is not null && !IsCopy)
            {
                SendToOthers(context, servers, part);
            }
        }

        Apply(context, coordinator);
        return part;
    }

    /// <summary>The workers for whose sums the step waits much longer than for the others', see <see cref="StepPace.Late"/>.</summary>
    /// <param name="now">The time.</param>
    /// <param name="isOnlyServer">True: no other server has a segment.</param>
    public IEnumerable<(ActorId Late, TreeNode Leaves, ActorId Helper)> Late(TimeSpan now, bool isOnlyServer) =>
        _pace is null || _resting || _failure is not null || _sum.IsComplete ? [] : _pace.Late(now, _plan.Leaves(Step), isOnlyServer);

    /// <summary>Takes another segment's part of the gradient norm.</summary>
    public void AddNormPart(IActorContext context, ActorId coordinator, NormPart part)
    {
        // A part of a former coordinator's term is as good: it is of the same segments, and the same bits.
        if (part.Term >= _servedTerm && part.Step == Step && part.Segment != Segment.Index && _failure is null)
        {
            _norm.Add(part);
            Apply(context, coordinator);
        }
    }

    /// <summary>The link to another server was lost and is there again: what it needs of this segment is sent again.</summary>
    public void SendPartsAgain(IActorContext context, ActorId server)
    {
        foreach (var part in NormParts)
        {
            context.Send(server, part);
        }
    }

    public void Dispose()
    {
        ForgetFormer();
        _weights?.Release();
        _weights = null;
        _state?.Release();
        _state = null;
        _serving = false;
        _sum.Reset(1);
        _unrecorded.Dispose();
    }

    /// <summary>Adds a right sibling's sum to the left one's, in the left one's buffer where that may be written.</summary>
    private TensorMessage Combine(TensorMessage left, TensorMessage right)
    {
        var loss = left.Loss + right.Loss;
        if (!left.Lease.IsReadOnly)
        {
            _update.Add(left.Values, right.Values, left.Values);
            return left with { Loss = loss };
        }

        var sum = _pool.Rent(left.Length);
        _update.Add(left.Values, right.Values, sum.Span);
        left.Lease.Release();
        return left with { Lease = sum, Offset = 0, Loss = loss };
    }

    private void Apply(IActorContext context, ActorId coordinator)
    {
        if (!_sum.HasRoot || _heldAt <= Step || (_update.Clips && !_norm.IsWhole))
        {
            return;
        }

        var began = _clock.Now;
        if (!_copies.IsEmpty)
        {
            SendSum(context, _sum.Root());
        }

        var next = _pool.Rent(Segment.Length);
        var wantsNorm = IsTimed && _clock.IsDue(context.Now) && !IsCopy;
        if (wantsNorm || _update.NeedsWholeSum)
        {
            // Adds the halves before they are taken.
            _sum.Root();
        }

        var sum = _sum.TakeHalves(out var right, out var hasRight);
        var loss = sum.Loss + (hasRight ? right.Loss : 0);
        var gradientNorm = wantsNorm ? _update.NormOf(Step, sum, _norm) : double.NaN;
        var problem = _update.Apply(
            Step, _weights!.Span, sum.Values, hasRight ? right.Values : [], loss, next.Span, _state is null ? [] : _state.Span, _norm.Blocks);
        _clock.Updated(began, endsStep: IsTimed);
        if (_segments.Length > 1)
        {
            // Those before were forgotten with the first sum.
            _formerWeights = _weights;
        }
        else
        {
            _weights.Release();
        }

        _weights = next;
        sum.Lease.Release();
        if (hasRight)
        {
            right.Lease.Release();
        }

        if (problem is not null)
        {
            _failure = problem;
            context.Send(coordinator, new NotFinite(Term, Step, problem));
            return;
        }

        _epochLoss += loss;
        Step++;
        ReportTimes(context, coordinator, gradientNorm);
        _norm.BeginStep();
        Record(context, coordinator);
        if (IsCopy)
        {
            context.Send(_original!, new Copied(Term, Segment.Index, Step));
        }

        BeginStep(context);
    }

    private void ReportTimes(IActorContext context, ActorId coordinator, double gradientNorm)
    {
        if (IsTimed && (_clock.IsNew || _clock.IsDue(context.Now))
            && _clock.Take(context.Now, Term, Segment.Index, Step, gradientNorm) is { } times && !IsCopy)
        {
            context.Send(coordinator, times);
        }
    }

    /// <summary>Sends what the coordinator must know of the step just reached.</summary>
    private void Record(IActorContext context, ActorId coordinator)
    {
        var endsEpoch = _plan.EndsEpoch(Step);
        _snapshotLoss = _epochLoss;
        if (endsEpoch || _lastReport is not { } last || context.Now - last >= s_reportPeriod)
        {
            // Before the weights: when they are recorded, it is known when they were reached.
            var epochRows = ((Step - 1) % _plan.StepsPerEpoch * _plan.BatchRows) + _plan.Rows(Step - 1);
            var report = new StepReport(Term, Segment.Index, Step, _epochLoss / epochRows, context.Now - (_began ?? context.Now));
            _lastReport = context.Now;
            if (!IsCopy)
            {
                context.Send(coordinator, report);
            }

            if (endsEpoch)
            {
                _unrecorded.KeepEpochEnd(report);
            }
        }

        var forReceipt = _unrecorded.IsForReceipt(Step);
        if (forReceipt)
        {
            var key = new TensorKey(TensorKind.Weights, Term, Step, Segment.Index);
            _unrecorded.Keep(new TensorMessage(key, _weights!.Share(), 0, Segment.Length, _epochLoss));
            if (!IsCopy)
            {
                SendWeights(context, coordinator, _epochLoss);
            }
        }

        if (!IsCopy && (Step == _snapshotAt || (_checkpointSteps > 0 && Step % _checkpointSteps == 0)))
        {
            SendSnapshot(context, coordinator, withWeights: !forReceipt);
        }

        _epochLoss = endsEpoch ? 0 : _epochLoss;
    }

    private void BeginStep(IActorContext context)
    {
        _resting = true;
        IsUntouched = true;
        if (Step < _plan.Steps)
        {
            _sum.Reset(_plan.Leaves(Step));
            Broadcast(context);
        }
    }

    private void Broadcast(IActorContext context)
    {
        if (!_serving || !_resting || IsCopy || Step >= Math.Min(_limit, _plan.Steps) || Step >= (_heldAt ?? long.MaxValue)
            || (!_copies.IsEmpty && !_copies.Allows(context.Now, Step, MostBehind)))
        {
            return;
        }

        _resting = false;
        _pace?.Begin(context.Now);
        var began = _clock.Now;
        foreach (var worker in _subscribers)
        {
            _began ??= context.Now;
            SendWeights(context, worker, 0);
        }

        _clock.Broadcast(began, beginsStep: IsTimed);
    }

    private void SendWeights(IActorContext context, ActorId to, double loss) => SendWeights(context, to, _weights!, Step, loss);

    private void SendWeights(IActorContext context, ActorId to, TensorLease weights, long step, double loss)
    {
        var key = new TensorKey(TensorKind.Weights, Term, step, Segment.Index);
        context.Send(to, new TensorMessage(key, weights.Share(), 0, Segment.Length, loss));
    }

    private static void SendToOthers(IActorContext context, ImmutableArray<ActorId> servers, NormPart part)
    {
        for (var other = 0; other < servers.Length; other++)
        {
            if (servers[other] != context.Self && servers.IndexOf(servers[other]) == other)
            {
                context.Send(servers[other], part);
            }
        }
    }

    private void ForgetFormer()
    {
        _formerWeights?.Release();
        _formerWeights = null;
        _norm.ForgetBefore();
    }

    private void SendSnapshot(IActorContext context, ActorId coordinator, bool withWeights)
    {
        if (withWeights)
        {
            SendWeights(context, coordinator, _snapshotLoss);
        }

        SendState(context, coordinator);
    }

    private void SendState(IActorContext context, ActorId to)
    {
        if (_state is not null)
        {
            var copy = _pool.Rent(_state.Length);
            _state.Span.CopyTo(copy.Span);
            var key = new TensorKey(TensorKind.OptimiserState, Term, Step, Segment.Index);
            context.Send(to, new TensorMessage(key, copy, 0, copy.Length, 0));
        }
    }
}
