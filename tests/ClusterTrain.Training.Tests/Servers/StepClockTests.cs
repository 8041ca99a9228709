using ClusterTrain.Learning.Networks;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Threading;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;
using ClusterTrain.Training.Servers;
using ClusterTrain.Training.Tensors;

namespace ClusterTrain.Training.Tests;

/// <summary>What the parts of a step took, in milliseconds.</summary>
public sealed class StepClockTests
{
    private readonly MillisecondTime _time = new();
    private readonly StepClock _clock;

    public StepClockTests()
    {
        _clock = new StepClock(_time);
        Assert.True(_clock.IsNew);
        Assert.False(_clock.IsDue(TimeSpan.FromDays(1)));
    }

    [Fact]
    public void The_first_step_is_not_reported_as_it_also_compiles_what_it_runs()
    {
        Step(1000, 1000, 1000, 1000);
        Assert.Null(Take(0));
        Assert.False(_clock.IsNew);
        Step(sending: 1, waiting: 10, adding: 2, updating: 4);
        Assert.Equal((1, 12, 2, 4, 1), Parts(Take(100)));
    }

    [Fact]
    public void Steps_are_added_up_until_they_are_reported()
    {
        Take(0);
        Step(1, 10, 2, 4);
        Step(2, 20, 4, 8);
        var times = Take(100)!;
        Assert.Equal((2, 36, 6, 12, 3), Parts(times));
        Assert.Equal((7, 0, 100, 0.5), (times.Term, times.Segment, times.Step, times.GradientNorm));
        Step(3, 30, 6, 12);
        Assert.Equal((1, 36, 6, 12, 3), Parts(Take(1100)));
    }

    [Fact]
    public void A_server_does_not_await_sums_while_it_sends_or_updates_another_segment()
    {
        Take(0);
        Send(1);
        _time.Now += 10;
        Update(4, endsStep: false);
        Send(2, beginsStep: false);
        _time.Now += 5;
        _clock.Complete();
        Update(8);
        Assert.Equal((1, 15, 0, 12, 3), Parts(Take(100)));
    }

    [Fact]
    public void Nothing_is_awaited_where_no_weights_were_sent()
    {
        Take(0);
        Add(3);
        _clock.Complete();
        Update(5);
        Update(6, endsStep: false);
        Assert.Equal((1, 0, 3, 11, 0), Parts(Take(100)));
    }

    [Fact]
    public void A_report_is_due_after_a_tenth_of_a_second_and_then_every_second()
    {
        Take(50);
        Assert.False(IsDue(149));
        Assert.True(IsDue(150));
        Take(150);
        Assert.False(IsDue(1149));
        Assert.True(IsDue(1150));
        Take(1200);
        Assert.False(IsDue(2199));
        Assert.True(IsDue(2200));
    }

    [Fact]
    public void A_segment_tells_of_every_part_of_its_steps_and_only_the_first_one_reports_them()
    {
        var recipe = LineRun.Recipe(epochs: 3);
        var layout = new NetworkLayout(GradientNorm.BlockParameters + 1, recipe.Layers);
        var plan = new TrainingPlan(recipe, 4);
        var segments = Segments.Split(layout.Parameters, 2);
        var pool = new TensorPool();
        var context = new RecordingContext("server");
        _time.IsTicking = true;
        foreach (var segment in segments)
        {
            var zeros = new float[segment.Length];
            using var compute = new ComputePool(1);
            var update = new SegmentUpdate(plan, layout, segment, Kernels.Active, compute);
            using var server = new SegmentServer(new Serve(1, segment.Index, 2, 0, 0, 0), segments, plan, update, pool, _clock);
            server.Restore(context, pool.Tensor(LineRun.Weights(1, 0, segment.Index), 0, zeros));
            server.Restore(context, pool.Tensor(LineRun.State(1, 0, segment.Index), 0, zeros));
            server.Subscribe(context, new ActorId("worker-1"));
            server.Advance(context, 100, 0);
            for (var step = 0; step < 2; step++)
            {
                for (var leaf = 0; leaf < 2; leaf++)
                {
                    var sum = pool.Tensor(LineRun.Sum(1, step, leaf, 1, segment.Index), 1, zeros);
                    server.Add(context, new ActorId("worker-1"), LineRun.Coordinator, [context.Self], sum);
                }

                context.Now += TimeSpan.FromSeconds(2);
            }

            context.Tensors.ForEach(sent => sent.Tensor.Lease.Release());
            context.Tensors.Clear();
        }

        var times = Assert.Single(context.SentTo<StepTimes>(LineRun.Coordinator));
        Assert.Equal((1, 0, 2, 1), (times.Term, times.Segment, times.Step, times.Steps));
        Assert.True(times.Awaited > times.Summed, $"{times}");
        Assert.True(times.Summed > TimeSpan.Zero && times.Updated > TimeSpan.Zero && times.Sent > TimeSpan.Zero, $"{times}");
        Assert.Equal(0, pool.Lent);
    }

    private void Step(int sending, int waiting, int adding, int updating)
    {
        Send(sending);
        _time.Now += waiting;
        Add(adding);
        _clock.Complete();
        Update(updating);
    }

    private void Send(int took, bool beginsStep = true)
    {
        var began = _clock.Now;
        _time.Now += took;
        _clock.Broadcast(began, beginsStep);
    }

    private void Add(int took)
    {
        var began = _clock.Now;
        _time.Now += took;
        _clock.Added(began);
    }

    private void Update(int took, bool endsStep = true)
    {
        var began = _clock.Now;
        _time.Now += took;
        _clock.Updated(began, endsStep);
    }

    private StepTimes? Take(int now) => _clock.Take(TimeSpan.FromMilliseconds(now), 7, 0, 100, 0.5);

    private bool IsDue(int now) => _clock.IsDue(TimeSpan.FromMilliseconds(now));

    private static (long Steps, int Awaited, int Summed, int Updated, int Sent) Parts(StepTimes? times)
    {
        return (times!.Steps, Milliseconds(times.Awaited), Milliseconds(times.Summed), Milliseconds(times.Updated), Milliseconds(times.Sent));

        static int Milliseconds(TimeSpan time) => checked((int)time.TotalMilliseconds);
    }

    private sealed class MillisecondTime : TimeProvider
    {
        public override long TimestampFrequency => 1000;

        public long Now { get; set; } = 5000;

        /// <summary>True: every look at the clock takes a millisecond.</summary>
        public bool IsTicking { get; set; }

        public override long GetTimestamp() => IsTicking ? Now++ : Now;
    }
}
