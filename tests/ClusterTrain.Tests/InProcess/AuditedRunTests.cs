using ClusterTrain.InProcess;
using ClusterTrain.Runs;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Plan;
using ClusterTrain.Watching;

namespace ClusterTrain.Tests;

/// <summary>
/// An audit shows that shares are right, and changes nothing of the result or its receipt. On a busy machine a worker may be late: then the leaves
/// are divided again, the step's shares are not compared, and the late one's is counted besides.
/// </summary>
public sealed class AuditedRunTests : IDisposable
{
    private const int Steps = 3 * 14;
    private readonly TrainedRun _runs = new();

    public void Dispose() => _runs.Dispose();

    [Theory]
    [InlineData(2, 1)]
    [InlineData(3, 2)]
    [InlineData(16, 1)]
    public void Steps_are_verified_and_the_receipt_is_that_of_a_run_without(int workers, int servers)
    {
        var recipe = TrainedRun.Recipe();
        _runs.Train("alone", recipe);
        _runs.Train("audited", recipe, Settings(1, workers, servers));
        Assert.Equal(_runs.Receipt("alone"), _runs.Receipt("audited"));

        // A batch of 100 rows has 13 leaves, the last of an epoch as many as are left.
        var totals = _runs.Events.OfType<RunAudited>().Last().Totals;
        Assert.Equal(0, totals.Differed);
        Assert.InRange(totals.VerifiedStep, Steps / 2, Steps);
        Assert.InRange(totals.Shares + totals.Missed, Steps * (Math.Min(workers, 13) - 1), (Steps * workers) + Late);
        Assert.True(totals.Missed < totals.Shares, totals.Sentence);
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
        Assert.InRange(totals.Shares + totals.Missed, Late == 0 ? 2 * audited : 1, (2 * audited) + Late);
    }

    [Fact]
    public void A_run_that_is_resumed_continues_counting()
    {
        var recipe = TrainedRun.Recipe("epochs=400");
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
        Assert.InRange(before.Shares + before.Missed, 10 * 28, 400 * 28);
        var late = Late;
        _runs.Events.Clear();
        _runs.Resume("run", recipe, Settings(1, 2, 1));
        var totals = _runs.Events.OfType<RunAudited>().ToArray();
        Assert.Equal(before, totals[0].Totals);

        // The steps after the checkpoint were computed before the stop and are again. While a worker that was late has no leaves, the other one is
        // alone, and nothing is audited.
        var after = totals[^1].Totals;
        late += Late;
        Assert.InRange(after.Shares, late == 0 ? (400 * 28) - after.Missed : before.Shares + 1, before.Shares + (400 * 28) + late);
        Assert.InRange(after.VerifiedStep, before.VerifiedStep, 400 * 14);
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
        Assert.Matches("^verified to step [0-9]+: [0-9]+ shares computed twice, 0 differed", view.Audit!.Sentence);
        Assert.Equal(
            "no step verified yet: 1 share computed twice, 1 differed, 2,000 could not be compared", new AuditTotals(0, 1, 1, 2000).Sentence);
    }

    [Fact]
    public void Without_an_audit_there_is_nothing_to_tell()
    {
        _runs.Train("run", TrainedRun.Recipe(), new InProcessSettings { Workers = 2 });
        Assert.Empty(_runs.Events.OfType<RunAudited>());
    }

    private int Late => _runs.Events.OfType<WorkerLate>().Count();

    private static InProcessSettings Settings(double rate, int workers, int servers) =>
        new() { Workers = workers, Run = new RunSettings { AuditRate = rate, LeastWorkers = workers, ParameterServers = servers } };
}
