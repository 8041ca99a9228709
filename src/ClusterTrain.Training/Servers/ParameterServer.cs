using System.Collections.Immutable;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Threading;
using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;
using ClusterTrain.Training.Tensors;

namespace ClusterTrain.Training.Servers;

/// <summary>
/// Holds segments of the parameters and of the optimiser's state. Workers push gradient sums to it; when the reduction tree of a step is
/// complete it applies the update and broadcasts the segment of the next step.
/// </summary>
public sealed class ParameterServer : IActor, IDisposable
{
    private static readonly TimeSpan s_latenessPeriod = TimeSpan.FromMilliseconds(50);

    // Shares computed twice whose answers are told to the coordinator: the newest ones.
    private const int MostRecomputed = 64;

    private readonly TrainingPlan _plan;
    private readonly NetworkLayout _layout;
    private readonly Kernels _kernels;
    private readonly ComputePool _compute;
    private readonly TensorPool _pool;
    private readonly Dictionary<int, SegmentServer> _segments = [];

    // A worker may hear of a topology before this server does: its subscriptions wait here, one per worker and segment.
    private readonly Dictionary<(ActorId Worker, int Segment), Subscribe> _early = [];
    private readonly List<LateShare> _late = [];
    private readonly List<Recompute> _recomputed = [];

    // Asked by the coordinator for a vote: digests, from workers of which some have no leaves.
    private readonly List<Recompute> _votes = [];
    private readonly StepAudit _audit;
    private readonly StepClock _clock = new(TimeProvider.System);
    private bool _looksForLate;
    private ActorId? _coordinator;
    private Topology _topology = new(0, []);
    private ImmutableArray<ActorId> _workers = [];

    /// <summary>Creates a parameter server that holds nothing yet.</summary>
    /// <param name="plan">What each step is.</param>
    /// <param name="layout">The parameters.</param>
    /// <param name="kernels">Compute the updates.</param>
    /// <param name="compute">Threads that add and update large segments; not disposed here.</param>
    /// <param name="pool">Lends the buffers of weights.</param>
    public ParameterServer(TrainingPlan plan, NetworkLayout layout, Kernels kernels, ComputePool compute, TensorPool pool)
    {
        _compute = compute;
        _plan = plan;
        _layout = layout;
        _kernels = kernels;
        _pool = pool;
        _audit = new StepAudit(plan);
    }

    private ImmutableArray<SegmentPosition> Holding =>
        [.. _segments.Values.Where(segment => segment.IsServing).Select(segment => segment.Position)];

    /// <summary>Announces the server, and what it holds, to a coordinator; the host calls it before any message of that coordinator.</summary>
    public void Start(IActorContext context, ActorId coordinator)
    {
        _coordinator = coordinator;
        context.Send(coordinator, new Join(NodeRole.ParameterServer, Holding));
    }

    /// <inheritdoc/>
    public void Receive(IActorContext context, ActorId sender, IMessage message)
    {
        Handle(context, sender, message);
        Audit(context);
    }

