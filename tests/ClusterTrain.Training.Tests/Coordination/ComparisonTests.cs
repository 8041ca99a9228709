using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Training.Tests;

/// <summary>A share of leaves 2 and 3 of two segments, which a late worker and a helper compute; two servers. Times are seconds.</summary>
public sealed class ComparisonTests
{
    private static readonly ActorId s_late = new("worker-1");
    private static readonly ActorId s_helper = new("worker-2");
    private static readonly ActorId[] s_servers = [new("server-1"), new("server-2")];
    private static readonly TreeNode s_whole = new(2, 2);
    private static readonly TreeNode s_left = new(2, 1);
    private static readonly TreeNode s_right = new(3, 1);
    private static readonly LateShare s_share = new(1, 7, s_whole, s_late, s_helper);

    private readonly Comparison _comparison = new(s_share, segments: 2, At(10), At(20));

    [Fact]
    public void It_is_of_its_step_and_leaves_alone()
    {
        Assert.True(_comparison.IsOf(Answered(s_late, 0, s_left)));
        Assert.True(_comparison.IsOf(Answered(s_late, 1, s_whole)));
        Assert.False(_comparison.IsOf(Answered(s_late, 0, new TreeNode(0, 4))));
        Assert.False(_comparison.IsOf(Answered(s_late, 0, s_left) with { Step = 8 }));
        Assert.True(_comparison.IsOf(new Settled(1, 7, s_whole, s_late)));
        Assert.False(_comparison.IsOf(new Settled(1, 7, s_left, s_late)));
        Assert.False(_comparison.IsOf(new Settled(1, 8, s_whole, s_late)));
    }

    [Fact]
    public void A_worker_has_answered_when_every_leaf_of_every_segment_is_there()
    {
        Add(s_helper, 0, s_whole);
        Add(s_late, 0, s_left);
        Add(s_late, 0, s_left);
        Add(s_late, 0, s_right);
        Assert.False(_comparison.HasAnswered(s_late));
        Add(s_late, 1, s_whole);
        Assert.True(_comparison.HasAnswered(s_late));
        Assert.False(_comparison.HasAnswered(s_helper));
    }

    [Fact]
    public void It_is_over_and_compared_when_both_have_answered_with_the_same_nodes()
    {
        Add(s_late, 0, s_whole);
        Add(s_late, 1, s_whole);
        Add(s_helper, 0, s_whole);
        Assert.False(_comparison.IsOver(s_servers));
        Assert.False(_comparison.IsCompared);
        Add(s_helper, 1, s_whole);
        Assert.True(_comparison.IsOver(s_servers));
        Assert.True(_comparison.IsCompared);
    }

    [Fact]
    public void Other_nodes_cannot_be_compared_so_the_late_worker_may_still_answer_until_it_says_that_it_does_not()
    {
        Both(s_late, s_whole);
        Both(s_helper, s_left);
        Both(s_helper, s_right);
        Assert.False(_comparison.IsCompared);
        Assert.False(_comparison.IsOver(s_servers));
        _comparison.Settle(s_late, s_servers[0]);
        _comparison.Settle(s_helper, s_servers[1]);
        Assert.False(_comparison.IsOver(s_servers));
        _comparison.Settle(s_late, s_servers[1]);
        Assert.True(_comparison.IsOver(s_servers));
        Assert.False(_comparison.IsCompared);
    }

