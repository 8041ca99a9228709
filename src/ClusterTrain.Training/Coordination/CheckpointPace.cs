using ClusterTrain.Training.Messages;

namespace ClusterTrain.Training.Coordination;

/// <summary>
/// When the next checkpoint is due. By default the work that a replay would repeat decides, a second of it or, when writing takes long, so much
/// that writing takes no more than a fifth of the time; a period that was asked for is kept whatever it costs. While a
/// checkpoint is held back, the coordinator asks for no other.
/// </summary>
internal sealed class CheckpointPace(TimeSpan? period)
{
    private const int LeastWorkPerCost = 5;
    private static readonly TimeSpan s_leastWork = TimeSpan.FromSeconds(1);

    // After this long a checkpoint that did not come to an end is not waited for.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    // By the first segment's server: how far it is, and how far it was when the last checkpoint was asked for. Null when the next report says it.
    private TimeSpan? _saved;
    private TimeSpan _reached;
    private bool _hasNewSteps;

    private TimeSpan _asked;
    private bool _isUnderWay;
    private TimeSpan _cost;

    /// <summary>Time counts from here.</summary>
    public void Start(TimeSpan now) => _asked = now;

    /// <summary>Steps are computed from the last checkpoint on.</summary>
    public void Begin() => Begin(TimeSpan.Zero);

    /// <summary>The servers continue from where they are.</summary>
    public void Adopt() => Begin(null);

    /// <summary>The first segment's server has reached a step.</summary>
    public void Reached(StepReport report)
    {
        if (report.Segment == 0)
        {
            _saved ??= report.Elapsed;
            (_reached, _hasNewSteps) = (report.Elapsed, true);
        }
    }

    public bool IsDue(TimeSpan now)
    {
        if (period is { } fixedPeriod)
        {
            return fixedPeriod > TimeSpan.Zero && now - _asked >= fixedPeriod;
        }

        var leastWork = LeastWorkPerCost * _cost > s_leastWork ? LeastWorkPerCost * _cost : s_leastWork;
        return _hasNewSteps && _reached - _saved >= leastWork && (!_isUnderWay || now - _asked >= s_patience);
    }

    /// <summary>A checkpoint is asked for.</summary>
    public void Ask(TimeSpan now)
    {
        (_asked, _isUnderWay) = (now, true);
        (_saved, _hasNewSteps) = (_reached, false);
    }

    /// <summary>A checkpoint is written, or could not be.</summary>
    /// <param name="now">The time.</param>
    /// <param name="held">How long it was not written though it could have been: that costs nothing.</param>
    public void Done(TimeSpan now, TimeSpan held)
    {
        _cost = _isUnderWay ? now - _asked - held : _cost;
        _isUnderWay = false;
    }

    private void Begin(TimeSpan? saved) => (_saved, _reached, _hasNewSteps, _isUnderWay) = (saved, TimeSpan.Zero, false, false);
}
