using ClusterTrain.Learning.Networks;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Threading;
using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;
using ClusterTrain.Training.Tensors;
using ClusterTrain.Training.Workers;

namespace ClusterTrain.Training.Tests;

public sealed class WorkerTests : IDisposable
{
    private static readonly ActorId s_server = new("server");

    private readonly ComputePool _threads = new(1);
    private readonly TensorPool _pool = new();
    private readonly RecordingContext _context = new("worker-1");
    private readonly Worker _worker;

    public WorkerTests()
    {
        var recipe = LineRun.Recipe();
        var layout = LineRun.Layout(recipe);
        var network = new Network(layout, recipe.Loss, Kernels.Active, _threads);
        _worker = new Worker(new TrainingPlan(recipe, 4), layout, LineRun.Data(recipe).Train, network, _pool);
        _worker.Start(_context, LineRun.Coordinator);
    }

    public void Dispose()
    {
        _context.Clear();
        _worker.Dispose();
        _threads.Dispose();
        Assert.Equal(0, _pool.Lent);
    }

    [Fact]
    public void A_worker_joins_when_it_starts() =>
        Assert.Equal(NodeRole.Worker, Assert.Single(_context.SentTo<Join>(LineRun.Coordinator)).Role);

    [Fact]
    public void Alone_it_pushes_the_sum_over_all_leaves_as_the_root()
    {
        Assign(1, 1, "worker-1");
        Weights(1, 0, LineRun.FirstWeight);

        var (to, push) = Assert.Single(_context.Tensors);
        Assert.Equal(s_server, to);
        Assert.Equal(LineRun.Sum(1, 0, 0, 2), push.Key);
        Assert.Equal([30], push.Values.ToArray());
        Assert.Equal(15, push.Loss);
    }

    [Theory]
    [InlineData("worker-1 worker-2", 0, 1)]
    [InlineData("worker-2 worker-1", 1, 1)]
    [InlineData("worker-1 worker-2 worker-3 worker-4", 0, 0)]
    [InlineData("worker-2 worker-3 worker-4 worker-1", 1, 1)]
    public void It_computes_its_share_in_the_order_of_the_assignment(string workers, int start, int count)
    {
        Assign(1, 1, workers.Split(' '));
        Weights(1, 0, LineRun.FirstWeight);

        var nodes = _context.Tensors.Select(sent => sent.Tensor.Key.Node);
        Assert.Equal(count == 0 ? [] : [new TreeNode(start, count)], nodes);
    }

    [Fact]
    public void The_other_worker_is_lost_within_a_step_and_only_its_leaf_is_added()
    {
        Assign(1, 1, "worker-1", "worker-2");
        Weights(1, 0, LineRun.FirstWeight);
        Assign(1, 2, "worker-1");

        Assert.Equal([new TreeNode(0, 1), new TreeNode(1, 1)], _context.Tensors.Select(sent => sent.Tensor.Key.Node));
        Assert.Equal(30, _context.Tensors.Sum(sent => sent.Tensor.Values[0]));
        Assert.Equal(15, _context.Tensors.Sum(sent => sent.Tensor.Loss));
    }

    [Fact]
    public void Weights_before_the_assignment_wait_for_it()
    {
        Topology(1);
        Weights(1, 0, LineRun.FirstWeight);
        Assert.Empty(_context.Tensors);

        Receive(new Assignment(1, 1, LineRun.Ids("worker-1")));
        Assert.Single(_context.Tensors);
    }

    [Fact]
    public void Left_out_of_the_assignment_it_computes_nothing()
    {
        Assign(1, 1, "worker-2");
        Weights(1, 0, LineRun.FirstWeight);
        Assert.Empty(_context.Tensors);
    }

    [Fact]
    public void The_same_weights_sent_again_are_computed_and_pushed_again()
    {
        Assign(1, 1, "worker-1");
        Weights(1, 0, LineRun.FirstWeight);
        Weights(1, 0, LineRun.FirstWeight);
        Assert.Equal(2, _context.Tensors.Count(sent => sent.Tensor.Key == LineRun.Sum(1, 0, 0, 2)));
    }

    [Fact]
    public void A_new_term_is_subscribed_to_and_weights_of_the_former_one_no_longer_count()
    {
        Assign(1, 1, "worker-1");
        Topology(2, "server-b");
        Receive(new Assignment(2, 1, LineRun.Ids("worker-1")));
        Weights(1, 5, LineRun.FirstWeight);

        Assert.Empty(_context.Tensors);
        Assert.Equal(new Subscribe(2, 0), Assert.Single(_context.SentTo<Subscribe>(new ActorId("server-b"))));
    }

