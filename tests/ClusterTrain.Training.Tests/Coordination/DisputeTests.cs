using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Training.Tests;

/// <summary>Worker 1 answered <c>a</c> and worker 2 <c>b</c>; worker 3 takes part in the replay.</summary>
public sealed class DisputeTests
{
    private static readonly ActorId s_first = new("worker-1/aa");
    private static readonly ActorId s_second = new("worker-2/bb");
    private static readonly ActorId s_third = new("worker-3/cc");
    private static readonly ActorId s_fourth = new("worker-4/dd");
    private static readonly TreeNode s_leaf = new(2, 1);
    private static readonly HashSet<ActorId> s_there = [s_first, s_second, s_third];

    private readonly Dispute _dispute = new(Answered(s_first, "a"), Answered(s_second, "b"), s_there, s_there.Contains);

    [Theory]
    [InlineData("aba", 2)] // as before: the third decides
    [InlineData("abb", 1)]
    [InlineData("xyx", 2)] // the weights were wrong before: with the same ones, two agree
    [InlineData("xyy", 1)]
    [InlineData("aaa", 2)] // the error is gone: the third agrees with a former answer
    [InlineData("bbb", 1)]
    [InlineData("aax", 3)] // the parties agree now
    [InlineData("xxy", 3)]
    [InlineData("xxx", 0)] // the error is gone, and neither former answer is right
    [InlineData("xyz", null)]
    [InlineData("abz", null)]
    [InlineData("a-a", 2)] // the second is lost
    [InlineData("b-b", 1)]
    [InlineData("x-x", 0)]
    [InlineData("a-b", 1)]
    [InlineData("a-x", null)]
    [InlineData("-bb", 1)] // the first is lost
    [InlineData("-aa", 2)]
    [InlineData("-ba", 2)]
    [InlineData("-bx", null)]
    [InlineData("--a", 2)]
    [InlineData("--b", 1)]
    [InlineData("--x", 0)]
    public void The_majority_is_right_and_where_all_agree_the_former_answers_decide(string votes, int? wrong)
    {
        ActorId[] workers = [s_first, s_second, s_third];
        _dispute.Ask(s_third, [s_first, s_second]);
        foreach (var (worker, vote) in workers.Zip(votes))
        {
            Assert.False(_dispute.IsComplete);
            if (vote == '-')
            {
                _dispute.Lose(worker);
            }
            else
            {
                _dispute.Add(Answered(worker, $"{vote}"));
            }
        }

        Assert.True(_dispute.IsComplete);
        var verdict = _dispute.Decide();
        if (wrong is > 0)
        {
            var (worker, reason) = Assert.IsType<Verdict.Wrong>(verdict);
            Assert.Equal(workers[wrong.Value - 1], worker);
            Assert.Equal(
                $"{worker} computed a wrong sum of leaf 2 at step 7 (segment 1): "
                    + $"{string.Join(" and ", workers.Where(other => other != worker))} agree on another",
                reason);
        }
        else
        {
            Assert.IsType(wrong is null ? typeof(Verdict.Split) : typeof(Verdict.Nobody), verdict);
        }
    }

    [Fact]
    public void Losses_are_votes_too()
    {
        _dispute.Ask(s_third, [s_first, s_second]);
        _dispute.Add(Answered(s_first, "x"));
        _dispute.Add(Answered(s_second, "x") with { Loss = 0.75 });
        _dispute.Add(Answered(s_third, "x"));
        Assert.Equal(s_second, Assert.IsType<Verdict.Wrong>(_dispute.Decide()).Worker);
    }

    [Fact]
    public void Without_the_votes_of_the_parties_it_can_be_decided_and_without_the_thirds_it_cannot()
    {
        Assert.False(_dispute.CanBeDecided);
        _dispute.Ask(s_third, [s_first, s_second]);
        _dispute.Add(Answered(s_first, "a"));
        _dispute.Add(Answered(s_second, "b"));
        Assert.False(_dispute.CanBeDecided);

        _dispute.Ask(s_third, [s_first, s_second]);
        _dispute.Add(Answered(s_third, "a"));
        Assert.True(_dispute.CanBeDecided);
        Assert.False(_dispute.IsComplete);
        Assert.Equal(s_second, Assert.IsType<Verdict.Wrong>(_dispute.Decide()).Worker);
    }

    [Fact]
    public void A_vote_is_on_the_very_sum_by_a_worker_that_was_asked_and_the_first_one_counts()
    {
        _dispute.Ask(s_third, []);
        foreach (var other in new[]
        {
            Answered(s_third, "b") with { Step = 8 },
            Answered(s_third, "b") with { Segment = 0 },
            Answered(s_third, "b") with { Node = new TreeNode(3, 1) },
            Answered(s_fourth, "b"),
            Answered(s_first, "b"),
        })
        {
            _dispute.Add(other);
            Assert.False(_dispute.CanBeDecided);
        }

        _dispute.Add(Answered(s_third, "b"));
        _dispute.Add(Answered(s_third, "a"));
        Assert.Equal(s_first, Assert.IsType<Verdict.Wrong>(_dispute.Decide()).Worker);
    }

