using ClusterTrain.Learning.ModelFiles;
using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;

namespace ClusterTrain.Simulation.Tests;

/// <summary>Watches what goes in and out of every actor and at the end compares the run with the reference.</summary>
internal sealed class Checker(Scenario scenario, TrainingPlan plan, ReferenceRun reference)
{
    // The leaves that were pushed to a server's life for a step of a term, by segment.
    private readonly Dictionary<(ActorId Server, long Term, int Segment, long Step), bool[]> _pushed = [];

    // The newest step a server's life sent the weights of.
    private readonly Dictionary<(ActorId Server, long Term, int Segment), long> _sent = [];

    private long _savedStep;

    /// <summary>The newest step that a server sent the weights of.</summary>
    public long NewestStep => _sent.Values.DefaultIfEmpty().Max();

    /// <summary>Most messages that waited in one mailbox.</summary>
    public int LongestMailbox { get; private set; }

    /// <summary>Most buffers one process had lent at a time.</summary>
    public int MostLent { get; private set; }

    private int MailboxBound => 200 + (20 * scenario.Places * (plan.Leaves(0) + 4));

    // Kept epochs and snapshots on their way to the coordinator, sums of a step, weights on their way.
    private int LentBound => 50 + (4 * plan.Leaves(0)) + (3 * (int)plan.Steps) + (2 * scenario.Places);

    public void Waits(Process process)
    {
        LongestMailbox = Math.Max(LongestMailbox, process.Mailbox.Count);
        Require(process.Mailbox.Count <= MailboxBound, "memory",
            $"{process.Mailbox.Count} messages wait for {process.Self}, more than {MailboxBound}");
    }

    /// <summary>A tensor was handled; <paramref name="lentBefore"/> counts the receiver's buffers with this one in its hand.</summary>
    public void Handled(Process process, in TensorMessage tensor, bool wasStale, int lentBefore)
    {
        MostLent = Math.Max(MostLent, process.Pool.Lent);
        Require(process.Pool.Lent <= LentBound, "memory", $"{process.Self} has lent {process.Pool.Lent} buffers, more than {LentBound}");
        if (tensor.Key.Kind != TensorKind.GradientSum)
        {
            return;
        }

        if (wasStale)
        {
            Require(
                process.Held == lentBefore - 1, "terms",
                $"{process.Self} of term {process.Term} took {tensor.Key}");
            return;
        }

        if (tensor.Key.Step < _sent.GetValueOrDefault((process.Self, tensor.Key.Term, tensor.Key.Segment)))
        {
            return;
        }

        var key = (process.Self, tensor.Key.Term, tensor.Key.Segment, tensor.Key.Step);
        if (!_pushed.TryGetValue(key, out var leaves))
        {
            _pushed.Add(key, leaves = new bool[plan.Leaves(tensor.Key.Step)]);
        }

        leaves.AsSpan(tensor.Key.Node.Start, tensor.Key.Node.Count).Fill(true);
    }

    /// <summary>An actor is about to send something.</summary>
    public void Sends(Process process, in Envelope envelope)
    {
        if ((envelope.Message is null ? envelope.Tensor.Key.Term : OrderedTerm(envelope.Message)) is { } term)
        {
            Require(term >= process.Term, "terms", $"{process.Self} of term {process.Term} sends {envelope}");
            process.Term = term;
        }

        if (envelope.Message is null && process.Role == NodeRole.ParameterServer
            && envelope.Tensor.Key is { Kind: TensorKind.Weights, Step: > 0 } key)
        {
            var segment = (process.Self, key.Term, key.Segment);
            _sent[segment] = Math.Max(_sent.GetValueOrDefault(segment), key.Step);
            Applied(process, key with { Step = key.Step - 1 });
        }
    }

    /// <summary>The term a member is in from this message on; null when it orders none. A late repeat of a tensor orders nothing.</summary>
    public static long? OrderedTerm(IMessage? message) => message switch
    {
        Serve serve => serve.Term,
        Topology topology => topology.Term,
        Rest rest => rest.Term,
        Copy copy => copy.Term,
        _ => null,
    };

    /// <summary>A checkpoint was reported as saved.</summary>
    public void Saved(long step) => _savedStep = Math.Max(_savedStep, step);

    /// <summary>A coordinator begins from what it found on the disk.</summary>
    public void Begins(RunStart start) =>
        Require(start.State.Step >= _savedStep, "durability",
            $"the checkpoint of step {_savedStep} was saved, but the run resumed from step {start.State.Step}");

    /// <summary>The run says it is complete.</summary>
    public void Completed(RunCompleted outcome, Disk disk)
    {
        Require(disk.Epochs.Count() == reference.Epochs.Count, "epochs", $"{disk.Epochs.Count()} epochs were recorded, not {reference.Epochs.Count}");
        foreach (var line in disk.Receipt)
        {
            var expected = reference.StepSha256[(int)line.Step];
            Require(line.WeightsSha256 == expected, "weights", $"step {line.Step} has {line.WeightsSha256[..8]}, not {expected[..8]}");
        }

        foreach (var (record, expected) in disk.Epochs.Zip(reference.Epochs))
        {
            Require(record.WeightsSha256 == expected.WeightsSha256, "weights",
                $"epoch {expected.Epoch} has {record.WeightsSha256[..8]}, not {expected.WeightsSha256[..8]}");
            Require(record.Loss.Equals(expected.Loss), "loss", $"epoch {expected.Epoch} has {record.Loss:R}, not {expected.Loss:R}");
            Require((record.Epoch, record.Step) == (expected.Epoch, expected.Step), "epochs", $"{record} is not {expected}");
            Require(
                record.Validation?.Loss == expected.Validation?.Loss && record.Validation?.Accuracy == expected.Validation?.Accuracy,
                "loss", $"validation of epoch {expected.Epoch} is {record.Validation?.Loss:R}, not {expected.Validation?.Loss:R}");
        }

        Require(disk.Result is not null, "weights", "there is no result");
        Require(outcome.Epoch == reference.ResultEpoch, "weights", $"the result is that of epoch {outcome.Epoch}, not {reference.ResultEpoch}");
        var hash = WeightsHash.Of(disk.Result!.Value.Weights);
        Require(hash == reference.ResultSha256, "weights", $"the result has {hash[..8]}, not {reference.ResultSha256[..8]}");
    }

    /// <summary>A process that was told to stop ends.</summary>
    public static void Ended(Process process)
    {
        Require(process.Pool.Lent == 0, "memory", $"{process.Self} ended with {process.Pool.Lent} buffers lent");
        Require(!process.HasLeftUnreturned, "memory", $"{process.Self} ended without giving back the memory of others that it read");
    }

    public static void Require(bool holds, string promise, string what)
    {
        if (!holds)
        {
            throw new SimulationFailure(promise, what);
        }
    }

    /// <summary>A server sent the weights after a step it was served with the weights of, or applied: then every leaf was pushed to it.</summary>
    private void Applied(Process server, in TensorKey key)
    {
        if (_pushed.Remove((server.Self, key.Term, key.Segment, key.Step), out var leaves))
        {
            var missing = Array.IndexOf(leaves, false);
            Require(missing < 0, "rows", $"{server.Self} applied step {key.Step} without {new TreeNode(Math.Max(0, missing), 1)}");
        }
    }
}
