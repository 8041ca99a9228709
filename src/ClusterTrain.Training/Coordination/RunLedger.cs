using ClusterTrain.Learning.Metrics;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;
using ClusterTrain.Training.Tensors;

namespace ClusterTrain.Training.Coordination;

/// <summary>
/// The coordinator's account of the run: from the snapshots it receives it has epochs recorded and checkpoints written,
/// decides early stopping, and has the result written. Everything slow is offloaded.
/// </summary>
internal sealed class RunLedger : IDisposable
{
    // How far training may run ahead of the receipt: 64 entries, or as many as fit in this many floats of kept weights, but 2
    // at least. With early stopping 1: no step is computed beyond an epoch that may turn out to be the last.
    private const int MostEntriesAhead = 64;
    private const int MostFloatsAhead = 4 * 1024 * 1024;

    // How long what is not verified is held back.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly TrainingPlan _plan;
    private readonly RunSettings _settings;
    private readonly IRunRecorder _recorder;
    private readonly TensorPool _pool;
    private readonly RunJournal _journal = new();
    private readonly SnapshotCollector _collector;
    private readonly EpochSpeeds _speeds;
    private readonly EarlyStopping? _stopping;
    private readonly int _parameters;
    private readonly int _stateCount;
    private readonly int _entriesAhead;
    private readonly int _checkpointsWithheld;

    private readonly RunStart _start;
    private TensorLease _restartWeights;
    private TensorLease? _restartState;
    private double _restartLoss;
    private TensorLease? _best;
    private EpochRecord? _bestRecord;
    private EpochRecord? _unsavedBest;
    private long _checkpointAt = -1;
    private long _withheldAfter = long.MaxValue;
    private long _verified = long.MaxValue;
    private bool _isUrgent;
    private bool _comparesOnly;

    // How often steps were computed from a checkpoint on: what is written of an earlier replay says nothing about this one.
    private int _replay;
    private bool _hasBegun;
    private bool _finishing;

    // The furthest step that an entry of the receipt was written of; RecordedStep goes back where a term begins before it.
    private long _writtenStep;

    public RunLedger(TrainingPlan plan, NetworkLayout layout, int stateCount, RunSettings settings, RunStart start, IRunRecorder recorder,
        TensorPool pool)
    {
        _plan = plan;
        _settings = settings;
        _recorder = recorder;
        _pool = pool;
        _parameters = layout.Parameters;
        _stateCount = stateCount;
        _collector = new SnapshotCollector(layout, stateCount, pool);
        _speeds = new EpochSpeeds(plan);
        _stopping = plan.Recipe.EarlyStopping is { } recipe ? new EarlyStopping(recipe) : null;
        _entriesAhead = _stopping is null ? Math.Clamp(MostFloatsAhead / layout.Parameters, 2, MostEntriesAhead) : 1;
        _checkpointsWithheld = (int)Math.Clamp(MostFloatsAhead / ((long)layout.Parameters * (1 + stateCount)), 2, MostEntriesAhead);
        (RestartStep, SavedStep) = (start.State.Step, start.State.Step);
        _restartLoss = start.State.EpochLoss;
        _restartWeights = Copy(start.State.Weights);
        _restartState = stateCount == 0 ? null : Copy(start.State.OptimiserState);
        _start = start;
        Replay(LastEntry(RestartStep));
    }

    /// <summary>The step from which lost work is replayed: that of the last checkpoint.</summary>
    public long RestartStep { get; private set; }

    /// <summary>The step of the newest checkpoint on disk: the one from which the run would be resumed.</summary>
    public long SavedStep { get; private set; }

    /// <summary>The receipt is written up to this step.</summary>
    public long RecordedStep { get; private set; }

    /// <summary>Which entry of the receipt is not what this replay gives; null: none was found. After it nothing more is written.</summary>
    public string? Contradiction { get; private set; }

    /// <summary>True while the checkpoint that was asked for last waits for its steps to be verified.</summary>
    public bool IsCheckpointHeld => _collector.WholeUpTo(_checkpointAt).Any(
        snapshot => snapshot.Step == _checkpointAt && !snapshot.IsCheckpoint && IsWhole(snapshot));

    /// <summary>The last epoch recorded; null before the first.</summary>
    public EpochRecord? LastRecord { get; private set; }

    /// <summary>How far the parameter servers may go.</summary>
    public long Limit
    {
        get
        {
            var step = RecordedStep;
            for (var entry = 0; !_finishing && entry < _entriesAhead && step < _plan.Steps; entry++)
            {
                step = NextEntry(step);
            }

            return step;
        }
    }

