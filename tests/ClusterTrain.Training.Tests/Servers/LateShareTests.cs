using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Threading;
using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;
using ClusterTrain.Training.Servers;
using ClusterTrain.Training.Tensors;

namespace ClusterTrain.Training.Tests;

/// <summary>A parameter server sees which worker is late and tells the coordinator of answers given twice.</summary>
public sealed class LateShareTests : IDisposable
{
    private static readonly ActorId s_first = new("worker-1");
    private static readonly ActorId s_second = new("worker-2");
    private static readonly TreeNode s_leaf = new(1, 1);

    private readonly TensorPool _pool = new();
    private readonly RecordingContext _context = new("server");
    private readonly ParameterServer _server;

    public LateShareTests()
    {
        var recipe = LineRun.Recipe(epochs: 3);
        _server = new ParameterServer(new TrainingPlan(recipe, 4), LineRun.Layout(recipe), Kernels.Active, new ComputePool(1), _pool);
        _server.Start(_context, LineRun.Coordinator);
        Receive(new Serve(1, 0, 1, 0, 0, 0));
        _server.Receive(_context, LineRun.Coordinator, _pool.Tensor(LineRun.Weights(1, 0), 0, 1));
        _server.Receive(_context, LineRun.Coordinator, _pool.Tensor(LineRun.State(1, 0), 0, 0));
        Receive(new Topology(1, [_context.Self]));
        Receive(new Assignment(1, 1, [s_first, s_second]));
        Receive(new Advance(1, 100, 0));
    }

    public void Dispose()
    {
        _context.Clear();
        _server.Dispose();
        Assert.Equal(0, _pool.Lent);
    }

    [Theory]
    [InlineData(20, 79, false)]
    [InlineData(20, 80, true)]
    [InlineData(2, 49, false)]
    [InlineData(2, 50, true)]
    public void A_worker_is_late_after_four_times_the_median_and_50_ms_at_least(int median, int now, bool isLate)
    {
        PushAt(median, s_first, 0, 5);
        LookAt(now);
        Assert.Equal(isLate ? [new LateShare(1, 0, s_leaf, s_second, s_first)] : [], _context.SentTo<LateShare>(LineRun.Coordinator));
    }

    [Fact]
    public void A_late_worker_is_named_once()
    {
        PushAt(1, s_first, 0, 5);
        LookAt(100);
        LookAt(200);
        Assert.Single(_context.Sent<LateShare>());
    }

    [Fact]
    public void Nobody_is_late_while_less_than_half_have_answered_or_when_all_have()
    {
        LookAt(1000);
        PushAt(1000, s_first, 0, 5);
        PushAt(1001, s_second, 1, 25);
        LookAt(1002);
        Assert.Empty(_context.Sent<LateShare>());
    }

    [Theory]
    [InlineData(200, 799, false)]
    [InlineData(200, 800, true)]
    [InlineData(20, 499, false)]
    [InlineData(20, 500, true)]
    public void When_nobody_with_leaves_answers_one_without_helps_after_four_times_the_slowest_before_and_half_a_second_at_least(
        int slowest, int waited, bool isLate)
    {
        // Two leaves for three workers: one has none.
        var assignment = new Assignment(1, 2, [s_first, s_second, new ActorId("worker-3")]);
        var sharers = assignment.Workers.Where((_, index) => assignment.Share(index, 2).Count > 0).ToArray();
        var idle = Assert.Single(assignment.Workers.Except(sharers));
        Receive(assignment);

        // Step 0 was divided again, so it says nothing of how long one takes.
        PushAt(0, sharers[0], 0, 5);
        PushAt(0, sharers[1], 1, 25);
        PushAt(1, sharers[0], 0, 5, step: 1);
        PushAt(slowest, sharers[1], 1, 25, step: 1);
        LookAt(slowest + waited);
        Assert.Equal(
            isLate ? [(2, 0, sharers[0], idle), (2, 1, sharers[1], idle)] : [],
            _context.Sent<LateShare>().Select(late => (late.Step, late.Leaves.Start, late.Worker, late.Helper)));
    }

    [Fact]
    public void It_looks_every_50_ms_while_it_has_a_segment()
    {
        var look = (TimeSpan.FromMilliseconds(50), (IMessage)new Tick());
        Assert.Equal([look], _context.Later);
        Receive(new Tick());
        Assert.Equal([look, look], _context.Later);
        Receive(new Topology(2, []));
        Receive(new Tick());
        Assert.Equal([look, look], _context.Later);

        Receive(new Serve(3, 0, 1, 0, 0, 0));
        Receive(new Topology(3, [_context.Self]));
        Assert.Equal([look, look, look], _context.Later);
        Receive(new Stop());
        Receive(new Tick());
        Assert.Equal([look, look, look], _context.Later);
    }

