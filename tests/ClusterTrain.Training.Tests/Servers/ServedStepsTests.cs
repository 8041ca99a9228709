using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Optimisers.WholeModel;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Threading;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;
using ClusterTrain.Training.Servers;
using ClusterTrain.Training.Tensors;

namespace ClusterTrain.Training.Tests;

/// <summary>What a parameter server begins with, when it waits, and what it reports of its steps.</summary>
public sealed class ServedStepsTests
{
    [Fact]
    public void The_loss_reported_is_the_mean_over_the_rows_of_the_epoch_so_far()
    {
        // Five rows in batches of two: an epoch has three steps, of two rows, two and one.
        using var stand = new ServerStand(LineRun.Recipe(epochs: 3, batchRows: 2), rows: 5);
        stand.Serve(1);
        stand.Lead(1, stand.Self);
        foreach (var (step, loss) in new[] { 3.0, 6, 1, 5, 10, 5 }.Index())
        {
            stand.Push(1, step, count: 1, loss: loss);
            stand.Context.Now += TimeSpan.FromMilliseconds(200);
        }

        Assert.Equal([1.5, 2.25, 2, 2.5, 3.75, 4], Losses(stand));
    }

    [Fact]
    public void Steps_within_an_epoch_are_reported_200_ms_after_the_last_report_and_ends_of_epochs_at_once()
    {
        using var stand = new ServerStand(LineRun.Recipe(epochs: 3, batchRows: 1));
        stand.Serve(1);
        stand.Lead(1, stand.Self);
        foreach (var (step, now) in new[] { 1000, 1199, 1200, 1201, 1400, 1401, 1402, 1403 }.Index())
        {
            stand.Context.Now = TimeSpan.FromMilliseconds(now);
            stand.Push(1, step, count: 1);
        }

        Assert.Equal([1L, 3, 4, 6, 8], stand.Context.SentTo<StepReport>(LineRun.Coordinator).Select(report => report.Step));
    }

    [Theory]
    [InlineData(1, 4.0, new[] { 3.0, 2.5 })]
    [InlineData(2, 9.0, new[] { 2.5, 5 })]
    public void Served_from_within_an_epoch_it_counts_the_loss_before_and_from_its_end_it_does_not(long step, double before, double[] expected)
    {
        using var stand = new ServerStand(LineRun.Recipe(epochs: 3, batchRows: 2), rows: 3);
        stand.Serve(1, step, loss: before);
        stand.Lead(1, stand.Self);
        stand.Push(1, step, count: 1, loss: 5);
        stand.Context.Now += TimeSpan.FromMilliseconds(200);
        stand.Push(1, step + 1, count: 1, loss: step == 1 ? 5 : 10);
        Assert.Equal(expected, Losses(stand));
    }

    [Fact]
    public void Time_is_told_from_the_first_weights_that_were_sent()
    {
        using var stand = new ServerStand(LineRun.Recipe());
        stand.Serve(1);
        stand.Lead(1, stand.Self);
        stand.Context.Now = TimeSpan.FromSeconds(10);
        stand.Subscribe(ServerStand.Worker, 1);
        stand.Context.Now = TimeSpan.FromSeconds(12);
        stand.Subscribe(ServerStand.Other, 1);
        stand.Push(1, 0);
        stand.Context.Now = TimeSpan.FromSeconds(17);
        stand.Push(1, 1);
        Assert.Equal([2, 7], stand.Context.Sent<StepReport>().Select(report => report.Elapsed.TotalSeconds));
    }

    [Fact]
    public void The_ends_of_epochs_are_told_to_a_new_coordinator_as_they_were_reported()
    {
        using var stand = new ServerStand(LineRun.Recipe(epochs: 4, batchRows: 2));
        stand.Serve(1);
        stand.Lead(1, stand.Self);
        stand.Subscribe(ServerStand.Worker, 1);
        for (var step = 0; step < 5; step++)
        {
            stand.Context.Now += TimeSpan.FromSeconds(1);
            stand.Push(1, step, count: 1, loss: step);
        }

        stand.Context.Clear();
        stand.Receive(new Topology(2, [stand.Self]));
        Assert.Equal(
            [(0, 0, 0), (2, 0.25, 2), (4, 1.25, 4)],
            stand.Context.SentTo<StepReport>(LineRun.Coordinator).Select(report => (report.Step, report.Loss, report.Elapsed.TotalSeconds)));
        Assert.All(stand.Context.Sent<StepReport>(), report => Assert.Equal(2, report.Term));
        Assert.Equal([2L, 4], stand.StepsSentTo(LineRun.Coordinator));
    }

