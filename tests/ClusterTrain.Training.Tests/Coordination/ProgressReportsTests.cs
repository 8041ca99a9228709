using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;

namespace ClusterTrain.Training.Tests;

/// <summary>How far a run is, and how fast. Epochs of ten rows have five steps; times are milliseconds of the first segment's server.</summary>
public sealed class ProgressReportsTests
{
    private readonly List<RunEvent> _events = [];
    private readonly ProgressReports _progress;

    public ProgressReportsTests() =>
        _progress = new ProgressReports(new TrainingPlan(LineRun.Recipe(epochs: 100, batchRows: 2), 10), _events.Add);

    [Fact]
    public void The_first_report_is_told_at_once_and_then_one_every_200_ms_by_the_servers_clock()
    {
        _progress.Begin(10);
        Assert.Equal(10, _progress.Step);
        Add(15, 100);
        Add(16, 299);
        Add(17, 300);
        Add(20, 500);
        Assert.Equal([new RunProgress(15, 0.5, 100), new RunProgress(17, 0.5, 20), new RunProgress(20, 0.5, 30)], _events);
    }

    [Fact]
    public void Only_the_first_segment_is_heard()
    {
        _progress.Begin(0);
        Add(5, 100, segment: 1);
        Assert.Empty(_events);
        Assert.Equal(0, _progress.Step);
    }

    [Fact]
    public void The_step_reached_does_not_go_back_and_speed_is_not_negative()
    {
        _progress.Begin(0);
        Add(10, 200);
        Add(5, 400);
        Assert.Equal(10, _progress.Step);
        Assert.Equal([100.0, 0], _events.OfType<RunProgress>().Select(told => told.SamplesPerSecond));
        _progress.Begin(3);
        Assert.Equal(3, _progress.Step);
    }

    [Fact]
    public void A_server_that_continues_is_measured_from_its_first_report()
    {
        _progress.Adopt(50);
        Assert.Equal(50, _progress.Step);
        Add(51, 9000);
        Assert.Empty(_events);
        Add(53, 9100);
        Assert.Equal([new RunProgress(53, 0.5, 40)], _events);
    }

    [Fact]
    public void The_time_that_a_run_rests_does_not_count()
    {
        // Before the first report there is nothing to leave out: a run that begins again has not rested.
        _progress.Begin(0);
        _progress.Pause();
        Add(10, 200);
        _progress.Pause();
        Add(12, 60_000);
        Add(14, 60_200);
        Assert.Equal([100.0, 20], _events.OfType<RunProgress>().Select(told => told.SamplesPerSecond));
    }

    [Fact]
    public void No_time_has_passed_and_the_speed_is_the_last_one_known()
    {
        _progress.Begin(0);
        Add(5, 0);
        Assert.Equal([new RunProgress(5, 0.5, 0)], _events);
        Add(6, 200);
        _progress.Begin(6);
        Add(6, 0);
        Assert.Equal(new RunProgress(6, 0.5, 10), _events[^1]);
    }

    private void Add(long step, int milliseconds, int segment = 0) =>
        _progress.Add(new StepReport(1, segment, step, 0.5, TimeSpan.FromMilliseconds(milliseconds)));
}
