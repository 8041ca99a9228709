using System.Collections.Concurrent;
using ClusterTrain.Training.Actors;

namespace ClusterTrain.Actors;

/// <summary>The slow work that actors of one process offload: a thread that does one piece after the other, in the order given.</summary>
internal sealed class OffloadLane : IDisposable
{
    private readonly BlockingCollection<(ActorId Owner, Func<IMessage> Work)> _work = [];
    private readonly Action<ActorId, ActorId, IMessage> _post;
    private readonly Thread _thread;
    private bool _stopped;

    /// <summary>Starts the thread.</summary>
    /// <param name="post">Delivers a result: to whom, from whom, and what.</param>
    public OffloadLane(Action<ActorId, ActorId, IMessage> post)
    {
        _post = post;
        _thread = new Thread(Run) { Name = "background", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Adds a piece of work; after <see cref="Stop"/> it is dropped.</summary>
    public void Add(ActorId owner, Func<IMessage> work)
    {
        lock (_work)
        {
            if (!_stopped)
            {
                _work.Add((owner, work));
            }
        }
    }

    /// <summary>Does what was given, and ends.</summary>
    public void Stop()
    {
        lock (_work)
        {
            _stopped = true;
            _work.CompleteAdding();
        }

        _thread.Join();
    }

    /// <inheritdoc/>
    public void Dispose() => _work.Dispose();

    private void Run()
    {
        foreach (var (owner, work) in _work.GetConsumingEnumerable())
        {
            IMessage result;
            try
            {
                result = work();
            }
            catch (Exception error)
            {
                // Work runs for its owner: what it throws is the owner's to handle.
                result = new WorkFailed(error);
            }

            _post(owner, owner, result);
        }
    }
}
