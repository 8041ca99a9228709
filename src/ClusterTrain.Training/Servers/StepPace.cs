using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Training.Servers;

/// <summary>When the workers answered in the step in hand, and who is late.</summary>
internal sealed class StepPace
{
    // A worker is late when it took this many times the median of the others; below the least wait nobody is. While most have not answered, the
    // steps before are the measure, and the least wait is longer.
    private const int LateMultiple = 4;
    private const double PaceKept = 0.9;
    private static readonly TimeSpan s_leastWait = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_leastWaitForMost = TimeSpan.FromMilliseconds(500);

    private readonly List<TimeSpan> _times = [];
    private Assignment _assignment = new(0, 0, []);
    private TimeSpan?[] _answered = [];
    private bool[] _reported = [];
    private TimeSpan _began;

    // What the slowest took in the steps before with these workers; recent steps count more. Null until all of them have answered in one.
    private TimeSpan? _pace;
    private bool _wasDividedAgain;

    /// <summary>The weights of a step are sent.</summary>
    public void Begin(TimeSpan now)
    {
        if (!_wasDividedAgain && !_reported.Contains(true) && _answered.Max() is { } slowest)
        {
            _pace = _pace is { } before && before * PaceKept > slowest ? before * PaceKept : slowest;
        }

        _wasDividedAgain = false;
        _began = now;
        Array.Clear(_answered);
        Array.Clear(_reported);
    }

    /// <summary>The leaves are divided again; who answered already has done so.</summary>
    public void Follow(TimeSpan now, Assignment assignment)
    {
        if (!assignment.Workers.SequenceEqual(_assignment.Workers))
        {
            _pace = null;
        }

        var answered = new TimeSpan?[assignment.Workers.Length];
        for (var worker = 0; worker < answered.Length; worker++)
        {
            var before = _assignment.Workers.IndexOf(assignment.Workers[worker]);
            answered[worker] = before < 0 ? null : _answered[before];
        }

        (_began, _assignment, _answered, _reported) = (now, assignment, answered, new bool[answered.Length]);
        _wasDividedAgain = true;
    }

    /// <summary>A worker's first sum of the step has come.</summary>
    public void Answered(TimeSpan now, ActorId worker)
    {
        var index = _assignment.Workers.IndexOf(worker);
        if (index >= 0 && _answered[index] is null)
        {
            _answered[index] = now - _began;
        }
    }

    /// <summary>
    /// The workers that have become late, each with its leaves and a worker that is done with its own, or has none where nobody is done; each is
    /// named once.
    /// </summary>
    /// <param name="now">The time.</param>
    /// <param name="leaves">Leaves of the step.</param>
    /// <param name="judgesMost">
    /// True: by the steps before it sees that even most workers are late. Not where there are other servers: workers may then wait for one of them.
    /// </param>
    public IEnumerable<(ActorId Late, TreeNode Leaves, ActorId Helper)> Late(TimeSpan now, int leaves, bool judgesMost)
    {
        var workers = _assignment.Workers;
        _times.Clear();
        var sharers = 0;
        var hasIdle = false;
        for (var worker = 0; worker < workers.Length; worker++)
        {
            var isSharer = _assignment.Share(worker, leaves).Count > 0;
            hasIdle |= !isSharer;
            sharers += isSharer ? 1 : 0;
            if (isSharer && _answered[worker] is { } time)
            {
                _times.Add(time);
            }
        }

        if ((_times.Count == 0 && !hasIdle) || _times.Count == sharers || now - _began < Patience(sharers, judgesMost))
        {
            yield break;
        }

        var helper = -1;
        for (var worker = 0; worker < workers.Length; worker++)
        {
            var (start, count) = _assignment.Share(worker, leaves);
            if (count == 0 || _answered[worker] is not null || _reported[worker])
            {
                continue;
            }

            do
            {
                helper = (helper + 1) % workers.Length;
            }
            while (_times.Count > 0 ? _answered[helper] is null : _assignment.Share(helper, leaves).Count > 0);

            _reported[worker] = true;
            yield return (workers[worker], new TreeNode(start, count), workers[helper]);
        }
    }

    /// <summary>How long the workers of the step have to answer.</summary>
    private TimeSpan Patience(int sharers, bool judgesMost)
    {
        if (2 * _times.Count < sharers)
        {
            return judgesMost && _pace is { } before ? Longer(before * LateMultiple, s_leastWaitForMost) : TimeSpan.MaxValue;
        }

        _times.Sort();
        return Longer(_times[(sharers - 1) / 2] * LateMultiple, s_leastWait);
    }

    private static TimeSpan Longer(TimeSpan first, TimeSpan second) => first > second ? first : second;
}