    [Fact]
    public void A_vote_that_was_given_counts_though_the_worker_is_lost()
    {
        _dispute.Ask(s_third, [s_first, s_second]);
        _dispute.Add(Answered(s_first, "x"));
        _dispute.Lose(s_first);
        _dispute.Lose(s_second);
        _dispute.Add(Answered(s_third, "x"));
        Assert.True(_dispute.IsComplete);
        Assert.IsType<Verdict.Nobody>(_dispute.Decide());
    }

    [Fact]
    public void A_replay_that_begins_again_asks_again()
    {
        _dispute.Ask(s_third, [s_first, s_second]);
        _dispute.Add(Answered(s_third, "b"));
        _dispute.Ask(s_fourth, [s_second]);
        Assert.Equal(s_fourth, _dispute.Third);
        Assert.Equal([s_second, s_fourth], _dispute.Asked);
        Assert.False(_dispute.CanBeDecided);
        _dispute.Add(Answered(s_fourth, "a"));
        _dispute.Add(Answered(s_second, "b"));
        Assert.Equal(s_second, Assert.IsType<Verdict.Wrong>(_dispute.Decide()).Worker);
    }

    [Theory]
    [InlineData("xyy", 1)]
    [InlineData("yxy", 2)]
    [InlineData("ab-", 1)]
    public void A_party_that_was_started_again_is_still_one(string votes, int wrong)
    {
        // The third agrees with the other party, or, when that does not vote, with its former answer.
        ActorId again = new($"worker-{wrong}/ee"), other = wrong == 1 ? s_second : s_first;
        var dispute = new Dispute(
            Answered(s_first, "a"), Answered(s_second, "b"), s_there, new HashSet<ActorId> { again, other, s_third }.Contains);
        Assert.True(dispute.IsParty(again) && dispute.IsParty(other) && !dispute.IsParty(s_third));
        dispute.Ask(s_third, [again, other]);
        dispute.Add(Answered(again, $"{votes[wrong - 1]}"));
        if (votes[2] == '-')
        {
            dispute.Lose(other);
            dispute.Add(Answered(s_third, "b"));
        }
        else
        {
            dispute.Add(Answered(other, $"{votes[2 - wrong]}"));
            dispute.Add(Answered(s_third, "y"));
        }

        Assert.Equal(again, Assert.IsType<Verdict.Wrong>(dispute.Decide()).Worker);
    }

    [Fact]
    public void Another_machine_of_the_same_name_is_no_party_though_that_is_gone()
    {
        ActorId[] namesakes = [new("ubuntu/aa"), new("ubuntu/bb"), new("ubuntu/cc")];
        var later = new ActorId("ubuntu/dd");
        var there = namesakes.ToHashSet();
        var dispute = new Dispute(Answered(namesakes[0], "a"), Answered(namesakes[1], "b"), [.. namesakes], there.Contains);
        there.Add(later);
        Assert.Equal([true, true, false, false], there.Select(dispute.IsParty));
        there.Remove(namesakes[0]);
        Assert.Equal([true, false, true], there.Select(dispute.IsParty));
        dispute.Ask(namesakes[2], [.. there]);
        Assert.Equal([later, namesakes[1], namesakes[2]], dispute.Asked);
    }

    [Fact]
    public void Of_several_that_may_be_a_party_started_again_one_votes()
    {
        var lives = new[] { new ActorId("worker-1/ee"), new ActorId("worker-1/ff") };
        var there = new HashSet<ActorId> { s_second, s_third, lives[0], lives[1] };
        var dispute = new Dispute(Answered(s_first, "a"), Answered(s_second, "b"), s_there, there.Contains);
        Assert.All(lives, life => Assert.True(dispute.IsParty(life)));
        dispute.Ask(s_third, [.. there]);
        Assert.Equal([lives[0], s_second, s_third], dispute.Asked);
    }

    [Fact]
    public void It_says_who_and_where()
    {
        Assert.Equal("worker-1/aa and worker-2/bb computed different sums of leaf 2 at step 7 (segment 1)", $"{_dispute}");
        Assert.False(_dispute.IsWithItself);
        var self = new Dispute(Answered(s_first, "a"), Answered(s_first, "b"), s_there, s_there.Contains);
        Assert.True(self.IsWithItself);
        Assert.Equal("worker-1/aa and the same again computed different sums of leaf 2 at step 7 (segment 1)", $"{self}");
    }

    private static Answer Answered(ActorId worker, string digest) => new(1, 7, 1, s_leaf, worker, digest, 0.5);
}
