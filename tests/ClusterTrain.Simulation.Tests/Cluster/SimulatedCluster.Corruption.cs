using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Simulation.Tests;

/// <content>A worker that computes wrongly, now and then and only where another computes the same.</content>
internal sealed partial class SimulatedCluster
{
    // The shares that were late and whose they are; the servers that tell the coordinator of answers to one; and those there are in a term.
    private readonly Dictionary<(long Term, long Step, TreeNode Leaves), ActorId> _late = [];
    private readonly Dictionary<Recompute, HashSet<ActorId>> _compared = [];
    private readonly Dictionary<long, Topology> _topologies = [];

    // Sums of such shares that reached a server, by worker; and those of which a bit was flipped.
    private readonly HashSet<(ActorId Server, TensorKey Key, ActorId Worker)> _answers = [];
    private readonly List<(ActorId Server, TensorKey Key, ActorId Worker)> _flipped = [];
    private int? _corrupt;
    private readonly HashSet<int> _replaced = [];

    // Terms in which segments were served from a checkpoint.
    private readonly HashSet<long> _served = [];

    /// <summary>
    /// True when a wrong answer had no other to be compared with: the late worker answered with other nodes of the tree, because the leaves were
    /// divided again meanwhile. What follows from it cannot be noticed.
    /// </summary>
    public bool IsTainted => _flipped.Exists(flip => !_answers.Any(
        answer => (answer.Server, answer.Key) == (flip.Server, flip.Key) && answer.Worker != flip.Worker));

    /// <summary>
    /// True when nobody could know of a failure: what was wrong had nothing to be compared with; or a wrong kernel left wrong weights in the record, and
    /// no answers differed, or a warning said that the record is in doubt.
    /// </summary>
    public bool IsBeyondKnowledge(SimulationFailure failure) => IsTainted
        || (_scenario.Wrong is not null && failure.Promise is "weights" or "loss" or "epochs" && (Audited.Differed == 0 || IsDoubted));

    private void Answered(Process server, ActorId worker, TensorKey key)
    {
        if (server.Role == NodeRole.ParameterServer && _compared.Any(
            asked => IsOf(asked.Key, key) && asked.Value.Contains(server.Self)))
        {
            _answers.Add((server.Self, key, worker));
        }
    }

    /// <summary>A control message was handled.</summary>
    /// <returns>Virtual time it took.</returns>
    private long Heard(Process process, ActorId sender, IMessage message)
    {
        switch (message)
        {
            case Serve serve:
                _served.Add(serve.Term);
                break;
            case Topology topology:
                _topologies[topology.Term] = topology;
                break;
            case LateShare late when process.Role == NodeRole.ParameterServer:
                _late[(late.Term, late.Step, late.Leaves)] = late.Worker;
                Compared(process, new Recompute(late.Term, late.Step, late.Leaves, late.Helper));
                break;
            case Recompute recompute when process.Role == NodeRole.ParameterServer:
                Compared(process, recompute);
                break;
            case SumDigest digest:
                Answered(process, sender, new TensorKey(TensorKind.GradientSum, digest.Term, digest.Step, digest.Segment, digest.Node));
                break;
            case Recompute recompute when process.Outbox.Exists(sent => sent.Envelope.Message is null or SumDigest):
                return (long)(_scenario.RowUs * _plan.Rows(recompute.Step, recompute.Leaves) * _slowness[process.Place] * (0.5 + _random.Unit()));
            case Exclude when _replaced.Contains(process.Place) && !process.Self.Name.Contains("-new", StringComparison.Ordinal):
                // Told again, because it announced itself again before it ended.
                break;
            case Exclude:
                Checker.Require(process.Place == _corrupt, "votes", $"{process.Self} was excluded, but it computes rightly");
                Excluded++;
                _corrupt = null;

                // Another machine is put in its place: under the name of this one nobody is admitted again.
                _replaced.Add(process.Place);
                After(DelayUs(), () =>
                {
                    Kill(process);
                    After(_random.Duration(1000, 500_000), () => StartMember(process.Place));
                });
                break;
        }

        return 0;
    }

    /// <summary>A server has heard that a share is computed twice.</summary>
    private void Compared(Process server, Recompute recompute)
    {
        if (!_compared.TryGetValue(recompute, out var servers))
        {
            _compared.Add(recompute, servers = []);
            Recomputed++;
        }

        servers.Add(server.Self);
    }

    /// <summary>Flips a bit of a sum that is about to be sent, when every server knows that it is computed twice.</summary>
    private void FlipBitOfCompared(Process process, List<(ActorId To, Envelope Envelope)> outbox)
    {
        if (process.Place != _corrupt || _scenario.Corrupt is null)
        {
            return;
        }

        var compared = outbox.FindAll(sent => sent.Envelope.Message is null && IsCompared(process.Self, sent.Envelope.Tensor.Key));
        if (compared.Count > 0)
        {
            var (server, (_, _, tensor)) = compared[_random.Between(0, compared.Count - 1)];
            ref var value = ref tensor.Values[_random.Between(0, tensor.Length - 1)];
            value = BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(value) ^ (1 << _random.Between(0, 31)));
            _flipped.Add((server, tensor.Key, process.Self));
        }

        // Digests are of audits and of votes, and come into no weights.
        for (var index = 0; index < outbox.Count; index++)
        {
            if (outbox[index] is (var to, (var sender, SumDigest digest, _)) && _random.Chance(0.5))
            {
                var first = digest.Digest[0] == '0' ? '1' : '0';
                outbox[index] = (to, new Envelope(sender, digest with { Digest = first + digest.Digest[1..] }, default));
            }
        }
    }

    /// <summary>A wrong kernel: it gives the same wrong bit each time, so that the worker agrees with itself and with nobody else.</summary>
    private void ComputeWrongly(Process process, List<(ActorId To, Envelope Envelope)> outbox)
    {
        if (process.Place != _corrupt || _scenario.Wrong is not { } wrong)
        {
            return;
        }

        for (var index = 0; index < outbox.Count; index++)
        {
            var (to, (sender, message, tensor)) = outbox[index];
            if (message is SumDigest digest && digest.Step >= wrong.Step)
            {
                outbox[index] = (to, new Envelope(sender, digest with { Digest = new string('0', digest.Digest.Length) }, default));
                Wronged++;
            }
            else if (message is null && tensor.Key.Kind == TensorKind.GradientSum && tensor.Key.Step >= wrong.Step)
            {
                ref var value = ref tensor.Values[0];
                value = BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(value) ^ (1 << 20));
                Wronged++;
            }
        }
    }

    /// <summary>True when a warning said that the record may be wrong although nobody can tell.</summary>
    public bool IsDoubted { get; private set; }

    /// <summary>True when the run failed because its receipt is wrong, and said so.</summary>
    public bool IsContradicted { get; private set; }

    /// <summary>Wrong sums that were sent.</summary>
    public int Wronged { get; private set; }

    private bool IsCompared(ActorId worker, TensorKey key) => _compared.Any(
        asked => IsOf(asked.Key, key)
            && (worker == asked.Key.Worker || worker == _late.GetValueOrDefault((key.Term, key.Step, asked.Key.Leaves)))
            && asked.Value.IsSupersetOf(_topologies[key.Term].Servers));

    private static bool IsOf(Recompute asked, TensorKey key) =>
        key.Kind == TensorKind.GradientSum && (asked.Term, asked.Step) == (key.Term, key.Step) && asked.Leaves.Contains(key.Node);
}