    // What early stopping was told may be ahead of what is computed again.
    private bool IsDone => RecordedStep == _plan.Steps || (_stopping is { ShouldStop: true } && LastRecord?.Epoch == _stopping.Epochs);

    /// <summary>Segments of a new topology follow; snapshots that were incomplete are forgotten.</summary>
    public void Begin(IReadOnlyList<Segment> segments)
    {
        _hasBegun = true;
        _replay++;
        Contradiction = null;
        _journal.Begin();
        _collector.Begin(segments);
        _speeds.Begin(RestartStep);

        // Epochs after the restart are computed again; each is compared with its record. Those before it are not, even where the term that ends here
        // began before them: a checkpoint that was being written then has become the restart meanwhile.
        RecordedStep = Math.Min(_writtenStep, LastEntry(RestartStep));
    }

    /// <summary>
    /// The servers continue from a step they hold: all epochs in the receipt count as recorded, those they kept since will follow.
    /// </summary>
    /// <param name="step">The step that all of them have reached.</param>
    /// <param name="recorded">What they were to keep for the receipt up to this step, some have dropped.</param>
    /// <param name="segments">The segments.</param>
    /// <returns>False when the record does not allow it, and lost work must be replayed from the checkpoint.</returns>
    public bool Adopt(long step, long recorded, IReadOnlyList<Segment> segments)
    {
        // A machine that lost power may have lost entries of the receipt that were said to be recorded.
        var known = _hasBegun ? RecordedStep : _start.ReceiptStep;
        if (step < RestartStep || known < LastEntry(recorded))
        {
            return false;
        }

        if (_hasBegun)
        {
            // A spare may be behind what its server sent: entries after its step come again, and are compared.
            RecordedStep = Math.Min(RecordedStep, LastEntry(step));
        }
        else if (!TakeForGranted(step, recorded))
        {
            return false;
        }

        _hasBegun = true;
        _collector.Begin(segments);
        _speeds.Adopt();
        return true;
    }

    /// <summary>
    /// What an earlier coordinator recorded is taken for granted, as far as the servers have dropped it. Later entries come again, and are compared: it
    /// may have been lost while it compared them.
    /// </summary>
    /// <returns>False when the run cannot continue from a step that way.</returns>
    private bool TakeForGranted(long step, long recorded)
    {
        if (step < _start.ReceiptStep)
        {
            return false;
        }

        Replay(Math.Max(LastEntry(RestartStep), Math.Min(_start.ReceiptStep, LastEntry(recorded))));

        // When all is recorded but the result was not written, its weights are not here; nor may those of the best epoch be.
        return !IsDone && (_stopping is not { BestEpoch: > 0 } || !_plan.Recipe.EarlyStopping!.RestoreBest || _best is not null);
    }

    /// <summary>Has the best epoch's weights written when they are those of the checkpoint only: the run ended between the two.</summary>
    public void SaveBest(IActorContext context)
    {
        if (_unsavedBest is { } record)
        {
            WriteBest(context, record, _best!.Share());
            _unsavedBest = null;
        }
    }

    /// <summary>Has the result written when nothing is left to train: the run was resumed from its very end.</summary>
    /// <returns>True when that is so.</returns>
    public bool FinishWhenDone(IActorContext context)
    {
        if (IsDone && LastRecord is { } last)
        {
            Finish(context, last, _restartWeights);
        }

        return _finishing;
    }

    /// <summary>Sends a segment of the state to continue from.</summary>
    public void SendRestart(IActorContext context, ActorId server, long term, Segment segment)
    {
        var key = new TensorKey(TensorKind.Weights, term, RestartStep, segment.Index);
        context.Send(server, new TensorMessage(key, _restartWeights.Share(), segment.Start, segment.Length, _restartLoss));
        if (_restartState is null)
        {
            return;
        }

        var part = _pool.Rent(segment.Length * _stateCount);
        for (var plane = 0; plane < _stateCount; plane++)
        {
            _restartState.Span.Slice((plane * _parameters) + segment.Start, segment.Length)
                .CopyTo(part.Span[(plane * segment.Length)..]);
        }

        context.Send(server, new TensorMessage(key with { Kind = TensorKind.OptimiserState }, part, 0, part.Length, 0));
    }

    /// <summary>A checkpoint is wanted of this step, besides those of the settings.</summary>
    public void WantCheckpoint(long step) => _checkpointAt = step;

    /// <summary>A piece of writing is done: its result. The next piece follows, unless an entry is not what it should be.</summary>
    public IMessage Written(IActorContext context, JournalWritten written)
    {
        var result = _journal.Written(written);
        if (result is ReceiptContradicted contradicted)
        {
            contradicted.Weights.Release();
            if (contradicted.Replay == _replay)
            {
                Contradiction = contradicted.Problem;
                _journal.Close();
            }
        }

        _journal.WriteNext(context);
        return result;
    }