    [Fact]
    public void Steps_for_the_receipt_are_sent_as_they_are_reached()
    {
        using var stand = new ServerStand(LineRun.Recipe(epochs: 2, batchRows: 1));
        stand.Serve(1, receiptSteps: 3);
        stand.Lead(1, stand.Self);
        for (var step = 0; step < 8; step++)
        {
            stand.Push(1, step, count: 1);
        }

        Assert.Equal([3L, 4, 6, 8], stand.StepsSentTo(LineRun.Coordinator));
        Assert.Empty(stand.SentTo(LineRun.Coordinator, TensorKind.OptimiserState));
    }

    [Fact]
    public void It_begins_when_weights_and_state_of_the_step_have_come_in_whichever_order_and_takes_no_others()
    {
        // Adam's state is twice as long as the weights.
        using var stand = new ServerStand(LineRun.Recipe() with { Optimiser = new() { Kind = OptimiserKind.Adam, Rate = 0.25 } });
        stand.Receive(new Serve(1, 0, 1, 1, 0, 0));
        stand.Lead(1, stand.Self);
        stand.Subscribe(ServerStand.Worker, 1);
        stand.Restore(LineRun.State(1, 1), 0, 0);
        stand.Restore(LineRun.State(1, 0), 0, 0, 0);
        stand.Restore(LineRun.State(1, 1), 0, 0, 0);
        stand.Restore(LineRun.State(1, 1), 0, 0, 0);
        stand.Restore(LineRun.Weights(1, 1), 0, 1, 1);
        stand.Restore(LineRun.Weights(1, 0), 0, 1);
        Assert.Empty(stand.Context.Tensors);
        stand.Restore(LineRun.Weights(1, 1), 0, 2);
        Assert.Equal([2f], Assert.Single(stand.SentTo(ServerStand.Worker)).Values);

        stand.Restore(LineRun.Weights(1, 1), 0, 3);
        stand.Subscribe(ServerStand.Other, 1);
        Assert.Equal([2f], Assert.Single(stand.SentTo(ServerStand.Other)).Values);
    }

    [Fact]
    public void Weights_may_come_twice_before_the_state()
    {
        using var stand = new ServerStand(LineRun.Recipe());
        stand.Receive(new Serve(1, 0, 1, 0, 0, 0));
        stand.Lead(1, stand.Self);
        stand.Subscribe(ServerStand.Worker, 1);
        stand.Restore(LineRun.Weights(1, 0), 0, 1);
        stand.Restore(LineRun.Weights(1, 0), 0, 1);
        stand.Restore(LineRun.State(1, 0), 0, 0);
        Assert.Equal([1f], Assert.Single(stand.SentTo(ServerStand.Worker)).Values);
    }

    [Fact]
    public void Who_subscribes_while_a_step_waits_for_the_records_is_sent_its_weights_when_it_goes_on()
    {
        using var stand = new ServerStand(LineRun.Recipe());
        stand.Serve(1);
        stand.Lead(1, limit: 1, [stand.Self]);
        stand.Push(1, 0);
        stand.Subscribe(ServerStand.Worker, 1);
        Assert.Empty(stand.SentTo(ServerStand.Worker));
        stand.Receive(new Advance(1, 2, 1));
        Assert.Equal([1L], stand.StepsSentTo(ServerStand.Worker));
    }

