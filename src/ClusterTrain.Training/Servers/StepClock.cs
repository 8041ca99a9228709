using ClusterTrain.Training.Messages;

namespace ClusterTrain.Training.Servers;

/// <summary>Where the time of a server's steps goes: counters that are read once a second.</summary>
/// <param name="time">Tells the time.</param>
internal sealed class StepClock(TimeProvider time)
{
    private static readonly TimeSpan s_firstPeriod = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_period = TimeSpan.FromSeconds(1);

    private long _sent;

    // From the weights sent to the last sum, less what other segments of the server take meanwhile.
    private long _awaited;
    private long _summed;
    private long _updated;
    private long _sending;
    private long _steps;
    private TimeSpan? _last;
    private bool _hasReported;

    /// <summary>Time passes from here to where it is given back.</summary>
    public long Now => time.GetTimestamp();

    /// <summary>The weights of a segment went to the workers.</summary>
    /// <param name="since">When that began.</param>
    /// <param name="beginsStep">True for the segment whose sums the step is timed by.</param>
    public void Broadcast(long since, bool beginsStep)
    {
        var now = Now;
        _sending += now - since;
        if (beginsStep)
        {
            _sent = now;
        }
        else
        {
            _awaited -= now - since;
        }
    }

    /// <summary>A sum was added.</summary>
    public void Added(long since) => _summed += Now - since;

    /// <summary>The last sum that the step needs is there.</summary>
    public void Complete() => _awaited += _sent == 0 ? 0 : Now - _sent;

    /// <summary>The update of a segment was applied.</summary>
    /// <param name="since">When that began.</param>
    /// <param name="endsStep">True for the segment that steps are counted by.</param>
    public void Updated(long since, bool endsStep)
    {
        var took = Now - since;
        _updated += took;
        if (endsStep)
        {
            _steps++;
        }
        else
        {
            _awaited -= took;
        }
    }

    /// <summary>True when a report is due at the end of the step in hand.</summary>
    public bool IsDue(TimeSpan now) => _last is { } last && now - last >= (_hasReported ? s_period : s_firstPeriod);

    /// <summary>What the steps since the last report took; null for the first step, which also compiles what it runs.</summary>
    public StepTimes? Take(TimeSpan now, long term, int segment, long step, double gradientNorm)
    {
        var report = _last is null
            ? null
            : new StepTimes(term, segment, step, _steps, Time(Math.Max(0, _awaited)), Time(_summed), Time(_updated), Time(_sending), gradientNorm);
        _hasReported = _last is not null;
        (_last, _steps, _awaited, _summed, _updated, _sending) = (now, 0, 0, 0, 0, 0);
        return report;
    }

    /// <summary>True before the first step.</summary>
    public bool IsNew => _last is null;

    private TimeSpan Time(long ticks) => time.GetElapsedTime(0, ticks);
}