    [Fact]
    public void A_late_topology_of_a_former_coordinator_is_not_followed()
    {
        Assign(2, 1, "worker-1");
        Topology(1, "server-b");
        Assert.Empty(_context.SentTo<Subscribe>(new ActorId("server-b")));
    }

    [Fact]
    public void A_late_assignment_of_a_former_coordinator_does_not_replace_the_new_ones()
    {
        Assign(1 << 20, 1, "worker-1");
        Receive(new Assignment(1, 90, LineRun.Ids("worker-2")));
        Weights(1 << 20, 0, LineRun.FirstWeight);
        Assert.Single(_context.Tensors);
    }

    [Fact]
    public void A_late_assignment_of_the_same_term_does_not_replace_a_newer_one()
    {
        Assign(1, 2, "worker-1");
        Receive(new Assignment(1, 1, LineRun.Ids("worker-2")));
        Weights(1, 0, LineRun.FirstWeight);
        Assert.Single(_context.Tensors);
    }

    [Fact]
    public void Weights_that_come_late_are_not_computed_again()
    {
        Assign(1, 1, "worker-1");
        Weights(1, 1, LineRun.SecondWeight);
        Weights(1, 0, LineRun.FirstWeight);
        Assert.Equal(1, Assert.Single(_context.Tensors).Tensor.Key.Step);
    }

    [Fact]
    public void The_link_to_the_server_broke_and_is_there_again_and_it_subscribes_again()
    {
        Assign(1, 1, "worker-1");
        Receive(new LinkRestored(s_server));
        Receive(new LinkRestored(new ActorId("worker-2")));
        Assert.Equal([new Subscribe(1, 0), new Subscribe(1, 0)], _context.SentTo<Subscribe>(s_server));
        Assert.Empty(_context.SentTo<Subscribe>(new ActorId("worker-2")));
    }

    [Fact]
    public void It_announces_itself_again_and_subscribes_again_though_the_term_is_the_same()
    {
        Assign(1, 1, "worker-1");
        _worker.Start(_context, LineRun.Coordinator);
        Topology(1);
        Topology(1);
        Assert.Equal(2, _context.SentTo<Subscribe>(s_server).Count());
    }

    [Fact]
    public void How_fast_it_computes_is_reported_now_and_then()
    {
        Assign(1, 1, "worker-1");
        Weights(1, 0, LineRun.FirstWeight);
        _context.Now = TimeSpan.FromSeconds(1);
        Weights(1, 1, LineRun.SecondWeight);
        Assert.Equal(4, Assert.Single(_context.SentTo<ComputeReport>(LineRun.Coordinator)).Rows);
    }

    [Fact]
    public void After_the_stop_it_gives_its_weights_back_and_takes_no_more()
    {
        Assign(1, 1, "worker-1");
        Weights(1, 0, LineRun.FirstWeight);
        Receive(new Stop());
        _context.Clear();
        Weights(1, 1, LineRun.SecondWeight);
        Assert.Equal(0, _pool.Lent);
        Assert.Empty(_context.Tensors);
    }

    [Fact]
    public void It_reports_what_it_did_since_the_last_report_first_after_a_tenth_of_a_second_and_then_every_second()
    {
        Assign(1, 1, "worker-1");

        // The first step also compiles what it runs.
        ComputeAt(0, 0);
        ComputeAt(99, 1);
        Assert.Empty(_context.Sent<ComputeReport>());
        ComputeAt(100, 2);
        ComputeAt(1099, 3);
        Assert.Single(_context.Sent<ComputeReport>());

        // A share more of the same step, and one that is only audited.
        _context.Now = TimeSpan.FromMilliseconds(1100);
        _worker.Receive(_context, s_server, new Recompute(1, 3, new TreeNode(0, 1), _context.Self));
        _worker.Receive(_context, s_server, new Recompute(1, 3, new TreeNode(1, 1), _context.Self, DigestOnly: true));
        ComputeAt(2100, 4);
        Assert.Equal(
            [(8L, 2L, 8L, 100), (6, 1, 8, 1000), (6, 1, 4, 1000)],
            _context.SentTo<ComputeReport>(LineRun.Coordinator)
                .Select(report => (report.Rows, report.Steps, report.Bytes, (int)report.Elapsed.TotalMilliseconds)));
        Assert.All(_context.Sent<ComputeReport>(), report => Assert.True(report.ComputeTime > TimeSpan.Zero));

        void ComputeAt(int milliseconds, long step)
        {
            _context.Now = TimeSpan.FromMilliseconds(milliseconds);
            Weights(1, step, LineRun.FirstWeight);
        }
    }

