using ClusterTrain.Learning.Recipes;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Training.Tests;

/// <summary>A spare server keeps a copy of a segment. Epochs have one step.</summary>
public sealed class SpareServerTests
{
    private static readonly ActorId s_spare = new("spare");
    private static readonly ActorId s_sibling = new("sibling");

    [Fact]
    public void A_spare_has_all_that_is_not_recorded_and_tells_a_new_coordinator_of_it()
    {
        using var stand = Serve();
        using var spare = Spare();
        stand.Push(1, 0, sum: 4, loss: 1);
        stand.Push(1, 1, sum: 4, loss: 2);
        stand.Push(1, 2, sum: 4, loss: 3);
        var expected = stand.SentTo(LineRun.Coordinator).Select(tensor => (tensor.Key.Step, tensor.Loss, tensor.Values[0])).ToArray();
        Assert.Equal(3, expected.Length);
        stand.Context.Clear();
        stand.Receive(new Spares(1, 0, [s_spare]));
        stand.DeliverTo(spare);
        Assert.Equal(new Copied(1, 0, 3), Assert.Single(spare.Context.SentTo<Copied>(stand.Self)));

        spare.Receive(new Rest(2));
        spare.Lead(3, s_spare);
        Assert.Equal(expected, spare.SentTo(LineRun.Coordinator).Select(tensor => (tensor.Key.Step, tensor.Loss, tensor.Values[0])));
        Assert.All(spare.Context.Tensors, sent => Assert.Equal(3, sent.Tensor.Key.Term));
    }

    [Fact]
    public void A_spare_named_before_the_weights_are_there_is_sent_a_copy_when_they_are()
    {
        using var stand = new ServerStand(LineRun.Recipe(epochs: 9));
        stand.Receive(new Serve(1, 0, 1, 0, 0, 0));
        stand.Receive(new Spares(1, 0, [s_spare]));
        Assert.Empty(stand.Context.Messages);
        stand.Restore(1);
        Assert.Single(stand.Context.SentTo<Copy>(s_spare));
        Assert.Equal([0L], stand.StepsSentTo(s_spare));
        Assert.Equal([0L], stand.StepsSentTo(s_spare, kind: TensorKind.OptimiserState));
    }

    [Fact]
    public void A_segment_by_itself_goes_two_steps_ahead_of_its_copy()
    {
        using var stand = Serve();
        Spares(stand, s_spare);
        stand.Push(1, 0);
        stand.Push(1, 1);
        stand.Push(1, 2);
        Assert.Equal([0L, 1, 2], stand.StepsSentTo(ServerStand.Worker));
        stand.Receive(s_spare, new Copied(1, 0, 1));
        Assert.Equal([0L, 1, 2, 3], stand.StepsSentTo(ServerStand.Worker));
    }

    [Fact]
    public void Among_others_a_segment_sends_no_weights_that_its_copy_does_not_have()
    {
        using var stand = Serve(segments: 2, servers: s_sibling);
        Spares(stand, s_spare);
        stand.Push(1, 0);
        Assert.Equal([0L], stand.StepsSentTo(ServerStand.Worker));
        stand.Receive(s_spare, new Copied(1, 0, 1));
        Assert.Equal([0L, 1], stand.StepsSentTo(ServerStand.Worker));
    }

    [Fact]
    public void A_copy_that_is_no_longer_wanted_is_not_waited_for()
    {
        using var stand = Serve();
        Spares(stand, s_spare);
        stand.Push(1, 0);
        stand.Push(1, 1);
        stand.Push(1, 2);
        stand.Receive(new Spares(1, 0, []));
        Assert.Equal([0L, 1, 2, 3], stand.StepsSentTo(ServerStand.Worker));
        stand.Push(1, 3);
        Assert.Equal([0L, 1, 2], stand.StepsSentTo(s_spare, kind: TensorKind.GradientSum));
    }

    [Fact]
    public void A_copy_that_was_given_up_is_sent_no_more_sums()
    {
        using var stand = Serve();
        Spares(stand, s_spare);
        stand.Push(1, 0);
        stand.Push(1, 1);
        stand.Push(1, 2);
        stand.Receive(new Tick());
        Assert.Equal([0L, 1, 2], stand.StepsSentTo(ServerStand.Worker));
        stand.Context.Now = TimeSpan.FromMilliseconds(500);
        stand.Receive(new Tick());
        stand.Push(1, 3);
        Assert.Equal([0L, 1, 2, 3, 4], stand.StepsSentTo(ServerStand.Worker));
        Assert.Equal([0L, 1, 2], stand.StepsSentTo(s_spare, kind: TensorKind.GradientSum));
    }

    [Fact]
    public void Sums_were_lost_with_the_link_so_the_copy_is_made_again()
    {
        using var stand = Serve();
        Spares(stand, s_spare);
        stand.Push(1, 0);
        stand.Context.Clear();
        stand.Receive(new LinkRestored(s_sibling));
        Assert.Empty(stand.Context.Messages);
        stand.Receive(new LinkRestored(s_spare));
        Assert.Equal(1, Assert.Single(stand.Context.SentTo<Copy>(s_spare)).Position.Step);
        Assert.Equal([1L], stand.StepsSentTo(s_spare));
    }

