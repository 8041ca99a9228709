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
    private const long Term = (1L << 20) + 1;

    private static readonly ActorId s_server = new("server");
    private static readonly ActorId s_first = new("worker-1");
    private static readonly ActorId s_second = new("worker-2");
    private static readonly ActorId s_third = new("worker-3");
    private static readonly TreeNode s_leaf = new(1, 1);
    private static readonly float s_wrong = BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(25) ^ 1);

    private readonly TensorPool _pool = new();
    private readonly RecordingContext _context = new("coordinator");
    private readonly List<RunEvent> _events = [];
    private readonly MemoryRecorder _recorder = new();
    private readonly Recipe _recipe = LineRun.Recipe(epochs: 4);
    private Coordinator _coordinator;

    public AuditTests() => _coordinator = Create(AuditTotals.None);

    public void Dispose()
    {
        _context.RunOffloaded(_coordinator);
        _context.Clear();
        _coordinator.Dispose();
        Assert.Equal(0, _pool.Lent);
    }

    [Fact]
    public void Servers_are_told_what_is_wanted_before_they_may_compute()
    {
        Begin(s_first, s_second);
        var told = _context.Messages.Where(sent => sent.To == s_server).Select(sent => sent.Message).ToList();
        var at = told.IndexOf(new AuditShares(Term, 1));
        Assert.InRange(at, 1, told.FindIndex(message => message is Advance) - 1);
        Assert.IsType<Topology>(told[at - 1]);
    }

    [Fact]
    public void Nothing_after_the_step_is_recorded_until_every_share_was_compared()
    {
        Begin(s_first, s_second);
        Receive(s_server, new AuditBegan(Term, 0, 1));
        SendSnapshot(1, LineRun.SecondWeight);
        Answer(s_first, 0, 5);
        Answer(s_second, 1, 25);
        Answer(s_first, 1, 25);
        Assert.Empty(_recorder.Epochs);
        Answer(s_second, 0, 5);
        _context.RunOffloaded(_coordinator);
        Assert.Single(_recorder.Epochs);
        Assert.Equal(new AuditTotals(1, 2, 0, 0), Told());

        // The workers continue as before.
        Assert.Single(_context.SentTo<Assignment>(s_server));
    }

    [Fact]
    public void What_was_shown_before_the_run_was_resumed_counts()
    {
        _coordinator.Dispose();
        _coordinator = Create(new AuditTotals(40, 80, 1, 2));
        Begin(s_first, s_second);
        AnswerAll();
        Assert.Equal(new AuditTotals(40, 82, 1, 2), Told());
    }

    [Fact]
    public void A_wrong_sum_is_found_and_a_third_worker_decides_who_is_excluded()
    {
        Begin(s_first, s_second, s_third);

        // One leaf each for the second and the third; the first has none, so it computes one of theirs.
        Receive(s_server, new AuditBegan(Term, 0, 1));
        Answer(s_second, 0, 5);
        Answer(s_third, 1, s_wrong);
        SendSnapshot(1, LineRun.SecondWeight);
        var helper = new AuditPlan(new TrainingPlan(_recipe, 4), 1)
            .Shares(0, new Assignment(Term, 1, [s_first, s_second, s_third])).Single(share => share.Worker == s_third).Helper;
        Answer(helper, 1, 25);
        Assert.Empty(_recorder.Epochs);

        var judge = helper == s_first ? s_second : s_first;
        Assert.Equal(new Recompute(Term + 2, 0, s_leaf, judge), Assert.Single(_context.SentTo<Recompute>(s_server)));
        Receive(s_server, new Answer(Term + 2, 0, 0, s_leaf, judge, TensorDigest.Of([25f]), 12.5));
        Assert.StartsWith("worker-3 computed a wrong sum of leaf 1 at step 0", Assert.Single(_context.SentTo<Exclude>(s_third)).Reason,
            StringComparison.Ordinal);
        Assert.Equal(1, Told().Differed);
        Assert.DoesNotContain(_events.OfType<RunWarning>(), warning => warning.Message.Contains("may have been wrong", StringComparison.Ordinal));
    }

    [Fact]
    public void A_checkpoint_since_a_wrong_worker_was_last_right_is_named()
    {
        Begin(s_first, s_second, s_third);
        SendSnapshot(2, LineRun.ThirdWeight);
        _coordinator.Receive(_context, s_server, _pool.Tensor(LineRun.State(Term, 2), 0, 0));
        _context.RunOffloaded(_coordinator);
        Assert.Single(_recorder.Checkpoints);

        Receive(s_server, new LateShare(Term, 2, s_leaf, s_third, s_second));
        Answer(s_second, 1, 25, step: 2);
        Answer(s_third, 1, s_wrong, step: 2);
        Receive(s_server, new Answer(Term + 2, 2, 0, s_leaf, s_first, TensorDigest.Of([25f]), 12.5));
        Assert.Contains(_events.OfType<RunWarning>(), warning => warning.Message.StartsWith(
            "worker-3 may have been wrong in the steps from 0 to 2 too", StringComparison.Ordinal));
    }

    [Fact]
    public void Leaves_divided_again_are_not_compared_and_nothing_is_waited_for()
    {
        Begin(s_first, s_second);
        Receive(s_server, new AuditBegan(Term, 0, 1));
        Receive(s_third, new Join(NodeRole.Worker, []));
        SendSnapshot(1, LineRun.SecondWeight);
        Assert.Single(_recorder.Epochs);
        Assert.Equal(new AuditTotals(0, 0, 0, 2), Told());

        // A server that had not heard of it yet.
        Receive(s_server, new AuditBegan(Term, 1, 1));
        SendSnapshot(2, LineRun.ThirdWeight);
        Assert.Equal(2, _recorder.Epochs.Count);
    }

    [Fact]
    public void A_spare_server_joins_and_the_shares_stay_what_they_are()
    {
        Begin(s_first, s_second);
        Receive(s_server, new AuditBegan(Term, 0, 1));
        Receive(new ActorId("spare"), new Join(NodeRole.ParameterServer, []));
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
        Receive(s_server, new AuditBegan(Term, 0, 1));
        Answer(s_first, 0, 5);
        Answer(s_second, 1, 25);
        SendSnapshot(1, LineRun.SecondWeight);
        Receive(s_server, new StepReport(Term, 0, 1, 1, TimeSpan.Zero));
        Assert.Empty(_recorder.Epochs);
        Receive(s_server, new StepReport(Term, 0, 2, 1, TimeSpan.Zero));
        _context.RunOffloaded(_coordinator);
        Assert.Single(_recorder.Epochs);
        Assert.Equal(new AuditTotals(0, 0, 0, 2), Told());
    }

    [Theory]
    [InlineData(5, 10)]
    [InlineData(60, 60)]
    public void An_answer_is_waited_for_as_long_as_the_step_took_and_10_s_at_least(int stepSeconds, int patience)
    {
        Begin(s_first, s_second);
        Receive(s_server, new AuditBegan(Term, 0, 1));
        LookAt(stepSeconds);
        Answer(s_first, 0, 5);
        Answer(s_second, 1, 25);
        SendSnapshot(1, LineRun.SecondWeight);
        LookAt(stepSeconds + patience - 1);
        Assert.Empty(_recorder.Epochs);
        LookAt(stepSeconds + patience);
        Assert.Single(_recorder.Epochs);
    }

    [Fact]
    public void A_step_of_which_a_share_was_missed_is_not_verified_and_the_next_one_is()
    {
        Begin(s_first, s_second);
        Receive(s_server, new AuditBegan(Term, 0, 1));
        Answer(s_first, 0, 5);
        Answer(s_second, 1, 25);
        Answer(s_first, 1, 25);
        Receive(s_server, new Settled(Term, 0, new TreeNode(0, 1), s_second));
        Assert.Equal(new AuditTotals(0, 1, 0, 1), Told());
        AnswerAll(step: 1);
        Assert.Equal(new AuditTotals(2, 3, 0, 1), Told());
    }

    private Coordinator Create(AuditTotals before)
    {
        var coordinator = new Coordinator(
            new TrainingPlan(_recipe, 4), LineRun.Layout(_recipe), new RunSettings { AuditRate = 1, CheckpointSteps = 2 },
            new RunStart(1, new RunState(0, 0, new[] { LineRun.FirstWeight }, new[] { 0f }), [], 0, null) { Audited = before }, _recorder, _pool,
            _events.Add);
        coordinator.Start(_context);
        return coordinator;
    }

    private void Begin(params ActorId[] workers)
    {
        foreach (var worker in workers)
        {
            Receive(worker, new Join(NodeRole.Worker, []));
        }

        Receive(s_server, new Join(NodeRole.ParameterServer, []));
    }

    private void AnswerAll(long step = 0)
    {
        Receive(s_server, new AuditBegan(Term, step, 1));
        foreach (var worker in new[] { s_first, s_second })
        {
            Answer(worker, 0, 5, step);
            Answer(worker, 1, 25, step);
        }
    }

    private void Answer(ActorId worker, int leaf, float sum, long step = 0) =>
        Receive(s_server, new Answer(Term, step, 0, new TreeNode(leaf, 1), worker, TensorDigest.Of([sum]), 12.5));

    private void LookAt(int seconds)
    {
        _context.Now = TimeSpan.FromSeconds(seconds);
        Receive(_context.Self, new Tick());
        _context.RunOffloaded(_coordinator);
    }

    /// <summary>What the coordinator tells after a second.</summary>
    private AuditTotals Told()
    {
        _context.Now += TimeSpan.FromSeconds(1);
        Receive(_context.Self, new Tick());
        return _events.OfType<RunAudited>().Last().Totals;
    }

    private void Receive(ActorId sender, IMessage message) => _coordinator.Receive(_context, sender, message);

    private void SendSnapshot(long step, float weight)
    {
        _coordinator.Receive(_context, s_server, _pool.Tensor(LineRun.Weights(Term, step), 15, weight));
        _context.RunOffloaded(_coordinator);
    }
}