    [Fact]
    public void Who_left_and_subscribed_again_is_not_sent_the_weights_once_more_when_it_takes_part()
    {
        using var stand = new ServerStand(LineRun.Recipe());
        stand.Serve(1);
        stand.Lead(1, stand.Self);
        stand.Subscribe(ServerStand.Worker, 1);
        stand.Receive(new Assignment(1, 1, [ServerStand.Worker]));
        stand.Receive(new Assignment(1, 2, []));
        stand.Subscribe(ServerStand.Worker, 1);
        stand.Receive(new Assignment(1, 3, [ServerStand.Worker]));
        Assert.Equal([0L, 0], stand.StepsSentTo(ServerStand.Worker));
    }

    [Fact]
    public void In_a_new_term_a_worker_is_sent_nothing_before_it_subscribes()
    {
        using var stand = new ServerStand(LineRun.Recipe());
        stand.Serve(1);
        stand.Lead(1, stand.Self);
        stand.Subscribe(ServerStand.Worker, 1);
        stand.Receive(new Assignment(1, 1, [ServerStand.Worker]));
        stand.Receive(new Assignment(1, 2, []));
        stand.Lead(2, stand.Self);
        stand.Context.Clear();
        stand.Receive(new Assignment(2, 3, [ServerStand.Worker]));
        Assert.Empty(stand.Context.Tensors);
        stand.Subscribe(ServerStand.Worker, 2);
        Assert.Equal([0L], stand.StepsSentTo(ServerStand.Worker));
    }

    [Fact]
    public void Held_it_neither_applies_a_step_nor_sends_the_weights_of_one()
    {
        using var stand = new ServerStand(LineRun.Recipe(epochs: 9));
        stand.Serve(1);
        stand.Lead(1, limit: 1, [stand.Self]);
        stand.Subscribe(ServerStand.Worker, 1);
        stand.Push(1, 0);
        stand.Receive(new Hold(1));
        stand.Receive(new Advance(1, 100, 0));
        Assert.Equal([0L], stand.StepsSentTo(ServerStand.Worker));
        stand.Receive(new SnapshotAt(1, 1));
        Assert.Equal([0L, 1], stand.StepsSentTo(ServerStand.Worker));

        stand.Receive(new Hold(1));
        stand.Push(1, 1);
        Assert.Equal(1, stand.Context.Sent<StepReport>().Last().Step);
        stand.Receive(new SnapshotAt(1, 1));
        Assert.Equal([0L, 1, 2], stand.StepsSentTo(ServerStand.Worker));
        Assert.Equal([1L, 1], stand.StepsSentTo(LineRun.Coordinator, kind: TensorKind.OptimiserState));
    }

    [Fact]
    public void A_new_coordinator_has_asked_for_no_snapshot()
    {
        using var stand = new ServerStand(LineRun.Recipe(epochs: 9));
        stand.Serve(1);
        stand.Lead(1, stand.Self);
        stand.Receive(new SnapshotAt(1, 2));
        stand.Lead(2, stand.Self);
        stand.Push(2, 0);
        stand.Push(2, 1);
        Assert.Equal(2, stand.Context.Sent<StepReport>().Last().Step);
        Assert.Empty(stand.SentTo(LineRun.Coordinator, TensorKind.OptimiserState));
    }

    [Fact]
    public void Served_at_the_end_of_the_run_it_takes_no_sums()
    {
        using var stand = new ServerStand(LineRun.Recipe());
        stand.Serve(1, step: 2);
        stand.Lead(1, stand.Self);
        stand.Subscribe(ServerStand.Worker, 1);
        var lent = stand.Pool.Lent;
        stand.Push(1, 2);
        Assert.Equal(lent, stand.Pool.Lent);
        Assert.Empty(stand.Context.Tensors);
        Assert.Empty(stand.Context.Messages);
    }

    [Fact]
    public void The_norm_of_the_mean_gradient_goes_with_the_times_of_the_steps()
    {
        using var stand = new ServerStand(LineRun.Recipe(epochs: 9));
        stand.Serve(1);
        stand.Lead(1, stand.Self);
        stand.Push(1, 0);
        stand.Push(1, 1);
        Assert.Empty(stand.Context.Sent<StepTimes>());
        stand.Context.Now += TimeSpan.FromMilliseconds(100);
        stand.Push(1, 2, 0, 1, sum: -4);
        stand.Push(1, 2, 1, 1, sum: -8);
        var times = Assert.Single(stand.Context.SentTo<StepTimes>(LineRun.Coordinator));
        Assert.Equal((1, 0, 3, 2, 3.0), (times.Term, times.Segment, times.Step, times.Steps, times.GradientNorm));
    }

