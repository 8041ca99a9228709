using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;
using ClusterTrain.Training.Servers;

namespace ClusterTrain.Training.Tests;

/// <summary>Two workers with a leaf each, every step audited: each computes the other's leaf too.</summary>
public sealed class StepAuditTests
{
    private static readonly ActorId s_first = new("worker-1");
    private static readonly ActorId s_second = new("worker-2");
    private static readonly ActorId s_third = new("worker-3");

    private readonly StepAudit _audit;

    public StepAuditTests()
    {
        _audit = new StepAudit(new TrainingPlan(LineRun.Recipe(epochs: 100), 4));
        Begin(term: 1);
    }

    [Fact]
    public void Each_worker_is_asked_for_the_others_share_once()
    {
        var (asked, version) = _audit.Reach(1, 0, isUntouched: true)!.Value;
        Recompute[] expected = [new(1, 0, new TreeNode(1, 1), s_first, DigestOnly: true), new(1, 0, new TreeNode(0, 1), s_second, DigestOnly: true)];
        Assert.Equal(expected.ToHashSet(), asked.ToHashSet());
        Assert.Equal(1, version);
        Assert.Equal([expected[0]], _audit.AskedOf(s_first));
        Assert.Equal([expected[1]], _audit.AskedOf(s_second));
        Assert.Null(_audit.Reach(1, 0, isUntouched: true));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void A_term_may_begin_at_any_step(long step)
    {
        Assert.NotNull(_audit.Reach(1, step, isUntouched: true));
        _audit.Clear();
        Assert.True(_audit.IsOff);
        Assert.False(_audit.Covers(step));
        Begin(term: 2);
        Assert.Null(_audit.Reach(1, step, isUntouched: true));
        Assert.NotNull(_audit.Reach(2, step, isUntouched: true));
    }

    [Fact]
    public void A_step_of_which_a_sum_has_come_is_not_audited()
    {
        Assert.Null(_audit.Reach(1, 0, isUntouched: false));
        Assert.Null(_audit.Reach(1, 0, isUntouched: true));
        Assert.False(_audit.Covers(0));
    }

    [Fact]
    public void Only_the_steps_are_audited_that_the_plan_names()
    {
        _audit.Begin(new AuditShares(1, 0.1));
        var plan = new AuditPlan(new TrainingPlan(LineRun.Recipe(epochs: 100), 4), 0.1);
        var steps = Enumerable.Range(0, 100).Select(step => (long)step).Where(step => _audit.Reach(1, step, isUntouched: true) is not null).ToArray();
        Assert.Equal(Enumerable.Range(0, 100).Select(step => (long)step).Where(plan.Covers), steps);
        Assert.NotEmpty(steps);
    }

    [Fact]
    public void Nothing_is_audited_while_nobody_takes_part_or_one_alone()
    {
        _audit.Follow(new Assignment(1, 2, []));
        Assert.Null(_audit.Reach(1, 0, isUntouched: true));
        _audit.Follow(new Assignment(1, 3, [s_first]));
        Assert.Null(_audit.Reach(1, 0, isUntouched: true));
    }

    [Fact]
    public void Only_answers_of_the_last_four_audited_steps_are_told()
    {
        for (var step = 0; step < 5; step++)
        {
            _audit.Reach(1, step, isUntouched: true);
        }

        Assert.Equal([false, true, true, true, true], Enumerable.Range(0, 5).Select(step => _audit.Covers(step)));
        Assert.False(_audit.IsAsked(s_first, 0, new TreeNode(1, 1)));
        Assert.True(_audit.IsAsked(s_first, 4, new TreeNode(1, 1)));
        Assert.Equal([1L, 2, 3, 4], _audit.AskedOf(s_first).Select(asked => asked.Step));
    }

    [Fact]
    public void A_worker_is_asked_for_nodes_of_the_others_share_in_a_step_that_was_reached()
    {
        _audit.Reach(1, 0, isUntouched: true);
        Assert.True(_audit.IsAsked(s_second, 0, new TreeNode(0, 1)));
        Assert.False(_audit.IsAsked(s_second, 0, new TreeNode(1, 1)));
        Assert.False(_audit.IsAsked(s_second, 0, new TreeNode(0, 2)));
        Assert.False(_audit.IsAsked(s_third, 0, new TreeNode(0, 1)));
        Assert.False(_audit.IsAsked(s_second, 1, new TreeNode(0, 1)));

        // Whoever has the leaves now: it was asked.
        _audit.Follow(new Assignment(1, 2, [s_second]));
        Assert.True(_audit.IsAsked(s_second, 0, new TreeNode(0, 1)));
    }

    private void Begin(long term)
    {
        _audit.Begin(new AuditShares(term, 1));
        _audit.Follow(new Assignment(term, 1, [s_first, s_second]));
    }
}