    [Fact]
    public void Told_by_every_server_it_computes_what_another_computes_too()
    {
        Assign(1, 1, "worker-1", "worker-2");
        Weights(1, 0, LineRun.FirstWeight);
        _context.Clear();
        var recompute = new Recompute(1, 0, new TreeNode(1, 1), _context.Self);
        _worker.Receive(_context, LineRun.Coordinator, recompute);
        Assert.Empty(_context.Tensors);
        _worker.Receive(_context, s_server, recompute);
        var push = Assert.Single(_context.Tensors).Tensor;
        Assert.Equal(LineRun.Sum(1, 0, 1, 1), push.Key);

        // The epoch's permutation puts the rows x = 1 and x = 4 there: 1 + 16.
        Assert.Equal([17f], push.Values.ToArray());
        Assert.Equal(new Settled(1, 0, new TreeNode(1, 1), _context.Self), Assert.Single(_context.SentTo<Settled>(s_server)));
    }

    [Fact]
    public void For_an_audit_it_sends_the_digest_of_the_sum_it_computed_and_still_pushes_the_sum_when_the_leaves_become_its_own()
    {
        Assign(1, 1, "worker-1", "worker-2");
        Weights(1, 0, LineRun.FirstWeight);
        _context.Clear();
        _worker.Receive(_context, s_server, new Recompute(1, 0, new TreeNode(1, 1), _context.Self, DigestOnly: true));
        Assert.Empty(_context.Tensors);
        var digest = Assert.Single(_context.SentTo<SumDigest>(s_server));
        Assert.Equal(new Settled(1, 0, new TreeNode(1, 1), _context.Self), Assert.Single(_context.SentTo<Settled>(s_server)));

        Receive(new Assignment(1, 2, LineRun.Ids("worker-1")));
        var push = Assert.Single(_context.Tensors).Tensor;
        Assert.Equal([17f], push.Values.ToArray());
        Assert.Equal(new SumDigest(1, 0, 0, push.Key.Node, TensorDigest.Of(push.Values), push.Loss), digest);
    }

    [Fact]
    public void Asked_about_a_later_step_it_answers_when_the_weights_are_there_and_of_a_former_one_says_that_it_never_will()
    {
        Assign(1, 1, "worker-2");
        Weights(1, 1, LineRun.FirstWeight);
        _worker.Receive(_context, s_server, new Recompute(1, 0, new TreeNode(0, 1), _context.Self));
        _worker.Receive(_context, s_server, new Recompute(1, 2, new TreeNode(0, 2), _context.Self));
        Assert.Empty(_context.Tensors);
        Assert.Equal(new Settled(1, 0, new TreeNode(0, 1), _context.Self), Assert.Single(_context.SentTo<Settled>(s_server)));
        Weights(1, 2, LineRun.SecondWeight);
        Assert.Equal(LineRun.Sum(1, 2, 0, 2), Assert.Single(_context.Tensors).Tensor.Key);
    }

    [Fact]
    public void Late_with_its_share_it_says_when_it_has_pushed_all_it_will_of_it()
    {
        Assign(1, 1, "worker-1");
        Weights(1, 3, LineRun.FirstWeight);
        _worker.Receive(_context, s_server, new LateShare(1, 2, new TreeNode(0, 2), _context.Self, new ActorId("worker-2")));
        Assert.Equal(new Settled(1, 2, new TreeNode(0, 2), _context.Self), Assert.Single(_context.SentTo<Settled>(s_server)));
    }

    [Fact]
    public void Excluded_it_computes_nothing_any_more()
    {
        Assign(1, 1, "worker-1");
        Receive(new Exclude("a wrong sum"));
        Weights(1, 0, LineRun.FirstWeight);
        Assert.Empty(_context.Tensors);
    }

    private void Assign(long term, long version, params string[] workers)
    {
        Topology(term);
        Receive(new Assignment(term, version, LineRun.Ids(workers)));
    }

    private void Topology(long term, string server = "server") => Receive(new Topology(term, LineRun.Ids(server)));

    private void Weights(long term, long step, float weight) =>
        _worker.Receive(_context, s_server, _pool.Tensor(LineRun.Weights(term, step), 0, weight));

    private void Receive(IMessage message) => _worker.Receive(_context, LineRun.Coordinator, message);
}
