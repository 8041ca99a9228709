using ClusterTrain.Numerics.Threading;

namespace ClusterTrain.Numerics.Tests;

/// <summary>
/// Counts what a pool's threads allocate, and nothing else: other tests of the process may run and allocate meanwhile.
/// </summary>
internal sealed class AllocationMeter(ComputePool pool) : IDisposable
{
    private const int Groups = 5;
    private const int StepsPerGroup = 10;

    private readonly Barrier _meeting = new(pool.Threads);
    private readonly long[] _sum = new long[pool.Threads];
    private readonly long[] _start = new long[pool.Threads];

    public void Dispose() => _meeting.Dispose();

    /// <summary>
    /// The bytes that all threads of the pool allocate in ten steps: the least of five such groups, since the first calls of a
    /// method may allocate in the runtime.
    /// </summary>
    public long LeastBytes(Action step)
    {
        var least = long.MaxValue;
        for (var group = 0; group < Groups; group++)
        {
            Read();
            Array.Clear(_sum);
            for (var count = 0; count < StepsPerGroup; count++)
            {
                step();
            }

            Read();
            least = Math.Min(least, _sum.Sum());
        }

        return least;
    }

    private void Read()
    {
        var job = new ReadJob(this);
        pool.Run(ref job, pool.Threads);
    }

    // Each part waits for the others, so each runs on a thread of its own. Meeting may allocate: it lies between the readings.
    private readonly struct ReadJob(AllocationMeter meter) : IComputeJob
    {
        public void Execute(int part, int thread)
        {
            meter._sum[thread] += GC.GetAllocatedBytesForCurrentThread() - meter._start[thread];
            meter._meeting.SignalAndWait();
            meter._start[thread] = GC.GetAllocatedBytesForCurrentThread();
        }
    }
}
