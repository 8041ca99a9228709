using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Training.Tests;

/// <summary>When a checkpoint is due. Times are seconds: of the coordinator, and in reports of the first segment's server.</summary>
public sealed class CheckpointPaceTests
{
    [Fact]
    public void A_period_that_was_asked_for_counts_from_when_the_last_checkpoint_was_whatever_it_costs()
    {
        var pace = new CheckpointPace(TimeSpan.FromSeconds(10));
        pace.Start(At(5));
        Assert.False(pace.IsDue(At(14.9)));
        Assert.True(pace.IsDue(At(15)));
        pace.Ask(At(16));
        Assert.False(pace.IsDue(At(25.9)));
        Assert.True(pace.IsDue(At(26)));
        pace.Done(At(26), TimeSpan.Zero);
        Assert.True(pace.IsDue(At(26)));
    }

    [Fact]
    public void A_period_of_zero_is_none()
    {
        var pace = new CheckpointPace(TimeSpan.Zero);
        pace.Start(At(0));
        Reached(pace, 1000);
        Assert.False(pace.IsDue(At(1000)));
    }

    [Fact]
    public void By_default_a_second_of_work_is_enough()
    {
        var pace = new CheckpointPace(null);
        pace.Begin();
        Reached(pace, 0.9);
        Assert.False(pace.IsDue(At(100)));
        Reached(pace, 5, segment: 1);
        Assert.False(pace.IsDue(At(100)));
        Reached(pace, 1);
        Assert.True(pace.IsDue(At(100)));
    }

    [Fact]
    public void Work_counts_from_the_last_checkpoint_and_in_an_adopted_term_from_the_first_report()
    {
        var pace = new CheckpointPace(null);
        pace.Begin();
        pace.Adopt();
        Reached(pace, 7);
        Assert.False(pace.IsDue(At(0)));
        Reached(pace, 8);
        Assert.True(pace.IsDue(At(0)));
        pace.Ask(At(0));
        pace.Done(At(0.1), TimeSpan.Zero);
        Assert.False(pace.IsDue(At(1)));
        Reached(pace, 8.9);
        Assert.False(pace.IsDue(At(1)));
        Reached(pace, 9);
        Assert.True(pace.IsDue(At(1)));
    }

    [Fact]
    public void A_checkpoint_under_way_is_waited_for_but_not_for_ever()
    {
        var pace = new CheckpointPace(null);
        pace.Begin();
        Reached(pace, 1);
        pace.Ask(At(10));
        Reached(pace, 50);
        Assert.False(pace.IsDue(At(39.9)));
        Assert.True(pace.IsDue(At(40)));

        // A new term: it will not come any more.
        pace.Begin();
        Reached(pace, 1);
        Assert.True(pace.IsDue(At(11)));
    }

    [Fact]
    public void Writing_takes_no_more_than_a_fifth_of_the_time()
    {
        var pace = new CheckpointPace(null);
        pace.Begin();
        Reached(pace, 1);
        pace.Ask(At(10));
        pace.Done(At(12), TimeSpan.Zero);
        Reached(pace, 10.9);
        Assert.False(pace.IsDue(At(30)));
        Reached(pace, 11);
        Assert.True(pace.IsDue(At(30)));

        // Another one is written that nobody asked for here: it says nothing of what one costs.
        pace.Done(At(100), TimeSpan.Zero);
        Assert.True(pace.IsDue(At(100)));
    }

    [Fact]
    public void What_was_held_back_before_it_was_written_costs_nothing()
    {
        var pace = new CheckpointPace(null);
        pace.Begin();
        Reached(pace, 1);
        pace.Ask(At(10));
        pace.Done(At(20), held: At(9.9));
        Reached(pace, 1.9);
        Assert.False(pace.IsDue(At(30)));
        Reached(pace, 2);
        Assert.True(pace.IsDue(At(30)));
    }

    private static void Reached(CheckpointPace pace, double seconds, int segment = 0) =>
        pace.Reached(new StepReport(1, segment, 1, 0, At(seconds)));

    private static TimeSpan At(double seconds) => TimeSpan.FromSeconds(seconds);
}
