using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;
using ClusterTrain.Training.Tensors;

namespace ClusterTrain.Training.Tests;

/// <summary>
/// A late share is computed twice and the answers compared. The numbers are those of <see cref="LineRun"/>: leaf 1 sums to 25 w, and a worker
/// that flips the last bit of it is found out.
/// </summary>
public sealed class CorruptionTests : IDisposable
{
    private const long Term = (1L << 20) + 1;

    private static readonly ActorId s_server = new("server");
    private static readonly ActorId s_late = new("worker-1");
    private static readonly ActorId s_helper = new("worker-2");
    private static readonly ActorId s_third = new("worker-3");
    private static readonly ActorId s_fourth = new("worker-4");
    private static readonly TreeNode s_leaf = new(1, 1);
    private static readonly float s_wrong = BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(25) ^ 1);

    private readonly TensorPool _pool = new();
    private readonly RecordingContext _context = new("coordinator");
    private readonly List<RunEvent> _events = [];
    private readonly MemoryRecorder _recorder = new();
    private readonly Coordinator _coordinator;

    public CorruptionTests()
    {
        var recipe = LineRun.Recipe();
        _coordinator = new Coordinator(
            new TrainingPlan(recipe, 4), LineRun.Layout(recipe), new RunSettings { CheckpointSteps = 1 },
            new RunStart(1, new RunState(0, 0, new[] { LineRun.FirstWeight }, new[] { 0f }), [], 0, null), _recorder, _pool, _events.Add);
        _coordinator.Start(_context);
    }

    public void Dispose()
    {
        _context.RunOffloaded(_coordinator);
        _context.Clear();
        _coordinator.Dispose();
        Assert.Equal(0, _pool.Lent);
    }

    [Fact]
    public void A_late_share_is_computed_by_an_idle_worker_and_nothing_later_is_recorded_until_both_have_answered()
    {
        BeginLate(s_late, s_helper);
        Assert.Equal(new LateShare(Term, 0, s_leaf, s_late, s_helper), Assert.Single(_context.SentTo<LateShare>(s_server)));

        Answer(s_helper, 25);
        SendSnapshot(Term, 1, LineRun.SecondWeight, LineRun.SecondVelocity);
        Assert.Empty(_recorder.Epochs);
        Assert.Empty(_recorder.Checkpoints);

        Answer(s_late, 25);
        SendSnapshot(Term, 2, LineRun.ThirdWeight, 0);
        Assert.Equal(2, _recorder.Epochs.Count);
        Assert.Equal([1, 2], _recorder.Checkpoints.Select(checkpoint => checkpoint.Step));
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
        SendSnapshot(Term, 1, LineRun.SecondWeight, LineRun.SecondVelocity);
        _context.Now = TimeSpan.FromSeconds(11);
        Receive(_context.Self, new Tick());
        _context.RunOffloaded(_coordinator);
        Assert.Single(_recorder.Epochs);
        Assert.Equal([s_late, s_helper], Workers());
    }

    [Fact]
    public void The_late_answer_comes_before_the_helper_hears_of_it_and_nothing_is_waited_for()
    {
        BeginLate(s_late, s_helper);
        Answer(s_late, 25);
        SendSnapshot(Term, 1, LineRun.SecondWeight, LineRun.SecondVelocity);
        Assert.Empty(_recorder.Epochs);
        Settle(s_helper);
        _context.RunOffloaded(_coordinator);
        Assert.Single(_recorder.Epochs);
    }

    [Fact]
    public void The_late_worker_went_on_to_newer_weights_and_its_answer_is_not_waited_for()
    {
        BeginLate(s_late, s_helper);
        Answer(s_helper, 25);
        SendSnapshot(Term, 1, LineRun.SecondWeight, LineRun.SecondVelocity);
        Assert.Equal([s_helper], Workers());
        Settle(s_late);
        _context.RunOffloaded(_coordinator);
        Assert.Single(_recorder.Epochs);
        Assert.Equal([s_late, s_helper], Workers());
    }

    [Fact]
    public void What_is_waited_for_is_said_once()
    {
        BeginLate(s_late, s_helper);
        Answer(s_helper, 25);
        foreach (var seconds in new[] { 0.9, 1, 2 })
        {
            _context.Now = TimeSpan.FromSeconds(seconds);
            Receive(_context.Self, new Tick());
        }

        Assert.StartsWith("worker-1 has not answered yet for leaf 1 of step 0", Assert.Single(_events.OfType<RunWarning>()).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void One_bit_differs_and_a_third_worker_decides_who_is_excluded(bool lateIsWrong)
    {
        var (wrong, right) = lateIsWrong ? (s_late, s_helper) : (s_helper, s_late);
        BeginLate(s_late, s_helper, s_third);
        Answer(s_helper, lateIsWrong ? 25 : s_wrong);
        SendSnapshot(Term, 1, LineRun.SecondWeight, LineRun.SecondVelocity);
        _context.Clear();
        Answer(s_late, lateIsWrong ? s_wrong : 25);

        // Everything is replayed from the last good state, without the two.
        var serve = Assert.Single(_context.SentTo<Serve>(s_server));
        Assert.Equal((Term + 2, 0L), (serve.Term, serve.Step));
        Assert.Equal(new Recompute(Term + 2, 0, s_leaf, s_third), Assert.Single(_context.SentTo<Recompute>(s_server)));
        Assert.Equal([s_third], Workers());
        Assert.Contains("worker-2 and worker-1 computed different sums of leaf 1 at step 0", Assert.Single(_events.OfType<RunWarning>()).Message,
            StringComparison.Ordinal);
        Assert.Empty(_recorder.Epochs);

        Answer(s_third, 25, Term + 2);
        var reason = Assert.Single(_context.SentTo<Exclude>(wrong)).Reason;
        Assert.StartsWith($"{wrong} computed a wrong sum of leaf 1 at step 0 (segment 0): {right} and worker-3 agree on another", reason,
            StringComparison.Ordinal);
        Assert.Empty(_context.SentTo<Exclude>(right));
        Assert.Equal([right, s_third], Workers());
        Assert.Equal($"excluded: {reason}", _events.OfType<MembershipChanged>().Last().What);

        SendSnapshot(Term + 2, 1, LineRun.SecondWeight, LineRun.SecondVelocity);
        Assert.Single(_recorder.Epochs);

        // It is not admitted again.
        Join(wrong, NodeRole.Worker);
        Assert.Equal(2, _context.SentTo<Exclude>(wrong).Count());

        // Nor is it in a new life.
        var again = new ActorId($"{wrong}/7f31c0");
        Join(again, NodeRole.Worker);
        Assert.Single(_context.SentTo<Exclude>(again));
        Assert.Equal([right, s_third], Workers());
    }

    [Fact]
    public void Losses_are_compared_too()
    {
        BeginLate(s_late, s_helper, s_third);
        Answer(s_helper, 25, loss: 12.5);
        Answer(s_late, 25, loss: BitConverter.Int64BitsToDouble(BitConverter.DoubleToInt64Bits(12.5) ^ 1));
        Assert.Single(_events.OfType<RunWarning>());
    }

    [Fact]
    public void The_third_worker_is_lost_and_a_fourth_decides()
    {
        BeginLate(s_late, s_helper, s_third, s_fourth);
        Answer(s_helper, s_wrong);
        Answer(s_late, 25);
        Receive(_context.Self, new MemberLost(s_third, "killed"));
        Assert.Equal(new Recompute(Term + 4, 0, s_leaf, s_fourth), _context.SentTo<Recompute>(s_server).Last());
        Answer(s_fourth, 25, Term + 4);
        Assert.Single(_context.SentTo<Exclude>(s_helper));
        Assert.Equal([s_late, s_fourth], Workers());
    }

    [Fact]
    public void A_third_worker_that_does_not_answer_is_replaced()
    {
        BeginLate(s_late, s_helper, s_third, s_fourth);
        Answer(s_helper, s_wrong);
        Answer(s_late, 25);
        _context.Now = TimeSpan.FromSeconds(11);
        Receive(_context.Self, new Tick());
        Assert.Equal(new Recompute(Term + 4, 0, s_leaf, s_fourth), _context.SentTo<Recompute>(s_server).Last());
    }

    [Fact]
    public void Without_a_third_worker_the_run_fails_and_says_who_and_where_and_can_be_resumed_from_before()
    {
        BeginLate(s_late, s_helper);
        Answer(s_helper, 25);
        SendSnapshot(Term, 1, LineRun.SecondWeight, LineRun.SecondVelocity);
        Answer(s_late, s_wrong);
        var reason = Failure();
        Assert.StartsWith("corruption: worker-2 and worker-1 computed different sums of leaf 1 at step 0 (segment 0), and there is no third worker",
            reason, StringComparison.Ordinal);
        Assert.Contains("resumed from step 0", reason, StringComparison.Ordinal);
        Assert.Empty(_recorder.Epochs);
        Assert.Empty(_recorder.Checkpoints);
    }

    [Fact]
    public void Three_different_answers_end_the_run()
    {
        BeginLate(s_late, s_helper, s_third);
        Answer(s_helper, 25);
        Answer(s_late, s_wrong);
        Answer(s_third, 26, Term + 2);
        Assert.Contains("worker-2 and worker-1 computed different sums of leaf 1 at step 0 (segment 0), and worker-3 a third one", Failure(),
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_worker_that_contradicts_itself_is_excluded_without_a_vote()
    {
        BeginLate(s_late, s_helper);
        Answer(s_helper, 25);
        Answer(s_helper, s_wrong);
        Assert.StartsWith("worker-2 and the same again computed different sums of leaf 1", Assert.Single(_context.SentTo<Exclude>(s_helper)).Reason,
            StringComparison.Ordinal);
        Assert.Equal([s_late], Workers());
        Assert.Equal(2, _context.SentTo<Serve>(s_server).Count());
    }

    [Fact]
    public void A_number_that_is_not_finite_may_come_of_a_wrong_answer_and_does_not_end_the_run_before_the_other_is_there()
    {
        BeginLate(s_late, s_helper, s_third);
        Answer(s_helper, float.PositiveInfinity);
        Receive(s_server, new NotFinite(0, "the gradient of layers.0.weight"));
        Assert.Empty(_events.OfType<RunEnded>());
        Answer(s_late, 25);
        Assert.Empty(_events.OfType<RunEnded>());
        Answer(s_third, 25, Term + 2);
        Assert.Single(_context.SentTo<Exclude>(s_helper));
    }

    [Fact]
    public void A_number_that_is_not_finite_in_both_answers_ends_the_run()
    {
        BeginLate(s_late, s_helper);
        Answer(s_helper, float.PositiveInfinity);
        Receive(s_server, new NotFinite(0, "the gradient of layers.0.weight"));
        Answer(s_late, float.PositiveInfinity);
        Assert.StartsWith("step 0 (epoch 1): the gradient of layers.0.weight is not finite.", Failure(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_helper_is_lost_and_the_late_worker_has_its_leaves_again()
    {
        BeginLate(s_late, s_helper, s_third);
        Answer(s_helper, 25);
        Assert.Equal([s_helper, s_third], Workers());
        Receive(_context.Self, new MemberLost(s_helper, "killed"));
        Assert.Equal([s_late, s_third], Workers());
    }

    private void BeginLate(params ActorId[] workers)
    {
        Join(s_server, NodeRole.ParameterServer);
        foreach (var worker in workers)
        {
            Join(worker, NodeRole.Worker);
        }

        Receive(s_server, new LateShare(Term, 0, s_leaf, s_late, s_helper));
    }

    private void Answer(ActorId worker, float sum, long term = Term, double loss = 12.5) =>
        Receive(s_server, new Answer(term, 0, 0, s_leaf, worker, TensorDigest.Of([sum]), loss));

    private void Settle(ActorId worker) => Receive(s_server, new Settled(Term, 0, s_leaf, worker));

    private void Join(ActorId member, NodeRole role) => Receive(member, new Join(role, []));

    private void Receive(ActorId sender, IMessage message) => _coordinator.Receive(_context, sender, message);

    private void SendSnapshot(long term, long step, float weight, float velocity)
    {
        _coordinator.Receive(_context, s_server, _pool.Tensor(LineRun.Weights(term, step), 15, weight));
        _coordinator.Receive(_context, s_server, _pool.Tensor(LineRun.State(term, step), 0, velocity));
        _context.RunOffloaded(_coordinator);
    }

    /// <summary>The workers of the newest assignment.</summary>
    private ActorId[] Workers() => [.. _context.SentTo<Assignment>(s_server).Last().Workers];

    private string Failure() => Assert.IsType<RunFailed>(Assert.Single(_events.OfType<RunEnded>()).Outcome).Reason;
}