    /// <summary>Writing failed; it is tried again when <see cref="WriteDue"/> is called.</summary>
    public void Stalled() => _journal.Stalled();

    /// <summary>Writes what is due: what could not be written before, and what was held back long enough.</summary>
    /// <param name="context">The coordinator's.</param>
    /// <param name="isUrgent">True: somebody waits for a checkpoint, so nothing is held back that need not be.</param>
    public void WriteDue(IActorContext context, bool isUrgent)
    {
        _isUrgent = isUrgent;
        _journal.WriteNext(context);
        Release(context);
    }

    /// <summary>Takes a part of a snapshot, and deals with the snapshot when it is whole.</summary>
    public void Add(IActorContext context, in TensorMessage message)
    {
        if (_collector.Add(message, context.Now) is not { HasWeights: true } snapshot || _finishing)
        {
            return;
        }

        snapshot.WholeSince ??= IsWhole(snapshot) ? context.Now : null;
        var released = Release(context);
        if (snapshot.Step <= released)
        {
            return;
        }

        // Of the snapshots withheld for checkpoints alone the oldest will be the next that can be written, and the newest are worth keeping.
        var withheld = _collector.WholeUpTo(snapshot.Step).Where(
            other => other.Step > released && other.Step != LastEntry(other.Step) && other.Step != _checkpointAt).ToList();
        foreach (var old in withheld.Skip(1).Take(withheld.Count - _checkpointsWithheld))
        {
            _collector.Drop(old);
        }
    }

    /// <summary>
    /// Nothing after a step is recorded or written until told otherwise: an answer within it may be wrong. And nothing after another one is for some
    /// seconds, as far as there is room for it. What comes meanwhile is kept.
    /// </summary>
    /// <param name="context">The coordinator's.</param>
    /// <param name="step">The step, <see cref="long.MaxValue"/> when every answer is good.</param>
    /// <param name="verified">The step up to which answers were found right; <see cref="long.MaxValue"/> when it is not known of any.</param>
    public void WithholdAfter(IActorContext context, long step, long verified)
    {
        (_withheldAfter, _verified, _comparesOnly) = (step, verified, false);
        Release(context);
    }

    /// <summary>Up to this step entries are compared with those there are; nothing else is recorded or written until told otherwise.</summary>
    public void CompareUpTo(IActorContext context, long step)
    {
        (_withheldAfter, _verified, _comparesOnly) = (Math.Min(step, _writtenStep), long.MaxValue, true);
        Release(context);
    }

    /// <summary>The steps since the checkpoint are computed again: nothing that was computed of them is recorded or written any more.</summary>
    public void GiveUp()
    {
        (_withheldAfter, _verified) = (-1, -1);
        _journal.DropReplayed();
    }

    /// <summary>Deals with what need not be kept back.</summary>
    /// <returns>The step up to which that is so.</returns>
    private long Release(IActorContext context)
    {
        if (_finishing)
        {
            return _plan.Steps;
        }

        var whole = _collector.WholeUpTo(_withheldAfter);
        var released = _isUrgent ? _withheldAfter : Math.Min(_withheldAfter, Math.Max(_verified, LastDue(context.Now, whole)));
        foreach (var snapshot in whole.TakeWhile(snapshot => snapshot.Step <= released))
        {
            DealWith(context, snapshot);
        }

        return released;
    }

    /// <summary>
    /// The last step whose snapshot is not held back, verified or not: it is the end of the run; it has waited long enough; or entries take half of the
    /// room there is for what training may be ahead.
    /// </summary>
    private long LastDue(TimeSpan now, IReadOnlyList<Snapshot> whole)
    {
        var entries = whole.Where(snapshot => snapshot.Step == LastEntry(snapshot.Step) && snapshot.Step > RecordedStep && !snapshot.IsRecorded);
        var due = whole.Where(snapshot => snapshot.Step == _plan.Steps || now - snapshot.Since >= s_patience);
        return entries.SkipLast(_entriesAhead / 2).Concat(due).Select(snapshot => snapshot.Step).DefaultIfEmpty(-1).Max();
    }

    private void DealWith(IActorContext context, Snapshot snapshot)
    {
        var step = snapshot.Step;
        if (step == LastEntry(step) && !snapshot.IsRecorded && step > RecordedStep)
        {
            snapshot.IsRecorded = true;
            Record(context, snapshot);
        }

        var wanted = step == _checkpointAt || (_settings.CheckpointSteps > 0 && step % _settings.CheckpointSteps == 0);
        if (wanted && !_comparesOnly && !snapshot.IsCheckpoint && IsWhole(snapshot))
        {
            snapshot.IsCheckpoint = true;
            WriteCheckpoint(context, snapshot);
        }

        _collector.DropBefore(step);
    }