    [Fact]
    public void A_sum_in_memory_of_another_process_is_read_alone()
    {
        using var stand = new ServerStand(LineRun.Recipe() with { LeafRows = 1 });
        stand.Serve(1);
        stand.Lead(1, stand.Self);
        float[] memory = [5];
        var isReturned = false;
        stand.Server.Receive(
            stand.Context, ServerStand.Worker,
            new TensorMessage(LineRun.Sum(1, 0, 0, 1), TensorLease.Foreign(memory, () => isReturned = true), 0, 1, 1));
        stand.Push(1, 0, 1, 1, sum: 7);
        Assert.True(isReturned);
        stand.Push(1, 0, 2, 2, sum: 18);
        Assert.Equal([LineRun.SecondWeight], Assert.Single(stand.SentTo(LineRun.Coordinator)).Values);
        Assert.Equal([5f], memory);
    }

    [Fact]
    public void Limited_memory_BFGS_is_given_mean_losses_whole_gradients_and_the_last_step()
    {
        const int Steps = 6;
        var recipe = LineRun.Recipe(epochs: Steps) with { L2 = 0.5, Optimiser = new() { Kind = OptimiserKind.Lbfgs, Memory = 2 } };
        var layout = new NetworkLayout(2, recipe.Layers);
        var lbfgs = new Lbfgs(layout, recipe.Optimiser, recipe.L2);
        var context = new RecordingContext("server");
        var pool = new TensorPool();
        using var compute = new ComputePool(1);
        using var server = new ParameterServer(new TrainingPlan(recipe, 4), layout, Kernels.Active, compute, pool);
        float[] weights = [3, -2];
        var state = new float[lbfgs.StateLength];
        server.Start(context, LineRun.Coordinator);
        server.Receive(context, LineRun.Coordinator, new Serve(1, 0, 1, 0, 0, 0));
        server.Receive(context, LineRun.Coordinator, pool.Tensor(LineRun.Weights(1, 0), 0, weights));
        server.Receive(context, LineRun.Coordinator, pool.Tensor(LineRun.State(1, 0), 0, state));
        server.Receive(context, LineRun.Coordinator, new Topology(1, [context.Self]));
        server.Receive(context, LineRun.Coordinator, new Advance(1, 100, 0));
        server.Receive(context, LineRun.Coordinator, new SnapshotAt(1, Steps));
        for (var step = 0; step < Steps; step++)
        {
            // A valley along one parameter, in two halves: the sums of the losses and gradients of four rows.
            var (first, second) = (weights[0], weights[1]);
            Push(step, 0, first * first, 2 * first, 0);
            Push(step, 1, 20 * second * second, 0, 40 * second);
            var next = new float[2];
            lbfgs.Update(
                ((double)(first * first) + (20 * second * second)) / 4, 0.25, step == Steps - 1, weights, [2 * first, 40 * second], next, state);
            weights = next;
            Assert.Equal(weights, Sent(TensorKind.Weights, step + 1));
        }

        Assert.Equal(state, Sent(TensorKind.OptimiserState, Steps));
        context.Clear();

        void Push(int step, int leaf, double loss, params ReadOnlySpan<float> sum) =>
            server.Receive(context, ServerStand.Worker, pool.Tensor(LineRun.Sum(1, step, leaf, 1), loss, sum));

        float[] Sent(TensorKind kind, int step) =>
            Assert.Single(context.Tensors, sent => sent.Tensor.Key.Kind == kind && sent.Tensor.Key.Step == step).Tensor.Values.ToArray();
    }

    private static IEnumerable<double> Losses(ServerStand stand) =>
        stand.Context.SentTo<StepReport>(LineRun.Coordinator).Select(report => report.Loss);
}
