namespace ClusterTrain.Actors;

/// <summary>Dedicated threads that run the actors whose mailboxes hold messages.</summary>
/// <typeparam name="T">A mailbox.</typeparam>
internal sealed class Dispatcher<T> : IDisposable
{
    // An idle thread looks again this often before it blocks: a wake-up costs more than most steps of a small network wait.
    private const int SpinsBeforeBlocking = 200;

    private readonly Lock _gate = new();
    private readonly Queue<T> _ready = new();
    private readonly SemaphoreSlim _wake = new(0);
    private readonly Action<T> _run;
    private readonly Thread[] _threads;
    private int _sleeping;
    private volatile bool _stopping;

    /// <summary>Starts the threads.</summary>
    /// <param name="name">Their name.</param>
    /// <param name="threads">Their number.</param>
    /// <param name="run">Runs the actor of a mailbox.</param>
    public Dispatcher(string name, int threads, Action<T> run)
    {
        _run = run;
        _threads = new Thread[threads];
        for (var index = 0; index < threads; index++)
        {
            _threads[index] = new Thread(Loop) { Name = threads == 1 ? name : $"{name}-{index + 1}", IsBackground = true };
            _threads[index].Start();
        }
    }

    public void Schedule(T mailbox)
    {
        bool wake;
        lock (_gate)
        {
            _ready.Enqueue(mailbox);
            wake = _sleeping > 0;
            if (wake)
            {
                _sleeping--;
            }
        }

        if (wake)
        {
            _wake.Release();
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _stopping = true;
            _wake.Release(_threads.Length);
        }

        foreach (var thread in _threads)
        {
            if (thread != Thread.CurrentThread)
            {
                thread.Join();
            }
        }

        _wake.Dispose();
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
        while (!_stopping)
        {
            for (var spin = 0; spin < SpinsBeforeBlocking; spin++)
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
                if (_ready.TryDequeue(out mailbox))
                {
                    return true;
                }

                _sleeping++;
            }

            _wake.Wait();
        }

        mailbox = default;
        return false;
    }
}
