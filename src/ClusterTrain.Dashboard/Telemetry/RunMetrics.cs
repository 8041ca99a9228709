using System.Diagnostics.Metrics;
using ClusterTrain.Learning.Metrics;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;
using ClusterTrain.Watching;

namespace ClusterTrain.Dashboard.Telemetry;

/// <summary>What a run is doing, as instruments that are read when somebody asks: training itself is not told of them.</summary>
internal sealed class RunMetrics : IDisposable
{
    /// <summary>Name of the meter.</summary>
    public const string MeterName = "ClusterTrain";

    private readonly Meter _meter = new(MeterName);
    private readonly WatchedRuns _runs;

    public RunMetrics(WatchedRuns runs)
    {
        _runs = runs;
        Gauge("clustertrain_run_training", null, "1 while steps are trained.", view => view.IsTraining ? 1 : 0);
        Gauge("clustertrain_run_step", null, "Steps done.", view => view.Step);
        Gauge("clustertrain_run_steps", null, "Steps of the whole run.", view => view.Run?.Steps is > 0 and var steps ? steps : null);
        Gauge("clustertrain_run_epoch", null, "Epochs in the receipt.", view => view.Recorded);
        Gauge("clustertrain_run_epochs", null, "Epochs of the whole run.", view => view.Run?.Recipe.Epochs);
        Gauge("clustertrain_run_loss", null, "Mean loss of the current epoch.", view => view.Loss);
        Gauge("clustertrain_run_validation_loss", null, "Loss on the validation rows after the last epoch.", view => Validation(view)?.Loss);
        Gauge(
            "clustertrain_run_validation_accuracy", null, "Share of the validation rows that is classified correctly after the last epoch, 0 to 1.",
            view => Validation(view)?.Accuracy);
        Gauge("clustertrain_run_gradient_norm", null, "Norm of the mean gradient.", view => view.Norms is [.., var last] ? last.Norm : null);
        Gauge("clustertrain_run_learning_rate", null, "Learning rate.", view => view.Run?.LearningRate(Math.Max(1, view.Step)));
        Gauge("clustertrain_run_samples_per_second", null, "Rows trained per second.", view => view.SamplesPerSecond);
        Gauge("clustertrain_run_ideal_samples_per_second", null, "Rows per second if no worker ever waited.", view => view.IdealSamplesPerSecond);
        Gauge("clustertrain_run_remaining", "s", "Time to the end of the run at this pace.", view => view.Remaining?.TotalSeconds);
        Gauge("clustertrain_run_term", null, "The coordinator's term.", view => view.Term);
        Gauge(
            "clustertrain_checkpoint_age", "s", "Age of the last checkpoint.",
            view => view.CheckpointAt is { } at ? Math.Max(0, (Now - at).TotalSeconds) : null);
        Counter("clustertrain_checkpoints", "Checkpoints written.", view => view.Checkpoints);
        Gauge(
            "clustertrain_audit_verified_step", null, "Steps done at the end of the last one whose shares were all computed twice, with equal bits.",
            view => view.Audit?.VerifiedStep);
        Counter("clustertrain_audit_shares", "Shares computed twice and compared.", view => view.Audit?.Shares);
        Counter("clustertrain_audit_differed", "Shares computed twice that differed.", view => view.Audit?.Differed);
        Counter("clustertrain_audit_missed", "Shares to be computed twice that could not be compared.", view => view.Audit?.Missed);
        Gauge("clustertrain_run_folder", "By", "Size of the run folder.", view => _runs.Disk(view)?.Used);
        Gauge("clustertrain_disk_free", "By", "Bytes free on the run folder's disk.", view => _runs.Disk(view)?.Free);
        _meter.CreateObservableGauge("clustertrain_step_part", Steps, "s",
            "Where the time of a step goes, by the clock of the first parameter server.");
        _meter.CreateObservableGauge("clustertrain_node_up", Up, null, "1 for a node that takes part, 0 for one that is gone; with its state.");
        _meter.CreateObservableCounter("clustertrain_node_restarts", () =>
            Nodes(node => node.Restarts), null, "How often a node came back after it was lost.");
        Worker("clustertrain_worker_compute", "s", "Time a worker computes in a step.", measure => measure.ComputePerStep.TotalSeconds);
        Worker("clustertrain_worker_wait", "s", "Time a worker waits in a step.", measure => measure.WaitPerStep.TotalSeconds);
        Worker("clustertrain_worker_leaves", null, "Leaves of a step that are a worker's own.", measure => measure.Leaves);
        Worker("clustertrain_worker_pushed", "By", "Bytes of gradient sums a worker pushes in a step.", measure => measure.BytesPerStep);
        Worker("clustertrain_worker_rows_per_second", null, "Rows per second of compute time.", measure => measure.RowsPerSecond);
    }

    private DateTimeOffset Now => _runs.All[0].Watch.Clock.GetUtcNow();

    public void Dispose() => _meter.Dispose();

    private static Evaluation? Validation(RunView view) => view.Newest is [.., var last] ? last.Record.Validation : null;

    private void Gauge(string name, string? unit, string description, Func<RunView, double?> value) =>
        _meter.CreateObservableGauge(name, () => Values(value), unit, description);

    private void Counter(string name, string description, Func<RunView, double?> value) =>
        _meter.CreateObservableCounter(name, () => Values(value), null, description);

    private void Worker(string name, string? unit, string description, Func<WorkerMeasure, double> value) => _meter.CreateObservableGauge(
        name,
        () => Nodes(node => node is { IsThere: true, Measure: { } measure } ? value(measure) : null), unit, description);

    private IEnumerable<(RunView View, KeyValuePair<string, object?> Run)> Views() => _runs.All.Select(run => run.Watch.View())
        .Where(view => view.Run is not null).Select(view => (view, new KeyValuePair<string, object?>("run", view.Run!.Recipe.Name)));

    private IEnumerable<Measurement<double>> Values(Func<RunView, double?> value)
    {
        foreach (var (view, run) in Views())
        {
            if (value(view) is { } known && double.IsFinite(known))
            {
                yield return new Measurement<double>(known, run);
            }
        }
    }

    private IEnumerable<Measurement<double>> Nodes(Func<MachineView, double?> value)
    {
        foreach (var (view, run) in Views())
        {
            foreach (var node in view.Machines)
            {
                if (value(node) is { } known)
                {
                    yield return new Measurement<double>(known, run, new("node", node.Name), new("role", Role(node)));
                }
            }
        }
    }

    private IEnumerable<Measurement<double>> Up()
    {
        foreach (var (view, run) in Views())
        {
            foreach (var node in view.Machines)
            {
                yield return new Measurement<double>(
                    node.IsThere ? 1 : 0, run, new("node", node.Name), new("role", Role(node)), new("state", RunViewJson.Word(node.State)));
            }
        }
    }

    private IEnumerable<Measurement<double>> Steps()
    {
        foreach (var (view, run) in Views())
        {
            if (view.StepTime is not { } time)
            {
                continue;
            }

            foreach (var (part, value) in new[] { ("await", time.Awaited), ("sum", time.Summed), ("update", time.Updated), ("send", time.Sent) })
            {
                yield return new Measurement<double>(value.TotalSeconds, run, new("part", part));
            }
        }
    }

    private static string Role(MachineView node) => node.Role == NodeRole.Worker ? "worker" : "parameter-server";
}