    [Fact]
    public void While_nobody_leads_no_copy_is_made_and_in_a_new_term_only_for_spares_that_are_named_again()
    {
        using var stand = Serve();
        Spares(stand, s_spare);
        stand.Receive(new Rest(2));
        stand.Context.Clear();
        stand.Receive(new LinkRestored(s_spare));
        Assert.Empty(stand.Context.Messages);

        stand.Lead(3, stand.Self);
        stand.Subscribe(ServerStand.Worker, 3);
        for (var step = 0; step < 4; step++)
        {
            stand.Push(3, step);
        }

        Assert.Equal([0L, 1, 2, 3, 4], stand.StepsSentTo(ServerStand.Worker));
        Assert.Empty(stand.StepsSentTo(s_spare, kind: TensorKind.GradientSum));
        stand.Receive(new Spares(3, 0, [s_spare]));
        Assert.Equal(4, Assert.Single(stand.Context.SentTo<Copy>(s_spare)).Position.Step);
    }

    [Fact]
    public void Nothing_is_copied_of_a_run_that_has_failed()
    {
        using var stand = Serve();
        stand.Push(1, 0, sum: float.NaN);
        stand.Receive(new Spares(1, 0, [s_spare]));
        Assert.Empty(stand.Context.SentTo<Copy>(s_spare));
    }

    [Fact]
    public void Where_they_clip_a_spare_is_sent_the_others_parts_of_the_norm_and_computes_the_same_bits_in_silence()
    {
        var recipe = LineRun.Recipe(epochs: 9) with { ClipNorm = 1 };
        using var stand = Serve(recipe, segments: 2, servers: s_sibling);
        using var spare = Spare(recipe, segments: 2);
        spare.Receive(new Topology(1, [stand.Self, s_sibling]));
        stand.Receive(new Spares(1, 0, [s_spare]));
        stand.DeliverTo(spare);
        stand.Push(1, 0, 0, 1, sum: 3);
        stand.Push(1, 0, 1, 1, sum: 5);
        var part = new NormPart(1, 0, 1, [1e6]);
        stand.Receive(s_sibling, part);
        Assert.Equal(part.BlockSums.AsEnumerable(), Assert.Single(stand.Context.SentTo<NormPart>(s_spare)).BlockSums);
        Assert.Equal(1, Assert.Single(stand.Context.SentTo<NormPart>(s_spare)).Segment);
        var expected = Assert.Single(stand.SentTo(LineRun.Coordinator)).Values.ToArray();

        spare.Context.Clear();
        stand.DeliverTo(spare);
        Assert.Equal([(stand.Self, new Copied(1, 0, 1))], spare.Context.Messages);
        Assert.Empty(spare.Context.Tensors);
        spare.Lead(2, s_spare, s_sibling);
        Assert.Equal(expected, Assert.Single(spare.SentTo(LineRun.Coordinator)).Values.ToArray());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_copy_may_begin_before_or_after_the_topology_of_its_term_is_known_and_be_made_again(bool isTopologyFirst)
    {
        using var stand = Serve();
        using var spare = Spare();
        if (isTopologyFirst)
        {
            spare.Receive(new Topology(1, [stand.Self]));
        }

        stand.Receive(new Spares(1, 0, [s_spare]));
        stand.DeliverTo(spare);
        if (!isTopologyFirst)
        {
            spare.Receive(new Topology(1, [stand.Self]));
        }

        stand.Push(1, 0);
        stand.DeliverTo(spare);
        stand.Receive(new LinkRestored(s_spare));
        stand.DeliverTo(spare);
        stand.Push(1, 1);
        stand.DeliverTo(spare);
        Assert.Equal([0L, 1, 1, 2], spare.Context.SentTo<Copied>(stand.Self).Select(copied => copied.Step));
    }

    [Fact]
    public void A_copy_of_what_has_become_its_own_is_not_taken()
    {
        using var stand = Serve();
        var lent = stand.Pool.Lent;
        stand.Receive(s_sibling, new Copy(1, new SegmentPosition(0, 1, 1, 5, 5, 0), 0, 0));
        Assert.Equal(lent, stand.Pool.Lent);
        stand.Push(1, 0);
        Assert.Equal(1, Assert.Single(stand.Context.Sent<StepReport>()).Step);
    }

    private static ServerStand Serve(Recipe? recipe = null, int segments = 1, params ReadOnlySpan<ActorId> servers)
    {
        var stand = new ServerStand(recipe ?? LineRun.Recipe(epochs: 9), segments);
        stand.Serve(1);
        stand.Lead(1, [stand.Self, .. servers]);
        stand.Subscribe(ServerStand.Worker, 1);
        return stand;
    }

    private static ServerStand Spare(Recipe? recipe = null, int segments = 1) =>
        new(recipe ?? LineRun.Recipe(epochs: 9), segments, name: s_spare.Name);

    /// <summary>These spares keep a copy, which they have confirmed.</summary>
    private static void Spares(ServerStand stand, params ReadOnlySpan<ActorId> spares)
    {
        stand.Receive(new Spares(1, 0, [.. spares]));
        foreach (var spare in spares)
        {
            stand.Receive(spare, new Copied(1, 0, 0));
        }
    }
}
