using ClusterTrain.Data.Common;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Data.Prepared;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.RandomNumbers;
using ClusterTrain.Numerics.Threading;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;
using ClusterTrain.Training.Validation;

namespace ClusterTrain.Simulation.Tests;

/// <summary>
/// A whole cluster in one thread under virtual time: the production actors, each in a process of its own, and hosts that
/// behave as those over a network do. Everything follows from the scenario; nothing waits.
/// </summary>
internal sealed partial class SimulatedCluster : IDisposable
{
    // After the last fault: detection, reconnection, and every step of the run again on slow machines, many times over.
    private const long QuietBoundUs = 300_000_000;
    private const long LingerUs = 10_000_000;
    private const int MostEvents = 2_000_000;

    private readonly Scenario _scenario;
    private readonly Plant _plant;
    private readonly TextWriter? _trace;
    private readonly SimulationRandom _random;
    private readonly PriorityQueue<Action, (long AtUs, long Number)> _events = new();
    private readonly PreparedData _data;
    private readonly TrainingPlan _plan;
    private readonly NetworkLayout _layout;
    private readonly ComputePool _threads = new(1);
    private readonly Network _evaluation;
    private readonly Evaluator? _validation;
    private readonly Checker _checker;
    private readonly Disk _disk;

    private readonly Dictionary<ActorId, Process> _processes = [];
    private readonly Process?[] _places;
    private readonly Link[,] _links;
    private readonly long[] _clockOffsetUs;
    private readonly double[] _slowness;
    private readonly List<Process> _former = [];
    private long _numbers;
    private int _lives;

    private RunOutcome? _outcome;
    private bool _stopAsked;

    // The run was stopped, and everything is about to be started again.
    private bool _isResuming;
    private bool _isComplete;
    private long? _endUs;
    private bool _isQuiet;
    private string _progress = "nothing";

    public SimulatedCluster(Scenario scenario, Plant plant, TextWriter? trace = null)
    {
        _scenario = scenario;
        _plant = plant;
        _trace = trace;
        _random = new SimulationRandom(scenario.Seed ^ 0x5DEECE66D);
        _data = DataPreparation.Prepare(scenario.Recipe, new DataLocations(null, [], Path.GetTempPath()));
        _plan = new TrainingPlan(scenario.Recipe, _data.Train.Rows);
        _layout = new NetworkLayout(_data.Train.Features, scenario.Recipe.Layers);
        var kernels = Kernels.Supported[0];
        Reference = ReferenceRun.Compute(scenario.Recipe, _data, _layout, kernels, _threads);
        _evaluation = new Network(_layout, scenario.Recipe.Loss, kernels, _threads);
        _validation = _data.Validation is { } rows ? new Evaluator(_evaluation, rows, _data.Task) : null;
        _checker = new Checker(scenario, _plan, Reference);
        _disk = new Disk(plant);
        _places = new Process?[scenario.Places];
        _corrupt = scenario.Corrupt ?? scenario.Wrong?.Place;
        _links = new Link[scenario.Places, scenario.Places];
        _clockOffsetUs = new long[scenario.Places];
        _slowness = new double[scenario.Places];
        for (var place = 0; place < scenario.Places; place++)
        {
            _slowness[place] = _random.Chance(0.2) && !scenario.IsEven ? 2 + (30 * _random.Unit()) : 1;
            for (var other = 0; other < place; other++)
            {
                _links[place, other] = _links[other, place] = new Link();
            }
        }

        if (scenario.Slow is { } slow)
        {
            _slowness[slow.Place] = (double)slow.ShareUs * scenario.Workers / (scenario.RowUs * _plan.BatchRows);
        }
    }

    /// <summary>Answers of which a bit was flipped.</summary>
    public int Flipped => _flipped.Count;

    /// <summary>Workers that were excluded.</summary>
    public int Excluded { get; private set; }

    /// <summary>Shares that were computed twice.</summary>
    public int Recomputed { get; private set; }

    /// <summary>Places whose workers the coordinator said it excluded.</summary>
    public List<int> Named { get; } = [];

    /// <summary>What audits have shown.</summary>
    public AuditTotals Audited { get; private set; } = AuditTotals.None;

    /// <summary>Steps of the run.</summary>
    public long Steps => _plan.Steps;

    /// <summary>How often steps were computed from a checkpoint on, the beginning among them.</summary>
    public int Beginnings => _served.Count;

    /// <summary>What the run must give.</summary>
    public ReferenceRun Reference { get; }

    public long NowUs { get; private set; }

    /// <summary>The newest step whose weights were broadcast when all were asked to stop.</summary>
    public long StepWhenStopped { get; private set; }

    /// <summary>The step the last coordinator began with.</summary>
    public long Resumed { get; private set; }

    /// <summary>When the run was complete.</summary>
    public long CompletedUs { get; private set; }

    /// <summary>Messages handled.</summary>
    public long Handled { get; private set; }

