using System.Collections.Immutable;

namespace ClusterTrain.Watching;

/// <summary>
/// The points of a curve, however long it grows: when there are too many, every other one is dropped, and from then on every second, fourth and so on
/// is kept. The newest one always is.
/// </summary>
/// <typeparam name="T">A point.</typeparam>
/// <param name="most">Points kept at most.</param>
internal sealed class Thinned<T>(int most)
{
    private readonly List<T> _kept = [];
    private long _added;
    private long _stride = 1;
    private T? _newest;
    private bool _isNewestKept;

    /// <summary>Adds a point after all others.</summary>
    public void Add(T point)
    {
        (_newest, _isNewestKept) = (point, _added++ % _stride == 0);
        if (!_isNewestKept)
        {
            return;
        }

        _kept.Add(point);
        if (_kept.Count > most)
        {
            // The first point, and every other one after it, stays.
            var kept = _kept.Where((_, index) => index % 2 == 0).ToArray();
            _kept.Clear();
            _kept.AddRange(kept);
            _stride *= 2;
            _isNewestKept = (_added - 1) % _stride == 0;
        }
    }

    /// <summary>Forgets all points.</summary>
    public void Clear()
    {
        _kept.Clear();
        (_added, _stride, _isNewestKept) = (0, 1, true);
    }

    /// <summary>The points, the newest last.</summary>
    public ImmutableArray<T> ToImmutable() => _isNewestKept || _added == 0 ? [.. _kept] : [.. _kept, _newest!];
}
