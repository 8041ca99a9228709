using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;

namespace ClusterTrain.Training.Tests;

/// <summary>Which shares are computed twice follows from the seed, the step and the assignment alone.</summary>
public sealed class AuditPlanTests
{
    private const int Leaves = 8;
    private const int Epochs = 20_000;

    [Fact]
    public void A_rate_is_the_share_of_the_steps()
    {
        Assert.Equal(0, Count(new AuditPlan(Plan(), 0)));
        Assert.Equal(Epochs, Count(new AuditPlan(Plan(), 1)));

        // Five deviations of a count of 20,000 at a twentieth are 154.
        Assert.InRange(Count(new AuditPlan(Plan(), 0.05)), 846, 1154);
    }

    [Fact]
    public void The_steps_follow_from_the_recipes_seed_and_a_higher_rate_has_those_of_a_lower_one_too()
    {
        var (low, high) = (new AuditPlan(Plan(), 0.02), new AuditPlan(Plan(), 0.3));
        Assert.Equal(Steps(low), Steps(new AuditPlan(Plan(), 0.02)));
        Assert.NotEqual(Steps(low), Steps(new AuditPlan(Plan(seed: 2), 0.02)));
        Assert.Subset(Steps(high).ToHashSet(), Steps(low).ToHashSet());
    }

    [Fact]
    public void Nothing_is_audited_after_the_last_step()
    {
        var audit = new AuditPlan(Plan(), 1);
        Assert.False(audit.Covers(Epochs));
        Assert.True(audit.HasLeaves(new ActorId("worker-1"), Epochs - 1, Assignment(1)));
        Assert.False(audit.HasLeaves(new ActorId("worker-1"), Epochs, Assignment(1)));
    }

    [Fact]
    public void Who_does_not_take_part_has_no_leaves_and_without_workers_there_is_no_share()
    {
        var audit = new AuditPlan(Plan(), 1);
        Assert.False(audit.HasLeaves(new ActorId("worker-3"), 0, Assignment(2)));
        Assert.Empty(audit.Shares(0, Assignment(0)));
    }

    // Nodes of different builds must agree on these numbers.
    [Fact]
    public void A_seed_gives_these_steps() =>
        Assert.Equal([17, 30, 71, 138, 160, 185], Steps(new AuditPlan(Plan(seed: 42), 0.05)).TakeWhile(step => step < 200));

    [Theory]
    [InlineData(4, 0, "3>1 4>2 1>3 2>4")]
    [InlineData(4, 1, "1>4 2>1 3>2 4>3")]
    [InlineData(4, 2, "2>1 3>2 4>3 1>4")]
    [InlineData(4, 3, "3>4 4>1 1>2 2>3")]
    [InlineData(4, 7, "1>4 2>1 3>2 4>3")]
    [InlineData(10, 0, "1>2 6>3 10>4 2>5 3>7 4>8 5>9 7>10")]
    [InlineData(10, 1, "1>10 6>2 9>3 10>4 2>5 3>7 4>8 5>9")]
    [InlineData(10, 3, "1>5 6>7 10>8 2>9 3>10 4>2 5>3 7>4")]
    public void A_seed_gives_every_share_of_a_step_this_helper(int workers, int step, string expected)
    {
        var shares = new AuditPlan(Plan(seed: 42), 1).Shares(step, Assignment(workers));
        Assert.Equal(expected, string.Join(' ', shares.Select(share => $"{Number(share.Helper)}>{Number(share.Worker)}")));

        static string Number(ActorId worker) => worker.Name["worker-".Length..];
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(8)]
    public void Every_worker_computes_one_share_of_another(int workers)
    {
        var audit = new AuditPlan(Plan(), 1);
        var assignment = Assignment(workers);
        for (var step = 0; step < 100; step++)
        {
            var shares = audit.Shares(step, assignment);
            Assert.Equal(assignment.Workers.Order(Ids), shares.Select(share => share.Worker).Order(Ids));
            Assert.Equal(assignment.Workers.Order(Ids), shares.Select(share => share.Helper).Order(Ids));
            Assert.All(shares, share => Assert.NotEqual(share.Worker, share.Helper));
            Assert.Equal(Enumerable.Range(0, Leaves), shares.OrderBy(share => share.Leaves.Start).SelectMany(
                share => Enumerable.Range(share.Leaves.Start, share.Leaves.Count)));
        }
    }

    [Fact]
    public void Each_worker_is_checked_by_every_other_in_time()
    {
        var audit = new AuditPlan(Plan(), 1);
        var pairs = Enumerable.Range(0, 200).SelectMany(step => audit.Shares(step, Assignment(4))).Select(share => (share.Worker, share.Helper));
        Assert.Equal(12, pairs.Distinct().Count());
    }

    [Fact]
    public void Workers_without_leaves_come_first()
    {
        // Eight leaves among eleven workers: three are idle.
        var audit = new AuditPlan(Plan(), 1);
        var assignment = Assignment(11);
        var idle = assignment.Workers.Where((_, index) => assignment.Share(index, Leaves).Count == 0).ToHashSet();
        Assert.Equal(3, idle.Count);
        var checkedByIdle = new HashSet<ActorId>();
        for (var step = 0; step < 100; step++)
        {
            var shares = audit.Shares(step, assignment);
            Assert.Equal(Leaves, shares.Length);
            Assert.Equal(idle, shares.Where(share => idle.Contains(share.Helper)).Select(share => share.Helper).ToHashSet());
            checkedByIdle.UnionWith(shares.Where(share => idle.Contains(share.Helper)).Select(share => share.Worker));
        }

        Assert.Equal(Leaves, checkedByIdle.Count);
    }

    [Fact]
    public void A_worker_that_is_alone_is_checked_by_an_idle_one_or_by_nobody()
    {
        var audit = new AuditPlan(Plan(leaves: 1), 1);
        Assert.Empty(audit.Shares(0, Assignment(1)));
        var share = Assert.Single(audit.Shares(0, Assignment(2)));
        Assert.Equal((new ActorId("worker-2"), new TreeNode(0, 1), new ActorId("worker-1")), (share.Worker, share.Leaves, share.Helper));
        Assert.False(audit.HasLeaves(share.Helper, 0, Assignment(2)));
        Assert.True(audit.HasLeaves(share.Worker, 0, Assignment(2)));
    }

    private static Comparer<ActorId> Ids { get; } = Comparer<ActorId>.Create((one, other) => string.CompareOrdinal(one.Name, other.Name));

    private static TrainingPlan Plan(ulong seed = 1, int leaves = Leaves)
    {
        var recipe = LineRun.Recipe(Epochs) with { Seed = seed };
        return new TrainingPlan(recipe, leaves * recipe.LeafRows);
    }

    private static Assignment Assignment(int workers) =>
        new(1, 1, [.. Enumerable.Range(1, workers).Select(number => new ActorId($"worker-{number}"))]);

    private static int Count(AuditPlan audit) => Steps(audit).Count();

    private static IEnumerable<int> Steps(AuditPlan audit) => Enumerable.Range(0, Epochs).Where(step => audit.Covers(step));
}
