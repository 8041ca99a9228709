using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Training.Servers;

/// <summary>When the workers answered in the step in hand, and who is late.</summary>
internal sealed class StepPace
{
    // A worker is late when it took this many times the median of the others; below the least wait nobody is.
    private const int LateMultiple = 4;
    private static readonly TimeSpan s_leastWait = TimeSpan.FromMilliseconds(50);

    private readonly List<TimeSpan> _times = [];
    private Assignment _assignment = new(0, 0, []);
    private TimeSpan?[] _answered = [];
    private bool[] _reported = [];
    private TimeSpan _began;

    /// <summary>The weights of a step are sent.</summary>
    public void Begin(TimeSpan now)
    {
        _began = now;
        Array.Clear(_answered);
        Array.Clear(_reported);
    }

    /// <summary>The leaves are divided again; who answered already has done so.</summary>
    public void Follow(TimeSpan now, Assignment assignment)
    {
        var answered = new TimeSpan?[assignment.Workers.Length];
        for (var worker = 0; worker < answered.Length; worker++)
        {
            var before = _assignment.Workers.IndexOf(assignment.Workers[worker]);
            answered[worker] = before < 0 ? null : _answered[before];
        }

        (_began, _assignment, _answered, _reported) = (now, assignment, answered, new bool[answered.Length]);
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

    /// <summary>The workers that have become late, each with its leaves and a worker that is done with its own; each is named once.</summary>
    /// <param name="now">The time.</param>
    /// <param name="leaves">Leaves of the step.</param>
    public IEnumerable<(ActorId Late, TreeNode Leaves, ActorId Helper)> Late(TimeSpan now, int leaves)
    {
        var workers = _assignment.Workers;
        _times.Clear();
        var sharers = 0;
        for (var worker = 0; worker < workers.Length; worker++)
        {
            if (_assignment.Share(worker, leaves).Count == 0)
            {
                continue;
            }

            sharers++;
            if (_answered[worker] is { } time)
            {
                _times.Add(time);
            }
        }

        if (_times.Count == sharers || 2 * _times.Count < sharers)
        {
            yield break;
        }

        _times.Sort();
        var median = _times[(sharers - 1) / 2];
        var waited = now - _began;
        if (waited < s_leastWait || waited < LateMultiple * median)
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
            while (_answered[helper] is null);

            _reported[worker] = true;
            yield return (workers[worker], new TreeNode(start, count), workers[helper]);
        }
    }
}
