using ClusterTrain.Training.Messages;

namespace ClusterTrain.Training.Tests;

/// <summary>Orders of one term that arrive in any order, twice, or after those of a later one.</summary>
public sealed class ServerTermsTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_segment_may_be_served_when_the_topology_and_a_subscriber_of_the_term_are_known_already(bool isSubscriberFirst)
    {
        using var stand = new ServerStand(LineRun.Recipe());
        if (isSubscriberFirst)
        {
            stand.Subscribe(ServerStand.Worker, 1);
        }

        stand.Lead(1, stand.Self);
        if (!isSubscriberFirst)
        {
            stand.Subscribe(ServerStand.Worker, 1);
        }

        Assert.Empty(stand.Context.Later);
        stand.Serve(1);
        stand.Receive(new Advance(1, 100, 0));
        Assert.Equal([0L], stand.StepsSentTo(ServerStand.Worker));
        Assert.Single(stand.Context.Later);
    }

    [Fact]
    public void A_subscription_waits_for_the_term_it_names()
    {
        using var stand = new ServerStand(LineRun.Recipe());
        stand.Serve(1);
        stand.Lead(1, stand.Self);
        stand.Subscribe(ServerStand.Worker, 3);
        stand.Lead(2, stand.Self);
        Assert.Empty(stand.Context.Tensors);
        stand.Lead(3, stand.Self);
        Assert.Equal(LineRun.Weights(3, 0), Assert.Single(stand.SentTo(ServerStand.Worker)).Key);
    }

    [Fact]
    public void A_subscription_that_waited_is_served_once()
    {
        using var stand = new ServerStand(LineRun.Recipe(), segments: 2);
        stand.Subscribe(ServerStand.Worker, 1);
        stand.Serve(1);
        stand.Lead(1, stand.Self, stand.Self);
        Assert.Equal([0L], stand.StepsSentTo(ServerStand.Worker));
        stand.Serve(1, segment: 1);
        Assert.Equal([0L], stand.StepsSentTo(ServerStand.Worker));
    }

    [Fact]
    public void Segments_of_a_term_are_served_side_by_side_and_one_that_is_served_again_begins_anew()
    {
        using var stand = new ServerStand(LineRun.Recipe(epochs: 9), segments: 2);
        stand.Serve(1);
        stand.Serve(1, segment: 1);
        stand.Lead(1, stand.Self, stand.Self);
        stand.Push(1, 0);
        stand.Push(1, 0, segment: 1);
        Assert.Equal([(0, 1L), (1, 1L)], stand.Context.Sent<StepReport>().Select(report => (report.Segment, report.Step)));

        stand.Context.Clear();
        stand.Serve(1, step: 5);
        stand.Receive(new Advance(1, 100, 0));
        stand.Push(1, 5);
        stand.Push(1, 1, segment: 1);
        Assert.Equal([(0, 6L)], stand.StepsSentTo(LineRun.Coordinator).Select(step => (0, step)));
        Assert.Equal([(1, 2L)], stand.StepsSentTo(LineRun.Coordinator, segment: 1).Select(step => (1, step)));
    }

    [Fact]
    public void Asked_again_what_it_holds_it_answers_again_as_long_as_nobody_serves()
    {
        using var stand = new ServerStand(LineRun.Recipe());
        stand.Serve(1);
        stand.Lead(1, stand.Self);
        stand.Receive(new Rest(1));
        Assert.Empty(stand.Context.Sent<Holding>());
        stand.Receive(new Rest(2));
        stand.Receive(new Rest(2));
        Assert.Equal([2L, 2], stand.Context.SentTo<Holding>(LineRun.Coordinator).Select(holding => holding.Term));

        stand.Lead(3, stand.Self);
        stand.Receive(new Rest(3));
        stand.Receive(new Rest(2));
        Assert.Equal(2, stand.Context.Sent<Holding>().Count());
    }

    [Fact]
    public void Resting_it_gives_the_sums_of_the_step_in_hand_back()
    {
        using var stand = new ServerStand(LineRun.Recipe());
        stand.Serve(1);
        stand.Lead(1, stand.Self);
        var lent = stand.Pool.Lent;
        stand.Push(1, 0, 0, 1);
        Assert.Equal(lent + 1, stand.Pool.Lent);
        stand.Receive(new Rest(2));
        Assert.Equal(lent, stand.Pool.Lent);
    }

    [Fact]
    public void A_second_topology_of_a_term_is_not_followed()
    {
        using var stand = new ServerStand(LineRun.Recipe());
        stand.Serve(1);
        stand.Lead(1, stand.Self);
        stand.Receive(new Topology(1, LineRun.Ids("another")));
        stand.Push(1, 0);
        Assert.Equal(1, Assert.Single(stand.Context.Sent<StepReport>()).Step);
    }

    [Fact]
    public void A_topology_with_fewer_servers_takes_the_last_segments_away()
    {
        using var stand = new ServerStand(LineRun.Recipe(), segments: 2);
        stand.Serve(1, segment: 1);
        stand.Lead(1, new("another"), stand.Self);
        stand.Receive(new Topology(2, [new("another")]));
        Assert.Equal(0, stand.Pool.Lent);
    }

    [Fact]
    public void Asked_by_its_host_to_stop_it_tells_the_coordinator()
    {
        using var stand = new ServerStand(LineRun.Recipe());
        stand.Receive(stand.Self, new StopRequested());
        Assert.Equal([(LineRun.Coordinator, new WantsToLeave())], stand.Context.Messages);
    }
}
