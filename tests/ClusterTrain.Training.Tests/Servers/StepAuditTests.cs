using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;
using ClusterTrain.Training.Servers;
using ClusterTrain.Training.Tensors;

namespace ClusterTrain.Training.Tests;

/// <summary>Two workers with a leaf each, every step audited: each computes the other's leaf too.</summary>
public sealed class StepAuditTests : IDisposable
{
    private static readonly ActorId s_first = new("worker-1");
    private static readonly ActorId s_second = new("worker-2");
    private static readonly ActorId s_third = new("worker-3");

    private readonly TensorPool _pool = new();
    private readonly StepAudit _audit;

    public StepAuditTests()
    {
        _audit = new StepAudit(new TrainingPlan(LineRun.Recipe(epochs: 100), 4));
        Begin(term: 1);
    }

    public void Dispose()
    {
        _audit.Clear();
        Assert.True(_audit.IsOff);
        Assert.Equal(0, _pool.Lent);
    }

    [Fact]
    public void Each_worker_is_asked_for_the_others_share_once()
    {
        var (asked, version) = _audit.Reach(1, 0, isUntouched: true)!.Value;
        Recompute[] expected = [new(1, 0, new TreeNode(1, 1), s_first), new(1, 0, new TreeNode(0, 1), s_second)];
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
    public void Only_the_last_four_steps_are_compared_and_the_buffers_of_others_are_given_back()
    {
        for (var step = 0; step < 5; step++)
        {
            _audit.Reach(1, step, isUntouched: true);
            Assert.True(Meet(s_first, 0, 5, step));
        }

        Assert.Equal([false, true, true, true, true], Enumerable.Range(0, 5).Select(step => _audit.Covers(step)));
        Assert.Equal(4, _pool.Lent);
        Assert.Empty(_audit.Kept(0));
        Assert.Equal([1L, 2, 3, 4], _audit.AskedOf(s_first).Select(asked => asked.Step));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Once_the_share_and_its_repeat_agree_the_buffer_is_given_back_and_nothing_more_is_compared(bool isHelperFirst)
    {
        _audit.Reach(1, 0, isUntouched: true);
        Assert.True(Meet(isHelperFirst ? s_second : s_first, 0, 5));
        Assert.Equal(isHelperFirst ? s_second : s_first, Assert.Single(_audit.Kept(0)).Worker);
        Assert.True(Meet(isHelperFirst ? s_first : s_second, 0, 5));
        Assert.Empty(_audit.Kept(0));
        Assert.Equal(0, _pool.Lent);
        Assert.False(Meet(s_third, 0, 6));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_worker_that_repeats_its_own_sum_is_not_another(bool isHelper)
    {
        _audit.Reach(1, 0, isUntouched: true);
        var (one, other) = isHelper ? (s_second, s_first) : (s_first, s_second);
        Assert.True(Meet(one, 0, 5));
        Assert.True(Meet(one, 0, 5));
        Assert.True(Meet(other, 0, 6, differsFrom: one));
    }

    [Fact]
    public void A_worker_that_nobody_asked_does_not_stand_for_the_helper()
    {
        _audit.Reach(1, 0, isUntouched: true);
        Assert.True(Meet(s_first, 0, 5));
        Assert.True(Meet(s_third, 0, 5));
        Assert.True(Meet(s_second, 0, 6, differsFrom: s_first));
    }

    [Fact]
    public void A_helpers_sum_is_only_compared_until_the_leaves_are_divided_again()
    {
        _audit.Reach(1, 0, isUntouched: true);
        Assert.True(_audit.IsSpare(s_second, LineRun.Sum(1, 0, 0, 1)));
        Assert.False(_audit.IsSpare(s_second, LineRun.Sum(1, 0, 1, 1)));
        Assert.False(_audit.IsSpare(s_first, LineRun.Sum(1, 0, 0, 1)));
        Assert.False(_audit.IsSpare(s_second, LineRun.Sum(1, 1, 0, 1)));
        _audit.Follow(new Assignment(1, 2, [s_second]));
        Assert.False(_audit.IsSpare(s_second, LineRun.Sum(1, 0, 0, 1)));
    }

    private void Begin(long term)
    {
        _audit.Begin(new AuditShares(term, 1));
        _audit.Follow(new Assignment(term, 1, [s_first, s_second]));
    }

    /// <summary>A sum of a leaf comes.</summary>
    /// <returns>True when it was kept or compared.</returns>
    private bool Meet(ActorId worker, int leaf, float value, long step = 0, ActorId? differsFrom = null)
    {
        var sum = _pool.Tensor(LineRun.Sum(1, step, leaf, 1), 1, value);
        var isMet = _audit.Meet(worker, sum, out var first);
        Assert.Equal(differsFrom, first?.Worker);
        sum.Lease.Release();
        return isMet;
    }
}
