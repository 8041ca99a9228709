using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Servers;

namespace ClusterTrain.Training.Tests;

/// <summary>Who is late in a step. Times are milliseconds after the step began; steps begin a minute apart.</summary>
public sealed class StepPaceTests
{
    private const int Leaves = 6;

    private readonly StepPace _pace = new();
    private TimeSpan _began;

    [Fact]
    public void A_worker_is_late_after_four_times_the_median_of_all_and_the_first_that_answered_helps()
    {
        Follow(1, "a", "b", "c");
        Begin();
        Answer("b", 300);
        Answer("c", 100);
        Assert.Empty(Late(1199));
        Assert.Equal([("a", new TreeNode(0, 2), "b")], Late(1200));
        Assert.Empty(Late(1300));
    }

    [Fact]
    public void Nobody_is_late_before_fifty_milliseconds()
    {
        Follow(1, "a", "b", "c");
        Begin();
        Answer("a", 1);
        Answer("b", 2);
        Assert.Empty(Late(49));
        Assert.Equal([("c", new TreeNode(4, 2), "a")], Late(50));
    }

    [Fact]
    public void Several_late_workers_are_helped_in_turns()
    {
        Follow(1, "a", "b", "c", "d", "e");
        Begin();
        foreach (var worker in new[] { "a", "c", "e" })
        {
            Answer(worker, 100);
        }

        Assert.Equal([("b", "a"), ("d", "c")], Late(400, leaves: 5).Select(late => (late.Late, late.Helper)));
    }

    [Fact]
    public void While_most_have_not_answered_the_steps_before_are_the_measure_and_recent_ones_count_more()
    {
        Follow(1, "a", "b", "c");
        Step(400, 1000, 900);
        Begin();
        Answer("a", 10);
        Assert.Empty(Late(3999));
        Assert.Empty(Late(60_000, judgesMost: false));
        Assert.Equal([("b", new TreeNode(2, 2), "a"), ("c", new TreeNode(4, 2), "a")], Late(4000));
        Answer("b", 10);
        Answer("c", 10);

        // That step does not count, as it had late workers; the next does.
        Step(100, 100, 100);
        Begin();
        Answer("a", 10);
        Assert.Empty(Late(3599));
        Assert.Equal(2, Late(3600).Count);
    }

    [Fact]
    public void A_slower_step_is_the_measure_at_once()
    {
        Follow(1, "a", "b", "c");
        Step(400, 400, 400);
        Step(400, 390, 2000);
        Begin();
        Answer("b", 10);
        Assert.Empty(Late(7999));
        Assert.Equal(2, Late(8000).Count);
    }

    [Theory]
    [InlineData(890, 3600)]
    [InlineData(910, 3640)]
    [InlineData(1100, 4400)]
    public void The_measure_is_the_slowest_of_the_last_step_or_nine_tenths_of_the_measure_before(int slowest, int late)
    {
        Follow(1, "a", "b", "c");
        Step(1000, 10, 10);
        Step(10, slowest, 10);
        Begin();
        Answer("a", 10);
        Assert.Empty(Late(late - 1));
        Assert.Equal(2, Late(late).Count);
    }

    [Fact]
    public void By_the_steps_before_nobody_is_late_before_half_a_second()
    {
        Follow(1, "a", "b", "c");
        Step(1, 2, 3);
        Begin();
        Answer("a", 1);
        Assert.Empty(Late(499));
        Assert.Equal(2, Late(500).Count);
    }

    [Fact]
    public void A_step_whose_leaves_are_divided_again_does_not_count()
    {
        Follow(1, "a", "b", "c");
        Step(1000, 1000, 1000);
        Begin();
        Answer("a", 100);
        Follow(2, "a", "b", "c");
        Answer("b", 9000);
        Answer("c", 9000);
        Begin();
        Answer("a", 10);
        Assert.Equal(2, Late(4000).Count);
    }

    [Fact]
    public void A_step_with_a_late_worker_does_not_count()
    {
        Follow(1, "a", "b", "c");
        Step(1000, 1000, 1000);
        Begin();
        Answer("a", 10);
        Answer("b", 10);
        Assert.Single(Late(60));
        Answer("c", 9000);
        Begin();
        Answer("a", 10);
        Assert.Equal(["b", "c"], Late(4000).Select(late => late.Late));
    }

    [Fact]
    public void Other_workers_have_no_steps_before()
    {
        Follow(1, "a", "b", "c");
        Step(1000, 1000, 1000);
        Begin();
        Follow(2, "a", "b", "d");
        Answer("a", 10);
        Assert.Empty(Late(50_000));
    }

    [Fact]
    public void Who_answered_before_the_leaves_were_divided_again_has_done_so()
    {
        Follow(1, "a", "b", "c");
        Begin();
        Answer("a", 100);
        Answer("b", 100);
        Follow(2, "b", "c", "d");
        Answer("d", 100);
        Assert.Equal([("c", new TreeNode(2, 2), "b")], Late(400));
    }

    [Fact]
    public void Workers_without_leaves_help_only_while_nobody_has_answered()
    {
        // Of three workers and two leaves the first has none.
        Follow(1, "idle", "b", "c");
        Begin();
        Answer("b", 100);
        Answer("c", 100);
        Begin();
        Assert.Empty(Late(499, leaves: 2));
        Assert.Equal([("b", "idle"), ("c", "idle")], Late(500, leaves: 2).Select(late => (late.Late, late.Helper)));
        Answer("b", 600);
        Answer("c", 600);

        Begin();
        Answer("c", 100);
        Assert.Equal([("b", "c")], Late(400, leaves: 2).Select(late => (late.Late, late.Helper)));
    }

    [Fact]
    public void Several_workers_without_leaves_help_in_turns_while_nobody_has_answered()
    {
        // Of four workers and two leaves the first and the third have none.
        Follow(1, "a", "b", "c", "d");
        Step(10, 10, 10, 10);
        Begin();
        Assert.Equal([("b", "a"), ("d", "c")], Late(500, leaves: 2).Select(late => (late.Late, late.Helper)));
    }

    [Fact]
    public void Nobody_is_late_where_nobody_could_help_or_all_have_answered()
    {
        Follow(1, "a", "b");
        Step(10, 10);
        Begin();
        Assert.Empty(Late(50_000));
        Answer("a", 50_001);
        Answer("b", 50_002);
        Assert.Empty(Late(59_000));
    }

    private void Follow(long version, params string[] workers) => _pace.Follow(_began, new Assignment(1, version, [.. workers.Select(Id)]));

    private void Begin()
    {
        _began += TimeSpan.FromMinutes(1);
        _pace.Begin(_began);
    }

    private void Step(params int[] times)
    {
        Begin();
        foreach (var (worker, time) in times.Index())
        {
            Answer(((char)('a' + worker)).ToString(), time);
        }
    }

    private void Answer(string worker, int time) => _pace.Answered(At(time), Id(worker));

    private List<(string Late, TreeNode Leaves, string Helper)> Late(int time, int leaves = Leaves, bool judgesMost = true) =>
        [.. _pace.Late(At(time), leaves, judgesMost).Select(late => (late.Late.Name, late.Leaves, late.Helper.Name))];

    private TimeSpan At(int time) => _began + TimeSpan.FromMilliseconds(time);

    private static ActorId Id(string name) => new(name);
}
