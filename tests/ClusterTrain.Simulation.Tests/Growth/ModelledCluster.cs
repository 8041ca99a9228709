using System.Buffers;
using System.Collections.Immutable;
using System.Diagnostics;
using ClusterTrain.Cluster.Wire;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Learning.ModelFiles;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Optimisers;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Threading;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;
using ClusterTrain.Training.Servers;
using ClusterTrain.Training.Tensors;
using ClusterTrain.Training.Workers;

namespace ClusterTrain.Simulation.Tests;

/// <summary>
/// A cluster in which nothing goes wrong, in virtual time that a <see cref="MachineModel"/> tells: the production actors train 784-500-500-10, a
/// worker on each machine and a parameter server beside it on as many as there may be servers.
/// </summary>
internal sealed class ModelledCluster : IDisposable
{
    /// <summary>Parameters of 784-500-500-10.</summary>
    public const int Parameters = 648_010;

    private const int Features = 784;
    private const int Outputs = 10;
    private const int LeafRows = 16;

    private readonly VirtualClock _clock = new();
    private readonly MachineModel _model;
    private readonly TrainingPlan _plan;
    private readonly NetworkLayout _layout;
    private readonly ComputePool _threads = new(1);
    private readonly Network _network;
    private readonly Dictionary<ActorId, Node> _nodes = [];
    private readonly Node _coordinator;
    private readonly double[] _beganUs;
    private readonly double _rowsOfLeaf;
    private RunOutcome? _outcome;

    /// <summary>Sets it up.</summary>
    /// <param name="model">What machines and network take.</param>
    /// <param name="machines">Machines with a worker.</param>
    /// <param name="rows">Rows of a batch.</param>
    /// <param name="steps">Steps to train, 3 at least, and so many that there is a row for each of the ten classes.</param>
    /// <param name="mostServers">Parameter servers at most.</param>
    /// <param name="isLedByFirst">True: the first machine has the coordinator too, with checkpoints; false: it has its own, without them.</param>
    public ModelledCluster(
        MachineModel model, int machines, int rows, int steps, int mostServers, bool isLedByFirst = false)
    {
        _model = model;
        var leaves = Math.Min(machines, Math.Max(1, rows / LeafRows));
        _rowsOfLeaf = (double)rows / leaves;
        _beganUs = new double[steps];

        // A worker's leaves are one node of the tree and leave it as one sum. So one leaf of one row stands for all of them.
        var recipe = DataAndRecipe(leaves, steps);
        var data = DataPreparation.Prepare(recipe, new DataLocations(null, [], Path.GetTempPath()));
        _plan = new TrainingPlan(recipe, data.Train.Rows);
        _layout = new NetworkLayout(Features, recipe.Layers);
        var kernels = Kernels.Supported[0];
        _network = new Network(_layout, recipe.Loss, kernels, _threads);
        var servers = Math.Min(machines, mostServers);
        var weights = new float[_layout.Parameters];
        _layout.Initialise(recipe.Seed, weights);
        var state = new float[_layout.Parameters * Optimiser.StatePlanes(recipe.Optimiser, _layout.Parameters)];
        TimeSpan? checkpoints = isLedByFirst ? null : TimeSpan.Zero;
        var settings = new RunSettings { ParameterServers = servers, LeastWorkers = machines, CheckpointPeriod = checkpoints };
        var start = new RunStart(1, new RunState(0, 0, weights, state), [], 0, null);
        var onMachines = Enumerable.Range(0, machines)
            .Select(machine => isLedByFirst && machine == 0 ? model.RuntimeShare + model.CoordinatorShare : model.RuntimeShare)
            .Select(others => new Machine(_clock, 1 - others)).ToArray();
        _coordinator = new Node(this, "coordinator", isLedByFirst ? onMachines[0] : new Machine(_clock, 1 - model.RuntimeShare), null);
        var coordinator = new Coordinator(_plan, _layout, settings, start, new Recorder(this), _coordinator.Pool, Observe);
        _coordinator.Actor = coordinator;
        _nodes.Add(_coordinator.Self, _coordinator);
        coordinator.Start(_coordinator);
        _coordinator.Flush();

        // Workers first: they are given leaves once, when all are there.
        for (var machine = 0; machine < machines; machine++)
        {
            var node = Add($"worker-{machine + 1}", onMachines[machine], NodeRole.Worker);
            var worker = new Worker(_plan, _layout, data.Train, _network, node.Pool);
            node.Actor = worker;
            worker.Start(node, _coordinator.Self);
            node.Flush();
        }

        _clock.At(1_000_000, () =>
        {
            for (var machine = 0; machine < servers; machine++)
            {
                var node = Add($"server-{machine + 1}", onMachines[machine], NodeRole.ParameterServer);
                var server = new ParameterServer(_plan, _layout, kernels, _threads, node.Pool);
                node.Actor = server;
                server.Start(node, _coordinator.Self);
                node.Flush();
            }
        });
    }

