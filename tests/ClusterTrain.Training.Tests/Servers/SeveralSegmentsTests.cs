using ClusterTrain.Learning.Recipes;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Training.Tests;

/// <summary>
/// Several segments, of one server or of two, whose gradients are clipped to a norm of 1. Plain descent of rate 1 from zero: where the mean gradient
/// has a norm of 5, the weights become -1/5 of it.
/// </summary>
public sealed class SeveralSegmentsTests
{
    private static readonly ActorId s_sibling = new("sibling");
    private static readonly ActorId s_third = new("third");

    // A mean gradient of 4 there and of 3 in the last segment, which has one parameter.
    private static readonly NormPart s_part = new(1, 0, 0, [16 * 16]);

    [Fact]
    public void A_server_of_two_segments_tells_each_the_others_part()
    {
        using var stand = new ServerStand(Recipe(), segments: 2);
        stand.Serve(1, segment: 0, weight: 0);
        stand.Serve(1, segment: 1, weight: 0);
        stand.Lead(1, stand.Self, stand.Self);
        stand.Push(1, 0, sum: 12, segment: 1);
        Assert.Empty(stand.Context.Sent<StepReport>());

        // 4,096 gradients of 1/16 have a norm of 4.
        stand.Push(1, 0, sum: 4 / 16f, segment: 0);
        Assert.Equal(-0.6f, Weight(stand, 1, segment: 1));
        Assert.Equal(-1 / 80f, Weight(stand, 1, segment: 0));
        Assert.Empty(stand.Context.Sent<NormPart>());
    }

    [Fact]
    public void Only_parts_of_the_step_in_hand_of_this_service_and_of_other_segments_count()
    {
        using var stand = Serve(term: 5);
        stand.Push(5, 0, segment: 1);
        stand.Receive(s_sibling, s_part with { Term = 5, Step = 1 });
        stand.Receive(s_sibling, s_part with { Term = 4 });
        stand.Receive(s_sibling, s_part with { Term = 5, Segment = 1, BlockSums = [1e9] });
        Assert.Empty(stand.Context.Sent<StepReport>());
        stand.Receive(s_sibling, s_part with { Term = 5 });
        Assert.Equal(-0.6f, Weight(stand, 1));
    }

    [Fact]
    public void Every_step_waits_for_its_own_parts()
    {
        using var stand = Serve();
        stand.Push(1, 0, segment: 1);
        stand.Receive(s_sibling, s_part);
        stand.Push(1, 1, segment: 1);
        Assert.Equal([1L], stand.StepsSentTo(LineRun.Coordinator, segment: 1));
        stand.Receive(s_sibling, s_part with { Step = 1 });
        Assert.Equal(-1.2f, Weight(stand, 2));
    }

    [Fact]
    public void A_part_that_comes_while_nobody_leads_applies_nothing()
    {
        using var stand = Serve();
        stand.Push(1, 0, segment: 1);
        stand.Receive(new Rest(2));
        stand.Receive(s_sibling, s_part);
        Assert.Empty(stand.Context.Sent<StepReport>());
        stand.Lead(3, s_sibling, stand.Self);
        stand.Push(3, 0, segment: 1);
        Assert.Equal(-0.6f, Weight(stand, 1));
    }

    [Fact]
    public void After_a_number_that_is_not_finite_nothing_is_applied_in_this_term_or_the_next()
    {
        using var stand = Serve();
        stand.Push(1, 0, sum: float.NaN, segment: 1);
        stand.Receive(s_sibling, s_part);
        stand.Receive(s_sibling, s_part);
        var problem = new NotFinite(1, 0, "the gradient of layers.0.weight");
        Assert.Equal([problem], stand.Context.SentTo<NotFinite>(LineRun.Coordinator));

        // A new coordinator may not have heard of it.
        stand.Receive(new Rest(2));
        stand.Lead(3, s_sibling, stand.Self);
        Assert.Equal([problem, problem with { Term = 3 }], stand.Context.SentTo<NotFinite>(LineRun.Coordinator));
        stand.Push(3, 0, 0, 1, segment: 1);
        stand.Push(3, 0, 1, 1, segment: 1);
        stand.Receive(s_sibling, s_part);
        Assert.Equal(2, stand.Context.Sent<NotFinite>().Count());
        Assert.Equal([0L], stand.Context.Sent<StepReport>().Select(report => report.Step));
    }

