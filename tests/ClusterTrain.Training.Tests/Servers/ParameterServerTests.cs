using ClusterTrain.Learning.Recipes;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Training.Tests;

public sealed class ParameterServerTests : IDisposable
{
    private static readonly ActorId s_worker = ServerStand.Worker;
    private static readonly ActorId s_other = ServerStand.Other;
    private static readonly ActorId s_sibling = new("server-2");

    private ServerStand _stand = new(LineRun.Recipe());

    public void Dispose() => _stand.Dispose();

    [Fact]
    public void The_mean_gradient_goes_through_momentum_as_worked_by_hand()
    {
        Serve(1, 0, LineRun.FirstWeight, 0);
        Subscribe(s_worker, 1);
        Assert.Equal([LineRun.FirstWeight], Broadcast(0));

        Push(1, 0, 0, 1, sum: 5, loss: 2.5);
        Push(1, 0, 1, 1, sum: 25, loss: 12.5);
        Assert.Equal([LineRun.SecondWeight], Broadcast(1));

        Push(1, 1, 0, 2, sum: 30 * LineRun.SecondWeight, loss: 0.1);
        Assert.Equal([LineRun.ThirdWeight], Snapshot(2).Values.ToArray());
    }

    [Fact]
    public void The_mean_loss_of_the_epoch_is_reported_with_its_last_step()
    {
        Serve(1, 0, LineRun.FirstWeight, 0);
        Push(1, 0, 0, 2, sum: 30, loss: 15);
        Assert.Equal(new StepReport(1, 0, 1, 3.75, TimeSpan.Zero), Assert.Single(_stand.Context.Sent<StepReport>()));
        Assert.Equal(15, Snapshot(1).Loss);
    }

    [Theory]
    [InlineData(0, 1, 2)]
    [InlineData(2, 1, 0)]
    [InlineData(1, 2, 0)]
    public void Sums_are_added_in_tree_order_whatever_the_order_they_arrive_in(int first, int second, int third)
    {
        // (1e8 + 1) + -1e8 is 0 in float32 and 1e8 + (1 + -1e8) would be too, but (1e8 + -1e8) + 1 is 1.
        float[] sums = [1e8f, 1, -1e8f];
        Begin(LineRun.Recipe() with { LeafRows = 1 }, rows: 3);
        Serve(1, 0, 0, 0);
        foreach (var leaf in new[] { first, second, third })
        {
            Push(1, 0, leaf, 1, sums[leaf], 1);
        }

        Assert.Equal([0f], Snapshot(1).Values.ToArray());
    }

    [Fact]
    public void A_push_sent_twice_counts_once()
    {
        Serve(1, 0, LineRun.FirstWeight, 0);
        Subscribe(s_worker, 1);
        Push(1, 0, 0, 1, 5, 2.5);
        Push(1, 0, 0, 1, 5, 2.5);
        Assert.Empty(_stand.Context.Sent<StepReport>());

        Push(1, 0, 1, 1, 25, 12.5);
        Push(1, 0, 1, 1, 25, 12.5);
        Assert.Equal([LineRun.SecondWeight], Broadcast(1));
        Assert.Equal(3.75, Assert.Single(_stand.Context.Sent<StepReport>()).Loss);
    }