    /// <summary>A hash of everything that was handled and when: equal for equal simulations.</summary>
    public ulong TraceHash { get; private set; } = 14695981039346656037;

    /// <summary>
    /// True while a process has messages before it: a slow worker may have the weights of many steps to compute before it comes to
    /// the message that tells it to stop, and until it takes them they lie in the sender's buffers.
    /// </summary>
    private bool IsBehind => Array.Exists(_places, process => process is { IsAlive: true, Mailbox.Count: > 0 });

    /// <summary>Simulates the run to its end.</summary>
    /// <exception cref="SimulationFailure">The cluster broke a promise.</exception>
    public void Run()
    {
        foreach (var happening in _scenario.Events)
        {
            At(happening.AtUs, () => Happen(happening));
        }

        At(_scenario.QuietUs + 1, BeQuiet);
        StartAll();
        for (var count = 0; _events.TryDequeue(out var happen, out var at); count++)
        {
            if (at.AtUs > (_endUs ?? long.MaxValue))
            {
                if (!IsBehind)
                {
                    break;
                }

                _endUs = at.AtUs + LingerUs;
            }

            NowUs = at.AtUs;
            Checker.Require(NowUs < _scenario.QuietUs
                + QuietBoundUs, "liveness", $"not complete {QuietBoundUs / 1_000_000} s after the last fault; {_progress}");
            Checker.Require(count < MostEvents, "liveness", $"not complete after {MostEvents} events; {_progress}");
            happen();
        }

        Checker.Require(_isComplete, "liveness", $"nothing is left to happen; {_progress}");
        foreach (var process in _places.OfType<Process>().Where(process => process.IsAlive))
        {
            Checker.Require(process.Role is null || process.IsStopped, "liveness", $"the run is over, but {process.Self} was not told");
            Checker.Require(!process.IsWorking, "liveness", $"the run is over, but {process.Self} is still at work");
        }

        // A run that failed may leave what it was about to record.
        KillAll(_ => Reference.IsFinite);
    }

    public void Dispose()
    {
        foreach (var process in _places.OfType<Process>().Concat(_former).Where(process => process.IsAlive))
        {
            process.Owned.Dispose();
        }

        _evaluation.Dispose();
        _threads.Dispose();
    }

    public long ClockOffsetUs(int place) => _clockOffsetUs[place];

    public long WorkUs() => _random.Duration(50, 20_000);

    public void After(long delayUs, Action action) => At(NowUs + delayUs, action);

    /// <summary>Does offloaded work; what it throws is its owner's to handle, but a broken promise ends the simulation.</summary>
    public static IMessage Perform(Func<IMessage> work)
    {
        try
        {
            return work();
        }
        catch (Exception error) when (error is TrainingException or IOException)
        {
            return new WorkFailed(error);
        }
    }

    /// <summary>Puts a message in a mailbox.</summary>
    public void Arrive(Process to, in Envelope envelope)
    {
        if (!to.IsAlive)
        {
            envelope.Drop();
            return;
        }

        if (_scenario.KeepsNewestWeights && to.Role == NodeRole.Worker)
        {
            to.DropOlderWeights(envelope, kept: _scenario.Servers > 1 ? 2 : 1);
        }

        to.Mailbox.Enqueue(envelope);
        _checker.Waits(to);
        Pump(to);
    }

    private void At(long atUs, Action action) => _events.Enqueue(action, (atUs, _numbers++));

    private void Pump(Process process)
    {
        if (!process.IsScheduled && process.IsAlive && process.Mailbox.Count > 0)
        {
            process.IsScheduled = true;
            At(Math.Max(NowUs, process.BusyUntilUs), () =>
            {
                process.IsScheduled = false;
                if (process.IsAlive && NowUs >= process.BusyUntilUs)
                {
                    Handle(process, process.Mailbox.Dequeue());
                }

                Pump(process);
            });
        }
    }

    private void Handle(Process process, in Envelope envelope)
    {
        Trace(process, envelope);
        Handled++;
        var busyUs = 0L;
        if (envelope.Message is { } message)
        {
            process.IsStopped |= message is Stop or Exclude;
            process.Actor.Receive(process, envelope.Sender, message);
            busyUs = Heard(process, envelope.Sender, message);
        }
        else
        {
            var tensor = Take(process, envelope);
            busyUs = ComputeUs(process, tensor);
            Answered(process, envelope.Sender, tensor.Key);
            var (isStale, lent) = (tensor.Key.Term < process.Term, process.Held);
            process.Actor.Receive(process, envelope.Sender, tensor);
            _checker.Handled(process, tensor, isStale, lent);
        }

        Checker.Require(process.Violation is null, "memory", $"{process.Violation}");
        if (process.Role is not null)
        {
            process.Term = Math.Max(process.Term, Checker.OrderedTerm(envelope.Message) ?? 0);
        }

        Flush(process, busyUs);
        if (_outcome is { } outcome)
        {
            _outcome = null;
            RunEnded(outcome);
        }
    }

