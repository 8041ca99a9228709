using System.Globalization;
using ClusterTrain.Learning.Metrics;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;
using ClusterTrain.Watching;

namespace ClusterTrain.EndToEnd.Tests;

/// <summary>The events of a run of very many workers and epochs, as a coordinator would tell them; nothing is trained.</summary>
internal sealed class SimulatedRun : IDisposable
{
    private static readonly TimeSpan s_period = TimeSpan.FromMilliseconds(200);
    private readonly TemporaryFolder _folder = new();
    private readonly int _workers;
    private readonly Timer _timer;
    private readonly Lock _gate = new();
    private int _epoch;
    private int _ticks;

    /// <summary>Begins it, with most of its epochs behind it.</summary>
    /// <param name="workers">Workers.</param>
    /// <param name="epochs">Epochs of the run.</param>
    /// <param name="ahead">Those that are not over.</param>
    public SimulatedRun(int workers, int epochs, int ahead = 1000)
    {
        _workers = workers;
        var recipe = RecipeReader.Parse(
            $"""
            name: large
            data: {"{ set: digits, scale: 1/16, validation: 0.1 }"}
            layers: [{"{ units: 10, activation: softmax }"}]
            loss: categorical-cross-entropy
            epochs: {epochs}
            """,
            "large", []);
        Directory.CreateDirectory(_folder["large"]);
        Watch.Begin(new WatchedRun(recipe, _folder["large"], 1_000_000, 100, 235_146), withHistory: false);
        Watch.Leads("10.0.0.5:7070", 3);
        for (var server = 1; server <= 4; server++)
        {
            Watch.Observe(new MembershipChanged(new ActorId($"server-{server}/aa"), NodeRole.ParameterServer, "joined"));
        }

        for (var worker = 1; worker <= workers; worker++)
        {
            Watch.Observe(new MembershipChanged(Id(worker), NodeRole.Worker, "joined"));
        }

        Watch.Observe(new RunBegan(0, workers, 4));
        while (_epoch < epochs - ahead)
        {
            Epoch();
        }

        if (workers > 17)
        {
            Watch.Observe(new MembershipChanged(Id(17), NodeRole.Worker, "lost: its process is gone"));
        }

        Watch.Observe(new CheckpointSaved(_epoch * 100));
        Watch.Observe(new RunAudited(new AuditTotals(_epoch * 100, 500 * (long)_epoch, 0, 3)));
        Tell();
        _timer = new Timer(_ => Tell(), null, s_period, s_period);
    }

    public RunWatch Watch { get; } = new(TimeProvider.System);

    public void Dispose()
    {
        using var told = new ManualResetEvent(false);
        _timer.Dispose(told);
        told.WaitOne();
        _folder.Dispose();
    }

    private static ActorId Id(int worker) => new(string.Create(CultureInfo.InvariantCulture, $"worker-{worker:D3}/aa"));

    private void Tell()
    {
        lock (_gate)
        {
            Epoch();
            Watch.Observe(new RunProgress((_epoch * 100) + 50, Loss, 4_000_000 + (50_000 * Math.Sin(_ticks))));
            if (_ticks++ % 5 != 0)
            {
                return;
            }

            var measures = Enumerable.Range(1, _workers).Where(worker => worker != 17).Select(worker => new WorkerMeasure(
                Id(worker), 1, worker == 250 ? 4000 : 10_000 + worker, TimeSpan.FromMilliseconds(worker == 250 ? 2.1 : 1.2),
                TimeSpan.FromMilliseconds(worker == 250 ? 0.4 : 1.3), 940_584, false));
            Watch.Observe(new MembersMeasured(
                [.. measures],
                new StepMeasure(
                    _epoch * 100, TimeSpan.FromMilliseconds(2.3), TimeSpan.FromMilliseconds(0.2), TimeSpan.FromMilliseconds(0.15),
                        TimeSpan.FromMilliseconds(0.05), 0.4 + Loss),
                [.. Enumerable.Range(1, 3).Select(server => new ActorId($"server-{server}/aa"))]));
        }
    }

    private double Loss => 0.02 + (2.3 / (1 + (_epoch / 200.0))) + (0.01 * Math.Sin(_epoch));

    private void Epoch()
    {
        _epoch++;
        var validation = new Evaluation { Rows = 1000, Loss = Loss * 1.1, Accuracy = 1 - (Loss / 3) };
        Watch.Observe(new EpochCompleted(
            new EpochRecord(_epoch, _epoch * 100L, Loss, validation,
                Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(BitConverter.GetBytes(_epoch)))),
            4_000_000, _workers, TimeSpan.FromMinutes(3)));
    }
}