    [Fact]
    public void A_leaf_is_reassigned_and_then_its_first_worker_answers_too_and_it_counts_once()
    {
        Serve(1, 0, LineRun.FirstWeight, 0);
        Subscribe(s_worker, 1);
        Push(1, 0, 1, 1, 25, 12.5);
        Push(1, 0, 0, 2, 30, 15);
        Push(1, 0, 0, 1, 5, 2.5);
        Assert.Equal([LineRun.SecondWeight], Broadcast(1));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 0)]
    [InlineData(2, 2)]
    public void Pushes_of_another_term_or_step_are_dropped(long term, long step)
    {
        Serve(2, 1, LineRun.SecondWeight, LineRun.SecondVelocity);
        var lent = _stand.Pool.Lent;
        Push(term, step, 0, 2, 30, 15);
        Assert.Equal(lent, _stand.Pool.Lent);
        Assert.Empty(_stand.Context.Sent<StepReport>());
    }

    [Fact]
    public void The_server_restarts_after_applying_before_broadcasting_and_the_replayed_step_gives_the_same_weights()
    {
        Serve(1, 0, LineRun.FirstWeight, 0);
        Push(1, 0, 0, 2, 30, 15);
        Begin(LineRun.Recipe());
        Serve(2, 0, LineRun.FirstWeight, 0);
        Subscribe(s_worker, 2);
        Assert.Equal([LineRun.FirstWeight], Broadcast(0));
        Push(1, 0, 0, 2, 30, 15);
        Assert.Throws<InvalidOperationException>(() => Broadcast(1));
        Push(2, 0, 0, 2, 30, 15);
        Assert.Equal([LineRun.SecondWeight], Broadcast(1));
    }

    [Fact]
    public void It_continues_from_a_checkpoint_with_the_momentum_of_that_step()
    {
        Serve(1, 1, LineRun.SecondWeight, LineRun.SecondVelocity);
        Push(1, 1, 0, 2, 30 * LineRun.SecondWeight, 0.1);
        Assert.Equal([LineRun.ThirdWeight], Snapshot(2).Values.ToArray());
    }

    [Fact]
    public void A_worker_that_hears_of_the_topology_first_is_served_once_the_server_hears_of_it_too()
    {
        Subscribe(s_worker, 1);
        Assert.Empty(_stand.Context.Tensors);
        Serve(1, 0, LineRun.FirstWeight, 0);
        Assert.Equal([LineRun.FirstWeight], Broadcast(0));
    }

    [Fact]
    public void A_worker_that_joins_late_gets_the_weights_of_the_step_in_hand()
    {
        Serve(1, 0, LineRun.FirstWeight, 0);
        Push(1, 0, 0, 2, 30, 15);
        Subscribe(s_other, 1);
        Assert.Equal([LineRun.SecondWeight], Broadcast(1, s_other));
    }

    [Fact]
    public void A_worker_that_left_the_assignment_gets_no_more_weights()
    {
        Serve(1, 0, LineRun.FirstWeight, 0);
        Subscribe(s_worker, 1);
        Subscribe(s_other, 1);
        Receive(new Assignment(1, 1, [s_worker, s_other]));
        Receive(new Assignment(1, 2, [s_other]));
        _stand.Context.Clear();
        Push(1, 0, 0, 2, 30, 15);
        Assert.Equal([s_other], _stand.Context.Tensors.Where(sent => sent.To != LineRun.Coordinator).Select(sent => sent.To));
    }

    [Fact]
    public void The_weights_of_the_limit_wait_until_the_records_have_caught_up()
    {
        Serve(1, 0, LineRun.FirstWeight, 0, limit: 1);
        Subscribe(s_worker, 1);
        Push(1, 0, 0, 2, 30, 15);
        Assert.Throws<InvalidOperationException>(() => Broadcast(1));

        Receive(new Advance(1, 2, 1));
        Assert.Equal([LineRun.SecondWeight], Broadcast(1));
    }

    [Fact]
    public void Held_it_says_where_it_is_and_applies_no_step_until_the_snapshot_is_named()
    {
        Serve(1, 0, LineRun.FirstWeight, 0);
        Subscribe(s_worker, 1);
        Receive(new Hold(1));
        Assert.Equal(new Held(1, 0, 0), Assert.Single(_stand.Context.SentTo<Held>(LineRun.Coordinator)));

        Push(1, 0, 0, 2, 30, 15);
        Assert.Throws<InvalidOperationException>(() => Broadcast(1));
        _stand.Context.Clear();
        Receive(new SnapshotAt(1, 1));

        Assert.Equal([LineRun.SecondWeight], Broadcast(1));
        var snapshot = _stand.Context.Tensors.Where(sent => sent.To == LineRun.Coordinator).Select(sent => sent.Tensor).ToArray();
        Assert.Equal([LineRun.Weights(1, 1), LineRun.State(1, 1)], snapshot.Select(tensor => tensor.Key));
        Assert.Equal([LineRun.SecondVelocity], snapshot[1].Values.ToArray());
    }

    [Fact]
    public void A_snapshot_that_is_asked_for_at_the_end_of_an_epoch_has_the_loss_of_all_of_it()
    {
        Serve(1, 0, LineRun.FirstWeight, 0);
        Push(1, 0, 0, 2, 30, 15);
        _stand.Context.Clear();
        Receive(new Hold(1));
        Receive(new SnapshotAt(1, 1));
        Assert.Equal(15, Snapshot(1).Loss);
    }

    [Fact]
    public void A_snapshot_is_sent_by_itself_at_every_multiple_of_the_checkpoint_steps()
    {
        Begin(LineRun.Recipe(epochs: 2, batchRows: 1));
        Serve(1, 0, LineRun.FirstWeight, 0, checkpointSteps: 3);
        for (var step = 0; step < 8; step++)
        {
            Push(1, step, 0, 1, 1, 1);
        }

        Assert.Equal([3, 6], Snapshots(TensorKind.OptimiserState));
        Assert.Equal([3, 4, 6, 8], Snapshots(TensorKind.Weights));
    }

    [Fact]
    public void A_new_coordinator_is_sent_the_epochs_that_may_not_be_recorded_and_told_the_position()
    {
        Serve(1, 0, LineRun.FirstWeight, 0);
        Push(1, 0, 0, 2, 30, 15);
        _stand.Context.Clear();

        var second = new ActorId("coordinator-2");
        _stand.Server.Start(_stand.Context, second);
        Assert.Equal([new SegmentPosition(0, 1, 1, 1, 1, 0)], Assert.Single(_stand.Context.SentTo<Join>(second)).Holding.ToArray());
        Receive(new Topology(9, [_stand.Self]));

        var (to, epoch) = Assert.Single(_stand.Context.Tensors);
        Assert.Equal((second, LineRun.Weights(9, 1), 15.0), (to, epoch.Key, epoch.Loss));
        Subscribe(s_worker, 9);
        Receive(new Advance(9, 2, 0));
        Assert.Equal([LineRun.SecondWeight], Broadcast(1));
    }

    [Fact]
    public void Told_to_rest_it_says_what_it_holds_and_counts_nothing_of_the_former_term_until_it_is_told_on()
    {
        Serve(1, 0, LineRun.FirstWeight, 0);
        Push(1, 0, 0, 1, 5, 2.5);
        Receive(new Rest(7));
        var holding = Assert.Single(_stand.Context.SentTo<Holding>(LineRun.Coordinator));
        Assert.Equal((7, new SegmentPosition(0, 1, 1, 0, 0, 0)), (holding.Term, Assert.Single(holding.Positions)));
        Push(1, 0, 1, 1, 25, 12.5);
        Assert.Empty(_stand.Context.Sent<StepReport>());

        Receive(new Topology(8, [_stand.Self]));
        Push(8, 0, 0, 2, 30, 15);
        Assert.Equal(1, _stand.Context.Sent<StepReport>().Last().Step);
    }

    [Fact]
    public void A_spare_server_gets_what_the_segment_holds_and_the_sum_of_every_step_and_takes_over_with_the_same_bits()
    {
        using var spare = new ServerStand(LineRun.Recipe(epochs: 4), name: "spare");
        Begin(LineRun.Recipe(epochs: 4));
        Serve(1, 0, LineRun.FirstWeight, 0);
        Push(1, 0, 0, 1, 5, 2.5);
        Receive(new Spares(1, 0, [spare.Self]));
        _stand.DeliverTo(spare);
        Assert.Equal(new Copied(1, 0, 0), Assert.Single(spare.Context.Sent<Copied>()));

        Push(1, 0, 1, 1, 25, 12.5);
        _stand.DeliverTo(spare);
        Assert.Equal(1, spare.Context.Sent<Copied>().Last().Step);
        Assert.Empty(spare.Context.Sent<StepReport>());

        // The server is lost, and with it what it sent: the epoch, too, comes from the spare.
        spare.Context.Clear();
        spare.Receive(new Rest(2));
        Assert.Equal(new SegmentPosition(0, 1, 1, 1, 1, 0), Assert.Single(Assert.Single(spare.Context.Sent<Holding>()).Positions));
        spare.Receive(new Topology(3, [spare.Self]));
        var epoch = Assert.Single(spare.Context.Tensors).Tensor;
        Assert.Equal((LineRun.Weights(3, 1), 15.0, LineRun.SecondWeight), (epoch.Key, epoch.Loss, epoch.Values[0]));
    }

    [Fact]
    public void A_spare_server_that_falls_behind_is_waited_for_half_a_second_and_sent_a_new_copy_when_it_is_heard_of_again()
    {
        Begin(LineRun.Recipe(epochs: 9));
        var spare = new ActorId("spare");
        Serve(1, 0, LineRun.FirstWeight, 0);
        Subscribe(s_worker, 1);
        Receive(new Spares(1, 0, [spare]));
        _stand.Receive(spare, new Copied(1, 0, 0));
        for (var step = 0; step < 3; step++)
        {
            Push(1, step, 0, 2, 1, 1);
        }

        Assert.Throws<InvalidOperationException>(() => Broadcast(3));
        _stand.Context.Now = TimeSpan.FromMilliseconds(600);
        Receive(new Tick());
        Assert.NotEmpty(Broadcast(3));

        Assert.Single(_stand.Context.SentTo<Copy>(spare));
        _stand.Receive(spare, new Copied(1, 0, 1));
        Assert.Equal(3, _stand.Context.SentTo<Copy>(spare).Last().Position.Step);
    }

    [Fact]
    public void Epochs_that_are_recorded_are_not_kept()
    {
        Serve(1, 0, LineRun.FirstWeight, 0);
        Push(1, 0, 0, 2, 30, 15);
        Receive(new Advance(1, 2, 1));
        _stand.Context.Clear();
        Receive(new Topology(9, [_stand.Self]));
        Assert.Empty(_stand.Context.Tensors);
    }

    [Fact]
    public void A_former_coordinators_orders_no_longer_count()
    {
        Serve(5, 1, LineRun.SecondWeight, LineRun.SecondVelocity);
        Subscribe(s_worker, 5);
        Receive(new Serve(4, 0, 1, 0, 0, 0));
        Receive(new Hold(4));
        Receive(new Topology(4, []));
        Push(5, 1, 0, 2, 30 * LineRun.SecondWeight, 0.1);
        Assert.Equal([LineRun.ThirdWeight], Snapshot(2).Values.ToArray());
        Assert.Empty(_stand.Context.Sent<Held>());
    }

    [Fact]
    public void A_segment_given_to_another_server_is_dropped()
    {
        Serve(1, 0, LineRun.FirstWeight, 0);
        Receive(new Topology(2, LineRun.Ids("another")));
        Assert.Equal(0, _stand.Pool.Lent);
    }

    [Theory]
    [InlineData(float.NaN, 1, "the gradient of layers.0.weight")]
    [InlineData(float.PositiveInfinity, 1, "the gradient of layers.0.weight")]
    [InlineData(1, double.PositiveInfinity, "the loss (Infinity) of the outputs of layers.0")]
    [InlineData(float.NaN, double.NaN, "the loss (NaN), like the gradient of layers.0.weight,")]
    [InlineData(3e38f, 1, "the updated layers.0.weight", -3e38f)]
    public void A_number_that_is_not_finite_is_named_and_nothing_continues(float sum, double loss, string what, float velocity = 0)
    {
        var recipe = LineRun.Recipe();
        Begin(recipe with { Optimiser = recipe.Optimiser with { Rate = 1000 } });
        Serve(1, 0, velocity, velocity);
        Push(1, 0, 0, 2, sum, loss);
        Assert.Equal(new NotFinite(1, 0, what), Assert.Single(_stand.Context.SentTo<NotFinite>(LineRun.Coordinator)));
        Assert.Empty(_stand.Context.Tensors);
    }

    [Fact]
    public void Two_segments_clip_by_the_norm_of_both_parts()
    {
        ServeSecondOfTwo();

        // The mean gradient is 3 here and 4 in the other segment: its norm is 5, and it is scaled by 1/5.
        PushSecond(0, 15);
        Assert.Equal([144.0], Assert.Single(_stand.Context.SentTo<NormPart>(s_sibling)).BlockSums.ToArray());
        Assert.Empty(_stand.Context.Tensors);
        _stand.Receive(s_sibling, new NormPart(1, 0, 0, [256.0]));
        Assert.Equal(-0.6f, Snapshot(1).Values[0]);
    }

    [Fact]
    public void The_part_of_the_norm_was_lost_on_the_way_and_is_sent_again_even_after_applying()
    {
        ServeSecondOfTwo();
        PushSecond(0, 15);
        _stand.Receive(s_sibling, new NormPart(1, 0, 0, [256.0]));
        Receive(new LinkRestored(s_sibling));
        Assert.Equal([0, 0], _stand.Context.SentTo<NormPart>(s_sibling).Select(part => part.Step));
    }

    [Fact]
    public void The_other_server_still_lacks_a_sum_and_a_new_worker_gets_the_weights_of_the_step_before_too()
    {
        ServeSecondOfTwo();
        PushSecond(0, 15);
        _stand.Receive(s_sibling, new NormPart(1, 0, 0, [256.0]));
        _stand.Context.Clear();
        _stand.Receive(s_other, new Subscribe(1, 1));
        Assert.Equal([(0L, 0f), (1L, -0.6f)], _stand.Context.Tensors.Select(sent => (sent.Tensor.Key.Step, sent.Tensor.Values[0])));

        // A sum of the present step says that every server has reached it.
        _stand.Context.Clear();
        _stand.Push(1, 1, 0, 1, 12, 15, segment: 1);
        _stand.Receive(new ActorId("worker-3"), new Subscribe(1, 1));
        Assert.Equal([1], _stand.Context.Tensors.Select(sent => sent.Tensor.Key.Step));
    }

    [Fact]
    public void The_coordinator_is_lost_between_two_servers_steps_and_parts_of_the_former_term_still_count()
    {
        ServeSecondOfTwo();
        Receive(new Topology(9, [s_sibling, _stand.Self]));
        _stand.Receive(s_sibling, new NormPart(1, 0, 0, [256.0]));
        _stand.Push(9, 0, 0, 2, 12, 15, segment: 1);
        Assert.Equal(-0.6f, Snapshot(1).Values[0]);
    }

    [Fact]
    public void A_worker_subscribes_while_an_older_assignment_without_it_is_on_its_way()
    {
        Serve(1, 0, LineRun.FirstWeight, 0);
        Subscribe(s_other, 1);
        Receive(new Assignment(1, 1, [s_worker]));
        _stand.Context.Clear();
        Push(1, 0, 0, 2, 30, 15);
        Assert.Equal([LineRun.SecondWeight], Broadcast(1, s_other));
    }

    [Fact]
    public void A_worker_left_and_came_back_and_hears_of_it_before_the_server_does()
    {
        Serve(1, 0, LineRun.FirstWeight, 0);
        Subscribe(s_other, 1);
        Receive(new Assignment(1, 1, [s_other]));
        Subscribe(s_other, 1);
        Receive(new Assignment(1, 2, []));
        _stand.Context.Clear();
        Receive(new Assignment(1, 3, [s_other]));
        Assert.Equal([LineRun.FirstWeight], Broadcast(0, s_other));
    }

    [Fact]
    public void Told_to_serve_again_it_takes_no_push_of_the_former_term_for_another_segment()
    {
        ServeSecondOfTwo();
        Receive(new Serve(2, 0, 2, 0, 0, 0));
        var lent = _stand.Pool.Lent;
        PushSecond(0, 15);
        Assert.Equal(lent, _stand.Pool.Lent);
    }

    [Fact]
    public void Counted_on_for_a_segment_it_gave_up_meanwhile_it_joins_again_with_what_it_holds()
    {
        Serve(1, 0, LineRun.FirstWeight, 0);
        Receive(new Topology(2, [s_sibling]));
        _stand.Context.Messages.Clear();
        Receive(new Topology(3, [_stand.Self]));
        Assert.Equal([typeof(Leave), typeof(Join)], _stand.Context.SentTo<IMessage>(LineRun.Coordinator).Select(message => message.GetType()));
        Assert.Empty(Assert.Single(_stand.Context.Sent<Join>()).Holding);
    }

    [Fact]
    public void After_the_stop_nothing_is_lent()
    {
        Serve(1, 0, LineRun.FirstWeight, 0);
        Push(1, 0, 0, 1, 5, 2.5);
        Receive(new Stop());
        _stand.Context.Clear();
        Assert.Equal(0, _stand.Pool.Lent);
        Push(1, 0, 1, 1, 25, 12.5);
        Assert.Equal(0, _stand.Pool.Lent);
    }

    [Fact]
    public void Stopped_while_a_slow_worker_has_yet_to_take_its_weights_only_those_stay_lent_until_it_has()
    {
        Serve(1, 0, LineRun.FirstWeight, 0);
        Subscribe(s_other, 1);
        Push(1, 0, 0, 2, 30, 15);

        // Lost and found by the coordinator, which is sent the unrecorded epoch again; of the next step a part is pushed.
        Receive(new Topology(3, [_stand.Self]));
        Push(3, 1, 0, 1, 5, 2.5);
        Receive(new Advance(3, 100, 1));
        Receive(new Stop());

        var waiting = _stand.Context.Tensors.Where(sent => sent.To == s_other).ToArray();
        _stand.Context.Tensors.RemoveAll(sent => sent.To == s_other);
        _stand.Context.Clear();
        Assert.Equal([0, 1], waiting.Select(sent => sent.Tensor.Key.Step));
        for (var taken = 0; taken < waiting.Length; taken++)
        {
            Assert.Equal(waiting.Length - taken, _stand.Pool.Lent);
            waiting[taken].Tensor.Lease.Release();
        }

        Assert.Equal(0, _stand.Pool.Lent);
    }

    /// <summary>Serves the second of two segments, a single parameter, with clipping to 1 and plain descent of rate 1.</summary>
    private void ServeSecondOfTwo()
    {
        var recipe = LineRun.Recipe();
        recipe = recipe with
        {
            ClipNorm = 1,
            Layers = [new LayerRecipe { Units = 1, Biases = null }],
            Optimiser = new() { Kind = OptimiserKind.Sgd, Rate = 1 },
        };
        Begin(recipe, segments: 2);
        _stand.Serve(1, segment: 1, weight: 0);
        _stand.Lead(1, [s_sibling, _stand.Self]);
    }

    private void PushSecond(long step, double loss) => _stand.Push(1, step, 0, 2, 12, loss, segment: 1);

    /// <summary>A new server in place of the one before.</summary>
    private void Begin(Recipe recipe, long rows = 4, int segments = 1)
    {
        _stand.Dispose();
        _stand = new ServerStand(recipe, segments, rows);
    }

    /// <summary>What the coordinator sends to have the whole model served by this server.</summary>
    private void Serve(long term, long step, float weight, float velocity, long limit = 100, long checkpointSteps = 0)
    {
        Receive(new Serve(term, 0, 1, step, checkpointSteps, 0));
        _stand.Restore(LineRun.Weights(term, step), 0, weight);
        _stand.Restore(LineRun.State(term, step), 0, velocity);
        _stand.Lead(term, limit, [_stand.Self]);
    }

    private void Subscribe(ActorId worker, long term) => _stand.Subscribe(worker, term);

    private void Push(long term, long step, int start, int count, float sum, double loss) => _stand.Push(term, step, start, count, sum, loss);

    private void Receive(IMessage message) => _stand.Receive(message);

    /// <summary>The weights of a step as they were sent to a worker.</summary>
    private float[] Broadcast(long step, ActorId? to = null) =>
        _stand.Context.Tensors.Single(sent => sent.To == (to ?? s_worker) && sent.Tensor.Key.Step == step).Tensor.Values.ToArray();

    /// <summary>The weights of a step as they were sent to the coordinator.</summary>
    private TensorMessage Snapshot(long step) =>
        _stand.Context.Tensors.Single(sent =>
            sent.To == LineRun.Coordinator && sent.Tensor.Key.Step == step && sent.Tensor.Key.Kind == TensorKind.Weights).Tensor;

    private IEnumerable<long> Snapshots(TensorKind kind) =>
        _stand.Context.Tensors.Where(sent => sent.To == LineRun.Coordinator && sent.Tensor.Key.Kind == kind).Select(sent => sent.Tensor.Key.Step);
}