    [Fact]
    public void The_part_of_the_step_before_and_its_weights_are_kept_until_a_sum_of_the_next_has_come()
    {
        using var stand = Serve();
        stand.Push(1, 0, segment: 1);
        stand.Receive(s_sibling, s_part);
        Assert.Equal((1, 0), Position(stand));
        stand.Context.Messages.Clear();
        stand.Receive(new LinkRestored(s_sibling));
        Assert.Equal([0L], stand.Context.SentTo<NormPart>(s_sibling).Select(part => part.Step));

        stand.Push(1, 1, 0, 1, segment: 1);
        Assert.Equal((1, 1), Position(stand));
        stand.Context.Messages.Clear();
        stand.Receive(new LinkRestored(s_sibling));
        Assert.Empty(stand.Context.Messages);

        static (long Step, long First) Position(ServerStand stand)
        {
            stand.Server.Start(stand.Context, LineRun.Coordinator);
            var position = Assert.Single(stand.Context.Sent<Join>().Last().Holding);
            return (position.Step, position.First);
        }
    }

    [Fact]
    public void A_server_that_is_new_in_a_topology_is_sent_the_part_and_one_that_was_there_is_not()
    {
        using var stand = Serve();
        stand.Push(1, 0, segment: 1);
        Assert.Single(stand.Context.SentTo<NormPart>(s_sibling));
        stand.Receive(new Topology(2, [s_sibling, stand.Self]));
        Assert.Single(stand.Context.SentTo<NormPart>(s_sibling));
        stand.Receive(new Topology(3, [s_third, stand.Self]));
        Assert.Single(stand.Context.SentTo<NormPart>(s_sibling));
        Assert.Equal([144.0], Assert.Single(stand.Context.SentTo<NormPart>(s_third)).BlockSums.ToArray());
        Assert.Empty(stand.Context.SentTo<NormPart>(stand.Self));
    }

    [Fact]
    public void A_server_of_two_other_segments_is_sent_the_part_once()
    {
        using var stand = new ServerStand(Recipe(), segments: 3);
        stand.Serve(1, segment: 2, weight: 0);
        stand.Lead(1, s_sibling, s_sibling, stand.Self);
        stand.Push(1, 0, segment: 2);
        Assert.Equal([s_sibling], stand.Context.Messages.Where(sent => sent.Message is NormPart).Select(sent => sent.To));
        stand.Receive(s_sibling, s_part with { BlockSums = [0] });
        Assert.Empty(stand.Context.Sent<StepReport>());
        stand.Receive(s_sibling, s_part with { Segment = 1 });
        Assert.Equal(-0.6f, Weight(stand, 1, segment: 2));
    }

    private static Recipe Recipe() =>
        LineRun.Recipe(epochs: 9) with { ClipNorm = 1, Optimiser = new() { Kind = OptimiserKind.Sgd, Rate = 1 } };

    /// <summary>The last of two segments is served, the first by another server.</summary>
    private static ServerStand Serve(long term = 1)
    {
        var stand = new ServerStand(Recipe(), segments: 2);
        stand.Serve(term, segment: 1, weight: 0);
        stand.Lead(term, s_sibling, stand.Self);
        return stand;
    }

    private static float Weight(ServerStand stand, long step, int segment = 1) =>
        Assert.Single(stand.SentTo(LineRun.Coordinator), tensor => tensor.Key.Step == step && tensor.Key.Segment == segment).Values[0];
}
