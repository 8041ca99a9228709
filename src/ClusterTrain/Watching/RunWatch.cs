using System.Globalization;
using ClusterTrain.Runs;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Watching;

/// <summary>
/// The live state of a run, made of its events, which come a few times a second whatever the run's pace. The page, <c>status</c>, <c>top</c> and the
/// metrics show what it tells; several threads may use it.
/// </summary>
/// <param name="time">The clock.</param>
public sealed class RunWatch(TimeProvider time)
{
    private const int MostEpochs = 4000;
    private const int MostSteps = 2000;
    private const int MostEvents = 500;
    private const int MostNewest = 20;
    private const string Starting = "starting";

    // Members come back to a new coordinator within this; a worker that is late again and again is told of once in a while.
    private static readonly TimeSpan s_comingBack = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_latePause = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private readonly Thinned<EpochPoint> _epochs = new(MostEpochs);
    private readonly Thinned<StepPoint> _steps = new(MostSteps);
    private readonly Thinned<NormPoint> _norms = new(MostSteps);
    private readonly Queue<EpochPoint> _newest = new();
    private readonly LinkedList<WatchedEvent> _events = new();
    private readonly Machines _machines = new();
    private readonly Dictionary<string, DateTimeOffset> _saidLate = [];
    private DateTimeOffset? _ledAt;
    private WatchedRun? _run;
    private string _state = Starting;
    private bool _isTraining;
    private RunOutcome? _outcome;
    private string? _leader;
    private long _term;
    private long _step;
    private RunProgress? _progress;
    private EpochCompleted? _epoch;
    private StepMeasure? _stepTime;
    private AuditTotals? _audit;
    private (string Name, DateTimeOffset At, long Step)? _lost;
    private (long Step, DateTimeOffset At)? _checkpoint;
    private long _checkpoints;
    private int _recorded;
    private DateTimeOffset? _began;
    private DateTimeOffset? _latest;
    private long _version;
    private RunView? _view;

    /// <summary>Told of every event that is observed, and when; from the observing thread.</summary>
    public event Action<RunEvent, DateTimeOffset>? Observed;

    /// <summary>The clock.</summary>
    public TimeProvider Clock => time;

    /// <summary>Grows with every change.</summary>
    public long Version => Interlocked.Read(ref _version);

    /// <summary>Tells what is trained.</summary>
    /// <param name="run">The run.</param>
    /// <param name="withHistory">True: what the run folder's log tells of a run that was begun before comes first.</param>
    public void Begin(WatchedRun run, bool withHistory = true)
    {
        ArgumentNullException.ThrowIfNull(run);
        lock (_gate)
        {
            if (_run?.Folder != run.Folder)
            {
                Clear();
                _run = run;
                foreach (var (happened, at) in withHistory ? RunHistory.Read(run.Folder) : [])
                {
                    Take(happened, at);
                }

                if (withHistory && _began is not null && _outcome is null)
                {
                    NewLeader(time.GetUtcNow());
                }
            }

            _run = run;
            Changed();
        }
    }

    /// <summary>Another coordinator leads, or the first.</summary>
    /// <param name="leader">Where it is reached.</param>
    /// <param name="term">Its term.</param>
    public void Leads(string leader, long term)
    {
        lock (_gate)
        {
            if ((_leader, _term) == (leader, term))
            {
                return;
            }

            var isAnother = _leader is not null && _leader != leader;
            if (_leader is not null)
            {
                NewLeader(time.GetUtcNow());
            }

            (_leader, _term) = (leader, term);
            Say(time.GetUtcNow(), isAnother ? EventKind.Warning : EventKind.Note, string.Create(
                CultureInfo.InvariantCulture, $"the coordinator at {leader} {(isAnother ? "took over" : "leads")}, term {term}"));
            Changed();
        }
    }

    /// <summary>Takes in what happened now.</summary>
    public void Observe(RunEvent happened) => Observe(happened, time.GetUtcNow());

    /// <summary>Takes in what happened.</summary>
    /// <param name="happened">What.</param>
    /// <param name="at">When.</param>
    public void Observe(RunEvent happened, DateTimeOffset at)
    {
        ArgumentNullException.ThrowIfNull(happened);
        lock (_gate)
        {
            Take(happened, at);
            Changed();
        }

        Observed?.Invoke(happened, at);
    }

