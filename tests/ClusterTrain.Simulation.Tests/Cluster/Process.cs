using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Tensors;

namespace ClusterTrain.Simulation.Tests;

/// <summary>A message on its way or in a mailbox: a control message, or a tensor when that is null.</summary>
internal readonly record struct Envelope(ActorId Sender, IMessage? Message, TensorMessage Tensor)
{
    public void Drop()
    {
        if (Message is null)
        {
            Tensor.Lease.Release();
        }
    }

    public override string ToString() => Message?.ToString() ?? $"{Tensor.Key} loss {Tensor.Loss:R}";
}

/// <summary>One life of an actor in a process of its own: its mailbox, its memory and what its host knows.</summary>
internal sealed class Process(SimulatedCluster cluster, int place, ActorId id, NodeRole? role, long bornUs) : IActorContext
{
    private readonly Queue<(Func<IMessage> Work, long BornUs)> _work = new();

    // Tensors of other processes of the machine that it reads where they lie, each with what it was like when it came.
    private readonly HashSet<SharedTensor> _read = [];

    public int Place => place;

    public ActorId Self => id;

    /// <summary>Null: the coordinator.</summary>
    public NodeRole? Role => role;

    public IActor Actor { get; set; } = null!;

    /// <summary>The production object under what a plant put around it.</summary>
    public IDisposable Owned { get; set; } = null!;

    public TensorPool Pool { get; } = new();

    /// <summary>Buffers it holds: its own that are lent, and those of others that it reads where they lie.</summary>
    public int Held => Pool.Lent + _read.Count;

    public Queue<Envelope> Mailbox { get; } = new();

    public bool IsAlive { get; set; } = true;

    public bool IsScheduled { get; set; }

    public long BusyUntilUs { get; set; }

    /// <summary>The coordinator this member's host is connected to, and the number of that connection.</summary>
    public (Process Coordinator, int Number)? Connection { get; set; }

    /// <summary>True while it hangs: work beside the actor stands still as well.</summary>
    public bool Hangs { get; set; }

    /// <summary>True for a coordinator in whose place another one leads: nobody is connected to it any more.</summary>
    public bool IsFormer { get; set; }

    /// <summary>True once it was told to stop.</summary>
    public bool IsStopped { get; set; }

    /// <summary>The newest term it was told or spoke of.</summary>
    public long Term { get; set; }

    /// <summary>What it sent during the message in hand.</summary>
    public List<(ActorId To, Envelope Envelope)> Outbox { get; set; } = [];

    public TimeSpan Now => TimeSpan.FromMicroseconds(cluster.NowUs - bornUs + cluster.ClockOffsetUs(place));

    public void Send(ActorId to, IMessage message) => Outbox.Add((to, new Envelope(id, message, default)));

    public void Send(ActorId to, in TensorMessage message) => Outbox.Add((to, new Envelope(id, null, message)));

    public void SendSelfLater(TimeSpan delay, IMessage message) =>
        cluster.After((long)delay.TotalMicroseconds, () => cluster.Arrive(this, new Envelope(id, message, default)));

    public void Offload(Func<IMessage> work)
    {
        _work.Enqueue((work, cluster.NowUs));
        if (_work.Count == 1)
        {
            Work();
        }
    }

    /// <summary>
    /// Weights are about to arrive: older ones of the same segment that still wait are dropped. With several segments the step before is kept:
    /// a server that lacks a sum of it needs it computed again.
    /// </summary>
    public void DropOlderWeights(in Envelope newer, int kept)
    {
        if (newer.Message is not null || newer.Tensor.Key.Kind != TensorKind.Weights)
        {
            return;
        }

        var (sender, key) = (newer.Sender, newer.Tensor.Key);
        for (var left = Mailbox.Count; left > 0; left--)
        {
            var waiting = Mailbox.Dequeue();
            if (waiting.Sender == sender && waiting.Message is null && waiting.Tensor.Key with { Step = key.Step } == key
                && waiting.Tensor.Key.Step <= key.Step - kept)
            {
                waiting.Drop();
            }
            else
            {
                Mailbox.Enqueue(waiting);
            }
        }
    }

    /// <summary>True while offloaded work is under way or waits.</summary>
    public bool IsWorking => _work.Count > 0;

    /// <summary>The process dies in the middle of its work: what it was doing may have been done, though nobody hears of it.</summary>
    public void DieAtWork(SimulationRandom random)
    {
        if (_work.TryPeek(out var work) && random.Chance(0.5))
        {
            SimulatedCluster.Perform(work.Work);
        }
    }

    /// <summary>Memory of another process that was written while this one read it; null: none was.</summary>
    public string? Violation { get; private set; }

    /// <summary>True when it ended holding memory of other processes.</summary>
    public bool HasLeftUnreturned { get; private set; }

    /// <summary>Takes a tensor of another process of the machine where it lies.</summary>
    public TensorLease Read(in TensorMessage sent, bool isHeld)
    {
        var shared = new SharedTensor(sent, isHeld);
        _read.Add(shared);
        return TensorLease.Foreign(shared.Values, () =>
        {
            if (_read.Remove(shared))
            {
                Violation ??= shared.GiveBack(id);
            }
        });
    }

    /// <summary>It has ended: the owners of what it read notice.</summary>
    public void GiveAllBack()
    {
        HasLeftUnreturned = _read.Count > 0;
        foreach (var shared in _read)
        {
            Violation ??= shared.GiveBack(id);
        }

        _read.Clear();
    }

    private void Work() => cluster.After(cluster.WorkUs(), Finish);

    private void Finish()
    {
        if (!IsAlive)
        {
            return;
        }

        if (Hangs)
        {
            cluster.After(Math.Max(1, BusyUntilUs - cluster.NowUs), Finish);
            return;
        }

        var result = SimulatedCluster.Perform(_work.Peek().Work);
        _work.Dequeue();
        cluster.Arrive(this, new Envelope(id, result, default));
        if (_work.Count > 0)
        {
            Work();
        }
    }
}
