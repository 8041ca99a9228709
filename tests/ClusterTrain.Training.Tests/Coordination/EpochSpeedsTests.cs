using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;

namespace ClusterTrain.Training.Tests;

/// <summary>How fast epochs were. One has ten rows in five steps; times are seconds of the first segment's server.</summary>
public sealed class EpochSpeedsTests
{
    private readonly EpochSpeeds _speeds = new(new TrainingPlan(LineRun.Recipe(epochs: 100, batchRows: 2), 10));

    [Fact]
    public void An_epochs_speed_is_known_when_the_first_segment_has_reached_its_end()
    {
        _speeds.Begin(0);
        Reached(5, 1, segment: 1);
        Reached(4, 1);
        Assert.Equal(0, _speeds.Take(5));
        Reached(5, 2);
        Assert.Equal(5, _speeds.Take(5));
        Assert.Equal(5, _speeds.Take(5));
    }

    [Fact]
    public void A_run_that_begins_within_an_epoch_has_trained_a_part_of_it()
    {
        _speeds.Begin(3);
        Reached(5, 2);
        Assert.Equal(2, _speeds.Take(5));
    }

    [Fact]
    public void A_server_that_continues_is_measured_from_the_first_that_it_says()
    {
        _speeds.Begin(0);
        Reached(5, 1);
        _speeds.Adopt();
        Reached(7, 100, segment: 1);
        Reached(5, 100);
        Assert.Equal(0, _speeds.Take(5));
        Reached(10, 104);
        Assert.Equal(2.5, _speeds.Take(10));
    }

    [Fact]
    public void Short_epochs_have_the_mean_since_the_mark_before()
    {
        _speeds.Begin(0);
        (double At, double Speed)[] epochs =
            [(0.1, 10 / 0.1), (0.2, 20 / 0.2), (0.35, 30 / 0.35), (0.45, 20 / 0.25), (0.6, 30 / 0.4), (1.45, 20 / 1.0)];
        foreach (var (epoch, (at, speed)) in epochs.Index())
        {
            Reached(5 * (epoch + 1), at);
            Assert.Equal(speed, _speeds.Take(5 * (epoch + 1)), 9);
        }
    }

    [Fact]
    public void Ends_that_are_taken_for_a_later_one_are_forgotten_and_without_time_the_last_speed_stands()
    {
        _speeds.Begin(0);
        Reached(5, 1);
        Reached(10, 2);
        Assert.Equal(10, _speeds.Take(10));
        Assert.Equal(10, _speeds.Take(5));
        Reached(15, 2);
        Reached(20, 4);
        Assert.Equal(10, _speeds.Take(20));
    }

    private void Reached(long step, double seconds, int segment = 0) =>
        _speeds.Reached(new StepReport(1, segment, step, 0, TimeSpan.FromSeconds(seconds)));
}