    private void Handle(IActorContext context, ActorId sender, IMessage message)
    {
        switch (message)
        {
            case Serve serve when serve.Term >= _topology.Term:
                Serve(serve);
                SubscribeEarly(context);
                LookForLateLater(context);
                break;
            case Copy copy when copy.Term >= _topology.Term:
                HoldCopy(copy, sender);
                break;
            case Spares spares when Find(spares.Term, spares.Segment) is { IsCopy: false } segment:
                segment.KeepCopies(context, spares.Servers);
                break;
            case Copied copied when Find(copied.Term, copied.Segment) is { IsCopy: false } segment:
                segment.Confirm(context, sender, copied.Step);
                break;
            case Rest rest when rest.Term > _topology.Term || (rest.Term == _topology.Term && _topology.Servers.IsEmpty):
                Rest(rest.Term);
                context.Send(_coordinator!, new Holding(rest.Term, Holding));
                break;
            case Topology topology when topology.Term > _topology.Term:
                Adopt(context, topology);
                SubscribeEarly(context);
                LookForLateLater(context);
                break;
            case Assignment assignment when IsServed(assignment.Term):
                foreach (var segment in _segments.Values)
                {
                    // Who is to vote needs the weights, with leaves or without.
                    segment.Follow(context, _workers.RemoveAll(worker => _votes.Exists(asked => asked.Worker == worker)), assignment);
                }

                _workers = assignment.Workers;
                _audit.Follow(assignment);
                break;
            case AuditShares audit when IsServed(audit.Term):
                _audit.Begin(audit);
                break;
            case Subscribe subscribe when Find(subscribe.Term, subscribe.Segment) is { } segment:
                segment.Subscribe(context, sender);
                AskAgain(context, sender);
                break;
            case Subscribe subscribe when subscribe.Term >= _topology.Term:
                _early[(sender, subscribe.Segment)] = subscribe;
                break;
            case Advance advance when IsServed(advance.Term):
                EndVote(advance.Limit);
                foreach (var segment in _segments.Values)
                {
                    segment.Advance(context, advance.Limit, advance.Recorded);
                }

                break;
            case Hold hold when IsServed(hold.Term):
                foreach (var segment in _segments.Values)
                {
                    segment.Hold(context, _coordinator!);
                }

                break;
            case SnapshotAt snapshot when IsServed(snapshot.Term):
                foreach (var segment in _segments.Values)
                {
                    segment.SnapshotAt(context, _coordinator!, snapshot.Step);
                }

                break;
            case NormPart part:
                AddNormPart(context, part);
                break;
            case LinkRestored restored:
                foreach (var segment in _segments.Values)
                {
                    LinkIsBack(context, segment, restored.Member);
                }

                break;
            case Recompute vote when vote.Term == _topology.Term:
                _votes.Add(vote);
                context.Send(vote.Worker, vote);
                break;
            case LateShare late when late.Term == _topology.Term:
                var asked = new Recompute(late.Term, late.Step, late.Leaves, late.Helper);
                Watch(asked);
                Keep(_late, late);
                context.Send(late.Helper, asked);
                context.Send(late.Worker, late);
                break;
            case SumDigest sum when Find(sum.Term, sum.Segment) is { IsCopy: false }
                && (_audit.IsAsked(sender, sum.Step, sum.Node) || IsVote(sender, sum))
                && ReductionTree.IsNode(sum.Node, _plan.Leaves(sum.Step)) && TensorDigest.IsOne(sum.Digest):
                context.Send(_coordinator!, new Answer(sum.Term, sum.Step, sum.Segment, sum.Node, sender, sum.Digest, sum.Loss));
                break;
            case Settled settled when settled.Term == _topology.Term:
                context.Send(_coordinator!, settled);
                break;
            case Tick:
                _looksForLate = false;
                LookForLate(context);
                GiveUpLateCopies(context);
                LookForLateLater(context);
                break;
            case StopRequested when _coordinator is not null:
                context.Send(_coordinator, new WantsToLeave());
                break;
            case Stop:
                Dispose();
                break;
        }
    }

    /// <inheritdoc/>
    public void Receive(IActorContext context, ActorId sender, in TensorMessage message)
    {
        var segment = Find(message.Key.Term, message.Key.Segment);
        if (segment is null)
        {
            message.Lease.Release();
        }
        else if (message.Key.Kind == TensorKind.GradientSum)
        {
            if (!segment.IsCopy && (_audit.Covers(message.Key.Step) || IsRecomputed(message.Key)))
            {
                Tell(context, sender, message);
            }

            if (segment.Add(context, sender, _coordinator!, _topology.Servers, message) is { } part)
            {
                AddNormPart(context, part);
            }
        }
        else
        {
            segment.Restore(context, message);
        }

        Audit(context);
    }

    /// <summary>The segments of this server take a part of the gradient norm, of another one here or of another server's.</summary>
    private void AddNormPart(IActorContext context, NormPart part)
    {
        foreach (var segment in _segments.Values)
        {
            segment.AddNormPart(context, _coordinator!, part);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var segment in _segments.Values)
        {
            segment.Dispose();
        }

        _segments.Clear();
        _audit.Clear();
    }