    /// <summary>The run as it is now; the same object until something changes.</summary>
    public RunView View()
    {
        lock (_gate)
        {
            if (_view is { } view && view.Version == _version)
            {
                return view;
            }

            var machines = _machines.Views;
            var ideal = machines.Where(machine => machine.Measure is { Leaves: > 0 }).Sum(machine => machine.Measure!.Value.RowsPerSecond);
            return _view = new RunView
            {
                Run = _run,
                State = _state,
                IsTraining = _isTraining,
                Outcome = _outcome,
                Leader = _leader,
                Term = _term,
                Step = _step,
                Loss = _progress?.Loss ?? _epoch?.Record.Loss ?? double.NaN,
                SamplesPerSecond = Pace,
                IdealSamplesPerSecond = ideal > 0 ? ideal : double.NaN,
                Remaining = Remaining,
                Recorded = _recorded,
                Newest = [.. _newest],
                Epochs = _epochs.ToImmutable(),
                Steps = _steps.ToImmutable(),
                Norms = _norms.ToImmutable(),
                Machines = machines,
                StepTime = _stepTime,
                Audit = _audit,
                Bottleneck = Bottleneck.Sentence(machines, _stepTime, _isTraining, _state),
                Events = [.. _events],
                CheckpointStep = _checkpoint?.Step,
                CheckpointAt = _checkpoint?.At,
                Checkpoints = _checkpoints,
                Began = _began,
                Latest = _latest,
                Version = _version,
            };
        }
    }

    private double Pace => _isTraining ? _progress?.SamplesPerSecond ?? _epoch?.SamplesPerSecond ?? 0 : 0;

    private TimeSpan? Remaining =>
        _outcome is not null || _run is not { Rows: > 0, StepsPerEpoch: > 0 } run || Pace is not > 0 ? null
        : TimeSpan.FromSeconds(Math.Min(1e9, Math.Max(0, run.Steps - _step) * ((double)run.Rows / run.StepsPerEpoch) / Pace));

    /// <summary>What was under way is not known any more: the coordinator that leads now tells it.</summary>
    private void NewLeader(DateTimeOffset at)
    {
        (_state, _isTraining, _stepTime, _ledAt) = (Starting, false, null, at);
        _machines.Await(at);
    }

    private void Changed() => Interlocked.Increment(ref _version);

    private void Clear()
    {
        _epochs.Clear();
        _steps.Clear();
        _norms.Clear();
        _newest.Clear();
        _events.Clear();
        _machines.Clear();
        _saidLate.Clear();
        (_state, _isTraining, _outcome, _step, _recorded, _checkpoints) = (Starting, false, null, 0, 0, 0);
        (_progress, _epoch, _stepTime, _audit, _lost, _checkpoint, _began, _latest) = (null, null, null, null, null, null, null, null);
    }

    private void Take(RunEvent happened, DateTimeOffset at)
    {
        _began ??= at;
        _latest = at;
        switch (happened)
        {
            case RunProgress progress:
                Progress(progress, at);
                break;
            case EpochCompleted epoch:
                Epoch(epoch);
                break;
            case MembersMeasured measured:
                _machines.Measure(measured, _isTraining, at);
                if (_ledAt is { } led && at - led > s_comingBack)
                {
                    _ledAt = null;
                    _machines.GiveUpAwaited(at);
                }

                Measured(measured.Steps);
                break;
            case MembershipChanged changed:
                Member(changed, at);
                break;
            case RunWaiting waiting:
                (_state, _isTraining) = (waiting.Reason, false);
                _machines.Rest(MachineState.Resting, at);
                Say(at, EventKind.Note, waiting.Reason);
                break;
            case RunBegan began:
                (_state, _isTraining, _outcome, _step) = ("training", true, null, began.Step);
                _machines.Begin(at);
                Say(at, EventKind.Note, string.Create(
                    CultureInfo.InvariantCulture,
                    $"training from step {began.Step:N0} with {Count(began.Workers, "worker")} and {Count(began.Servers, "parameter server")}"));
                break;
            case WorkerLate late:
                _machines.Late(late.Worker, at);
                if (_saidLate.TryGetValue(late.Worker.Node, out var said) && at - said < s_latePause)
                {
                    break;
                }

                _saidLate[late.Worker.Node] = at;
                Say(at, EventKind.Warning, string.Create(
                    CultureInfo.InvariantCulture, $"{late.Worker.Node} is late in step {late.Step:N0}; {late.Helper.Node} computes its share too"));
                break;
            case RunAudited audited:
                if ((_audit?.Shares ?? 0) == 0 && audited.Totals is { Shares: > 0, Differed: 0 })
                {
                    Say(at, EventKind.Note, "the first share was computed a second time, and the two are equal bit for bit");
                }

                _audit = audited.Totals;
                break;
            case CheckpointSaved saved:
                (_checkpoint, _checkpoints) = ((saved.Step, at), _checkpoints + 1);
                if (_checkpoints == 1)
                {
                    Say(at, EventKind.Note, string.Create(CultureInfo.InvariantCulture, $"the first checkpoint is written, of step {saved.Step:N0}"));
                }

                break;
            case RunWarning warning:
                Say(at, EventKind.Warning, warning.Message);
                break;
            case RunEnded ended:
                End(ended.Outcome, at);
                break;
        }
    }