    /// <summary>Time of a step, ms: all but the first, from when all workers had its weights until they had those of the next.</summary>
    public double StepMs { get; private set; }

    /// <summary>Hash of the weights at the end.</summary>
    public string WeightsSha256 { get; private set; } = "";

    /// <summary>What the coordinator received and sent while steps were computed, by the message's name: bytes, and how long each took here, µs.</summary>
    public SortedDictionary<string, List<(int Bytes, double Us)>> Control { get; } = [];

    /// <summary>Virtual time that steps were computed in.</summary>
    public double TrainedSeconds { get; private set; }

    /// <summary>Trains to the end.</summary>
    public void Run()
    {
        while (_outcome is null)
        {
            Checker.Require(_clock.Step(), "liveness", "nothing is left to happen");
        }

        Checker.Require(_outcome is RunCompleted, "crash", $"the run ended: {_outcome}");
        var (first, last) = (1, _beganUs.Length - 1);
        StepMs = (_beganUs[last] - _beganUs[first]) / (last - first) / 1000;
        TrainedSeconds = (_beganUs[last] - _beganUs[0]) / 1e6;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _network.Dispose();
        _threads.Dispose();
    }

    private static Recipe DataAndRecipe(int leaves, int steps)
    {
        var random = new SimulationRandom(1);
        return new Recipe
        {
            Name = "growth",
            Seed = 1,
            Data = new DataRecipe
            {
                Source = new InlineSource
                {
                    Features =
                    [
                        .. Enumerable.Range(0, leaves * steps)
                            .Select(_ => ImmutableArray.CreateRange(Enumerable.Range(0, Features).Select(_ => random.Symmetric()))),
                    ],
                    Targets = [.. Enumerable.Range(0, leaves * steps).Select(row => ImmutableArray.Create<float>(row % Outputs))],
                },
                Task = TaskKind.Classification,
            },
            Layers =
            [
                new LayerRecipe { Units = 500, Activation = ActivationKind.Relu },
                new LayerRecipe { Units = 500, Activation = ActivationKind.Relu },
                new LayerRecipe { Units = Outputs, Activation = ActivationKind.Softmax },
            ],
            Loss = LossKind.CategoricalCrossEntropy,
            Optimiser = new OptimiserRecipe { Kind = OptimiserKind.Momentum, Rate = 0.01, Momentum = 0.9 },
            BatchRows = leaves,
            LeafRows = 1,
            Epochs = 1,
        };
    }

    private Node Add(string name, Machine machine, NodeRole role)
    {
        var node = new Node(this, name, machine, role);
        _nodes.Add(node.Self, node);
        return node;
    }

    private void Observe(RunEvent happened) => _outcome = happened is RunEnded ended ? ended.Outcome : _outcome;

    // A worker has the weights of a step; the last one counts.
    private void Begins(long step) => _beganUs[step] = Math.Max(_beganUs[step], _clock.NowUs);

    // What the coordinator does while steps are computed; what it tells itself counts as its own.
    private void Count(in Envelope envelope, List<(Node To, Envelope Envelope)> outbox, TimeSpan took)
    {
        if (_beganUs[0] == 0 || _beganUs[^1] > 0)
        {
            return;
        }

        Count(NameOf(envelope), envelope.Sender == _coordinator.Self ? 0 : Bytes(envelope), took);
        foreach (var (_, sent) in outbox)
        {
            Count("sent " + NameOf(sent), Bytes(sent), TimeSpan.Zero);
        }

        static string NameOf(in Envelope envelope) => envelope.Message?.GetType().Name ?? envelope.Tensor.Key.Kind.ToString();
    }

    private void Count(string name, int bytes, TimeSpan time)
    {
        if (!Control.TryGetValue(name, out var known))
        {
            Control.Add(name, known = []);
        }

        known.Add((bytes, time.TotalMicroseconds));
    }

    private static int Bytes(in Envelope envelope)
    {
        if (envelope.Message is not { } message)
        {
            return Protocol.FrameHeaderBytes + Protocol.TensorKeyBytes + (envelope.Tensor.Length * sizeof(float));
        }

        var frame = new ArrayBufferWriter<byte>();
        MessageCodec.Write(frame, message);
        return Protocol.FrameHeaderBytes + frame.WrittenCount;
    }

