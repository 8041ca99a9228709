using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace ClusterTrain.Numerics.Threading;

/// <summary>
/// Fork and join over dedicated threads; the calling thread is one of them. A run allocates nothing. Threads that find no work
/// spin for a moment and then sleep, so that several pools can share a machine.
/// </summary>
public sealed unsafe class ComputePool : IDisposable
{
    // About the cost of sleeping and waking once.
    private static readonly long s_spinTicks = Stopwatch.Frequency / 20_000;

    private readonly object _gate = new();
    private readonly object _finished = new();
    private readonly Thread[] _workers;
    private readonly bool _spin;

    private int _busy;
    private bool _stopped;
    private int _sleepers;
    private bool _callerSleeps;

    // A run: written before its parts are offered, valid until its last part is finished.
    private delegate*<void*, int, int, void> _execute;
    private void* _job;
    private int _parts;
    private ExceptionDispatchInfo? _failure;

    // Parts not yet taken and parts not yet finished. Whoever takes one from _offered owns that part.
    private int _offered;
    private int _unfinished;

    /// <summary>Starts the threads.</summary>
    /// <param name="threads">Threads that compute, the caller of <see cref="Run"/> included; 1 starts none.</param>
    /// <param name="name">The threads are called <c>name 1</c>, <c>name 2</c> and so on in debuggers.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="threads"/> is less than 1 or more than 1024.</exception>
    public ComputePool(int threads, string name = "compute")
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(threads, 1024);
        Threads = threads;
        _spin = threads <= Environment.ProcessorCount;
        _workers = new Thread[threads - 1];
        for (var i = 0; i < _workers.Length; i++)
        {
            var thread = i + 1;
            _workers[i] = new Thread(() => Work(thread)) { IsBackground = true, Name = $"{name} {thread}" };
            _workers[i].Start();
        }
    }

    /// <summary>Threads that compute, the caller included.</summary>
    public int Threads { get; }

    /// <summary>Threads that sleep because there is nothing to do.</summary>
    public int Sleepers => Volatile.Read(ref _sleepers);

    /// <summary>
    /// Runs parts 0 to <paramref name="parts"/> - 1 and returns when all are finished. After a part has thrown, parts that have
    /// not begun are left out, and the first exception is thrown here.
    /// </summary>
    /// <param name="job">The work; the parts share one copy of it, which is stored back at the end.</param>
    /// <param name="parts">Number of parts, at least 0.</param>
    /// <exception cref="InvalidOperationException">The pool is running already: from another thread, or from inside a part.</exception>
    /// <exception cref="ObjectDisposedException">The pool is disposed.</exception>
    public void Run<TJob>(ref TJob job, int parts)
        where TJob : struct, IComputeJob
    {
        ArgumentOutOfRangeException.ThrowIfNegative(parts);
        if (Interlocked.Exchange(ref _busy, 1) != 0)
        {
            throw new InvalidOperationException(
                "This ComputePool is already running a job. Give each worker its own pool, and do not start a job inside a part.");
        }

        try
        {
            ObjectDisposedException.ThrowIf(_stopped, this);
            if (Threads == 1 || parts <= 1)
            {
                for (var part = 0; part < parts; part++)
                {
                    job.Execute(part, 0);
                }

                return;
            }

            // A copy on this stack does not move, whatever the garbage collector does meanwhile.
            var copy = job;
            RunShared(&Execute<TJob>, Unsafe.AsPointer(ref copy), parts);
            job = copy;
            var failure = _failure;
            _failure = null;
            failure?.Throw();
        }
        finally
        {
            Volatile.Write(ref _busy, 0);
        }
    }

    /// <summary>Stops the threads and waits until they have ended.</summary>
    /// <exception cref="InvalidOperationException">A job is running.</exception>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _busy, 1) != 0)
        {
            throw new InvalidOperationException("This ComputePool is running a job; dispose it when the job has ended.");
        }

        lock (_gate)
        {
            _stopped = true;
            Monitor.PulseAll(_gate);
        }

        foreach (var worker in _workers)
        {
            worker.Join();
        }

        Volatile.Write(ref _busy, 0);
    }

    private static void Execute<TJob>(void* job, int part, int thread)
        where TJob : struct, IComputeJob =>
        Unsafe.AsRef<TJob>(job).Execute(part, thread);

    private void RunShared(delegate*<void*, int, int, void> execute, void* job, int parts)
    {
        _execute = execute;
        _job = job;
        _parts = parts;
        _unfinished = parts;
        Interlocked.Exchange(ref _offered, parts);
        if (Volatile.Read(ref _sleepers) > 0)
        {
            lock (_gate)
            {
                for (var i = Math.Min(parts - 1, _sleepers); i > 0; i--)
                {
                    Monitor.Pulse(_gate);
                }
            }
        }

        TakeParts(0);
        if (SpinUntilZero(ref _unfinished))
        {
            return;
        }

        lock (_finished)
        {
            _callerSleeps = true;
            Interlocked.MemoryBarrier();
            while (Volatile.Read(ref _unfinished) > 0)
            {
                Monitor.Wait(_finished);
            }

            _callerSleeps = false;
        }
    }

    private void Work(int thread)
    {
        while (true)
        {
            TakeParts(thread);
            if (SpinUntilWork())
            {
                continue;
            }

            lock (_gate)
            {
                _sleepers++;
                Interlocked.MemoryBarrier();
                while (Volatile.Read(ref _offered) == 0 && !_stopped)
                {
                    Monitor.Wait(_gate);
                }

                _sleepers--;
                if (_stopped)
                {
                    return;
                }
            }
        }
    }

    private void TakeParts(int thread)
    {
        int offered;
        while ((offered = Volatile.Read(ref _offered)) > 0)
        {
            if (Interlocked.CompareExchange(ref _offered, offered - 1, offered) != offered)
            {
                continue;
            }

            // This part is ours, so the run it belongs to cannot end before we finish it: its fields are stable.
            if (Volatile.Read(ref _failure) is null)
            {
                ExecutePart(_parts - offered, thread);
            }

            if (Interlocked.Decrement(ref _unfinished) == 0 && Volatile.Read(ref _callerSleeps))
            {
                lock (_finished)
                {
                    Monitor.Pulse(_finished);
                }
            }
        }
    }

    private void ExecutePart(int part, int thread)
    {
        try
        {
            _execute(_job, part, thread);
        }
        catch (Exception exception)
        {
            // Rethrown to the caller of Run; what a part throws is its own affair, so nothing can be left out here.
            Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(exception), null);
        }
    }

    private bool SpinUntilWork()
    {
        if (!_spin)
        {
            return false;
        }

        var end = Stopwatch.GetTimestamp() + s_spinTicks;
        do
        {
            for (var i = 0; i < 16; i++)
            {
                if (Volatile.Read(ref _offered) > 0)
                {
                    return true;
                }

                Thread.SpinWait(1);
            }
        }
        while (Stopwatch.GetTimestamp() < end);
        return false;
    }

    private bool SpinUntilZero(ref int counter)
    {
        if (!_spin)
        {
            return Volatile.Read(ref counter) == 0;
        }

        var end = Stopwatch.GetTimestamp() + s_spinTicks;
        do
        {
            for (var i = 0; i < 16; i++)
            {
                if (Volatile.Read(ref counter) == 0)
                {
                    return true;
                }

                Thread.SpinWait(1);
            }
        }
        while (Stopwatch.GetTimestamp() < end);
        return false;
    }
}
