using ClusterTrain.Training;

namespace ClusterTrain.Hosting.Tests;

/// <summary>An audit shows that shares are right, and changes nothing of the result or its receipt.</summary>
public sealed class AuditedRunTests : IDisposable
{
    private const int Steps = 3 * 14;
    private readonly TrainedRun _runs = new();

    public void Dispose() => _runs.Dispose();

    [Theory]
    [InlineData(2, 1)]
    [InlineData(3, 2)]
    [InlineData(16, 1)]
    public void Every_step_is_verified_and_the_receipt_is_that_of_a_run_without(int workers, int servers)
    {
        var recipe = TrainedRun.Recipe();
        _runs.Train("alone", recipe);
        _runs.Train("audited", recipe, Settings(1, workers, servers));
        Assert.Equal(_runs.Receipt("alone"), _runs.Receipt("audited"));

        // A batch of 100 rows has 13 leaves, the last of an epoch as many as are left.
        var totals = _runs.Events.OfType<RunAudited>().Last().Totals;
        Assert.Equal((0, Steps), (totals.Differed, totals.VerifiedStep));
        Assert.InRange(totals.Shares + totals.Missed, Steps * (Math.Min(workers, 13) - 1), Steps * workers);
        Assert.True(totals.Missed <= totals.Shares / 10, totals.Sentence);
        Assert.IsType<RunEnded>(_runs.Events[^1]);
    }

    [Fact]
    public void The_steps_follow_from_the_recipe()
    {
        var recipe = TrainedRun.Recipe();
        var plan = new TrainingPlan(recipe, TrainedRun.Data(recipe).Train.Rows);
        var audited = Enumerable.Range(0, Steps).Count(step => new AuditPlan(plan, 0.25).Covers(step));
        Assert.InRange(audited, 4, 20);
        _runs.Train("run", recipe, Settings(0.25, 2, 1));
        var totals = _runs.Events.OfType<RunAudited>().Last().Totals;
        Assert.Equal(2 * audited, totals.Shares + totals.Missed);
    }

    [Fact]
    public void A_run_that_is_resumed_goes_on_counting()
    {
        var recipe = TrainedRun.Recipe("epochs=40");
        using (var folder = RunFolder.Create(_runs.Folder("run"), recipe))
        using (var log = new RunLog(folder, TimeProvider.System))
        {
            var outcome = _runs.Train(folder, recipe, Settings(1, 2, 1), (happened, stop) =>
            {
                log.Write(happened);
                if (happened is EpochCompleted { Record.Epoch: 10 })
                {
                    stop.Cancel();
                }
            });
            Assert.IsType<RunInterrupted>(outcome);
        }

        var before = RunHistory.Audited(_runs.Folder("run"));
        Assert.InRange(before.Shares, 10 * 14, 40 * 28);
        _runs.Events.Clear();
        _runs.Resume("run", recipe, Settings(1, 2, 1));
        var totals = _runs.Events.OfType<RunAudited>().ToArray();
        Assert.Equal(before, totals[0].Totals);
        Assert.InRange(totals[^1].Totals.Shares, (40 * 28) - totals[^1].Totals.Missed, (42 * 28));
        Assert.Equal(40 * 14, totals[^1].Totals.VerifiedStep);
    }

    [Fact]
    public void The_page_tells_what_the_log_told()
    {
        var recipe = TrainedRun.Recipe();
        using (var folder = RunFolder.Create(_runs.Folder("run"), recipe))
        using (var log = new RunLog(folder, TimeProvider.System))
        {
            _runs.Train(folder, recipe, Settings(1, 2, 1), (happened, _) => log.Write(happened));
        }

        var view = new RunFollower(_runs.Folder("run"), TimeProvider.System).Watch.View();
        Assert.Equal(_runs.Events.OfType<RunAudited>().Last().Totals, view.Audit);
        Assert.StartsWith("verified to step 42: ", view.Audit!.Sentence, StringComparison.Ordinal);
        Assert.EndsWith(" shares computed twice, 0 differed", view.Audit with { Missed = 0 } is { Sentence: var sentence } ? sentence : "",
            StringComparison.Ordinal);
    }

    [Fact]
    public void Without_an_audit_there_is_nothing_to_tell()
    {
        _runs.Train("run", TrainedRun.Recipe(), new InProcessSettings { Workers = 2 });
        Assert.Empty(_runs.Events.OfType<RunAudited>());
    }

    private static InProcessSettings Settings(double rate, int workers, int servers) =>
        new() { Workers = workers, Run = new RunSettings { AuditRate = rate, LeastWorkers = workers, ParameterServers = servers } };
}
