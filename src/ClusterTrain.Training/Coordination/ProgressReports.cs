using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;

namespace ClusterTrain.Training.Coordination;

/// <summary>
/// Says a few times a second how far the run is, from what the first segment's server reports. Speeds go by that server's clock: reports that
/// come late, and together, are as good.
/// </summary>
internal sealed class ProgressReports(TrainingPlan plan, Action<RunEvent> observe)
{
    private static readonly TimeSpan s_period = TimeSpan.FromMilliseconds(200);

    // Where speed is measured from; null when the next report says it.
    private (TimeSpan At, long Step)? _window;
    private bool _isFirst = true;
    private double _rate;

    /// <summary>The newest step that is known to be reached.</summary>
    public long Step { get; private set; }

    /// <summary>The server begins with this step.</summary>
    public void Begin(long step) => (_window, _isFirst, Step) = ((TimeSpan.Zero, step), true, step);

    /// <summary>The server continues from where it is.</summary>
    public void Adopt(long step) => (_window, _isFirst, Step) = (null, true, step);

    /// <summary>The run rests: the time until it continues is nobody's speed.</summary>
    public void Pause() => _window = _isFirst ? _window : null;

    public void Add(StepReport report)
    {
        if (report.Segment != 0)
        {
            return;
        }

        Step = Math.Max(Step, report.Step);
        if (_window is not var (at, step))
        {
            _window = (report.Elapsed, report.Step);
            return;
        }

        var elapsed = report.Elapsed - at;
        if (elapsed < s_period && !_isFirst)
        {
            return;
        }

        if (elapsed > TimeSpan.Zero)
        {
            _rate = Math.Max(0, (report.Step - step) * (double)plan.TrainingRows / plan.StepsPerEpoch / elapsed.TotalSeconds);
        }

        (_isFirst, _window) = (false, (report.Elapsed, report.Step));
        observe(new RunProgress(report.Step, report.Loss, _rate));
    }
}