    private long ComputeUs(Process process, in TensorMessage tensor)
    {
        if (process.Role != NodeRole.Worker || tensor.Key.Kind != TensorKind.Weights || tensor.Key.Step >= _plan.Steps)
        {
            return 0;
        }

        var rowsUs = _scenario.RowUs * _plan.Rows(tensor.Key.Step) / _scenario.Workers;
        return (long)(rowsUs * _slowness[process.Place] * (0.5 + _random.Unit()));
    }

    /// <summary>Sends what the actor has to send, when it is done computing.</summary>
    private void Flush(Process process, long busyUs)
    {
        if (process.Outbox.Count == 0)
        {
            return;
        }

        foreach (var (_, envelope) in process.Outbox)
        {
            _checker.Sends(process, envelope);
        }

        if (busyUs == 0)
        {
            foreach (var (to, envelope) in process.Outbox)
            {
                Send(process, to, envelope);
            }

            process.Outbox.Clear();
            return;
        }

        var outbox = process.Outbox;
        process.Outbox = [];
        process.BusyUntilUs = NowUs + busyUs;
        After(busyUs, () =>
        {
            FlipBitOfCompared(process, outbox);
            ComputeWrongly(process, outbox);
            foreach (var (to, envelope) in outbox)
            {
                if (process.IsAlive)
                {
                    Send(process, to, envelope);
                }
                else
                {
                    envelope.Drop();
                }
            }
        });
    }

    private void Send(Process from, ActorId to, in Envelope envelope)
    {
        if (envelope.Message is { } message && _plant.Forgets(to, message))
        {
            return;
        }

        if (!_processes.TryGetValue(to, out var target) || !target.IsAlive || from.IsFormer || target.IsFormer)
        {
            envelope.Drop();
            return;
        }

        var link = _links[from.Place, target.Place];
        var direction = link.Towards(from.Place, target.Place);
        if (!link.IsConnected)
        {
            envelope.Drop();
        }
        else if (direction.Blocks > 0)
        {
            direction.Held.Add((target, envelope));
        }
        else
        {
            Transmit(link, direction, target, envelope);
        }
    }

    private void Transmit(Link link, Link.Direction direction, Process to, Envelope envelope)
    {
        var arrivalUs = Math.Max(NowUs + DelayUs(), direction.LastArrivalUs);
        direction.LastArrivalUs = arrivalUs;
        var number = link.Number;
        long? repeatAfterUs = MayRepeat(envelope) && _random.Chance(_scenario.Duplicates) ? _random.Duration(1, 100 * _scenario.DelayUs.High) : null;
        At(arrivalUs, () =>
        {
            if (link.Number != number)
            {
                envelope.Drop();
                return;
            }

            // What comes a second time came a first time: before it everything came that was sent before it.
            if (repeatAfterUs is { } afterUs)
            {
                if (envelope.Message is null)
                {
                    envelope.Tensor.Lease.Share();
                }

                After(afterUs, () => Arrive(to, envelope));
            }

            Arrive(to, envelope);
        });
    }

    /// <summary>What is keyed, or says the same thing twice, may be delivered twice and late.</summary>
    private static bool MayRepeat(in Envelope envelope) =>
        envelope.Message is null or SumDigest or Subscribe or NormPart or StepReport or ComputeReport or StepTimes;

    private long DelayUs() => _random.Between(_scenario.DelayUs.Low, _scenario.DelayUs.High);

    private long DetectionUs() => _random.Duration(_scenario.DetectionUs.Low, _scenario.DetectionUs.High);

    private void Observe(RunEvent happened)
    {
        _trace?.WriteLine($"{NowUs,10} {"event",-14} {happened}");
        switch (happened)
        {
            case RunEnded ended:
                _outcome = ended.Outcome;
                break;
            case CheckpointSaved saved:
                _checker.Saved(saved.Step);
                break;
            case MembershipChanged changed when changed.What.StartsWith("excluded", StringComparison.Ordinal):
                Named.Add(_placeOf[changed.Member]);
                Checker.Require(
                    Named[^1] == (_scenario.Corrupt ?? _scenario.Wrong?.Place), "votes",
                    $"{changed.Member} was {changed.What}, but it computes rightly");
                break;
            case RunWarning warning:
                IsDoubted |= warning.Message.Contains("clustertrain replay", StringComparison.Ordinal);
                break;
            case RunAudited audited:
                Audited = audited.Totals;
                break;
            case RunProgress or EpochCompleted or RunBegan or RunWaiting:
                _progress = $"the last news: {happened}";
                break;
        }
    }

    private void Trace(Process process, in Envelope envelope)
    {
        var kind = envelope.Message is { } message ? RandomStream.HashPurpose(message.GetType().Name) : (ulong)envelope.Tensor.Key.Step;
        TraceHash = unchecked((TraceHash ^ (ulong)NowUs ^ ((ulong)process.Place << 48) ^ kind) * 0x100000001B3);
        _trace?.WriteLine($"{NowUs,10} {process.Self,-14} <- {envelope.Sender}: {envelope}");
    }
}
