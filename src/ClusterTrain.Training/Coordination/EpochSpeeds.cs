using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;

namespace ClusterTrain.Training.Coordination;

/// <summary>
/// How fast each epoch was trained, by the clock of the first segment's server: it does not matter when, and with how many others, an epoch
/// comes to be recorded.
/// </summary>
internal sealed class EpochSpeeds(TrainingPlan plan)
{
    private static readonly TimeSpan s_shortest = TimeSpan.FromMilliseconds(200);

    private readonly SortedDictionary<long, TimeSpan> _reached = [];

    // What speeds are measured from: the last end of an epoch that was taken, and the one before it. Null when the next report says it.
    private (TimeSpan At, long Step)? _mark;
    private (TimeSpan At, long Step)? _markBefore;
    private double _last;

    /// <summary>The server begins with this step.</summary>
    public void Begin(long step)
    {
        _reached.Clear();
        _mark = _markBefore = (TimeSpan.Zero, step);
    }

    /// <summary>The server continues from where it is; its clock is new.</summary>
    public void Adopt()
    {
        _reached.Clear();
        _mark = _markBefore = null;
    }

    public void Reached(StepReport report)
    {
        if (report.Segment == 0 && _mark is null)
        {
            _mark = _markBefore = (report.Elapsed, report.Step);
        }
        else if (report.Segment == 0 && plan.EndsEpoch(report.Step))
        {
            _reached[report.Step] = report.Elapsed;
        }
    }

    /// <summary>Rows a second in the epoch that ends at a step; of short epochs the mean over a while. The last known when it is not known.</summary>
    public double Take(long step)
    {
        if (!_reached.TryGetValue(step, out var at) || _mark is not { } mark || _markBefore is not { } before)
        {
            return _last;
        }

        while (_reached.Count > 0 && _reached.First().Key <= step)
        {
            _reached.Remove(_reached.First().Key);
        }

        var isLong = at - mark.At >= s_shortest;
        var from = isLong ? mark : before;
        if (isLong)
        {
            (_markBefore, _mark) = (mark, (at, step));
        }

        var rows = (double)(step - from.Step) * plan.TrainingRows / plan.StepsPerEpoch;
        return _last = at > from.At ? Math.Max(0, rows / (at - from.At).TotalSeconds) : _last;
    }
}
