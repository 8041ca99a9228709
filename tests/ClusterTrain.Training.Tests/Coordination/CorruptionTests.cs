using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Tensors;

namespace ClusterTrain.Training.Tests;

/// <summary>
/// A late share is computed twice and the answers compared. The numbers are those of <see cref="LineRun"/>: leaf 1 sums to 25 w, and a worker
/// that flips the last bit of it is found out.
/// </summary>
public sealed class CorruptionTests : IDisposable
{
    private const long Term = CoordinatorStand.FirstTerm;

    private static readonly ActorId s_server = CoordinatorStand.Server;
    private static readonly ActorId s_late = CoordinatorStand.Worker;
    private static readonly ActorId s_helper = CoordinatorStand.Other;
    private static readonly ActorId s_third = new("worker-3");
    private static readonly ActorId s_fourth = new("worker-4");
    private static readonly TreeNode s_leaf = new(1, 1);
    private static readonly float s_wrong = BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(25) ^ 1);

    private readonly CoordinatorStand _stand = CoordinatorStand.Checkpointing(s_server);

    public void Dispose() => _stand.Dispose();

    [Fact]
    public void A_late_share_is_computed_by_an_idle_worker_and_nothing_later_is_recorded_until_both_have_answered()
    {
        BeginLate(s_late, s_helper);
        Assert.Equal(new LateShare(Term, 0, s_leaf, s_late, s_helper), Assert.Single(_stand.Context.SentTo<LateShare>(s_server)));

        Answer(s_helper, 25);
        _stand.SendSnapshot(Term, 1, LineRun.SecondWeight, LineRun.SecondVelocity);
        Assert.Empty(_stand.Recorder.Epochs);
        Assert.Empty(_stand.Recorder.Checkpoints);

        Answer(s_late, 25);
        _stand.SendSnapshot(Term, 2, LineRun.ThirdWeight, 0);
        Assert.Equal(2, _stand.Recorder.Epochs.Count);
        Assert.Equal([1, 2], _stand.Recorder.Checkpoints.Select(checkpoint => checkpoint.Step));
    }

    [Fact]
    public void The_late_worker_gets_no_leaves_until_it_has_answered()
    {
        BeginLate(s_late, s_helper);
        Answer(s_helper, 25);
        Assert.Equal([s_helper], Workers());
        Answer(s_late, 25);
        Assert.Equal([s_late, s_helper], Workers());
    }

    [Fact]
    public void An_answer_that_does_not_come_is_given_up_and_the_run_is_recorded_all_the_same()
    {
        BeginLate(s_late, s_helper);
        Answer(s_helper, 25);
        _stand.SendSnapshot(Term, 1, LineRun.SecondWeight, LineRun.SecondVelocity);
        _stand.LookAt(11);
        Assert.Single(_stand.Recorder.Epochs);
        Assert.Equal([s_late, s_helper], Workers());
    }

    [Fact]
    public void The_late_answer_comes_before_the_helper_hears_of_it_and_nothing_is_waited_for()
    {
        BeginLate(s_late, s_helper);
        Answer(s_late, 25);
        _stand.SendSnapshot(Term, 1, LineRun.SecondWeight, LineRun.SecondVelocity);
        Assert.Empty(_stand.Recorder.Epochs);
        Settle(s_helper);
        _stand.RunOffloaded();
        Assert.Single(_stand.Recorder.Epochs);
    }

    [Fact]
    public void The_late_worker_went_on_to_newer_weights_and_its_answer_is_not_waited_for()
    {
        BeginLate(s_late, s_helper);
        Answer(s_helper, 25);
        _stand.SendSnapshot(Term, 1, LineRun.SecondWeight, LineRun.SecondVelocity);
        Assert.Equal([s_helper], Workers());
        Settle(s_late);
        _stand.RunOffloaded();
        Assert.Single(_stand.Recorder.Epochs);
        Assert.Equal([s_late, s_helper], Workers());
    }

    [Fact]
    public void What_is_waited_for_is_said_once()
    {
        BeginLate(s_late, s_helper);
        Answer(s_helper, 25);
        foreach (var seconds in new[] { 0.9, 1, 2 })
        {
            _stand.Tick(seconds);
        }

        Assert.StartsWith("worker-1 has not answered yet for leaf 1 of step 0", Assert.Single(_stand.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void One_bit_differs_and_a_third_worker_decides_who_is_excluded(bool lateIsWrong)
    {
        var (wrong, right) = lateIsWrong ? (s_late, s_helper) : (s_helper, s_late);
        BeginLate(s_late, s_helper, s_third);
        Answer(s_helper, lateIsWrong ? 25 : s_wrong);
        _stand.SendSnapshot(Term, 1, LineRun.SecondWeight, LineRun.SecondVelocity);
        _stand.Context.Clear();
        Answer(s_late, lateIsWrong ? s_wrong : 25);

        // Everything is replayed from the last good state, without the two.
        var serve = Assert.Single(_stand.Context.SentTo<Serve>(s_server));
        Assert.Equal((Term + 2, 0L), (serve.Term, serve.Step));
        Assert.Equal([s_late, s_helper, s_third], Voters(Term + 2));
        Assert.Equal([s_third], Workers());
        Assert.Contains("worker-2 and worker-1 computed different sums of leaf 1 at step 0", Assert.Single(_stand.Warnings),
            StringComparison.Ordinal);
        Assert.Empty(_stand.Recorder.Epochs);

        Vote(Term + 2, (wrong, s_wrong), (right, 25), (s_third, 25));
        var reason = Assert.Single(_stand.Context.SentTo<Exclude>(wrong)).Reason;
        Assert.StartsWith($"{wrong} computed a wrong sum of leaf 1 at step 0 (segment 0): {right} and worker-3 agree on another", reason,
            StringComparison.Ordinal);
        Assert.Empty(_stand.Context.SentTo<Exclude>(right));
        Assert.Equal([right, s_third], Workers());
        Assert.Equal($"excluded: {reason}", _stand.Events.OfType<MembershipChanged>().Last().What);

        _stand.SendSnapshot(Term + 2, 1, LineRun.SecondWeight, LineRun.SecondVelocity);
        Assert.Single(_stand.Recorder.Epochs);

        // It is not admitted again.
        _stand.JoinWorkers(wrong);
        Assert.Equal(2, _stand.Context.SentTo<Exclude>(wrong).Count());

        // Nor is it in a new life.
        var again = new ActorId($"{wrong}/7f31c0");
        _stand.JoinWorkers(again);
        Assert.Single(_stand.Context.SentTo<Exclude>(again));
        Assert.Equal([right, s_third], Workers());
    }

    [Fact]
    public void Losses_are_compared_too()
    {
        BeginLate(s_late, s_helper, s_third);
        Answer(s_helper, 25, loss: 12.5);
        Answer(s_late, 25, loss: BitConverter.Int64BitsToDouble(BitConverter.DoubleToInt64Bits(12.5) ^ 1));
        Assert.Single(_stand.Warnings);
    }

    [Fact]
    public void The_third_worker_is_lost_and_a_fourth_decides()
    {
        BeginLate(s_late, s_helper, s_third, s_fourth);
        Answer(s_helper, s_wrong);
        Answer(s_late, 25);
        _stand.Receive(new MemberLost(s_third, "killed"));
        Assert.Equal([s_late, s_helper, s_fourth], Voters(Term + 4));
        Vote(Term + 4, (s_helper, s_wrong), (s_late, 25), (s_fourth, 25));
        Assert.Single(_stand.Context.SentTo<Exclude>(s_helper));
        Assert.Equal([s_late, s_fourth], Workers());
    }

    [Fact]
    public void A_third_worker_that_does_not_answer_is_replaced()
    {
        BeginLate(s_late, s_helper, s_third, s_fourth);
        Answer(s_helper, s_wrong);
        Answer(s_late, 25);
        _stand.Tick(11);
        Assert.Equal([s_late, s_helper, s_fourth], Voters(Term + 4));
    }

    [Fact]
    public void Without_a_third_worker_the_run_fails_and_says_who_and_where_and_can_be_resumed_from_before()
    {
        BeginLate(s_late, s_helper);
        Answer(s_helper, 25);
        _stand.SendSnapshot(Term, 1, LineRun.SecondWeight, LineRun.SecondVelocity);
        Answer(s_late, s_wrong);
        var reason = _stand.Failure();
        Assert.StartsWith("corruption: worker-2 and worker-1 computed different sums of leaf 1 at step 0 (segment 0), and there is no third worker",
            reason, StringComparison.Ordinal);
        Assert.Contains("resumed from step 0", reason, StringComparison.Ordinal);
        Assert.Empty(_stand.Recorder.Epochs);
        Assert.Empty(_stand.Recorder.Checkpoints);
    }

    [Fact]
    public void Three_different_answers_end_the_run()
    {
        BeginLate(s_late, s_helper, s_third);
        Answer(s_helper, 25);
        Answer(s_late, s_wrong);
        Vote(Term + 2, (s_helper, 25), (s_late, s_wrong), (s_third, 26));
        Assert.Contains("worker-2 and worker-1 computed different sums of leaf 1 at step 0 (segment 0), and worker-3 a third one", _stand.Failure(),
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_worker_that_contradicts_itself_is_excluded_without_a_vote()
    {
        BeginLate(s_late, s_helper);
        Answer(s_helper, 25);
        Answer(s_helper, s_wrong);
        Assert.StartsWith(
            "worker-2 and the same again computed different sums of leaf 1", Assert.Single(_stand.Context.SentTo<Exclude>(s_helper)).Reason,
            StringComparison.Ordinal);
        Assert.Equal([s_late], Workers());
        Assert.Equal(2, _stand.Context.SentTo<Serve>(s_server).Count());
    }

    [Fact]
    public void A_number_that_is_not_finite_may_come_of_a_wrong_answer_and_does_not_end_the_run_before_the_other_is_there()
    {
        BeginLate(s_late, s_helper, s_third);
        Answer(s_helper, float.PositiveInfinity);
        _stand.Receive(s_server, new NotFinite(Term, 0, "the gradient of layers.0.weight"));
        Assert.Empty(_stand.Events.OfType<RunEnded>());
        Answer(s_late, 25);
        Assert.Empty(_stand.Events.OfType<RunEnded>());
        Vote(Term + 2, (s_helper, float.PositiveInfinity), (s_late, 25), (s_third, 25));
        Assert.Single(_stand.Context.SentTo<Exclude>(s_helper));
    }

    [Fact]
    public void A_number_that_is_not_finite_in_both_answers_ends_the_run()
    {
        BeginLate(s_late, s_helper);
        Answer(s_helper, float.PositiveInfinity);
        _stand.Receive(s_server, new NotFinite(Term, 0, "the gradient of layers.0.weight"));
        Answer(s_late, float.PositiveInfinity);
        Assert.StartsWith("step 0 (epoch 1): the gradient of layers.0.weight is not finite.", _stand.Failure(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_helper_is_lost_and_the_late_worker_has_its_leaves_again()
    {
        BeginLate(s_late, s_helper, s_third);
        Answer(s_helper, 25);
        Assert.Equal([s_helper, s_third], Workers());
        _stand.Receive(new MemberLost(s_helper, "killed"));
        Assert.Equal([s_late, s_third], Workers());
    }

    [Fact]
    public void Two_workers_that_were_late_in_turn_both_have_leaves_when_there_are_no_others()
    {
        BeginLate(s_late, s_helper);
        Answer(s_helper, 25);
        Assert.Equal([s_helper], Workers());
        var both = new TreeNode(0, 2);
        _stand.Receive(s_server, new LateShare(Term, 1, both, s_helper, s_late));
        _stand.Receive(s_server, new Answer(Term, 1, 0, both, s_late, TensorDigest.Of([30f]), 15));
        Assert.Equal([s_late, s_helper], Workers());
    }

    [Fact]
    public void The_server_is_lost_and_answers_to_it_are_not_waited_for()
    {
        var next = new ActorId("server-2");
        BeginLate(s_late, s_helper);
        Answer(s_helper, 25);
        Assert.Equal([s_helper], Workers());
        _stand.Receive(new MemberLost(s_server, "killed"));
        _stand.JoinServers(next);
        Assert.Equal([s_late, s_helper], _stand.Assignments(next)[^1].Workers.ToArray());
        _stand.SendSnapshot(_stand.Topologies(next)[^1].Term, 1, LineRun.SecondWeight, LineRun.SecondVelocity, next);
        Assert.Single(_stand.Recorder.Epochs);
    }

    [Fact]
    public void The_server_is_lost_during_a_vote_and_what_is_disputed_is_not_recorded_before_it_is_decided()
    {
        var next = new ActorId("server-2");
        BeginLate(s_late, s_helper, s_third);
        Answer(s_helper, 25);
        Answer(s_late, s_wrong);
        _stand.Receive(new MemberLost(s_server, "killed"));
        _stand.JoinServers(next);
        var term = _stand.Topologies(next)[^1].Term;
        Assert.Equal([s_late, s_helper, s_third], Voters(term, next));
        _stand.SendSnapshot(term, 1, LineRun.SecondWeight, LineRun.SecondVelocity, next);
        Assert.Empty(_stand.Recorder.Epochs);
        Vote(term, (s_late, s_wrong), (s_helper, 25), (s_third, 25));
        _stand.RunOffloaded();
        Assert.Single(_stand.Recorder.Epochs);
    }

    [Fact]
    public void Of_two_late_shares_the_earlier_one_says_how_far_the_run_is_recorded()
    {
        BeginLate(s_late, s_helper, s_third, s_fourth);
        _stand.Receive(s_server, new LateShare(Term, 1, s_leaf, s_third, s_fourth));
        Assert.Equal([s_late, s_third], _stand.Events.OfType<WorkerLate>().Select(late => late.Worker));
        _stand.SendSnapshot(Term, 1, LineRun.SecondWeight, LineRun.SecondVelocity);
        _stand.SendSnapshot(Term, 2, LineRun.ThirdWeight, 0);
        Assert.Empty(_stand.Recorder.Epochs);
        Answer(s_helper, 25);
        Answer(s_late, 25);
        _stand.RunOffloaded();
        Assert.Single(_stand.Recorder.Epochs);
        Settle(s_third, step: 1);
        Settle(s_fourth, step: 1);
        _stand.RunOffloaded();
        Assert.Equal(2, _stand.Recorder.Epochs.Count);
    }

    [Fact]
    public void Another_worker_is_lost_and_the_answer_is_waited_for_all_the_same()
    {
        BeginLate(s_late, s_helper, s_third);
        Answer(s_helper, 25);
        _stand.Receive(new MemberLost(s_third, "killed"));
        _stand.SendSnapshot(Term, 1, LineRun.SecondWeight, LineRun.SecondVelocity);
        Assert.Empty(_stand.Recorder.Epochs);
        Assert.Equal([s_helper], Workers());
    }

    [Fact]
    public void The_late_worker_has_answered_in_part_and_the_rest_is_waited_for_a_second()
    {
        _stand.JoinWorkers(s_late, s_helper);
        var share = new TreeNode(0, 2);
        _stand.Receive(s_server, new LateShare(Term, 0, share, s_late, s_helper));
        _stand.Receive(s_server, new Answer(Term, 0, 0, share, s_helper, TensorDigest.Of([30f]), 15));
        _stand.Receive(s_server, new Answer(Term, 0, 0, new TreeNode(0, 1), s_late, TensorDigest.Of([5f]), 2.5));
        _stand.SendSnapshot(Term, 1, LineRun.SecondWeight, LineRun.SecondVelocity);
        _stand.LookAt(0.9);
        Assert.Empty(_stand.Recorder.Epochs);
        _stand.LookAt(1);
        Assert.Single(_stand.Recorder.Epochs);
    }

    [Fact]
    public void A_third_worker_is_waited_for_while_training_brings_news()
    {
        BeginLate(s_late, s_helper, s_third, s_fourth);
        _stand.Context.Now = TimeSpan.FromSeconds(6);
        Answer(s_helper, s_wrong);
        Answer(s_late, 25);
        _stand.Context.Now = TimeSpan.FromSeconds(9);
        _stand.Receive(s_server, new StepReport(Term + 2, 0, 1, 1, TimeSpan.Zero));
        _stand.Tick(18.9);
        Assert.Single(_stand.Topologies(s_server), topology => topology.Term > Term);
        _stand.Tick(19);
        Assert.Equal([s_late, s_helper, s_fourth], Voters(Term + 4));
    }

    [Fact]
    public void Wrong_sums_were_in_the_weights_before_and_with_the_same_weights_two_agree()
    {
        Dispute(s_third);
        Vote(Term + 2, (s_late, 31), (s_helper, 30), (s_third, 30));
        Assert.StartsWith(
            "worker-1 computed a wrong sum of leaf 1 at step 0 (segment 0): worker-2 and worker-3 agree on another",
            Assert.Single(_stand.Context.SentTo<Exclude>(s_late)).Reason, StringComparison.Ordinal);
        Assert.Equal([s_helper, s_third], Workers());
    }

    [Fact]
    public void The_error_is_gone_and_nobody_knows_whose_it_was()
    {
        Dispute(s_third);
        Vote(Term + 2, (s_late, 30), (s_helper, 30), (s_third, 30));
        Assert.Empty(_stand.Context.Sent<Exclude>());
        Assert.Contains("In the replay all agree, but on another", _stand.Warnings.Last(), StringComparison.Ordinal);
        Assert.Equal([s_late, s_helper, s_third], Workers());
        _stand.SendSnapshot(Term + 2, 1, LineRun.SecondWeight, LineRun.SecondVelocity);
        Assert.Single(_stand.Recorder.Epochs);
    }

    [Fact]
    public void The_third_worker_is_outvoted_and_the_steps_are_replayed_without_it()
    {
        Dispute(s_third, s_fourth);
        Vote(Term + 2, (s_late, 25), (s_helper, 25), (s_third, 30));
        Assert.StartsWith(
            "worker-3 computed a wrong sum of leaf 1 at step 0 (segment 0): worker-1 and worker-2 agree on another",
            Assert.Single(_stand.Context.SentTo<Exclude>(s_third)).Reason, StringComparison.Ordinal);
        Assert.Equal([s_late, s_helper, s_fourth], Voters(Term + 4));
        Assert.Equal([s_fourth], Workers());
        Vote(Term + 4, (s_late, 25), (s_helper, 25), (s_fourth, 25));
        Assert.Single(_stand.Context.SentTo<Exclude>(s_late));
        Assert.Equal([s_helper, s_fourth], Workers());
    }

    [Fact]
    public void A_party_that_does_not_vote_is_waited_for_10_s()
    {
        Dispute(s_third);
        _stand.Context.Now = TimeSpan.FromSeconds(5);
        Vote(Term + 2, (s_helper, 25), (s_third, 25));
        _stand.Tick(14.9);
        Assert.Empty(_stand.Context.Sent<Exclude>());
        _stand.Tick(15);
        Assert.Single(_stand.Context.SentTo<Exclude>(s_late));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_party_that_is_lost_is_not_waited_for(bool votesFirst)
    {
        Dispute(s_third);
        if (votesFirst)
        {
            Vote(Term + 2, (s_helper, 25), (s_third, 25));
        }

        _stand.Receive(new MemberLost(s_late, "killed"));
        if (!votesFirst)
        {
            Vote(Term + 2, (s_helper, 25), (s_third, 25));
        }

        Assert.Single(_stand.Context.SentTo<Exclude>(s_late));
        Assert.Equal([s_helper, s_third], Workers());
    }

    [Fact]
    public void A_party_that_is_started_again_gets_no_leaves_and_is_excluded_in_all_its_lives()
    {
        var again = new ActorId($"{s_late}/7f31c0");
        Dispute(s_third);
        _stand.Receive(new MemberLost(s_late, "killed"));
        _stand.JoinWorkers(again);
        Assert.Equal([s_third], Workers());
        Vote(Term + 2, (s_helper, 25), (s_third, 25));
        Assert.Single(_stand.Context.SentTo<Exclude>(again));
        var excluded = _stand.Events.OfType<MembershipChanged>().Where(changed => changed.What.StartsWith("excluded", StringComparison.Ordinal));
        Assert.Equal(again, Assert.Single(excluded).Member);
        Assert.Equal([s_helper, s_third], Workers());
    }

    [Fact]
    public void A_party_that_was_started_again_before_it_was_known_to_be_lost_took_part_in_the_replay_which_begins_anew()
    {
        var again = new ActorId($"{s_late}/7f31c0");
        Dispute(s_third);
        _stand.JoinWorkers(again);
        Assert.Equal([s_third, again], Workers());
        _stand.Receive(new MemberLost(s_late, "killed"));
        Vote(Term + 2, (s_helper, 25), (s_third, 25));
        Assert.Single(_stand.Context.SentTo<Exclude>(again));
        Assert.Equal(Term + 4, _stand.Topologies(s_server)[^1].Term);
        Assert.Equal([s_helper, s_third], Workers());
        Assert.Empty(Voters(Term + 4));
    }

    [Fact]
    public void Until_the_vote_is_over_no_newer_weights_overtake_those_it_is_held_with()
    {
        Assert.Equal(2, Limit());
        Dispute(s_third);
        Assert.Equal(1, Limit());
        Vote(Term + 2, (s_late, s_wrong), (s_helper, 25), (s_third, 25));
        Assert.Equal(2, Limit());

        long Limit() => _stand.Context.SentTo<Advance>(s_server).Last().Limit;
    }

    [Fact]
    public void What_was_recorded_was_wrong_and_the_run_fails_once_it_is_known_whose_fault_it_is()
    {
        _stand.JoinWorkers(s_late, s_helper, s_third);
        _stand.SendWeights(Term, 1, 0.5f);
        Assert.Single(_stand.Recorder.Epochs);
        Differ(step: 1);

        _stand.SendSnapshot(Term + 2, 1, LineRun.SecondWeight, LineRun.SecondVelocity);
        Assert.Empty(_stand.Events.OfType<RunEnded>());
        Assert.Empty(_stand.Recorder.Checkpoints);
        Vote(Term + 2, 1, (s_late, 31), (s_helper, 30), (s_third, 30));
        var failure = _stand.Failure();
        Assert.StartsWith("step 1 was recorded with other weights. Excluded: worker-1 computed a wrong sum of leaf 1 at step 1", failure,
            StringComparison.Ordinal);
        Assert.Single(_stand.Context.SentTo<Exclude>(s_late));
    }

    [Fact]
    public void An_entry_that_is_compared_after_the_vote_fails_the_run_as_well_and_says_who_was_excluded()
    {
        _stand.JoinWorkers(s_late, s_helper, s_third);
        _stand.SendWeights(Term, 1, 0.5f);
        Differ(step: 1);
        Vote(Term + 2, 1, (s_late, 31), (s_helper, 30), (s_third, 30));
        Assert.Empty(_stand.Events.OfType<RunEnded>());
        _stand.SendSnapshot(Term + 2, 1, LineRun.SecondWeight, LineRun.SecondVelocity);
        Assert.Contains("Excluded: worker-1 computed a wrong sum", _stand.Failure(), StringComparison.Ordinal);
        Assert.Empty(_stand.Recorder.Checkpoints);
    }

    [Fact]
    public void A_checkpoint_of_a_replay_before_is_ahead_of_what_is_compared_and_does_not_become_the_restart()
    {
        // It is still being written when the server is lost.
        var next = new ActorId("server-2");
        _stand.JoinWorkers(s_late, s_helper, s_third);
        _stand.Send(LineRun.Weights(Term, 1), 15, LineRun.SecondWeight);
        _stand.Send(LineRun.State(Term, 1), 0, LineRun.SecondVelocity);
        _stand.RunOffloaded(pieces: 1); // the record
        _stand.Receive(new MemberLost(s_server, "killed"));
        _stand.JoinServers(next);
        _stand.RunOffloaded();
        Assert.Equal(1, Assert.Single(_stand.Recorder.Checkpoints).Step);

        var term = _stand.Topologies(next)[^1].Term;
        _stand.Receive(next, new LateShare(term, 0, s_leaf, s_late, s_helper));
        _stand.Receive(next, new Answer(term, 0, 0, s_leaf, s_helper, TensorDigest.Of([25f]), 12.5));
        _stand.Receive(next, new Answer(term, 0, 0, s_leaf, s_late, TensorDigest.Of([s_wrong]), 12.5));
        Assert.Equal(0, _stand.Context.SentTo<Serve>(next).Last().Step);
    }

    [Fact]
    public void A_run_that_is_stopped_in_a_dispute_has_what_it_had_before()
    {
        _stand.JoinWorkers(s_late, s_helper, s_third);
        _stand.SendWeights(Term, 1, 0.5f);
        Differ(step: 1);
        _stand.SendSnapshot(Term + 2, 1, LineRun.SecondWeight, LineRun.SecondVelocity);
        _stand.Receive(new StopRequested());
        Assert.Equal(new RunInterrupted(0), _stand.Outcome());
        Assert.Contains("and the run was stopped before a vote", _stand.Warnings.Last(), StringComparison.Ordinal);
        Assert.Empty(_stand.Recorder.Checkpoints);
    }

    [Fact]
    public void A_dispute_begins_while_the_run_is_being_stopped()
    {
        BeginLate(s_late, s_helper, s_third);
        Answer(s_helper, 25);
        _stand.Receive(new StopRequested());
        Assert.Empty(_stand.Events.OfType<RunEnded>());
        Answer(s_late, s_wrong);
        Assert.Equal(new RunInterrupted(0), _stand.Outcome());
    }

    [Fact]
    public void What_was_to_be_written_when_a_dispute_begins_is_not()
    {
        _stand.JoinWorkers(s_late, s_helper, s_third);
        _stand.Send(LineRun.Weights(Term, 1), 15, 0.5f);
        _stand.Send(LineRun.State(Term, 1), 0, LineRun.SecondVelocity);
        Differ(step: 1);

        // The record was under way, the checkpoint not yet.
        _stand.RunOffloaded();
        Assert.Single(_stand.Recorder.Epochs);
        Assert.Empty(_stand.Recorder.Checkpoints);
    }

    [Fact]
    public void The_third_worker_was_wrong_and_what_its_replay_contradicted_is_right()
    {
        _stand.JoinWorkers(s_late, s_helper, s_third, s_fourth);
        _stand.SendWeights(Term, 1, LineRun.SecondWeight);
        Differ(step: 1);
        _stand.SendSnapshot(Term + 2, 1, 0.5f, LineRun.SecondVelocity);
        Vote(Term + 2, 1, (s_late, 25), (s_helper, 25), (s_third, 30));
        Assert.Single(_stand.Context.SentTo<Exclude>(s_third));
        _stand.SendSnapshot(Term + 4, 1, LineRun.SecondWeight, LineRun.SecondVelocity);
        Vote(Term + 4, 1, (s_late, s_wrong), (s_helper, 25), (s_fourth, 25));
        _stand.SendSnapshot(Term + 4, 2, LineRun.ThirdWeight, 0);
        _stand.RunOffloaded();
        Assert.Equal(2, _stand.Recorder.Epochs.Count);
        Assert.IsType<RunCompleted>(_stand.Outcome());
    }

    [Fact]
    public void In_a_dispute_no_checkpoint_is_written_and_who_waits_for_one_gets_it_after_the_vote()
    {
        Dispute(s_third);
        _stand.Receive(s_server, new WantsToLeave());
        Assert.Empty(_stand.Context.SentTo<Hold>(s_server));
        Vote(Term + 2, (s_late, s_wrong), (s_helper, 25), (s_third, 25));
        Assert.Single(_stand.Context.SentTo<Hold>(s_server));
        _stand.Receive(s_server, new Held(Term + 2, 0, 1));
        _stand.SendSnapshot(Term + 2, 1, LineRun.SecondWeight, LineRun.SecondVelocity);
        Assert.Single(_stand.Recorder.Checkpoints);
        Assert.Single(_stand.Context.SentTo<Stop>(s_server));
    }

    [Fact]
    public void A_vote_that_brings_no_news_is_held_again_and_given_twice_the_time()
    {
        Dispute(s_third);
        var terms = new List<long>();
        for (var second = 0; second <= 70; second++)
        {
            _stand.Tick(second);
            terms.Add(_stand.Topologies(s_server)[^1].Term);
        }

        Assert.Equal([Term + 2, Term + 4, Term + 6, Term + 8], terms.Distinct());
        Assert.Equal([10, 30, 70], new[] { 4, 6, 8 }.Select(later => terms.IndexOf(Term + later)));
    }

    [Fact]
    public void Time_in_which_the_run_rests_does_not_count_for_a_vote()
    {
        using var stand = new CoordinatorStand(LineRun.Recipe(), new RunSettings { LeastWorkers = 3 });
        stand.JoinServers(s_server);
        stand.JoinWorkers(s_late, s_helper, s_third);
        var term = stand.Topologies(s_server)[^1].Term;
        stand.Receive(s_server, new LateShare(term, 0, s_leaf, s_late, s_helper));
        stand.Receive(s_server, new Answer(term, 0, 0, s_leaf, s_helper, TensorDigest.Of([25f]), 12.5));
        stand.Receive(new MemberLost(s_fourth, "killed"));
        stand.Receive(s_server, new Answer(term, 0, 0, s_leaf, s_late, TensorDigest.Of([s_wrong]), 12.5));
        stand.Receive(new MemberLost(s_late, "killed"));
        stand.Tick(60);
        stand.JoinWorkers(s_fourth);
        stand.Tick(61);
        Assert.Equal(term + 2, stand.Topologies(s_server)[^1].Term);
        stand.Tick(70);
        Assert.Equal(term + 4, stand.Topologies(s_server)[^1].Term);
    }

    [Fact]
    public void A_number_of_a_former_term_that_is_not_finite_is_computed_again()
    {
        Dispute(s_third);
        _stand.Receive(s_server, new NotFinite(Term, 0, "the gradient of layers.0.weight"));
        Assert.Empty(_stand.Events.OfType<RunEnded>());
        _stand.Receive(s_server, new NotFinite(Term + 2, 0, "the gradient of layers.0.weight"));
        Assert.Contains("is not finite", _stand.Failure(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_third_worker_is_lost_after_it_has_voted_and_its_vote_counts()
    {
        Dispute(s_third);
        Vote(Term + 2, (s_helper, 25), (s_third, 25));
        _stand.Receive(new MemberLost(s_third, "killed"));
        Assert.Empty(_stand.Events.OfType<RunEnded>());
        Vote(Term + 2, (s_late, s_wrong));
        Assert.Single(_stand.Context.SentTo<Exclude>(s_late));
    }

    [Fact]
    public void Both_parties_are_gone_and_neither_answer_is_right()
    {
        Dispute(s_third);
        _stand.Receive(new MemberLost(s_late, "killed"));
        _stand.Receive(new MemberLost(s_helper, "killed"));
        Vote(Term + 2, (s_third, 30));
        Assert.Contains("In the replay both are gone, and worker-3 has another", _stand.Warnings.Last(), StringComparison.Ordinal);
        Assert.Equal([s_third], Workers());
    }

    [Fact]
    public void A_healthy_worker_of_the_same_name_is_not_excluded()
    {
        ActorId bad = new("ubuntu/aa"), good = new("ubuntu/bb");
        _stand.JoinWorkers(bad, s_helper, s_third, good);
        _stand.Receive(s_server, new LateShare(Term, 0, s_leaf, bad, s_helper));
        Answer(s_helper, 25);
        Answer(bad, s_wrong);
        Assert.Equal([s_third, good], Workers());
        Vote(Term + 2, (bad, s_wrong), (s_helper, 25), (s_third, 25));
        Assert.Equal([s_helper, s_third, good], Workers());
    }

    [Fact]
    public void Early_stopping_ends_the_run_before_the_vote_and_what_is_not_known_is_said()
    {
        var recipe = LineRun.Recipe(epochs: 9) with { EarlyStopping = new() { Metric = StoppingMetric.ValidationLoss, Patience = 1 } };
        using var stand = new CoordinatorStand(recipe, recorder: new MemoryRecorder(1, 2));
        stand.JoinWorkers(s_late, s_helper, s_third);
        stand.JoinServers(s_server);
        var term = stand.Topologies(s_server)[^1].Term;
        stand.SendWeights(term, 1, LineRun.SecondWeight);
        stand.Send(LineRun.Weights(term, 2), 15, LineRun.ThirdWeight);
        stand.Receive(s_server, new LateShare(term, 2, s_leaf, s_late, s_helper));
        stand.Receive(s_server, new Answer(term, 2, 0, s_leaf, s_helper, TensorDigest.Of([25f]), 12.5));
        stand.RunOffloaded(pieces: 1); // the record, not yet the result
        stand.Receive(s_server, new Answer(term, 2, 0, s_leaf, s_late, TensorDigest.Of([s_wrong]), 12.5));
        stand.RunOffloaded();
        Assert.IsType<RunCompleted>(stand.Outcome());
        Assert.Contains("the run was complete before a vote", stand.Warnings.Last(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_difference_is_counted_once_though_there_are_no_servers_to_replay_with()
    {
        BeginLate(s_late, s_helper, s_third);
        Answer(s_helper, 25);
        Answer(s_late, s_wrong);
        _stand.Receive(new MemberLost(s_server, "killed"));
        _stand.Receive(new MemberLost(s_third, "killed"));
        _stand.Tick(11);
        Assert.Single(_stand.Warnings);
    }

    /// <summary>The first and the second worker differ about leaf 1 of step 0: 25, and another sum.</summary>
    private void Dispute(params ReadOnlySpan<ActorId> others)
    {
        _stand.JoinWorkers([s_late, s_helper, .. others]);
        Differ(step: 0);
    }

    private void Differ(long step)
    {
        _stand.Receive(s_server, new LateShare(Term, step, s_leaf, s_late, s_helper));
        Answer(s_helper, 25, step: step);
        Answer(s_late, s_wrong, step: step);
    }

    private void Vote(long term, params ReadOnlySpan<(ActorId Worker, float Sum)> votes) => Vote(term, 0, votes);

    private void Vote(long term, long step, params ReadOnlySpan<(ActorId Worker, float Sum)> votes)
    {
        foreach (var (worker, sum) in votes)
        {
            Answer(worker, sum, term, step: step);
        }
    }

    private void BeginLate(params ActorId[] workers)
    {
        _stand.JoinWorkers(workers);
        _stand.Receive(s_server, new LateShare(Term, 0, s_leaf, s_late, s_helper));
    }

    private void Answer(ActorId worker, float sum, long term = Term, double loss = 12.5, long step = 0) =>
        _stand.Receive(s_server, new Answer(term, step, 0, s_leaf, worker, TensorDigest.Of([sum]), loss));

    private void Settle(ActorId worker, long step = 0) => _stand.Receive(s_server, new Settled(Term, step, s_leaf, worker));

    /// <summary>Who is asked to compute the disputed sum in a term.</summary>
    private ActorId[] Voters(long term, ActorId? server = null)
    {
        var asked = _stand.Context.SentTo<Recompute>(server ?? s_server).Where(asked => asked.Term == term).ToArray();
        Assert.All(asked, vote => Assert.Equal((0, s_leaf, true), (vote.Step, vote.Leaves, vote.DigestOnly)));
        return [.. asked.Select(vote => vote.Worker).OrderBy(worker => worker.Name)];
    }

    /// <summary>The workers of the newest assignment.</summary>
    private ActorId[] Workers() => [.. _stand.Assignments(s_server)[^1].Workers];
}
