using ClusterTrain.Numerics.Threading;

namespace ClusterTrain.Numerics.Tests;

public class ComputePoolTests
{
    [Theory]
    [InlineData(1, 0)]
    [InlineData(1, 5)]
    [InlineData(2, 1)]
    [InlineData(2, 7)]
    [InlineData(3, 100)]
    [InlineData(16, 3)]
    public void Every_part_runs_exactly_once_in_every_run(int threads, int parts)
    {
        using var pool = new ComputePool(threads);
        for (var run = 0; run < 200; run++)
        {
            var job = new CountingJob(new int[parts], threads);
            pool.Run(ref job, parts);
            Assert.All(job.Counts, count => Assert.Equal(1, count));
        }
    }

    [Fact]
    public void Parts_run_on_the_pools_own_threads_at_the_same_time()
    {
        using var pool = new ComputePool(3, "tile");
        var job = new MeetingJob(new Barrier(3), new string?[3]);
        pool.Run(ref job, 3);
        Assert.Equal(["tile 1", "tile 2"], job.Names.Skip(1));
    }

    [Fact]
    public void A_thread_that_fell_asleep_wakes_for_the_next_run()
    {
        using var pool = new ComputePool(2);
        for (var run = 0; run < 3; run++)
        {
            // The meeting needs both threads; by the time the other one sleeps, it has long stopped spinning.
            var job = new MeetingJob(new Barrier(2), new string?[2]);
            pool.Run(ref job, 2);
            Assert.True(SpinWait.SpinUntil(() => pool.Sleepers == 1, TimeSpan.FromSeconds(30)), "the idle thread stays awake");
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void An_exception_in_a_part_reaches_the_caller_and_the_pool_stays_usable(int threads)
    {
        using var pool = new ComputePool(threads);
        for (var run = 0; run < 20; run++)
        {
            var failing = new FailingJob(FailAt: 3);
            var error = Assert.Throws<InvalidDataException>(() => pool.Run(ref failing, 10));
            Assert.Equal("part 3", error.Message);

            var job = new CountingJob(new int[10], threads);
            pool.Run(ref job, 10);
            Assert.All(job.Counts, count => Assert.Equal(1, count));
        }
    }

    [Fact]
    public void A_run_inside_a_part_is_an_error_not_a_deadlock()
    {
        using var pool = new ComputePool(2);
        var job = new NestedJob(pool);
        Assert.Throws<InvalidOperationException>(() => pool.Run(ref job, 2));
    }

    [Fact]
    public void A_pool_is_not_disposed_of_while_it_runs()
    {
        using var pool = new ComputePool(2);
        var job = new DisposingJob(pool);
        Assert.Throws<InvalidOperationException>(() => pool.Run(ref job, 2));
    }

    [Fact]
    public void What_the_parts_write_into_the_job_comes_back()
    {
        using var pool = new ComputePool(2);
        var job = default(SumJob);
        pool.Run(ref job, 100);
        Assert.Equal(4950, job.Sum);
    }

    [Fact]
    public void Bad_sizes_and_use_after_disposal_are_errors()
    {
        Assert.Throws<ArgumentOutOfRangeException>("threads", () => new ComputePool(0));
        var pool = new ComputePool(2);
        pool.Dispose();
        var job = default(SumJob);
        Assert.Throws<ObjectDisposedException>(() => pool.Run(ref job, 2));
        Assert.Throws<ArgumentOutOfRangeException>("parts", () => pool.Run(ref job, -1));
    }

    private readonly record struct CountingJob(int[] Counts, int Threads) : IComputeJob
    {
        public void Execute(int part, int thread)
        {
            Assert.InRange(thread, 0, Threads - 1);
            Interlocked.Increment(ref Counts[part]);
        }
    }

    private readonly record struct MeetingJob(Barrier Barrier, string?[] Names) : IComputeJob
    {
        public void Execute(int part, int thread)
        {
            Names[thread] = Thread.CurrentThread.Name;
            Assert.True(Barrier.SignalAndWait(TimeSpan.FromSeconds(30)), "the other threads took no part");
        }
    }

    private readonly record struct FailingJob(int FailAt) : IComputeJob
    {
        public void Execute(int part, int thread)
        {
            if (part == FailAt)
            {
                throw new InvalidDataException($"part {part}");
            }
        }
    }

    private readonly record struct DisposingJob(ComputePool Pool) : IComputeJob
    {
        public void Execute(int part, int thread) => Pool.Dispose();
    }

    private readonly record struct NestedJob(ComputePool Pool) : IComputeJob
    {
        public void Execute(int part, int thread)
        {
            var inner = default(SumJob);
            Pool.Run(ref inner, 2);
        }
    }

    private struct SumJob : IComputeJob
    {
        public int Sum;

        public void Execute(int part, int thread) => Interlocked.Add(ref Sum, part);
    }
}
