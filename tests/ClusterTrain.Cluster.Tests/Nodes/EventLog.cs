using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Cluster.Tests;

/// <summary>Collects what a node tells, and waits for things to be told.</summary>
internal sealed class EventLog<T>
{
    private readonly object _gate = new();
    private readonly List<T> _events = [];

    public void Add(T happened)
    {
        lock (_gate)
        {
            _events.Add(happened);
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Number of events so far, to wait for later ones only.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _events.Count;
            }
        }
    }

    private static bool IsRare(T happened) => happened is not (EpochCompleted or RunProgress or WorkerSpeeds or MembersMeasured or CheckpointSaved);

    /// <summary>The events from a number on.</summary>
    public T[] From(int first)
    {
        lock (_gate)
        {
            return [.. _events.Skip(first)];
        }
    }

    /// <summary>Waits for an event; the message of the time-out names what did not happen.</summary>
    public TEvent WaitFor<TEvent>(string what, Func<TEvent, bool> fits, int from = 0)
        where TEvent : T
    {
        var deadline = Environment.TickCount64 + (long)Patience.Limit.TotalMilliseconds;
        lock (_gate)
        {
            for (var index = from; ; index++)
            {
                while (index >= _events.Count)
                {
                    var left = deadline - Environment.TickCount64;
                    if (left <= 0 || !Monitor.Wait(_gate, (int)left))
                    {
                        throw new TimeoutException(
                            $"within {Patience.Limit.TotalSeconds} s this did not happen: {what}. What "
                                + $"happened:\n{string.Join('\n', _events.Where(IsRare).TakeLast(40))}");
                    }
                }

                if (_events[index] is TEvent found && fits(found))
                {
                    return found;
                }
            }
        }
    }
}