    /// <summary>An entry is in the receipt: the run may go further, or ends.</summary>
    public void Recorded(IActorContext context, ReceiptRecorded recorded)
    {
        if (recorded.Replay != _replay)
        {
            _writtenStep = Math.Max(_writtenStep, recorded.Step);
        }
        else if (!_finishing && recorded.Step > RecordedStep)
        {
            RecordedStep = recorded.Step;
            _writtenStep = Math.Max(_writtenStep, RecordedStep);
            if (recorded.Epoch is { } epoch)
            {
                EpochRecorded(context, epoch, recorded.Weights);
            }
        }

        recorded.Weights.Release();
    }

    private void EpochRecorded(IActorContext context, EpochRecord record, TensorLease epochWeights)
    {
        LastRecord = record;
        var isBest = Observe(record) || (record.Epoch == _stopping?.BestEpoch && _best is null);
        if (isBest && _plan.Recipe.EarlyStopping!.RestoreBest)
        {
            Keep(epochWeights.Share());
            WriteBest(context, record, epochWeights.Share());
        }

        if (IsDone)
        {
            Finish(context, record, epochWeights);
        }
    }

    /// <summary>The first segment's server has reached a step.</summary>
    public void Reached(StepReport report) => _speeds.Reached(report);

    /// <summary>The line of an epoch in the log.</summary>
    public EpochCompleted Describe(EpochRecord record, int workers)
    {
        var rate = _speeds.Take(record.Step);
        var left = (_plan.Recipe.Epochs - record.Epoch) * (double)_plan.TrainingRows;
        return new EpochCompleted(record, rate, workers, rate > 0 ? TimeSpan.FromSeconds(left / rate) : TimeSpan.Zero);
    }

    /// <summary>
    /// A checkpoint is on disk: lost work is replayed from it from now on. Not from one that is of a replay before: it may be ahead of what is computed
    /// now, and of a sum that is compared.
    /// </summary>
    /// <returns>True when it is of this replay.</returns>
    public bool CheckpointDone(CheckpointWritten written)
    {
        SavedStep = written.Problem is null ? Math.Max(SavedStep, written.Step) : SavedStep;
        if (written.Problem is null && written.Replay == _replay && written.Step >= RestartStep)
        {
            _restartWeights.Release();
            _restartState?.Release();
            (RestartStep, _restartLoss) = (written.Step, written.EpochLoss);
            (_restartWeights, _restartState) = (written.Weights, written.State);
        }
        else
        {
            written.Weights.Release();
            written.State?.Release();
        }

        return written.Replay == _replay;
    }

    /// <summary>Why a number that is not finite ends the run, and what to do.</summary>
    public string NotFiniteReason(NotFinite problem) =>
        $"step {problem.Step} (epoch {_plan.Epoch(problem.Step) + 1}): {problem.What} is not finite. "
        + (_plan.Recipe.Optimiser.Kind == OptimiserKind.Lbfgs
            ? "Scale or standardise the features."
            : "Lower optimiser.rate, scale or standardise the features, or set clip_norm.")
        + (_plan.Recipe.Data is { Task: TaskKind.Regression, TargetScale: null, ScaleTargets: false }
            ? " Where the targets are large, set data.target_scale." : "");

    /// <summary>A piece of writing is done, and the run has ended meanwhile.</summary>
    public void Drop(JournalWritten written)
    {
        switch (_journal.Written(written))
        {
            case ReceiptRecorded recorded:
                recorded.Weights.Release();
                break;
            case ReceiptContradicted contradicted:
                contradicted.Weights.Release();
                break;
            case CheckpointWritten checkpoint:
                checkpoint.Weights.Release();
                checkpoint.State?.Release();
                break;
        }
    }

    public void Dispose()
    {
        _collector.Begin([]);
        _journal.Close();
        _restartWeights.Release();
        _restartState?.Release();
        _best?.Release();
    }

    private void Record(IActorContext context, Snapshot snapshot)
    {
        var step = snapshot.Step;
        var epoch = _plan.Epoch(step);
        var loss = snapshot.EpochLoss / _plan.TrainingRows;
        var (weights, replay) = (snapshot.Weights!.Share(), _replay);
        _journal.Write(context, isReplayed: true, () =>
        {
            try
            {
                if (!_plan.EndsEpoch(step))
                {
                    return new ReceiptRecorded(replay, step, null, weights, _recorder.RecordStep(step, weights.Memory));
                }

                var (record, wasKnown) = _recorder.RecordEpoch(epoch, step, loss, weights.Memory);
                return new ReceiptRecorded(replay, step, record, weights, wasKnown);
            }
            catch (ContradictionException error)
            {
                return new ReceiptContradicted(replay, error.Message, weights);
            }
        }, weights);
    }

