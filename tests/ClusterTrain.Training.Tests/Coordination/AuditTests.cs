using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;
using ClusterTrain.Training.Tensors;

namespace ClusterTrain.Training.Tests;

/// <summary>
/// The shares of a step are computed twice though nobody is late. The numbers are those of <see cref="LineRun"/>: leaf 0 sums to 5 w, leaf 1 to 25 w.
/// </summary>
public sealed class AuditTests : IDisposable
{
    private const long Term = CoordinatorStand.FirstTerm;

    private static readonly ActorId s_server = CoordinatorStand.Server;
    private static readonly ActorId s_first = CoordinatorStand.Worker;
    private static readonly ActorId s_second = CoordinatorStand.Other;
    private static readonly ActorId s_third = new("worker-3");
    private static readonly TreeNode s_leaf = new(1, 1);
    private static readonly float s_wrong = BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(25) ^ 1);

    private readonly Recipe _recipe = LineRun.Recipe(epochs: 4);
    private CoordinatorStand _stand;

    public AuditTests() => _stand = Create(AuditTotals.None);

    public void Dispose() => _stand.Dispose();

    [Fact]
    public void Servers_are_told_what_is_wanted_before_they_may_compute()
    {
        Begin(s_first, s_second);
        var told = _stand.Context.Messages.Where(sent => sent.To == s_server).Select(sent => sent.Message).ToList();
        var at = told.IndexOf(new AuditShares(Term, 1));
        Assert.InRange(at, 1, told.FindIndex(message => message is Advance) - 1);
        Assert.IsType<Topology>(told[at - 1]);
    }

    [Fact]
    public void Nothing_after_the_step_is_recorded_until_every_share_was_compared()
    {
        Begin(s_first, s_second);
        _stand.Receive(s_server, new AuditBegan(Term, 0, 1));
        _stand.SendWeights(Term, 1, LineRun.SecondWeight);
        Answer(s_first, 0, 5);
        Answer(s_second, 1, 25);
        Answer(s_first, 1, 25);
        Assert.Empty(_stand.Recorder.Epochs);
        Answer(s_second, 0, 5);
        _stand.RunOffloaded();
        Assert.Single(_stand.Recorder.Epochs);
        Assert.Equal(new AuditTotals(1, 2, 0, 0), Told());

        // The workers continue as before.
        Assert.Single(_stand.Context.SentTo<Assignment>(s_server));
    }

    [Fact]
    public void What_was_shown_before_the_run_was_resumed_counts()
    {
        _stand.Dispose();
        _stand = Create(new AuditTotals(40, 80, 1, 2));
        Begin(s_first, s_second);
        AnswerAll();
        Assert.Equal(new AuditTotals(40, 82, 1, 2), Told());
    }

    [Fact]
    public void A_wrong_sum_is_found_and_a_third_worker_decides_who_is_excluded()
    {
        Begin(s_first, s_second, s_third);

        // One leaf each for the second and the third; the first has none, so it computes one of theirs.
        _stand.Receive(s_server, new AuditBegan(Term, 0, 1));
        Answer(s_second, 0, 5);
        Answer(s_third, 1, s_wrong);
        _stand.SendWeights(Term, 1, LineRun.SecondWeight);
        var helper = new AuditPlan(new TrainingPlan(_recipe, 4), 1)
            .Shares(0, new Assignment(Term, 1, [s_first, s_second, s_third])).Single(share => share.Worker == s_third).Helper;
        Answer(helper, 1, 25);
        Assert.Empty(_stand.Recorder.Epochs);

        var judge = helper == s_first ? s_second : s_first;
        Assert.Equal(new Recompute(Term + 2, 0, s_leaf, judge, DigestOnly: true), _stand.Context.SentTo<Recompute>(s_server).Last());
        Vote(0, (s_third, s_wrong), (helper, 25), (judge, 25));
        Assert.StartsWith("worker-3 computed a wrong sum of leaf 1 at step 0", Assert.Single(_stand.Context.SentTo<Exclude>(s_third)).Reason,
            StringComparison.Ordinal);
        Assert.Equal(new AuditTotals(0, 1, 1, 1), Told());
        Assert.DoesNotContain(_stand.Warnings, warning => warning.Contains("may have been wrong", StringComparison.Ordinal));
    }

    [Fact]
    public void A_checkpoint_since_a_wrong_worker_was_last_right_is_named()
    {
        Begin(s_first, s_second, s_third);
        _stand.SendWeights(Term, 2, LineRun.ThirdWeight);
        _stand.SendState(Term, 2, 0);
        _stand.LookAt(10);
        Assert.Single(_stand.Recorder.Checkpoints);

        _stand.Receive(s_server, new LateShare(Term, 2, s_leaf, s_third, s_second));
        Answer(s_second, 1, 25, step: 2);
        Answer(s_third, 1, s_wrong, step: 2);
        Vote(2, (s_third, s_wrong), (s_second, 25), (s_first, 25));
        Assert.Contains(_stand.Warnings, warning => warning.StartsWith(
            "worker-3 may have been wrong in the steps from 0 to 2 too", StringComparison.Ordinal));
    }

    [Fact]
    public void Leaves_divided_again_are_not_compared_and_nothing_is_waited_for()
    {
        Begin(s_first, s_second);
        _stand.Receive(s_server, new AuditBegan(Term, 0, 1));
        _stand.JoinWorkers(s_third);
        _stand.SendWeights(Term, 1, LineRun.SecondWeight);
        _stand.LookAt(10);
        Assert.Single(_stand.Recorder.Epochs);
        Assert.Equal(new AuditTotals(0, 0, 0, 2), Told());

        // A server that had not heard of it yet.
        _stand.Receive(s_server, new AuditBegan(Term, 1, 1));
        _stand.SendWeights(Term, 2, LineRun.ThirdWeight);
        _stand.LookAt(21);
        Assert.Equal(2, _stand.Recorder.Epochs.Count);
        Assert.Equal(new AuditTotals(0, 0, 0, 4), Told());
    }

    [Fact]
    public void A_spare_server_joins_and_the_shares_stay_what_they_are()
    {
        Begin(s_first, s_second);
        _stand.Receive(s_server, new AuditBegan(Term, 0, 1));
        _stand.JoinServers(new ActorId("spare"));
        Answer(s_first, 0, 5);
        Answer(s_second, 1, 25);
        Answer(s_first, 1, 25);
        Answer(s_second, 0, 5);
        Assert.Equal(new AuditTotals(1, 2, 0, 0), Told());
    }

    [Fact]
    public void Two_steps_later_an_answer_that_has_not_come_does_not_come()
    {
        Begin(s_first, s_second);
        _stand.Receive(s_server, new AuditBegan(Term, 0, 1));
        Answer(s_first, 0, 5);
        Answer(s_second, 1, 25);
        _stand.SendWeights(Term, 1, LineRun.SecondWeight);
        _stand.Receive(s_server, new StepReport(Term, 0, 1, 1, TimeSpan.Zero));
        Assert.Empty(_stand.Recorder.Epochs);
        _stand.Receive(s_server, new StepReport(Term, 0, 2, 1, TimeSpan.Zero));
        Assert.Equal(new AuditTotals(0, 0, 0, 2), Told());

        // It is recorded though it is not verified, for want of an audit that says more.
        _stand.LookAt(9.9);
        Assert.Empty(_stand.Recorder.Epochs);
        _stand.LookAt(10);
        Assert.Single(_stand.Recorder.Epochs);
    }

    [Theory]
    [InlineData(5, 10)]
    [InlineData(60, 60)]
    public void An_answer_is_waited_for_as_long_as_the_step_took_and_10_s_at_least(int stepSeconds, int patience)
    {
        Begin(s_first, s_second);
        _stand.Receive(s_server, new AuditBegan(Term, 0, 1));
        _stand.LookAt(stepSeconds);
        Answer(s_first, 0, 5);
        Answer(s_second, 1, 25);
        _stand.SendWeights(Term, 1, LineRun.SecondWeight);
        _stand.LookAt(stepSeconds + patience - 1);
        Assert.Empty(_stand.Recorder.Epochs);
        _stand.LookAt(stepSeconds + patience);
        Assert.Single(_stand.Recorder.Epochs);
    }

    [Fact]
    public void A_step_of_which_a_share_was_missed_is_not_verified_and_the_next_one_is()
    {
        Begin(s_first, s_second);
        _stand.Receive(s_server, new AuditBegan(Term, 0, 1));
        Answer(s_first, 0, 5);
        Answer(s_second, 1, 25);
        Answer(s_first, 1, 25);
        _stand.Receive(s_server, new Settled(Term, 0, new TreeNode(0, 1), s_second));
        Assert.Equal(new AuditTotals(0, 1, 0, 1), Told());
        AnswerAll(step: 1);
        Assert.Equal(new AuditTotals(2, 3, 0, 1), Told());
    }

    [Fact]
    public void A_share_that_is_compared_after_another_was_missed_does_not_make_the_step_verified()
    {
        Begin(s_first, s_second);
        _stand.Receive(s_server, new AuditBegan(Term, 0, 1));
        Answer(s_first, 0, 5);
        Answer(s_second, 1, 25);
        _stand.Receive(s_server, new Settled(Term, 0, new TreeNode(0, 1), s_second));
        Answer(s_first, 1, 25);
        Assert.Equal(new AuditTotals(0, 1, 0, 1), Told());
    }

    [Fact]
    public void A_step_is_verified_while_a_later_one_is_still_compared()
    {
        Begin(s_first, s_second);
        AnswerAll(count: 1);
        AnswerAll(step: 1, count: 1);
        Answer(s_second, 0, 5);
        Answer(s_second, 1, 25);
        Assert.Equal(new AuditTotals(1, 2, 0, 0), Told());
    }

    [Fact]
    public void Another_server_begins_to_audit_the_same_step_and_its_shares_are_compared_once()
    {
        Begin(s_first, s_second);
        AnswerAll();
        Assert.Equal(new AuditTotals(1, 2, 0, 0), Told());
        _stand.Receive(new ActorId("server-2"), new AuditBegan(Term, 0, 1));
        Assert.Equal(new AuditTotals(1, 2, 0, 0), Told());
        _stand.SendWeights(Term, 1, LineRun.SecondWeight);
        Assert.Single(_stand.Recorder.Epochs);
    }

    [Fact]
    public void An_answer_may_come_until_every_server_is_two_steps_further()
    {
        _stand.Dispose();
        var second = new ActorId("server-2");
        _stand = new CoordinatorStand(
            _recipe, new RunSettings { AuditRate = 1, ParameterServers = 2 }, CoordinatorStand.Start(_recipe, GradientNorm.BlockParameters + 1));
        _stand.JoinWorkers(s_first, s_second);
        _stand.JoinServers(s_server, second);
        var term = _stand.Topologies(s_server)[^1].Term;
        _stand.Receive(s_server, new AuditBegan(term, 0, 1));
        foreach (var (segment, step) in new[] { (0, 2), (1, 1) })
        {
            _stand.Receive(s_server, new StepReport(term, segment, step, 1, TimeSpan.Zero));
            Assert.Equal(AuditTotals.None, Told());
        }

        _stand.Receive(second, new StepReport(term, 1, 2, 1, TimeSpan.Zero));
        Assert.Equal(new AuditTotals(0, 0, 0, 2), Told());
    }

    [Fact]
    public void A_worker_that_is_late_in_an_audited_step_is_reported_and_helped()
    {
        Begin(s_first, s_second);
        _stand.Receive(s_server, new AuditBegan(Term, 0, 1));
        _stand.Receive(s_server, new LateShare(Term, 0, s_leaf, s_second, s_first));
        Assert.Equal([new WorkerLate(s_second, s_first, 0)], _stand.Events.OfType<WorkerLate>());
        Assert.Single(_stand.Context.SentTo<LateShare>(s_server));
    }

    [Fact]
    public void A_checkpoint_that_rests_on_sums_that_were_compared_is_not_named()
    {
        Begin(s_first, s_second, s_third);
        _stand.Receive(s_server, new LateShare(Term, 1, s_leaf, s_third, s_second));
        Answer(s_second, 1, 25, step: 1);
        Answer(s_third, 1, 25, step: 1);
        _stand.SendWeights(Term, 2, LineRun.ThirdWeight);
        _stand.SendState(Term, 2, 0);
        _stand.LookAt(10);
        Assert.Single(_stand.Recorder.Checkpoints);

        _stand.Receive(s_server, new LateShare(Term, 2, s_leaf, s_third, s_second));
        Answer(s_second, 1, 25, step: 2);
        Answer(s_third, 1, s_wrong, step: 2);
        Vote(2, (s_third, s_wrong), (s_second, 25), (s_first, 25));
        Assert.Single(_stand.Context.SentTo<Exclude>(s_third));
        Assert.DoesNotContain(_stand.Warnings, warning => warning.Contains("may have been wrong", StringComparison.Ordinal));
    }

    [Fact]
    public void What_the_next_audit_may_show_to_be_wrong_is_not_recorded_before_it()
    {
        Begin(s_first, s_second);
        AnswerAll();
        _stand.SendWeights(Term, 1, LineRun.SecondWeight);
        Assert.Single(_stand.Recorder.Epochs);
        _stand.SendWeights(Term, 2, LineRun.ThirdWeight);
        _stand.SendState(Term, 2, 0);
        Assert.Single(_stand.Recorder.Epochs);
        Assert.Empty(_stand.Recorder.Checkpoints);
        AnswerAll(step: 2);
        _stand.RunOffloaded();
        Assert.Equal(2, _stand.Recorder.Epochs.Count);
        Assert.Equal(2, Assert.Single(_stand.Recorder.Checkpoints).Step);
    }

    [Fact]
    public void The_end_of_the_run_is_recorded_whatever_was_audited_last()
    {
        Begin(s_first, s_second);
        for (var step = 1; step <= 4; step++)
        {
            Assert.Empty(_stand.Recorder.Epochs);
            _stand.SendWeights(Term, step, LineRun.SecondWeight);
        }

        Assert.Equal(4, _stand.Recorder.Epochs.Count);
        Assert.IsType<RunCompleted>(_stand.Outcome());
    }

    [Fact]
    public void As_many_entries_are_held_back_as_training_may_be_ahead_without_waiting()
    {
        _stand.Dispose();
        _stand = Create(AuditTotals.None, LineRun.Recipe(epochs: 100));
        Begin(s_first, s_second);
        for (var step = 1; step <= 40; step++)
        {
            _stand.SendWeights(Term, step, LineRun.SecondWeight);
            Assert.Equal(Math.Max(0, step - 32), _stand.Recorder.Epochs.Count);
        }
    }

    [Fact]
    public void With_early_stopping_nothing_is_held_back()
    {
        _stand.Dispose();
        var recipe = LineRun.Recipe(epochs: 9) with { EarlyStopping = new() { Metric = StoppingMetric.ValidationLoss, Patience = 3 } };
        _stand = new CoordinatorStand(
            recipe, new RunSettings { AuditRate = 1 }, CoordinatorStand.Start(recipe), recorder: new MemoryRecorder(3, 2, 1));
        Begin(s_first, s_second);
        _stand.SendWeights(Term, 1, LineRun.SecondWeight);
        Assert.Single(_stand.Recorder.Epochs);
    }

    [Fact]
    public void With_one_worker_nothing_is_held_back_as_nothing_can_be_audited()
    {
        Begin(s_first, s_second);
        _stand.SendWeights(Term, 1, LineRun.SecondWeight);
        Assert.Empty(_stand.Recorder.Epochs);
        _stand.Receive(new MemberLost(s_second, "killed"));
        _stand.RunOffloaded();
        Assert.Single(_stand.Recorder.Epochs);
        _stand.SendWeights(Term, 2, LineRun.ThirdWeight);
        Assert.Equal(2, _stand.Recorder.Epochs.Count);
    }

    [Fact]
    public void A_checkpoint_that_somebody_waits_for_is_written_at_once()
    {
        Begin(s_first, s_second);
        _stand.SendWeights(Term, 1, LineRun.SecondWeight);
        _stand.Receive(new StopRequested());
        _stand.Receive(s_server, new Held(Term, 0, 1));
        _stand.SendState(Term, 1, 0);
        Assert.Equal(1, Assert.Single(_stand.Recorder.Checkpoints).Step);
        Assert.Equal(new RunInterrupted(1), _stand.Outcome());
    }

    [Fact]
    public void While_a_checkpoint_is_held_back_no_other_is_asked_for()
    {
        _stand.Dispose();
        _stand = new CoordinatorStand(
            _recipe, new RunSettings { AuditRate = 1, CheckpointPeriod = TimeSpan.FromSeconds(1) }, CoordinatorStand.Start(_recipe));
        Begin(s_first, s_second);
        _stand.Tick(1);
        Assert.Single(_stand.Context.SentTo<Hold>(s_server));
        _stand.Receive(s_server, new Held(Term, 0, 1));
        _stand.SendWeights(Term, 1, LineRun.SecondWeight);
        _stand.SendState(Term, 1, 0);
        _stand.LookAt(10);
        Assert.Single(_stand.Context.SentTo<Hold>(s_server));
        Assert.Empty(_stand.Recorder.Checkpoints);
        _stand.LookAt(11);
        Assert.Single(_stand.Recorder.Checkpoints);
        _stand.Tick(11.2);
        Assert.Equal(2, _stand.Context.SentTo<Hold>(s_server).Count());
    }

    private void Vote(long step, params ReadOnlySpan<(ActorId Worker, float Sum)> votes)
    {
        foreach (var (worker, sum) in votes)
        {
            _stand.Receive(s_server, new Answer(Term + 2, step, 0, s_leaf, worker, TensorDigest.Of([sum]), 12.5));
        }
    }

    private CoordinatorStand Create(AuditTotals before, Recipe? recipe = null) => new(
        recipe ?? _recipe, new RunSettings { AuditRate = 1, CheckpointSteps = 2 }, CoordinatorStand.Start(_recipe) with { Audited = before });

    private void Begin(params ActorId[] workers)
    {
        _stand.JoinWorkers(workers);
        _stand.JoinServers(s_server);
    }

    private void AnswerAll(long step = 0, int count = 2)
    {
        _stand.Receive(s_server, new AuditBegan(Term, step, 1));
        foreach (var worker in new[] { s_first, s_second }.Take(count))
        {
            Answer(worker, 0, 5, step);
            Answer(worker, 1, 25, step);
        }
    }

    private void Answer(ActorId worker, int leaf, float sum, long step = 0) =>
        _stand.Receive(s_server, new Answer(Term, step, 0, new TreeNode(leaf, 1), worker, TensorDigest.Of([sum]), 12.5));

    /// <summary>What the coordinator tells after a second.</summary>
    private AuditTotals Told()
    {
        _stand.Context.Now += TimeSpan.FromSeconds(1);
        _stand.Receive(new Tick());
        return _stand.Events.OfType<RunAudited>().Last().Totals;
    }
}