    [Fact]
    public void A_spare_server_looks_from_when_it_takes_over()
    {
        var context = new RecordingContext("spare");
        var recipe = LineRun.Recipe(epochs: 3);
        using var spare = new ParameterServer(new TrainingPlan(recipe, 4), LineRun.Layout(recipe), Kernels.Active, new ComputePool(1), _pool);
        spare.Start(context, LineRun.Coordinator);
        spare.Receive(context, LineRun.Coordinator, new Topology(1, [_context.Self]));
        spare.Receive(context, _context.Self, new Copy(1, new SegmentPosition(0, 1, 1, 0, 0, 0), 0, 0));
        Assert.Empty(context.Later);
        spare.Receive(context, LineRun.Coordinator, new Topology(2, [context.Self]));
        Assert.Equal([(TimeSpan.FromMilliseconds(50), new Tick())], context.Later);
    }

    [Fact]
    public void Leaves_divided_again_are_waited_for_from_then_on()
    {
        PushAt(1, s_first, 0, 5);
        _context.Now = TimeSpan.FromMilliseconds(40);
        Receive(new Assignment(1, 2, [s_first, new ActorId("worker-3")]));
        LookAt(89);
        Assert.Empty(_context.Sent<LateShare>());
        LookAt(90);
        Assert.Equal(new ActorId("worker-3"), Assert.Single(_context.Sent<LateShare>()).Worker);
    }