    private void Progress(RunProgress progress, DateTimeOffset at)
    {
        if (_lost is { } lost && progress.Step > lost.Step)
        {
            _lost = null;
            Say(at, EventKind.Good, string.Create(
                CultureInfo.InvariantCulture, $"training continues, {(at - lost.At).TotalSeconds:F1} s after {lost.Name} was lost"));
        }

        if (_state == Starting)
        {
            // Who began to watch in the middle of a run has not heard that it began.
            (_state, _isTraining) = ("training", true);
            _machines.Begin(at);
        }

        (_progress, _step) = (progress, progress.Step);
        _steps.Add(new StepPoint(progress.Step, progress.Loss, progress.SamplesPerSecond));
    }

    private void Epoch(EpochCompleted completed)
    {
        // An epoch that is computed again after a recovery is the same one.
        if (completed.Record.Epoch <= _recorded)
        {
            return;
        }

        _epoch = completed;
        _recorded = completed.Record.Epoch;
        _step = Math.Max(_step, completed.Record.Step);
        var point = new EpochPoint(completed.Record, completed.SamplesPerSecond, completed.Workers);
        _epochs.Add(point);
        _newest.Enqueue(point);
        if (_newest.Count > MostNewest)
        {
            _newest.Dequeue();
        }
    }

    private void Measured(StepMeasure? steps)
    {
        _stepTime = steps ?? _stepTime;
        if (steps is not null && double.IsFinite(steps.GradientNorm))
        {
            _norms.Add(new NormPoint(steps.Step, steps.GradientNorm));
        }
    }

    private void Member(MembershipChanged changed, DateTimeOffset at)
    {
        var (machine, isBack) = _machines.Change(changed, at);
        var role = changed.Role == NodeRole.Worker ? "worker" : "parameter server";
        switch (machine.State)
        {
            case MachineState.Lost or MachineState.Excluded:
                _lost = _isTraining ? (machine.Name, at, _step) : _lost;
                Say(at, EventKind.Bad, $"{machine.Name} ({role}) {changed.What}");
                break;
            case MachineState.Left:
                Say(at, EventKind.Note, $"{machine.Name} ({role}) left");
                break;
            default:
                if (_isTraining && changed.Role == NodeRole.Worker)
                {
                    _machines.Begin(at);
                }

                Say(at, isBack ? EventKind.Good : EventKind.Note, $"{machine.Name} ({role}) {(isBack ? "is back" : "joined")}");
                break;
        }
    }

    private void End(RunOutcome outcome, DateTimeOffset at)
    {
        (_outcome, _isTraining) = (outcome, false);
        _machines.Rest(MachineState.Done, at);
        (_state, var kind, var text) = outcome switch
        {
            RunCompleted completed => ("completed", EventKind.Good, completed.StoppedEarly
                ? string.Create(CultureInfo.InvariantCulture,
                    $"completed: early stopping ended the run; the weights are those of epoch {completed.Epoch}")
                : "completed"),
            RunInterrupted interrupted => ("stopped", EventKind.Warning, string.Create(
                CultureInfo.InvariantCulture, $"stopped at step {interrupted.Step:N0}; the run can be resumed")),
            RunFailed failed => ("failed", EventKind.Bad, $"failed: {failed.Reason}"),
            _ => throw new ArgumentException($"unknown outcome {outcome}", nameof(outcome)),
        };
        Say(at, kind, text);
    }

    private void Say(DateTimeOffset at, EventKind kind, string text)
    {
        _events.AddFirst(new WatchedEvent(at, kind, text, _step));
        if (_events.Count > MostEvents)
        {
            _events.RemoveLast();
        }
    }

    private static string Count(int number, string thing) =>
        string.Create(CultureInfo.InvariantCulture, $"{number} {thing}{(number == 1 ? "" : "s")}");
}
