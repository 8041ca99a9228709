using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Training.Tests;

/// <summary>A context that keeps what an actor sends and does nothing else; time moves when a test says so.</summary>
internal sealed class RecordingContext(string self) : IActorContext
{
    private readonly Queue<Func<IMessage>> _work = new();

    public ActorId Self { get; } = new(self);

    public TimeSpan Now { get; set; }

    /// <summary>Control messages in the order sent.</summary>
    public List<(ActorId To, IMessage Message)> Messages { get; } = [];

    /// <summary>Tensors in the order sent; the test owns their leases.</summary>
    public List<(ActorId To, TensorMessage Tensor)> Tensors { get; } = [];

    public List<(TimeSpan Delay, IMessage Message)> Later { get; } = [];

    public int OffloadedCount => _work.Count;

    public IEnumerable<T> Sent<T>()
        where T : IMessage => Messages.Select(sent => sent.Message).OfType<T>();

    public IEnumerable<T> SentTo<T>(ActorId to)
        where T : IMessage => Messages.Where(sent => sent.To == to).Select(sent => sent.Message).OfType<T>();

    public void Send(ActorId to, IMessage message) => Messages.Add((to, message));

    public void Send(ActorId to, in TensorMessage message) => Tensors.Add((to, message));

    public void SendSelfLater(TimeSpan delay, IMessage message) => Later.Add((delay, message));

    public void Offload(Func<IMessage> work) => _work.Enqueue(work);

    /// <summary>Runs offloaded work, and what that leads to, delivering the results as a host does.</summary>
    /// <param name="actor">Receives them.</param>
    /// <param name="pieces">How many pieces of work at most.</param>
    public void RunOffloaded(IActor actor, int pieces = int.MaxValue)
    {
        for (; pieces > 0 && _work.TryDequeue(out var work); pieces--)
        {
            IMessage result;
            try
            {
                result = work();
            }
            catch (TrainingException error)
            {
                result = new WorkFailed(error);
            }

            actor.Receive(this, Self, result);
        }
    }

    /// <summary>Forgets what was sent and gives the tensors back.</summary>
    public void Clear()
    {
        Messages.Clear();
        foreach (var (_, tensor) in Tensors)
        {
            tensor.Lease.Release();
        }

        Tensors.Clear();
    }
}