    private void LookForLateLater(IActorContext context)
    {
        if (!_looksForLate && _segments.Count > 0)
        {
            _looksForLate = true;
            context.SendSelfLater(s_latenessPeriod, new Tick());
        }
    }

    private void LookForLate(IActorContext context)
    {
        if (!_segments.TryGetValue(0, out var segment) || segment.Term != _topology.Term)
        {
            return;
        }

        foreach (var (late, leaves, helper) in segment.Late(context.Now, _topology.Servers.All(server => server == context.Self)))
        {
            // From here on its answer is told; the helper begins when every server does so.
            Watch(new Recompute(segment.Term, segment.Step, leaves, helper));
            context.Send(_coordinator!, new LateShare(segment.Term, segment.Step, leaves, late, helper));
        }
    }

    private void Watch(Recompute recompute)
    {
        if (!_recomputed.Contains(recompute))
        {
            Keep(_recomputed, recompute);
        }
    }

    private static void Keep<T>(List<T> newest, T added)
    {
        if (newest.Count == MostRecomputed)
        {
            newest.RemoveAt(0);
        }

        newest.Add(added);
    }

    /// <summary>The link to a worker was lost and is there again: it hears once more what it was asked.</summary>
    private void AskAgain(IActorContext context, ActorId worker)
    {
        foreach (var recompute in _recomputed.Concat(_votes).Where(asked => asked.Worker == worker).Concat(_audit.AskedOf(worker)))
        {
            context.Send(worker, recompute);
        }

        foreach (var late in _late.Where(late => late.Worker == worker))
        {
            context.Send(worker, late);
        }
    }

    /// <summary>Tells the coordinator of a sum that is computed twice.</summary>
    private void Tell(IActorContext context, ActorId worker, in TensorMessage sum)
    {
        var key = sum.Key;
        context.Send(_coordinator!, new Answer(key.Term, key.Step, key.Segment, key.Node, worker, TensorDigest.Of(sum.Values), sum.Loss));
    }

