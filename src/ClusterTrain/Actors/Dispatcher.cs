namespace ClusterTrain.Actors;

/// <summary>Dedicated threads that run the actors whose mailboxes hold messages.</summary>
/// <typeparam name="T">A mailbox.</typeparam>
internal sealed class Dispatcher<T> : IDisposable
{
    private const int MostSpins = 200;

    private readonly object _gate = new();
    private readonly Queue<T> _ready = new();
    private readonly Action<T> _run;
    private readonly Thread[] _threads;
    private readonly int _spins;
    private volatile bool _stopping;

    /// <summary>Starts the threads.</summary>
    /// <param name="name">Their name.</param>
    /// <param name="threads">Their number.</param>
    /// <param name="run">Runs the actor of a mailbox.</param>
    /// <param name="spins">
    /// True: an idle thread looks again a few times before it blocks, because a wake-up costs more than most steps of a small network wait. Only
    /// where no other thread of the machine needs the core.
    /// </param>
    public Dispatcher(string name, int threads, Action<T> run, bool spins)
    {
        _run = run;
        _spins = spins ? MostSpins : 0;
        _threads = new Thread[threads];
        for (var index = 0; index < threads; index++)
        {
            _threads[index] = new Thread(Loop) { Name = threads == 1 ? name : $"{name}-{index + 1}", IsBackground = true };
            _threads[index].Start();
        }
    }

    public void Schedule(T mailbox)
    {
        lock (_gate)
        {
            _ready.Enqueue(mailbox);
            Monitor.Pulse(_gate);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _stopping = true;
            Monitor.PulseAll(_gate);
        }

        foreach (var thread in _threads)
        {
            if (thread != Thread.CurrentThread)
            {
                thread.Join();
            }
        }
    }

    private void Loop()
    {
        while (Take(out var mailbox))
        {
            _run(mailbox!);
        }
    }

    private bool Take(out T? mailbox)
    {
        for (var spin = 0; spin < _spins && !_stopping; spin++)
        {
            lock (_gate)
            {
                if (_ready.TryDequeue(out mailbox))
                {
                    return true;
                }
            }

            Thread.SpinWait(20);
        }

        lock (_gate)
        {
            while (!_stopping)
            {
                if (_ready.TryDequeue(out mailbox))
                {
                    return true;
                }

                Monitor.Wait(_gate);
            }
        }

        mailbox = default;
        return false;
    }
}
