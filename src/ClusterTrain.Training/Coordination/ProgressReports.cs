namespace ClusterTrain.Training;

/// <summary>Says a few times a second how far the run is, from what the first segment's server reports.</summary>
internal sealed class ProgressReports(TrainingPlan plan, Action<RunEvent> observe)
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(200);

    private bool _reported;
    private (TimeSpan At, long Step) _window;

    /// <summary>Speeds are measured from here.</summary>
    public void Begin(TimeSpan now, long step) => _window = (now, step);

    public void Add(TimeSpan now, StepReport report)
    {
        if (report.Segment != 0)
        {
            return;
        }

        var elapsed = now - _window.At;
        var isFirst = !_reported && report.Step > _window.Step;
        if (elapsed >= Period || isFirst)
        {
            var rows = (double)(report.Step - _window.Step) * plan.TrainingRows / plan.StepsPerEpoch;
            _reported = true;
            observe(new RunProgress(report.Step, report.Loss, elapsed > TimeSpan.Zero ? Math.Max(0, rows / elapsed.TotalSeconds) : 0));
            _window = (now, report.Step);
        }
    }
}