    private bool IsRecomputed(in TensorKey key)
    {
        foreach (var recompute in _recomputed)
        {
            if (recompute.Step == key.Step && recompute.Leaves.Contains(key.Node))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Training goes beyond the step of a vote: who has no leaves of its own is sent no more weights, with the next assignment.</summary>
    private void EndVote(long limit)
    {
        if (_votes.Count > 0 && limit > _votes[0].Step + 1)
        {
            _workers = [.. _workers.Union(_votes.Select(asked => asked.Worker))];
            _votes.Clear();
        }
    }

    private bool IsVote(ActorId worker, SumDigest sum) =>
        _votes.Exists(asked => (asked.Worker, asked.Step, asked.Leaves) == (worker, sum.Step, sum.Node));

    /// <summary>
    /// Where the weights of a step are sent that is to be audited, asks the helpers, and tells the coordinator. Its word comes before
    /// every answer it tells, and before the report of any later step, so that none of them is recorded before the answers were compared.
    /// </summary>
    private void Audit(IActorContext context)
    {
        if (_audit.IsOff)
        {
            return;
        }

        var (step, isUntouched) = (long.MaxValue, true);
        foreach (var segment in _segments.Values)
        {
            if (segment.IsCopy || segment.Term != _topology.Term)
            {
                continue;
            }

            if (!segment.IsSent)
            {
                return;
            }

            step = Math.Min(step, segment.Step);
            isUntouched &= segment.IsUntouched;
        }

        if (step == long.MaxValue || _audit.Reach(_topology.Term, step, isUntouched) is not var (asked, version))
        {
            return;
        }

        foreach (var recompute in asked)
        {
            context.Send(recompute.Worker, recompute);
        }

        context.Send(_coordinator!, new AuditBegan(_topology.Term, step, version));
    }

    /// <summary>True for the present term, unless nobody serves in it and this server rests.</summary>
    private bool IsServed(long term) => term == _topology.Term && !_topology.Servers.IsEmpty;

    private SegmentServer? Find(long term, int index) =>
        term >= _topology.Term && _segments.TryGetValue(index, out var segment) && segment.Term == term ? segment : null;

    private void Serve(Serve serve)
    {
        MakeRoom(serve.Term, serve.Segment);
        var segments = Segments.Split(_layout.Parameters, serve.Segments);
        var update = new SegmentUpdate(_plan, _layout, segments[serve.Segment], _kernels, _compute);
        _segments.Add(serve.Segment, new SegmentServer(serve, segments, _plan, update, _pool, _clock));
    }

    private void HoldCopy(Copy copy, ActorId original)
    {
        var index = copy.Position.Segment;
        if (_segments.TryGetValue(index, out var held) && held.Term == copy.Term && !held.IsCopy)
        {
            // It is this server's own by now.
            return;
        }

        MakeRoom(copy.Term, index);
        var segments = Segments.Split(_layout.Parameters, copy.Position.Segments);
        var update = new SegmentUpdate(_plan, _layout, segments[index], _kernels, _compute);
        _segments.Add(index, new SegmentServer(copy, original, segments, _plan, update, _pool, _clock));
    }

    /// <summary>A segment is to be held in a term: from here on nothing of a former term is written, whichever segment it was.</summary>
    private void MakeRoom(long term, int segment)
    {
        foreach (var (index, former) in _segments.Where(held => held.Value.Term < term || held.Key == segment).ToArray())
        {
            former.Dispose();
            _segments.Remove(index);
        }
    }

    private void LinkIsBack(IActorContext context, SegmentServer segment, ActorId member)
    {
        if (_topology.Servers.Contains(member))
        {
            segment.SendPartsAgain(context, member);
        }

        if (segment.Term == _topology.Term)
        {
            segment.CopyAgain(context, member);
        }
    }

    private void GiveUpLateCopies(IActorContext context)
    {
        foreach (var segment in _segments.Values)
        {
            if (segment.Term == _topology.Term)
            {
                segment.GiveUpLateCopies(context);
            }
        }
    }

    private void SubscribeEarly(IActorContext context)
    {
        foreach (var ((worker, index), subscribe) in _early.ToArray())
        {
            if (Find(subscribe.Term, index) is { } segment)
            {
                segment.Subscribe(context, worker);
                _early.Remove((worker, index));
            }
            else if (subscribe.Term < _topology.Term)
            {
                _early.Remove((worker, index));
            }
        }
    }

    private void Rest(long term)
    {
        _topology = new Topology(term, []);
        _audit.Clear();
        foreach (var segment in _segments.Values)
        {
            segment.Rest();
        }
    }

    /// <summary>Follows a new topology: segments it still gives to this server continue, others are given up.</summary>
    private void Adopt(IActorContext context, Topology topology)
    {
        var former = _topology.Servers;
        _topology = topology;
        _recomputed.Clear();
        _votes.Clear();
        _late.Clear();
        _audit.Clear();
        foreach (var (index, segment) in _segments.ToArray())
        {
            if (segment.IsCopy && segment.Term == topology.Term)
            {
                continue;
            }

            if (index >= topology.Servers.Length || topology.Servers[index] != context.Self)
            {
                segment.Dispose();
                _segments.Remove(index);
            }
            else if (segment.Term < topology.Term)
            {
                segment.Adopt(context, _coordinator!, topology.Term);
                foreach (var server in topology.Servers.Where(server => server != context.Self).Except(former))
                {
                    segment.SendPartsAgain(context, server);
                }
            }
        }

        foreach (var part in _segments.Values.SelectMany(segment => segment.NormParts).ToArray())
        {
            AddNormPart(context, part);
        }

        if (topology.Servers.Where((server, index) => server == context.Self && !_segments.ContainsKey(index)).Any())
        {
            // A former coordinator's last word, heard after this one was told otherwise, took the segment away: it must be served again.
            context.Send(_coordinator!, new Leave());
            context.Send(_coordinator!, new Join(NodeRole.ParameterServer, Holding));
        }
    }
}