    /// <summary>The last step up to this one that has an entry in the receipt.</summary>
    private long LastEntry(long step) => Math.Max(
        step - (step % _plan.StepsPerEpoch), _settings.ReceiptSteps > 0 ? step - (step % _settings.ReceiptSteps) : 0);

    /// <summary>The first step after this one that has an entry in the receipt.</summary>
    private long NextEntry(long step)
    {
        var epoch = step - (step % _plan.StepsPerEpoch) + _plan.StepsPerEpoch;
        return _settings.ReceiptSteps > 0 ? Math.Min(epoch, step - (step % _settings.ReceiptSteps) + _settings.ReceiptSteps) : epoch;
    }

    private void WriteBest(IActorContext context, EpochRecord record, TensorLease weights) => _journal.Write(
        context,
        isReplayed: false,
        () =>
        {
            _recorder.WriteBest(record, weights.Memory);
            weights.Release();
            return new BestWritten();
        },
        weights);

    private void WriteCheckpoint(IActorContext context, Snapshot snapshot)
    {
        var step = snapshot.Step;
        var loss = _plan.EndsEpoch(step) ? 0 : snapshot.EpochLoss;
        var (replay, held) = (_replay, context.Now - snapshot.WholeSince!.Value);
        var (weights, state) = (snapshot.Weights!.Share(), snapshot.State?.Share());
        _journal.Write(context, isReplayed: true, () =>
        {
            try
            {
                _recorder.WriteCheckpoint(new RunState(step, loss, weights.Memory, state?.Memory ?? default));
                return new CheckpointWritten(replay, step, loss, weights, state, held, null);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                return new CheckpointWritten(replay, step, loss, weights, state, held, error.Message);
            }
        }, weights, state);
    }

    private void Finish(IActorContext context, EpochRecord last, TensorLease lastWeights)
    {
        _finishing = true;
        var stoppedEarly = last.Step < _plan.Steps;
        var restoreBest = _plan.Recipe.EarlyStopping is { RestoreBest: true } && _best is not null;
        var (record, weights) = restoreBest ? (_bestRecord!, _best!.Share()) : (last, lastWeights.Share());
        _journal.Write(context, isReplayed: false, () =>
        {
            _recorder.WriteResult(record, weights.Memory);
            weights.Release();
            return new ResultWritten(new RunCompleted(record.Epoch, record.Step, record.WeightsSha256, stoppedEarly));
        }, weights);
    }

    /// <summary>Feeds early stopping; true when the epoch is the best so far.</summary>
    private bool Observe(EpochRecord record)
    {
        if (_stopping is null || record.Epoch != _stopping.Epochs + 1)
        {
            return false;
        }

        var figure = _plan.Recipe.EarlyStopping!.Metric == StoppingMetric.ValidationAccuracy
            ? record.Validation!.Accuracy ?? double.NaN
            : record.Validation!.Loss;
        var isBest = _stopping.Observe(figure);
        _bestRecord = isBest ? record : _bestRecord;
        return isBest;
    }

    /// <summary>Takes the recorded epochs up to a step for granted.</summary>
    private void Replay(long step)
    {
        RecordedStep = step;
        _writtenStep = Math.Max(_writtenStep, step);
        foreach (var record in _start.Recorded.Where(record => record.Step <= step))
        {
            LastRecord = record;
            if (!Observe(record) || !_plan.Recipe.EarlyStopping!.RestoreBest)
            {
                continue;
            }

            _unsavedBest = null;
            if (_start.Best is { } best && best.Epoch == record.Epoch)
            {
                Keep(Copy(best.Weights));
            }
            else if (_start.State.Step == record.Step)
            {
                Keep(Copy(_start.State.Weights));
                _unsavedBest = record;
            }
            else
            {
                Keep(null);
            }
        }
    }

    private void Keep(TensorLease? best)
    {
        _best?.Release();
        _best = best;
    }

    private bool IsWhole(Snapshot snapshot) => snapshot.HasWeights && (_stateCount == 0 || snapshot.HasState);

    private TensorLease Copy(ReadOnlyMemory<float> values)
    {
        var copy = _pool.Rent(values.Length);
        values.Span.CopyTo(copy.Span);
        return copy;
    }
}
