using System.Collections.Immutable;
using ClusterTrain.Training.Actors;

namespace ClusterTrain.Training.Servers;

/// <summary>The spare servers that keep a copy of a segment, and how far they are.</summary>
internal sealed class SpareCopies
{
    // A copy that has not confirmed a step for this long is not waited for until it is made again.
    private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(500);

    private readonly List<Spare> _spares = [];

    /// <summary>The spares, those with a copy that was given up included.</summary>
    public IEnumerable<ActorId> All => _spares.Select(spare => spare.Server);

    public bool IsEmpty => _spares.Count == 0;

    /// <summary>These are the spares from now on.</summary>
    /// <returns>Those that need a copy.</returns>
    public IReadOnlyList<ActorId> Follow(ImmutableArray<ActorId> servers)
    {
        _spares.RemoveAll(spare => !servers.Contains(spare.Server));
        return [.. servers.Where(server => !_spares.Exists(spare => spare.Server == server))];
    }

    /// <summary>A spare is sent a copy.</summary>
    public void Begin(ActorId server)
    {
        _spares.RemoveAll(spare => spare.Server == server);
        _spares.Add(new Spare(server));
    }

    /// <summary>A spare confirms a step.</summary>
    /// <returns>True when its copy had been given up and is to be made again.</returns>
    public bool Confirm(ActorId server, long step)
    {
        if (_spares.Find(spare => spare.Server == server) is not { } known)
        {
            return false;
        }

        known.Confirmed = Math.Max(known.Confirmed ?? step, step);
        return known.IsGivenUp;
    }

    /// <summary>A step is about to be broadcast; it waits while a copy is more than this many steps behind.</summary>
    public bool Allows(TimeSpan now, long step, long mostBehind)
    {
        var allows = true;
        foreach (var spare in _spares)
        {
            var isBehind = !spare.IsGivenUp && spare.Confirmed is { } confirmed && step - confirmed > mostBehind;
            spare.BehindSince = isBehind ? spare.BehindSince ?? now : null;
            allows &= !isBehind;
        }

        return allows;
    }

    /// <summary>Gives up copies that have been waited for too long.</summary>
    public void GiveUpLate(TimeSpan now)
    {
        foreach (var spare in _spares)
        {
            if (spare.BehindSince is { } since && now - since >= s_patience)
            {
                (spare.IsGivenUp, spare.BehindSince) = (true, null);
            }
        }
    }

    /// <summary>The spares that are sent sums.</summary>
    public bool IsSent(ActorId server) => _spares.Exists(spare => spare.Server == server && !spare.IsGivenUp);

    public void Clear() => _spares.Clear();

    private sealed class Spare(ActorId server)
    {
        public ActorId Server => server;

        /// <summary>The newest step it has; null before the first.</summary>
        public long? Confirmed { get; set; }

        public TimeSpan? BehindSince { get; set; }

        public bool IsGivenUp { get; set; }
    }
}