    [Fact]
    public void The_late_worker_has_answered_with_more_nodes_than_the_helper_and_nothing_is_left_to_compare()
    {
        Both(s_helper, s_whole);
        Both(s_late, s_left);
        Both(s_late, s_right);
        Assert.False(_comparison.IsOver(s_servers));
        Both(s_late, s_whole);
        Assert.True(_comparison.IsOver(s_servers));
        Assert.False(_comparison.IsCompared);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Who_will_push_no_more_is_not_waited_for_once_every_server_has_heard_it(bool lateAnswers)
    {
        Both(lateAnswers ? s_late : s_helper, s_whole);
        var other = lateAnswers ? s_helper : s_late;
        _comparison.Settle(other, s_servers[0]);
        Assert.False(_comparison.IsOver(s_servers));
        _comparison.Settle(other, s_servers[1]);
        Assert.True(_comparison.IsOver(s_servers));
        Assert.False(_comparison.IsCompared);
    }

    [Fact]
    public void The_first_two_answers_to_the_same_node_of_a_segment_that_differ_are_the_mismatch()
    {
        Add(s_late, 0, s_left, "11");
        Add(s_late, 1, s_left, "22");
        Add(s_helper, 0, s_right, "33");
        Assert.Null(_comparison.Mismatch);
        Add(s_helper, 1, s_left, "44");
        Add(s_helper, 0, s_left, "55");
        Assert.Equal((Answered(s_late, 1, s_left, "22"), Answered(s_helper, 1, s_left, "44")), _comparison.Mismatch);
    }

    [Theory]
    [InlineData("11", 1.0, "11", 1.0, true)]
    [InlineData("11", 1.0, "22", 1.0, false)]
    [InlineData("11", 1.0, "11", 2.0, false)]
    [InlineData("11", 0.0, "11", -0.0, false)]
    [InlineData("11", double.NaN, "11", double.NaN, true)]
    public void Answers_are_the_same_when_digest_and_loss_are_bit_for_bit(
        string digest, double loss, string otherDigest, double otherLoss, bool expected)
    {
        var one = Answered(s_late, 0, s_left, digest) with { Loss = loss };
        var other = Answered(s_helper, 0, s_left, otherDigest) with { Loss = otherLoss };
        Assert.Equal(expected, Comparison.IsSame(one, other));
        Assert.Equal(expected, Comparison.IsSame(other, one));
    }

    [Fact]
    public void What_is_waited_for_is_said_once_after_a_second_and_never_of_an_audit()
    {
        var audit = new Comparison(s_share, segments: 2, At(10), At(20), isAudit: true);
        Assert.Null(audit.Report(At(15), s_servers));
        Both(s_helper, s_whole);
        Assert.Null(_comparison.Report(At(10.9), s_servers));
        Assert.Equal(
            $"worker-1 has not answered yet for {s_whole} of step 7, which two workers compute: nothing after that step is recorded before it has, "
                + "for 9 s at most; training continues",
            _comparison.Report(At(11), s_servers));
        Assert.Null(_comparison.Report(At(12), s_servers));
    }

    [Fact]
    public void The_helper_is_named_when_the_late_worker_is_done()
    {
        Both(s_late, s_whole);
        Assert.StartsWith("worker-2 has not answered", _comparison.Report(At(11), s_servers), StringComparison.Ordinal);
    }

    [Fact]
    public void A_part_of_the_answer_makes_the_wait_shorter_never_longer()
    {
        _comparison.WaitNoLongerThan(At(21));
        Assert.Equal(At(20), _comparison.Until);
        _comparison.WaitNoLongerThan(At(12));
        Assert.Equal(At(12), _comparison.Until);
    }

    [Theory]
    [InlineData(14, 24)]
    [InlineData(35, 60)]
    public void News_of_an_audit_make_it_wait_as_long_again_and_some_time_at_least(int now, int until)
    {
        _comparison.WaitOn(At(now), TimeSpan.FromSeconds(10));
        Assert.Equal(At(until), _comparison.Until);
    }

    private void Both(ActorId worker, TreeNode node)
    {
        Add(worker, 0, node);
        Add(worker, 1, node);
    }

    private void Add(ActorId worker, int segment, TreeNode node, string digest = "11") => _comparison.Add(Answered(worker, segment, node, digest));

    private static Answer Answered(ActorId worker, int segment, TreeNode node, string digest = "11") => new(1, 7, segment, node, worker, digest, 0.5);

    private static TimeSpan At(double seconds) => TimeSpan.FromSeconds(seconds);
}
