using ClusterTrain.Training.Actors;

namespace ClusterTrain.Training.Coordination;

/// <summary>
/// Who waits for a checkpoint before it goes: servers that were asked to stop, or the whole run. They are not kept for ever: without workers a
/// segment may never reach the step of the others.
/// </summary>
internal sealed class Departures
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    private readonly List<ActorId> _leaving = [];
    private TimeSpan _since;

    /// <summary>True when the run is to end.</summary>
    public bool IsStopping { get; private set; }

    /// <summary>True while somebody waits for a checkpoint.</summary>
    public bool IsAwaited => IsStopping || _leaving.Count > 0;

    public void Stop(TimeSpan now) => (IsStopping, _since) = (true, now);

    public void Add(TimeSpan now, ActorId server)
    {
        if (!_leaving.Contains(server))
        {
            _leaving.Add(server);
            _since = now;
        }
    }

    public void Remove(ActorId server) => _leaving.Remove(server);

    /// <summary>True when the checkpoint does not come in time.</summary>
    public bool IsOverdue(TimeSpan now) => IsAwaited && now - _since >= s_patience;

    /// <summary>The servers that may go now.</summary>
    public IReadOnlyList<ActorId> Take()
    {
        ActorId[] leaving = [.. _leaving];
        _leaving.Clear();
        return leaving;
    }
}
