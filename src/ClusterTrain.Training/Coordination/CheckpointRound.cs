using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Training.Coordination;

/// <summary>
/// Has a checkpoint made of all segments at one step: each is asked to stay where it is, so that a step can be named that none of them has
/// passed, and then to send a snapshot there.
/// </summary>
internal sealed class CheckpointRound(Roster roster, RunLedger ledger)
{
    private long?[] _held = [];
    private bool _holding;
    private long? _wanted;

    /// <summary>Asks every segment to stay.</summary>
    public void Begin(IActorContext context)
    {
        _held = new long?[roster.Topology.Servers.Length];
        _holding = _held.Length > 0;
        _wanted = null;
        roster.SendToServers(context, new Hold(roster.Topology.Term));
    }

    /// <summary>Nobody serves any more.</summary>
    public void GiveUp() => (_holding, _wanted) = (false, null);

    /// <summary>True when a checkpoint of this step is what was asked for last, or of a later one.</summary>
    public bool IsAnsweredBy(long step) => step >= _wanted;

    /// <summary>A segment stays; when all do, a snapshot is asked for.</summary>
    public void Held(IActorContext context, Held held)
    {
        if (!_holding)
        {
            return;
        }

        _held[held.Segment] = held.Step;
        if (Array.TrueForAll(_held, step => step is not null))
        {
            _holding = false;
            var step = _held.Max()!.Value;
            _wanted = step;
            ledger.WantCheckpoint(step);
            roster.SendToServers(context, new SnapshotAt(roster.Topology.Term, step));
        }
    }
}
