using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;

namespace ClusterTrain.Simulation.Tests;

/// <summary>Checkpoints are renamed into place without having been flushed.</summary>
internal sealed class UnflushedCheckpoints : Plant
{
    public override bool FlushesCheckpoints => false;
}

/// <summary>A coordinator that hung continues writing after another one began to lead.</summary>
internal sealed class FormerMayWrite : Plant
{
    public override bool RefusesFormer => false;
}

/// <summary>Memory that another process of the machine reads is used again meanwhile.</summary>
internal sealed class ReusedMemory : Plant
{
    public override bool HoldsWhatIsRead => false;
}

/// <summary>What a spare server is sent to begin with arrives damaged.</summary>
internal sealed class DamagedCopy : Plant
{
    public override IActor Around(IActor server, TrainingPlan plan) => new Decorator(server);

    private sealed class Decorator(IActor server) : ServerDecorator(server)
    {
        protected override void Restored(IActorContext context, ActorId sender, in TensorMessage state)
        {
            if (sender.Name.StartsWith("server", StringComparison.Ordinal))
            {
                state.Values[0] += 1;
            }

            Pass(context, sender, state);
        }

        protected override void Push(IActorContext context, ActorId sender, in TensorMessage push) => Pass(context, sender, push);
    }
}

/// <summary>A coordinator that resumes from a checkpoint takes its weights for those of the step after.</summary>
internal sealed class PositionOffByOne : Plant
{
    public override RunStart Resume(RunStart start) =>
        start.State.Step == 0 ? start : start with { State = start.State with { Step = start.State.Step + 1 } };
}

/// <summary>Nobody is told when a worker is gone and its leaves are others' now.</summary>
internal sealed class ForgottenReassignment : Plant
{
    private readonly Dictionary<ActorId, int> _workers = [];

    public override bool Forgets(ActorId to, IMessage message)
    {
        if (message is not Assignment assignment)
        {
            return false;
        }

        var forgets = assignment.Workers.Length < _workers.GetValueOrDefault(to);
        _workers[to] = assignment.Workers.Length;
        return forgets;
    }
}

/// <summary>The answers to a share that is computed twice are not compared.</summary>
internal sealed class AnswersNotCompared : Plant
{
    public override bool Forgets(ActorId to, IMessage message) => message is Answer;
}

/// <summary>A parameter server counts pushes of a former term as pushes of its own.</summary>
internal sealed class StaleTermAccepted : Plant
{
    public override IActor Around(IActor server, TrainingPlan plan) => new Decorator(server);

    private sealed class Decorator(IActor server) : ServerDecorator(server)
    {
        protected override void Push(IActorContext context, ActorId sender, in TensorMessage push) =>
            Pass(context, sender, push with { Key = push.Key with { Term = Math.Max(push.Key.Term, Term) } });
    }
}

/// <summary>A push that comes a second time is added to the next one.</summary>
internal sealed class RepeatCountedTwice : Plant
{
    public override IActor Around(IActor server, TrainingPlan plan) => new Decorator(server);

    private sealed class Decorator(IActor server) : ServerDecorator(server)
    {
        private readonly HashSet<TensorKey> _seen = [];
        private readonly Dictionary<(long Term, int Segment, long Step), (float[] Values, double Loss)> _repeats = [];

        protected override void Push(IActorContext context, ActorId sender, in TensorMessage push)
        {
            var (key, loss) = ((push.Key.Term, push.Key.Segment, push.Key.Step), push.Loss);
            if (!_seen.Add(push.Key))
            {
                _repeats[key] = (push.Values.ToArray(), push.Loss);
            }
            else if (_repeats.Remove(key, out var repeat))
            {
                for (var index = 0; index < push.Length; index++)
                {
                    push.Values[index] += repeat.Values[index];
                }

                loss += repeat.Loss;
            }

            Pass(context, sender, push with { Loss = loss });
        }
    }
}

/// <summary>A parameter server adds the pushes of a step in the order they arrive in.</summary>
internal sealed class ArrivalOrder : Plant
{
    public override IActor Around(IActor server, TrainingPlan plan) => new Decorator(server, plan);

    private sealed class Decorator(IActor server, TrainingPlan plan) : ServerDecorator(server)
    {
        private readonly Dictionary<(long Term, int Segment, long Step), List<TensorMessage>> _arrived = [];

        protected override void Push(IActorContext context, ActorId sender, in TensorMessage push)
        {
            var (node, leaves) = (push.Key.Node, plan.Leaves(push.Key.Step));
            var key = (push.Key.Term, push.Key.Segment, push.Key.Step);
            var arrived = _arrived.GetValueOrDefault(key) ?? [];
            if (push.Key.Term != Term || arrived.Exists(other => other.Key.Node.Contains(node)))
            {
                push.Lease.Release();
                return;
            }

            foreach (var smaller in arrived.FindAll(other => node.Contains(other.Key.Node)))
            {
                smaller.Lease.Release();
                arrived.Remove(smaller);
            }

            arrived.Add(push);
            _arrived[key] = arrived;
            if (arrived.Sum(other => other.Key.Node.Count) < leaves)
            {
                return;
            }

            _arrived.Remove(key);
            var (sum, loss) = (arrived[0], 0.0);
            foreach (var other in arrived)
            {
                loss += other.Loss;
                for (var index = 0; index < sum.Length && other != sum; index++)
                {
                    sum.Values[index] += other.Values[index];
                }

                if (other != sum)
                {
                    other.Lease.Release();
                }
            }

            Pass(context, sender, sum with { Key = sum.Key with { Node = ReductionTree.Root(leaves) }, Loss = loss });
        }
    }
}