    /// <summary>
    /// The part of a gradient's time after which all of it from a parameter on is known: forward every layer, then backward, in each layer the
    /// weights' gradient from the last one and after it the inputs' slope, but for the first layer's. Each takes as long as the layer has parameters.
    /// </summary>
    private double KnownAfter(int parameter)
    {
        double passed = _layout.Parameters, known = 0;
        for (var index = _layout.Layers.Length - 1; index >= 0; index--)
        {
            var layer = _layout.Layers[index];
            var (start, length) = (layer.Weight.Offset, layer.Weight.Length + (layer.Bias?.Length ?? 0));
            known = parameter >= start && parameter < start + length ? passed + start + length - parameter : known;
            passed += index > 0 ? 2 * length : length;
        }

        return known / passed;
    }

    /// <summary>Sends something: over the network in pieces, each through a core, the wire's two ends and another core.</summary>
    /// <param name="from">Who sends it.</param>
    /// <param name="to">Who receives it.</param>
    /// <param name="envelope">What.</param>
    /// <param name="isComputing">True: the thread that computes sends what is a single piece itself; the rest another thread, after its slice.</param>
    private void Transmit(Node from, Node to, in Envelope envelope, bool isComputing = false)
    {
        var sent = envelope;
        if (from.Machine == to.Machine)
        {
            _clock.At(to.Machine.Work(_model.MessageUs), () => to.Arrive(sent));
            return;
        }

        double left = Bytes(envelope);
        var isAtOnce = isComputing && left <= MachineModel.PieceBytes;
        for (var messageUs = _model.MessageUs; left > 0; messageUs = 0)
        {
            var bytes = Math.Min(left, MachineModel.PieceBytes);
            left -= bytes;
            var (isLast, wireUs, receiveUs) = (left == 0, _model.WireUs(bytes), messageUs + (bytes * _model.ReceiveNs / 1000));
            var sendUs = messageUs + (bytes * _model.SendNs / 1000);
            var sentUs = from.Machine.Work(sendUs);
            var leavesUs = from.Machine.Send(isAtOnce ? _clock.NowUs + from.Machine.Takes(sendUs) : sentUs, wireUs);
            _clock.At(leavesUs + _model.LatencyUs, () => _clock.At(to.Machine.Receive(wireUs), () =>
            {
                var doneUs = to.Machine.Work(receiveUs);
                if (isLast)
                {
                    _clock.At(doneUs, () => to.Arrive(sent));
                }
            }));
        }
    }

    /// <summary>A member or the coordinator: an actor, its mailbox, and the machine it runs on.</summary>
    private sealed class Node(ModelledCluster cluster, string name, Machine machine, NodeRole? role) : IActorContext
    {
        private readonly Queue<Envelope> _mailbox = new();
        private readonly Dictionary<int, int> _sums = [];
        private List<(Node To, Envelope Envelope)> _outbox = [];
        private bool _isBusy;

        public ActorId Self { get; } = new(name);

        public Machine Machine => machine;

        public IActor Actor { get; set; } = null!;

        public TensorPool Pool { get; } = new();

        public TimeSpan Now => TimeSpan.FromMicroseconds(cluster._clock.NowUs);

        public void Send(ActorId to, IMessage message) => _outbox.Add((cluster._nodes[to], new Envelope(Self, message, default)));

        public void Send(ActorId to, in TensorMessage message) => _outbox.Add((cluster._nodes[to], new Envelope(Self, null, message)));

        public void SendSelfLater(TimeSpan delay, IMessage message) =>
            cluster._clock.At(cluster._clock.NowUs + delay.TotalMicroseconds, () => Arrive(new Envelope(Self, message, default)));

        public void Offload(Func<IMessage> work) => SendSelfLater(TimeSpan.Zero, SimulatedCluster.Perform(work));

        public void Arrive(in Envelope envelope)
        {
            _mailbox.Enqueue(envelope);
            HandleNext();
        }

        /// <summary>Sends what the actor has to send.</summary>
        public void Flush() => SendAll(TakeOutbox());