    [Fact]
    public void It_hands_the_order_on_and_tells_of_both_answers_even_when_the_step_is_done()
    {
        PushAt(1, s_first, 0, 5);
        LookAt(100);
        var recompute = new Recompute(1, 0, s_leaf, s_first);
        Receive(recompute);
        Assert.Equal(recompute, Assert.Single(_context.SentTo<Recompute>(s_first)));

        PushAt(101, s_first, 1, 25);
        Assert.Contains(_context.Tensors, sent => sent.Tensor.Key.Step == 1);
        PushAt(500, s_second, 1, BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(25) ^ 1));
        var answers = _context.SentTo<Answer>(LineRun.Coordinator).ToArray();
        Assert.Equal([(s_leaf, s_first), (s_leaf, s_second)], answers.Select(answer => (answer.Node, answer.Worker)));
        Assert.Equal(TensorDigest.Of([25f]), answers[0].Digest);
        Assert.NotEqual(answers[0].Digest, answers[1].Digest);
    }

    [Fact]
    public void A_share_to_be_computed_twice_is_told_to_both_workers_and_what_they_say_of_it_to_the_coordinator()
    {
        var late = new LateShare(1, 0, s_leaf, s_second, s_first);
        Receive(late);
        Assert.Equal(new Recompute(1, 0, s_leaf, s_first), Assert.Single(_context.SentTo<Recompute>(s_first)));
        Assert.Equal(late, Assert.Single(_context.SentTo<LateShare>(s_second)));
        _server.Receive(_context, s_second, new Settled(1, 0, s_leaf, s_second));
        Assert.Equal(new Settled(1, 0, s_leaf, s_second), Assert.Single(_context.SentTo<Settled>(LineRun.Coordinator)));

        _server.Receive(_context, s_second, new Subscribe(1, 0));
        Assert.Equal([late, late], _context.SentTo<LateShare>(s_second));
    }

    [Fact]
    public void A_helper_that_lost_the_server_hears_the_order_again()
    {
        var recompute = new Recompute(1, 0, s_leaf, s_first);
        Receive(recompute);
        _server.Receive(_context, s_first, new Subscribe(1, 0));
        Assert.Equal([recompute, recompute], _context.SentTo<Recompute>(s_first));
    }

    [Fact]
    public void From_when_a_worker_is_named_late_its_own_answer_is_told_too()
    {
        PushAt(1, s_first, 0, 5);
        LookAt(100);
        PushAt(101, s_second, 1, 25);
        Assert.Equal((s_leaf, s_second), Assert.Single(_context.SentTo<Answer>(LineRun.Coordinator).Select(answer => (answer.Node, answer.Worker))));
    }

    [Fact]
    public void Only_answers_to_what_was_asked_twice_are_told()
    {
        Receive(new LateShare(1, 0, s_leaf, s_second, s_first));
        PushAt(1, s_first, 0, 5);
        Assert.Empty(_context.Sent<Answer>());
        PushAt(2, s_second, 1, 25);
        PushAt(3, s_second, 1, 25, step: 1);
        Assert.Equal(
            new Answer(1, 0, 0, s_leaf, s_second, TensorDigest.Of([25f]), 12.5), Assert.Single(_context.SentTo<Answer>(LineRun.Coordinator)));
    }

    [Fact]
    public void A_vote_is_asked_for_again_and_told_whoever_else_was_asked_since_and_its_sum_is_not_added()
    {
        var vote = new Recompute(1, 0, s_leaf, s_first, DigestOnly: true);
        Receive(vote);
        for (var step = 1; step <= 70; step++)
        {
            Receive(new LateShare(1, step, s_leaf, s_second, s_first));
        }

        _context.Messages.Clear();
        _server.Receive(_context, s_first, new Subscribe(1, 0));
        Assert.Contains(vote, _context.SentTo<Recompute>(s_first));

        var digest = TensorDigest.Of([25f]);
        _server.Receive(_context, s_first, new SumDigest(1, 0, 0, s_leaf, digest, 12.5));
        Assert.Equal(new Answer(1, 0, 0, s_leaf, s_first, digest, 12.5), Assert.Single(_context.SentTo<Answer>(LineRun.Coordinator)));
        foreach (var (worker, step, leaf) in new[] { (s_second, 0L, s_leaf), (s_first, 1L, s_leaf), (s_first, 0L, new TreeNode(0, 1)) })
        {
            _server.Receive(_context, worker, new SumDigest(1, step, 0, leaf, digest, 12.5));
        }

        Assert.Single(_context.SentTo<Answer>(LineRun.Coordinator));
    }

    [Fact]
    public void Who_is_to_vote_is_sent_weights_without_leaves_of_its_own()
    {
        Receive(new Assignment(1, 2, [s_first, s_second]));
        Receive(new Topology(2, [_context.Self]));
        foreach (var worker in new[] { s_first, s_second })
        {
            _server.Receive(_context, worker, new Subscribe(2, 0));
        }

        Receive(new Recompute(2, 0, s_leaf, s_second, DigestOnly: true));
        Receive(new Assignment(2, 3, [s_first]));
        _context.Clear();
        Push(s_first, 0, 5);
        Push(s_first, 1, 25);
        Assert.Equal([(LineRun.Coordinator, 1L), (s_first, 1), (s_second, 1)], _context.Tensors.Select(sent => (sent.To, sent.Tensor.Key.Step)));
    }

    [Fact]
    public void Only_the_newest_64_orders_are_kept()
    {
        Recompute[] orders = [.. Enumerable.Range(0, 66).Select(step => new Recompute(1, step, s_leaf, s_first))];
        Array.ForEach(orders, order => Receive(new LateShare(1, order.Step, s_leaf, s_second, s_first)));
        Receive(new LateShare(1, orders[^1].Step, s_leaf, s_second, s_first));
        _context.Messages.Clear();
        _server.Receive(_context, s_first, new Subscribe(1, 0));
        Assert.Equal(orders[2..], _context.SentTo<Recompute>(s_first));
    }

    [Fact]
    public void In_a_new_term_former_orders_are_forgotten_and_steps_are_audited_once_the_coordinator_says_so_again()
    {
        BeginAudited();
        Receive(new LateShare(2, 0, s_leaf, s_second, s_first));
        Push(s_first, 0, 5);
        Receive(new Topology(3, [_context.Self]));
        _context.Clear();
        Receive(new Advance(3, 100, 0));
        Receive(new Assignment(3, 2, [s_first, s_second]));
        _server.Receive(_context, s_first, new Subscribe(3, 0));
        _server.Receive(_context, s_second, new Subscribe(3, 0));
        Assert.Empty(_context.Messages);
        Receive(new AuditShares(3, 1));
        Assert.Equal(new AuditBegan(3, 0, 2), Assert.Single(_context.Sent<AuditBegan>()));
    }

    [Fact]
    public void At_rest_it_gives_back_the_sums_of_the_step_in_hand()
    {
        BeginAudited();
        Push(s_first, 0, 5);
        _context.Clear();
        Receive(new Rest(3));
        Assert.Equal(2, _pool.Lent);
    }

    [Fact]
    public void A_step_of_which_a_sum_came_before_the_workers_were_known_is_not_audited_but_the_next_is()
    {
        BeginAudited(hasSumBefore: true);
        Assert.Empty(_context.Sent<AuditBegan>());
        Push(s_second, 1, 25);
        Assert.Equal(new AuditBegan(2, 1, 1), Assert.Single(_context.Sent<AuditBegan>()));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_step_is_audited_once_every_segment_has_sent_its_weights_if_no_sum_of_any_has_come(bool hasSum)
    {
        using var stand = new ServerStand(LineRun.Recipe(epochs: 3), segments: 2);
        stand.Serve(1);
        stand.Receive(new Serve(1, 1, 2, 0, 0, 0));
        stand.Lead(1, stand.Self, stand.Self);
        stand.Receive(new AuditShares(1, 1));
        stand.Receive(new Assignment(1, 1, [s_first, s_second]));
        if (hasSum)
        {
            stand.Push(1, 0, 0, 1);
        }

        Assert.Empty(stand.Context.Sent<AuditBegan>());
        stand.Restore(1, segment: 1);
        stand.Receive(new Advance(1, 100, 0));
        Assert.Equal(hasSum ? [] : [new AuditBegan(1, 0, 1)], stand.Context.Sent<AuditBegan>());
    }

    [Theory]
    [InlineData(true, 2)]
    [InlineData(false, 0)]
    public void Where_there_are_other_servers_most_workers_are_never_late_as_they_may_wait_for_one_of_those(bool isAlone, int expected)
    {
        // Four leaves among three workers.
        using var stand = new ServerStand(LineRun.Recipe(epochs: 9), segments: 2, rows: 8);
        stand.Serve(1);
        stand.Serve(1, segment: 1);
        stand.Lead(1, stand.Self, isAlone ? stand.Self : new ActorId("sibling"));
        stand.Receive(new Assignment(1, 1, [s_first, s_second, new ActorId("worker-3")]));
        for (var step = 0; step < 2; step++)
        {
            stand.Push(1, step, 0, 1, worker: s_first);
            stand.Push(1, step, 1, 1, worker: s_second);
            stand.Push(1, step, 2, 2, worker: new ActorId("worker-3"));
        }

        stand.Push(1, 2, 0, 1, worker: s_first);
        stand.Context.Now = TimeSpan.FromSeconds(10);
        stand.Receive(new Tick());
        Assert.Equal(expected, stand.Context.Sent<LateShare>().Count());
    }

    [Fact]
    public void Nobody_is_late_in_a_step_that_waits_for_the_coordinator()
    {
        // The first worker computes both shares; the second never answers.
        Receive(new Hold(1));
        PushAt(1, s_first, 0, 5);
        PushAt(1, s_first, 1, 25);
        LookAt(1000);
        Assert.Empty(_context.Sent<LateShare>());
    }

    [Fact]
    public void Nobody_is_late_in_a_step_whose_weights_wait_for_the_records()
    {
        using var stand = new ServerStand(LineRun.Recipe(epochs: 3));
        stand.Serve(1);
        stand.Lead(1, limit: 1, [stand.Self]);
        stand.Receive(new Assignment(1, 1, [s_first, s_second]));
        stand.Push(1, 0, 0, 1, worker: s_first);
        stand.Push(1, 0, 1, 1, worker: s_first);
        Assert.Equal(1, Assert.Single(stand.Context.Sent<StepReport>()).Step);
        stand.Context.Now = TimeSpan.FromSeconds(1);
        stand.Receive(new Tick());
        Assert.Empty(stand.Context.Sent<LateShare>());
    }

    [Fact]
    public void Nobody_is_late_in_a_run_that_has_failed()
    {
        PushAt(1, s_first, 0, 5);
        PushAt(1, s_first, 1, float.NaN);
        LookAt(1000);
        Receive(new Rest(2));
        Receive(new Topology(3, [_context.Self]));
        LookAt(2000);
        Assert.Empty(_context.Sent<LateShare>());
    }

    [Fact]
    public void A_step_to_be_audited_is_told_when_its_weights_are_sent_and_the_helpers_are_asked()
    {
        BeginAudited();
        Assert.Equal(new AuditBegan(2, 0, 1), Assert.Single(_context.SentTo<AuditBegan>(LineRun.Coordinator)));
        Assert.Equal(new Recompute(2, 0, s_leaf, s_first, DigestOnly: true), Assert.Single(_context.SentTo<Recompute>(s_first)));
        Assert.Equal(new Recompute(2, 0, new TreeNode(0, 1), s_second, DigestOnly: true), Assert.Single(_context.SentTo<Recompute>(s_second)));

        // A worker that lost the server hears it again.
        _server.Receive(_context, s_first, new Subscribe(2, 0));
        Assert.Equal(2, _context.SentTo<Recompute>(s_first).Count());
    }

    [Fact]
    public void Both_answers_to_a_share_that_is_audited_are_told_and_the_step_waits_for_the_worker_whose_share_it_is()
    {
        BeginAudited();
        Push(s_first, 0, 5);
        SendDigest(s_first, s_leaf, 25);
        Assert.DoesNotContain(_context.Tensors, sent => sent.Tensor.Key.Step == 1);
        Push(s_second, 1, 25);
        Assert.Contains(_context.Tensors, sent => sent.Tensor.Key.Step == 1);
        SendDigest(s_second, new TreeNode(0, 1), 6);
        Assert.Equal(
            [(0, s_first, 5f), (1, s_first, 25), (1, s_second, 25), (0, s_second, 6)],
            _context.SentTo<Answer>(LineRun.Coordinator).Select(answer => (
                answer.Node.Start, answer.Worker, new[] { 5f, 6, 25 }.Single(sum => TensorDigest.Of([sum]) == answer.Digest))));

        // The next step is the coordinator's to hear of before anything of it is.
        Assert.Equal([0L, 1], _context.SentTo<AuditBegan>(LineRun.Coordinator).Select(began => began.Step));
    }

    [Fact]
    public void A_digest_that_nobody_was_asked_for_or_that_is_none_is_not_told()
    {
        BeginAudited();
        SendDigest(s_first, new TreeNode(0, 1), 5);
        SendDigest(s_first, new TreeNode(0, 2), 30);
        SendDigest(s_first, s_leaf, 25, step: 1);
        SendDigest(s_first, s_leaf, 25, term: 1);
        foreach (var text in new[] { "", "25", new string('g', 32), new string('0', 1 << 20) })
        {
            _server.Receive(_context, s_first, new SumDigest(2, 0, 0, s_leaf, text, 12.5));
        }

        Assert.Empty(_context.Sent<Answer>());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Leaves_divided_again_may_be_the_helpers_own_and_count_whoever_hears_of_it_first(bool isHelperFirst)
    {
        BeginAudited();
        Push(s_first, 0, 5);
        if (isHelperFirst)
        {
            Push(s_first, 1, 25);
        }

        Receive(new Assignment(2, 2, [s_first]));
        if (!isHelperFirst)
        {
            Push(s_first, 1, 25);
        }

        Assert.Contains(_context.Tensors, sent => sent.Tensor.Key.Step == 1);
    }

    [Fact]
    public void Without_the_coordinators_word_nothing_is_audited()
    {
        _server.Receive(_context, s_first, new Subscribe(1, 0));
        PushAt(1, s_first, 0, 5);
        PushAt(1, s_second, 1, 25);
        Assert.Empty(_context.Sent<AuditBegan>());
        Assert.Empty(_context.Sent<Answer>());
    }

    /// <summary>A term in which every step is audited; its first assignment comes when the weights of the first step are sent.</summary>
    private void BeginAudited(bool hasSumBefore = false)
    {
        _context.Clear();
        Receive(new Serve(2, 0, 1, 0, 0, 0));
        _server.Receive(_context, LineRun.Coordinator, _pool.Tensor(LineRun.Weights(2, 0), 0, 1));
        _server.Receive(_context, LineRun.Coordinator, _pool.Tensor(LineRun.State(2, 0), 0, 0));
        Receive(new Topology(2, [_context.Self]));
        Receive(new AuditShares(2, 1));
        Receive(new Advance(2, 100, 0));
        _server.Receive(_context, s_first, new Subscribe(2, 0));
        _server.Receive(_context, s_second, new Subscribe(2, 0));
        Receive(new Assignment(2, 0, []));
        if (hasSumBefore)
        {
            Push(s_first, 0, 5);
        }

        Assert.Empty(_context.Sent<AuditBegan>());
        Receive(new Assignment(2, 1, [s_first, s_second]));
    }

    private void Push(ActorId worker, int leaf, float sum) =>
        _server.Receive(_context, worker, _pool.Tensor(LineRun.Sum(2, 0, leaf, 1), 12.5, sum));

    private void SendDigest(ActorId worker, TreeNode node, float sum, long term = 2, long step = 0) =>
        _server.Receive(_context, worker, new SumDigest(term, step, 0, node, TensorDigest.Of([sum]), 12.5));

    private void PushAt(int milliseconds, ActorId worker, int leaf, float sum, int step = 0)
    {
        _context.Now = TimeSpan.FromMilliseconds(milliseconds);
        _server.Receive(_context, worker, _pool.Tensor(LineRun.Sum(1, step, leaf, 1), 12.5, sum));
    }

    private void LookAt(int milliseconds)
    {
        _context.Now = TimeSpan.FromMilliseconds(milliseconds);
        Receive(new Tick());
    }

    private void Receive(IMessage message) => _server.Receive(_context, LineRun.Coordinator, message);
}