        private void HandleNext()
        {
            if (_isBusy || !_mailbox.TryDequeue(out var envelope))
            {
                return;
            }

            _isBusy = true;
            var began = Stopwatch.GetTimestamp();
            if (envelope.Message is { } message)
            {
                Actor.Receive(this, envelope.Sender, message);
            }
            else
            {
                Actor.Receive(this, envelope.Sender, envelope.Tensor);
            }

            var took = Stopwatch.GetElapsedTime(began);
            var outbox = TakeOutbox();
            if (role is null)
            {
                cluster.Count(envelope, outbox, took);
            }

            if (outbox.Exists(sent => IsTensor(sent.Envelope, TensorKind.GradientSum)))
            {
                Compute(outbox);
                return;
            }

            cluster._clock.At(machine.Work(HandlingUs(envelope, outbox)), () =>
            {
                SendAll(outbox);
                Rest();
            });
        }

        /// <summary>Computes, slice by slice, and sends each segment's sums when they are known.</summary>
        private void Compute(List<(Node To, Envelope Envelope)> outbox)
        {
            var leaves = 0;
            foreach (var (_, envelope) in outbox)
            {
                leaves += IsTensor(envelope, TensorKind.GradientSum) && envelope.Tensor.Key.Segment == 0 ? envelope.Tensor.Key.Node.Count : 0;
            }

            cluster.Begins(outbox.Find(sent => IsTensor(sent.Envelope, TensorKind.GradientSum)).Envelope.Tensor.Key.Step);
            var us = cluster._model.GradientUs + (leaves * cluster._rowsOfLeaf * cluster._model.RowUs);
            Continue(0, 0);

            void Continue(int next, double doneUs)
            {
                if (doneUs >= us)
                {
                    Rest();
                    return;
                }

                var untilUs = Math.Min(us, doneUs + cluster._model.SliceUs);
                var endsUs = machine.Work(untilUs - doneUs);
                for (; next < outbox.Count && KnownUs(outbox[next].Envelope) <= untilUs; next++)
                {
                    var (to, envelope) = outbox[next];
                    cluster._clock.At(endsUs - machine.Takes(untilUs - KnownUs(envelope)), () => cluster.Transmit(this, to, envelope, true));
                }

                cluster._clock.At(endsUs, () => Continue(next, untilUs));
            }

            double KnownUs(in Envelope envelope) => envelope.Message is null ? cluster.KnownAfter(envelope.Tensor.Offset) * us : us;
        }

        /// <summary>Core time of handling a message, µs.</summary>
        private double HandlingUs(in Envelope envelope, List<(Node To, Envelope Envelope)> outbox)
        {
            if (envelope.Message is not null || role is null)
            {
                return 0;
            }

            var (key, length) = (envelope.Tensor.Key, envelope.Tensor.Length);
            if (key.Kind != TensorKind.GradientSum)
            {
                return length * cluster._model.PassNs / 1000;
            }

            // Of n sums the first waits, and the last addition is part of the update.
            var sums = _sums.GetValueOrDefault(key.Segment) + 1;
            var isUpdated = outbox.Exists(sent => IsTensor(sent.Envelope, TensorKind.Weights));
            _sums[key.Segment] = isUpdated ? 0 : sums;
            return length * (isUpdated ? cluster._model.UpdateNs : sums > 1 ? cluster._model.PassNs : 0) / 1000;
        }

        private void Rest()
        {
            _isBusy = false;
            HandleNext();
        }

        private void SendAll(List<(Node To, Envelope Envelope)> outbox)
        {
            foreach (var (to, envelope) in outbox)
            {
                cluster.Transmit(this, to, envelope);
            }
        }

        private List<(Node To, Envelope Envelope)> TakeOutbox()
        {
            var outbox = _outbox;
            _outbox = [];
            return outbox;
        }

        private static bool IsTensor(in Envelope envelope, TensorKind kind) => envelope.Message is null && envelope.Tensor.Key.Kind == kind;
    }

    /// <summary>Keeps the hash of the weights at the end.</summary>
    private sealed class Recorder(ModelledCluster cluster) : IRunRecorder
    {
        public (EpochRecord Record, bool WasKnown) RecordEpoch(int epoch, long step, double loss, ReadOnlyMemory<float> weights)
        {
            cluster.WeightsSha256 = WeightsHash.Of(weights.Span);
            return (new EpochRecord(epoch, step, loss, null, cluster.WeightsSha256), false);
        }

        public bool RecordStep(long step, ReadOnlyMemory<float> weights) => false;

        public void WriteCheckpoint(RunState state)
        {
        }

        public void WriteBest(EpochRecord record, ReadOnlyMemory<float> weights)
        {
        }

        public void WriteResult(EpochRecord record, ReadOnlyMemory<float> weights)
        {
        }
    }
}
