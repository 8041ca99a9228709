using System.Collections.Immutable;
using ClusterTrain.Learning.Metrics;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;
using ClusterTrain.Training.Tensors;

namespace ClusterTrain.Training.Tests;

public sealed class CoordinatorTests : IDisposable
{
    private static readonly ActorId s_server = new("server");
    private static readonly ActorId s_worker = new("worker-1");
    private static readonly ActorId s_second = new("worker-2");

    private readonly TensorPool _pool = new();
    private readonly RecordingContext _context = new("coordinator");
    private readonly List<RunEvent> _events = [];
    private readonly Dictionary<ActorId, SegmentPosition> _positions = [];
    private MemoryRecorder _recorder = new();
    private Coordinator _coordinator = null!;

    public void Dispose()
    {
        _context.RunOffloaded(_coordinator);
        _context.Clear();
        _coordinator.Dispose();
        Assert.Equal(0, _pool.Lent);
    }

    [Fact]
    public void It_waits_for_members_and_says_which_are_missing()
    {
        Begin(new RunSettings { LeastWorkers = 2 });
        Assert.Equal("waiting for 2 more workers and 1 more parameter server", Assert.Single(_events.OfType<RunWaiting>()).Reason);
        Join(s_worker, NodeRole.Worker);
        Join(s_server, NodeRole.ParameterServer);
        Assert.Empty(_events.OfType<RunBegan>());
        Assert.Empty(Assignments(s_server)[^1].Workers);

        Join(s_second, NodeRole.Worker);
        Assert.Equal(new RunBegan(0, 2, 1), Assert.Single(_events.OfType<RunBegan>()));
        Assert.Equal([s_worker, s_second], Assignments(s_server)[^1].Workers.ToArray());
    }

    [Fact]
    public void A_server_is_told_to_serve_then_sent_weights_and_state_before_the_topology()
    {
        Begin();
        Join(s_server, NodeRole.ParameterServer);
        var term = (1L << 20) + 1;
        Assert.Equal(
            [new Serve(term, 0, 1, 0, 0, 0), new Topology(term, [s_server]), new Advance(term, 2, 0)],
            _context.SentTo<IMessage>(s_server).Take(3), new SameMessage());
        Assert.Equal([LineRun.Weights(term, 0), LineRun.State(term, 0)], _context.Tensors.Select(sent => sent.Tensor.Key));
        Assert.Equal([1f], _context.Tensors[0].Tensor.Values.ToArray());
        Assert.Equal([0f], _context.Tensors[1].Tensor.Values.ToArray());
    }

    [Fact]
    public void A_worker_that_joins_late_hears_of_the_servers_before_its_leaves()
    {
        BeginWith(s_server, s_worker);
        Join(s_second, NodeRole.Worker);
        Assert.Equal([typeof(Topology), typeof(Assignment)], _context.SentTo<IMessage>(s_second).Select(message => message.GetType()));
        Assert.Equal([s_worker, s_second], Assignments(s_worker)[^1].Workers.ToArray());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_worker_is_gone_and_its_leaves_are_given_to_the_others(bool saysGoodbye)
    {
        BeginWith(s_server, s_worker, s_second);
        if (saysGoodbye)
        {
            Receive(s_second, new Leave());
        }
        else
        {
            Receive(_context.Self, new MemberLost(s_second, "connection reset"));
        }

        var last = Assignments(s_worker)[^1];
        Assert.Equal([s_worker], last.Workers.ToArray());
        Assert.True(last.Version > Assignments(s_worker)[^2].Version);
        Assert.Equal(saysGoodbye ? "left" : "lost: connection reset", _events.OfType<MembershipChanged>().Last().What);
    }

    [Fact]
    public void Too_few_workers_are_left_and_the_run_rests_until_one_joins()
    {
        BeginWith(s_server, s_worker);
        Receive(_context.Self, new MemberLost(s_worker, "connection reset"));
        Assert.Empty(Assignments(s_server)[^1].Workers);
        Join(s_second, NodeRole.Worker);
        Assert.Equal([s_second], Assignments(s_server)[^1].Workers.ToArray());
        Assert.Equal(2, _events.OfType<RunBegan>().Count());
    }

    [Fact]
    public void A_server_is_lost_and_another_continues_from_the_last_checkpoint_in_a_new_term()
    {
        BeginWith(s_server, s_worker);
        var former = Topologies(s_worker)[^1].Term;
        SendSnapshot(former, 1, LineRun.SecondWeight, LineRun.SecondVelocity);
        Receive(_context.Self, new MemberLost(s_server, "killed"));
        _context.Clear();

        var next = new ActorId("server-2");
        Join(next, NodeRole.ParameterServer);
        var serve = Assert.Single(_context.SentTo<Serve>(next));
        Assert.Equal(1, serve.Step);
        Assert.True(serve.Term > former);
        Assert.Equal([LineRun.SecondWeight, LineRun.SecondVelocity], _context.Tensors.Select(sent => sent.Tensor.Values[0]));
        Assert.Equal([next], Topologies(s_worker)[^1].Servers.ToArray());
    }

    [Fact]
    public void A_server_lost_without_a_checkpoint_begins_at_the_start_weights_again()
    {
        BeginWith(s_server, s_worker);
        Receive(_context.Self, new MemberLost(s_server, "killed"));
        _context.Clear();
        Join(new ActorId("server-2"), NodeRole.ParameterServer);
        Assert.Equal(0, Assert.Single(_context.Sent<Serve>()).Step);
    }

    [Fact]
    public void Only_the_coordinator_was_lost_and_the_server_continues_from_where_it_is()
    {
        Begin(new RunSettings(), new RunStart(2, Start(0, 1, 0), [], 0, null));
        Join(s_worker, NodeRole.Worker);
        JoinHolding(s_server, new SegmentPosition(0, 1, 7, 1, 1, 0));
        Assert.Empty(_context.Sent<Serve>());
        Assert.Equal(2L << 20, Topologies(s_server)[^1].Term - 2);
        Assert.Equal(1, _events.OfType<RunBegan>().Last().Step);
        Assert.Equal([s_worker], Assignments(s_worker)[^1].Workers.ToArray());
    }

    [Fact]
    public void A_server_that_is_behind_the_checkpoint_is_served_again()
    {
        Begin(new RunSettings(), new RunStart(2, Start(1, LineRun.SecondWeight, LineRun.SecondVelocity), [Record(1, 1)], 1, null));
        JoinHolding(s_server, new SegmentPosition(0, 1, 7, 0, 0, 0));
        Assert.Equal(1, Assert.Single(_context.Sent<Serve>()).Step);
    }

    [Theory]
    [InlineData(1, 1, 1, "power was lost and with it an entry of the receipt that the server no longer keeps")]
    [InlineData(2, 1, 0, "the run had another number of servers")]
    [InlineData(1, 2, 0, "all is computed, recorded nowhere: the epochs follow", true)]
    public void A_server_is_adopted_only_with_all_that_the_record_lacks(int segments, long step, long recorded, string incident,
        bool isAdopted = false)
    {
        Begin(new RunSettings(), new RunStart(2, Start(0, 1, 0), [], 0, null));
        JoinHolding(s_server, new SegmentPosition(0, segments, 7, step, step, recorded));
        Assert.True(isAdopted != _context.Sent<Serve>().Any(), incident);
    }

    [Theory]
    [InlineData(7, 7, true)]
    [InlineData(7, 8, false)]
    public void Servers_that_were_told_to_serve_in_different_terms_do_not_continue_together(long first, long second, bool isAdopted)
    {
        // The former coordinator was lost while it had the segments served again, and one server never heard of it.
        BeginWithTwoSegments();
        JoinHolding(s_server, new SegmentPosition(0, 2, first, 1, 0, 0));
        JoinHolding(new ActorId("server-2"), new SegmentPosition(1, 2, second, 0, 0, 0));
        Assert.Equal(isAdopted, !_context.Sent<Serve>().Any());
    }

    [Theory]
    [InlineData(3, 3, 3, 3, true, "both at the same step")]
    [InlineData(3, 3, 4, 3, true, "one a step ahead, and it can still send the weights before")]
    [InlineData(3, 3, 4, 4, false, "one a step ahead without them: nobody could compute the other's step again")]
    [InlineData(3, 3, 9, 8, false, "one was left behind")]
    public void Servers_that_stalled_continue_from_a_step_that_all_of_them_can_send_the_weights_of(
        long step, long first, long otherStep, long otherFirst, bool isAdopted, string incident)
    {
        var second = new ActorId("server-2");
        BeginWithTwoSegments();
        Join(s_server, NodeRole.ParameterServer);
        Join(second, NodeRole.ParameterServer);
        Join(s_worker, NodeRole.Worker);
        var served = Topologies(s_worker)[^1].Term;
        Receive(_context.Self, new MemberLost(s_server, "silent for 1 s"));
        _context.Clear();
        Receive(s_server, new Join(NodeRole.ParameterServer, [new SegmentPosition(0, 2, served, step, first, 0)]));
        var rest = _context.Sent<Rest>().First();
        Assert.Equal([second, s_server], _context.Messages.Where(sent => sent.Message is Rest).Select(sent => sent.To));
        Receive(s_server, new Holding(rest.Term, [new SegmentPosition(0, 2, served, step, first, 0)]));
        Assert.Empty(_context.Sent<Topology>());
        Receive(second, new Holding(rest.Term, [new SegmentPosition(1, 2, served, otherStep, otherFirst, 0)]));
        Assert.True(isAdopted != _context.Sent<Serve>().Any(), incident);
        Assert.Equal(isAdopted ? step : 0, _events.OfType<RunBegan>().Last().Step);
    }

    [Fact]
    public void A_server_beyond_those_needed_is_the_spare_and_continues_when_the_other_is_lost()
    {
        var spare = new ActorId("server-2");
        Begin();
        Join(s_server, NodeRole.ParameterServer);
        Join(s_worker, NodeRole.Worker);
        var term = Topologies(s_worker)[^1].Term;
        Join(spare, NodeRole.ParameterServer);
        Assert.Equal([spare], Assert.Single(_context.SentTo<Spares>(s_server)).Servers.ToArray());
        _context.Clear();

        Receive(_context.Self, new MemberLost(s_server, "killed"));
        var rest = Assert.Single(_context.SentTo<Rest>(spare));
        Receive(spare, new Holding(rest.Term, [new SegmentPosition(0, 1, term, 1, 1, 0)]));
        Assert.Empty(_context.Sent<Serve>());
        Assert.Equal([spare], Topologies(s_worker)[^1].Servers.ToArray());
        Assert.Equal(new RunBegan(1, 1, 1), _events.OfType<RunBegan>().Last());
        Assert.Empty(_events.OfType<RunWaiting>().Skip(2));

        // Who comes next is the spare of the spare.
        Join(s_server, NodeRole.ParameterServer);
        Assert.Equal([s_server], Assert.Single(_context.SentTo<Spares>(spare)).Servers.ToArray());
    }

    [Fact]
    public void A_server_that_was_away_while_the_steps_were_replayed_because_of_a_wrong_answer_is_not_followed()
    {
        BeginWith(s_server, s_worker, s_second);
        var term = Topologies(s_worker)[^1].Term;
        var leaf = new TreeNode(1, 1);
        Receive(s_server, new LateShare(term, 0, leaf, s_worker, s_second));
        Receive(s_server, new Answer(term, 0, 0, leaf, s_second, "00", 1));
        Receive(s_server, new Answer(term, 0, 0, leaf, s_second, "11", 1));
        Assert.Equal(2, _context.SentTo<Serve>(s_server).Count());
        Receive(_context.Self, new MemberLost(s_server, "silent for 1 s"));
        JoinHolding(s_server, new SegmentPosition(0, 1, term, 1, 1, 0));
        Assert.Equal(3, _context.SentTo<Serve>(s_server).Count());
    }

    [Fact]
    public void All_is_recorded_but_the_result_was_not_written_and_the_end_is_replayed_from_the_checkpoint()
    {
        Begin(new RunSettings(), new RunStart(2, Start(1, LineRun.SecondWeight, LineRun.SecondVelocity), [Record(1, 1), Record(2, 2)], 2, null));
        JoinHolding(s_server, new SegmentPosition(0, 1, 7, 2, 2, 2));
        Assert.Equal(1, Assert.Single(_context.Sent<Serve>()).Step);
    }

    [Fact]
    public void The_best_epoch_is_checkpointed_but_not_yet_kept_as_the_best_and_its_weights_are_the_result()
    {
        _recorder = new MemoryRecorder(0.5, 0.6, 0.7);
        var best = new EpochRecord(1, 1, 1, new Evaluation { Rows = 1, Loss = 0.5 }, "hash-1");
        Begin(new RunSettings(), new RunStart(2, Start(1, 10, 0), [best], 1, null));
        _recorder.Epochs.Add(best);
        _context.RunOffloaded(_coordinator);
        Assert.Equal([1], _recorder.Best);

        Join(s_server, NodeRole.ParameterServer);
        var term = Topologies(s_server)[^1].Term;
        SendEpoch(term, 2, 20, 1);
        SendEpoch(term, 3, 30, 1);
        Assert.Equal([10f], _recorder.Result!.Value.Weights);
    }

    [Fact]
    public void The_speed_of_an_epoch_is_its_own_and_that_of_a_short_one_the_mean_over_a_while()
    {
        Begin(epochs: 7);
        Join(s_server, NodeRole.ParameterServer);
        Join(s_worker, NodeRole.Worker);
        var term = Topologies(s_worker)[^1].Term;
        foreach (var milliseconds in (double[])[100, 250, 250.01, 450, 450.01, 1450, 2450])
        {
            _context.Now = TimeSpan.FromMilliseconds(milliseconds);
            SendEpoch(term, _recorder.Epochs.Count + 1, 1, 1);
        }

        // Four rows in an epoch.
        double[] expected = [4 / 0.1, 8 / 0.25, 12 / 0.25001, 8 / 0.2, 12 / 0.20001, 8 / 1.0, 4 / 1.0];
        Assert.Equal(expected, _events.OfType<EpochCompleted>().Select(epoch => epoch.SamplesPerSecond), (x, y) => Math.Abs(x - y) < 1e-3);
    }

    [Fact]
    public void Epochs_that_are_recorded_together_are_reported_in_order_each_with_the_speed_it_had_at_the_server()
    {
        Begin(epochs: 4);
        Join(s_server, NodeRole.ParameterServer);
        Join(s_worker, NodeRole.Worker);
        Join(s_second, NodeRole.Worker);
        var term = Topologies(s_worker)[^1].Term;
        var leaf = new TreeNode(1, 1);
        Receive(s_server, new LateShare(term, 0, leaf, s_worker, s_second));
        foreach (var (epoch, seconds) in new[] { (1, 1.0), (2, 3.0), (3, 3.5) })
        {
            Receive(s_server, new StepReport(term, 0, epoch, 1, TimeSpan.FromSeconds(seconds)));
            _coordinator.Receive(_context, s_server, _pool.Tensor(LineRun.Weights(term, epoch), 1, epoch));
        }

        _context.RunOffloaded(_coordinator);
        Assert.Empty(_events.OfType<EpochCompleted>());
        Receive(s_server, new Settled(term, 0, leaf, s_worker));
        Receive(s_server, new Settled(term, 0, leaf, s_second));
        _context.RunOffloaded(_coordinator);
        Assert.Equal([(1, 4.0), (2, 2.0), (3, 8.0)], _events.OfType<EpochCompleted>().Select(epoch => (epoch.Record.Epoch, epoch.SamplesPerSecond)));
        Assert.Equal([3.0, 4.0, 0.5], _events.OfType<EpochCompleted>().Select(epoch => epoch.Remaining.TotalSeconds));
    }

    [Fact]
    public void A_new_coordinator_knows_the_speed_of_the_epochs_its_servers_kept()
    {
        Begin(new RunSettings(), new RunStart(2, Start(0, 1, 0), [], 0, null), epochs: 4);
        JoinHolding(s_server, new SegmentPosition(0, 1, 7, 1, 1, 0));
        var term = Topologies(s_server)[^1].Term;
        Receive(s_server, new StepReport(term, 0, 0, 1, TimeSpan.FromSeconds(5)));
        _context.Now = TimeSpan.FromSeconds(7);
        SendEpoch(term, 1, 1, 1);
        Assert.Equal(2, Assert.Single(_events.OfType<EpochCompleted>()).SamplesPerSecond);
    }

    [Fact]
    public void Each_epoch_is_recorded_and_the_last_one_becomes_the_result()
    {
        BeginWith(s_server, s_worker);
        var term = Topologies(s_worker)[^1].Term;
        SendEpoch(term, 1, LineRun.SecondWeight, 15);
        Assert.Equal(new Advance(term, 2, 1), _context.SentTo<Advance>(s_server).Last());
        SendEpoch(term, 2, LineRun.ThirdWeight, 0.1);

        Assert.Equal([3.75, 0.025], _recorder.Epochs.Select(epoch => epoch.Loss));
        Assert.Equal([LineRun.ThirdWeight], _recorder.Result!.Value.Weights);
        var completed = Assert.IsType<RunCompleted>(Assert.Single(_events.OfType<RunEnded>()).Outcome);
        Assert.Equal((2, 2, false, _recorder.Epochs[1].WeightsSha256),
            (completed.Epoch, completed.Step, completed.StoppedEarly, completed.WeightsSha256));
        Assert.Single(_context.SentTo<Stop>(s_server));
        Assert.Single(_context.SentTo<Stop>(s_worker));
    }

    [Fact]
    public void Who_joins_after_the_end_is_told_to_stop()
    {
        BeginWith(s_server, s_worker);
        Receive(s_worker, new MemberFailed(s_worker, "out of memory"));
        Join(s_second, NodeRole.Worker);
        Assert.Equal("out of memory", Assert.IsType<RunFailed>(Assert.Single(_events.OfType<RunEnded>()).Outcome).Reason);
        Assert.Single(_context.SentTo<Stop>(s_second));
    }

    [Fact]
    public void A_number_that_is_not_finite_ends_the_run_with_step_epoch_and_advice()
    {
        BeginWith(s_server, s_worker);
        Receive(s_server, new NotFinite(1, "the gradient of layers.0.weight"));
        var reason = Assert.IsType<RunFailed>(Assert.Single(_events.OfType<RunEnded>()).Outcome).Reason;
        Assert.StartsWith("step 1 (epoch 2): the gradient of layers.0.weight is not finite. Lower optimiser.rate", reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_stop_is_asked_for_and_the_run_ends_with_a_checkpoint_of_the_step_all_segments_can_reach()
    {
        BeginWith(s_server, s_worker);
        var term = Topologies(s_worker)[^1].Term;
        Receive(_context.Self, new StopRequested());
        Assert.Equal(new Hold(term), Assert.Single(_context.SentTo<Hold>(s_server)));
        Receive(s_server, new Held(term, 0, 1));
        Assert.Equal(new SnapshotAt(term, 1), Assert.Single(_context.SentTo<SnapshotAt>(s_server)));
        SendSnapshot(term, 1, LineRun.SecondWeight, LineRun.SecondVelocity);

        Assert.Equal(new RunInterrupted(1), Assert.Single(_events.OfType<RunEnded>()).Outcome);
        var checkpoint = Assert.Single(_recorder.Checkpoints);
        Assert.Equal((1, LineRun.SecondWeight, LineRun.SecondVelocity),
            (checkpoint.Step, checkpoint.Weights.Span[0], checkpoint.OptimiserState.Span[0]));
        Assert.Single(_context.SentTo<Stop>(s_worker));
    }

    [Fact]
    public void A_server_that_was_asked_to_stop_goes_after_a_checkpoint_and_another_continues_from_there()
    {
        var next = new ActorId("server-2");
        BeginWith(s_server, s_worker);
        var term = Topologies(s_worker)[^1].Term;
        Receive(s_server, new WantsToLeave());
        Receive(s_worker, new Leave());
        Assert.Empty(_context.SentTo<Stop>(s_server));
        Receive(s_server, new Held(term, 0, 1));
        SendSnapshot(term, 1, LineRun.SecondWeight, LineRun.SecondVelocity);
        Assert.Single(_context.SentTo<Stop>(s_server));
        Assert.Equal("left", _events.OfType<MembershipChanged>().Last().What);
        Join(next, NodeRole.ParameterServer);
        Assert.Equal(1, Assert.Single(_context.SentTo<Serve>(next)).Step);
    }

    [Fact]
    public void A_server_that_was_asked_to_stop_goes_at_once_when_it_has_no_segment_and_after_a_while_when_no_checkpoint_can_be_had()
    {
        var spare = new ActorId("server-2");
        BeginWith(s_server, s_worker);
        Join(spare, NodeRole.ParameterServer);
        Receive(spare, new WantsToLeave());
        Assert.Single(_context.SentTo<Stop>(spare));
        Receive(s_server, new WantsToLeave());
        Receive(s_worker, new Leave());
        _context.Now = TimeSpan.FromSeconds(5);
        Receive(_context.Self, new Tick());
        Assert.Single(_context.SentTo<Stop>(s_server));
    }

    [Fact]
    public void A_checkpoint_that_was_under_way_is_not_the_last_one_of_a_run_that_is_stopped()
    {
        BeginWith(s_server, s_worker);
        var term = Topologies(s_worker)[^1].Term;
        Receive(_context.Self, new StopRequested());
        SendSnapshot(term, 1, LineRun.SecondWeight, LineRun.SecondVelocity);
        Assert.Empty(_events.OfType<RunEnded>());
        Receive(s_server, new Held(term, 0, 2));
        SendSnapshot(term, 2, LineRun.ThirdWeight, 0);
        Assert.Single(_events.OfType<RunEnded>());
    }

    [Fact]
    public void A_stop_before_anything_is_served_ends_at_once()
    {
        Begin();
        Receive(_context.Self, new StopRequested());
        Assert.Equal(new RunInterrupted(0), Assert.Single(_events.OfType<RunEnded>()).Outcome);
    }

    [Fact]
    public void The_server_is_lost_while_it_is_asked_for_the_last_checkpoint_and_the_run_ends_with_the_one_before()
    {
        BeginWith(s_server, s_worker);
        Receive(_context.Self, new StopRequested());
        Receive(_context.Self, new MemberLost(s_server, "killed"));
        Assert.Equal(new RunInterrupted(0), Assert.Single(_events.OfType<RunEnded>()).Outcome);
    }

    [Fact]
    public void The_disk_is_full_and_training_continues_with_a_warning()
    {
        BeginWith(s_server, s_worker);
        _recorder.CheckpointError = new IOException("no space left on device");
        SendSnapshot(Topologies(s_worker)[^1].Term, 1, LineRun.SecondWeight, LineRun.SecondVelocity);
        Assert.Contains("step 1 could not be written: no space left on device", Assert.Single(_events.OfType<RunWarning>()).Message,
            StringComparison.Ordinal);
        Assert.Empty(_events.OfType<RunEnded>());
    }

    [Fact]
    public void A_checkpoint_is_asked_for_when_its_time_has_come()
    {
        Begin(new RunSettings { CheckpointPeriod = TimeSpan.FromSeconds(30) });
        Join(s_server, NodeRole.ParameterServer);
        Join(s_worker, NodeRole.Worker);
        _context.Now = TimeSpan.FromSeconds(29);
        Receive(_context.Self, new Tick());
        Assert.Empty(_context.Sent<Hold>());
        _context.Now = TimeSpan.FromSeconds(30);
        Receive(_context.Self, new Tick());
        Assert.Single(_context.SentTo<Hold>(s_server));
        Receive(_context.Self, new Tick());
        Assert.Single(_context.SentTo<Hold>(s_server));
    }

    [Fact]
    public void By_default_a_checkpoint_is_asked_for_after_a_second_of_work_and_later_when_writing_one_takes_long()
    {
        Begin(epochs: 9);
        Join(s_server, NodeRole.ParameterServer);
        Join(s_worker, NodeRole.Worker);
        var term = Topologies(s_worker)[^1].Term;
        LookAt(60);
        Assert.Empty(_context.Sent<Hold>());
        Reach(0.9, 1);
        Assert.Empty(_context.SentTo<Hold>(s_server));
        Reach(1.0, 2);
        Assert.Single(_context.SentTo<Hold>(s_server));

        // No other one before it is written, which takes 0.5 s: a fifth of 2.5 s.
        Reach(2.1, 3);
        Receive(s_server, new Held(term, 0, 3));
        SendSnapshot(term, 3, 1, 1);
        Reach(3.4, 4);
        Assert.Single(_context.SentTo<Hold>(s_server));
        Reach(3.5, 5);
        Assert.Equal(2, _context.SentTo<Hold>(s_server).Count());

        void Reach(double seconds, int step)
        {
            Receive(s_server, new StepReport(term, 0, step, 1, TimeSpan.FromSeconds(seconds)));
            LookAt(60 + (seconds < 2 ? 0 : 0.5));
        }

        void LookAt(double seconds)
        {
            _context.Now = TimeSpan.FromSeconds(seconds);
            Receive(_context.Self, new Tick());
        }
    }

    [Fact]
    public void Tensors_of_a_former_term_are_dropped()
    {
        BeginWith(s_server, s_worker);
        var lent = _pool.Lent;
        _coordinator.Receive(_context, s_server, _pool.Tensor(LineRun.Weights(1, 1), 15, 9));
        Assert.Equal(lent, _pool.Lent);
        Assert.Equal(0, _context.OffloadedCount);
    }

    [Fact]
    public void A_server_that_was_lost_and_is_back_sends_what_it_computed_alone_and_it_does_not_count()
    {
        Begin(new RunSettings { ParameterServers = 2 });
        Join(s_server, NodeRole.ParameterServer);
        Join(new ActorId("server-2"), NodeRole.ParameterServer);
        Join(s_worker, NodeRole.Worker);
        var former = Topologies(s_worker)[^1].Term;
        Receive(_context.Self, new MemberLost(s_server, "link broken"));
        Receive(_context.Self, new MemberLost(new ActorId("server-2"), "link broken"));
        Receive(s_server, new Join(NodeRole.ParameterServer, [new SegmentPosition(0, 1, former, 2, 2, 1)]));
        SendEpoch(former, 2, 10, 1);
        Assert.Empty(_recorder.Epochs);
    }

    [Theory]
    [InlineData(1, 4096, "A")]
    [InlineData(2, 4096, "A B A B")]
    [InlineData(2, 4097, "A B")]
    [InlineData(2, 16384, "A B")]
    public void Several_servers_take_the_segments_of_a_large_model_in_turns(int servers, int segmentParameters, string holders)
    {
        BeginWithFourSegments(servers, segmentParameters);
        foreach (var server in new[] { "A", "B", "C" })
        {
            Join(new ActorId(server), NodeRole.ParameterServer);
        }

        Join(s_worker, NodeRole.Worker);
        var topology = Topologies(s_worker)[^1];
        Assert.Equal(holders.Split(' '), topology.Servers.Select(server => server.Name));
        Assert.Equal(servers, Assert.Single(_events.OfType<RunBegan>()).Servers);

        // One spare, of all segments of the first server.
        var spares = _context.Messages.Where(sent => sent.Message is Spares { Servers.IsEmpty: false })
            .Select(sent => (sent.To, (Spares)sent.Message));
        var expected = topology.Servers.Select((server, index) => (server, index)).Where(held => held.server == topology.Servers[0]);
        Assert.Equal(expected, spares.Select(spare => (spare.To, spare.Item2.Segment)));
    }

    [Fact]
    public void A_new_coordinator_leaves_the_segments_with_as_few_servers_as_hold_them()
    {
        BeginWithFourSegments(servers: 2, segmentParameters: GradientNorm.BlockParameters);
        (string Server, (int Segment, long Step)[] Held)[] holdings =
            [("S", [(0, 0), (2, 0)]), ("A", [(0, 1), (2, 0)]), ("B", [(1, 0), (3, 0)])];
        var positions = holdings.ToDictionary(
            holding => new ActorId(holding.Server),
            holding => holding.Held.Select(held => new SegmentPosition(held.Segment, 4, 1, held.Step, 0, 0)).ToImmutableArray());
        foreach (var (server, held) in positions)
        {
            Receive(server, new Join(NodeRole.ParameterServer, held));
        }

        Join(s_worker, NodeRole.Worker);
        foreach (var (to, rest) in _context.Messages.Where(sent => sent.Message is Rest).Select(sent => (sent.To, (Rest)sent.Message)).ToArray())
        {
            Receive(to, new Holding(rest.Term, positions[to]));
        }

        Assert.Equal(["A", "B", "A", "B"], Topologies(s_worker)[^1].Servers.Select(server => server.Name));
        Assert.Equal(
            [("A", 0), ("A", 2)],
            _context.Messages.Where(sent => sent.Message is Spares { Servers: [{ Name: "S" }] })
                .Select(sent => (sent.To.Name, ((Spares)sent.Message).Segment)));
    }

    [Fact]
    public void A_run_resumed_at_its_very_end_writes_the_result_and_ends()
    {
        Begin(new RunSettings(), new RunStart(2, Start(2, LineRun.ThirdWeight, 0), [Record(1, 1), Record(2, 2)], 2, null));
        _context.RunOffloaded(_coordinator);
        Assert.Equal([LineRun.ThirdWeight], _recorder.Result!.Value.Weights);
        Assert.IsType<RunCompleted>(Assert.Single(_events.OfType<RunEnded>()).Outcome);
    }

    [Fact]
    public void Early_stopping_restores_the_best_epoch_and_trains_no_further_than_needed()
    {
        _recorder = new MemoryRecorder(0.5, 0.4, 0.6, 0.7);
        BeginWith(s_server, s_worker);
        var term = Topologies(s_worker)[^1].Term;
        Assert.Equal(1, _context.SentTo<Advance>(s_server).Last().Limit);
        SendEpoch(term, 1, 10, 1);
        SendEpoch(term, 2, 20, 1);
        Assert.Equal(3, _context.SentTo<Advance>(s_server).Last().Limit);
        SendEpoch(term, 3, 30, 1);
        SendEpoch(term, 4, 40, 1);

        var completed = Assert.IsType<RunCompleted>(Assert.Single(_events.OfType<RunEnded>()).Outcome);
        Assert.Equal((2, true), (completed.Epoch, completed.StoppedEarly));
        Assert.Equal([20f], _recorder.Result!.Value.Weights);
        Assert.Equal([1, 2], _recorder.Best);
    }

    private static RunState Start(long step, float weight, float velocity) => new(step, 0, new[] { weight }, new[] { velocity });

    private static EpochRecord Record(int epoch, long step) => new(epoch, step, 1, null, $"hash-{epoch}");

    private void Begin(RunSettings? settings = null, RunStart? start = null, int epochs = 2)
    {
        var recipe = LineRun.Recipe(epochs);
        if (_recorder.RecordEpoch(1, 0, 0, default).Record.Validation is not null)
        {
            recipe = recipe with { Epochs = 10, EarlyStopping = new EarlyStoppingRecipe { Patience = 2 } };
        }

        _recorder.Epochs.Clear();
        _coordinator = new Coordinator(
            new TrainingPlan(recipe, 4), LineRun.Layout(recipe), settings ?? new RunSettings(), start ?? new RunStart(1, Start(0, 1, 0), [], 0, null),
            _recorder, _pool, _events.Add);
        _coordinator.Start(_context);
    }

    private void BeginWithFourSegments(int servers, int segmentParameters)
    {
        var recipe = LineRun.Recipe();
        var layout = new NetworkLayout(4 * GradientNorm.BlockParameters, recipe.Layers);
        var state = new RunState(0, 0, new float[layout.Parameters], new float[layout.Parameters]);
        _coordinator = new Coordinator(
            new TrainingPlan(recipe, 4), layout, new RunSettings { ParameterServers = servers, SegmentParameters = segmentParameters },
            new RunStart(2, state, [], 0, null), _recorder, _pool, _events.Add);
        _coordinator.Start(_context);
    }

    private void BeginWithTwoSegments()
    {
        var recipe = LineRun.Recipe();
        var layout = new NetworkLayout(GradientNorm.BlockParameters + 1, recipe.Layers);
        var state = new RunState(0, 0, new float[layout.Parameters], new float[layout.Parameters]);
        _coordinator = new Coordinator(
            new TrainingPlan(recipe, 4), layout, new RunSettings { ParameterServers = 2 }, new RunStart(2, state, [], 0, null), _recorder, _pool,
                _events.Add);
        _coordinator.Start(_context);
    }

    /// <summary>A run of one server and some workers that checkpoints every step, so that a test decides when a snapshot comes.</summary>
    private void BeginWith(ActorId server, params ActorId[] workers)
    {
        Begin(new RunSettings { CheckpointSteps = 1 });
        Join(server, NodeRole.ParameterServer);
        foreach (var worker in workers)
        {
            Join(worker, NodeRole.Worker);
        }
    }

    private void Join(ActorId member, NodeRole role) => Receive(member, new Join(role, []));

    /// <summary>A server joins that holds a segment, and says so again when all are asked.</summary>
    private void JoinHolding(ActorId server, SegmentPosition position)
    {
        Receive(server, new Join(NodeRole.ParameterServer, [position]));
        _positions[server] = position;
        foreach (var (to, rest) in _context.Messages.Where(sent => sent.Message is Rest).Select(sent => (sent.To, (Rest)sent.Message)).ToArray())
        {
            Receive(to, new Holding(rest.Term, [_positions[to]]));
        }
    }

    private void Receive(ActorId sender, IMessage message) => _coordinator.Receive(_context, sender, message);

    private void SendEpoch(long term, long step, float weight, double loss)
    {
        Receive(s_server, new StepReport(term, 0, step, loss / 4, _context.Now));
        _coordinator.Receive(_context, s_server, _pool.Tensor(LineRun.Weights(term, step), loss, weight));
        _context.RunOffloaded(_coordinator);
    }

    private void SendSnapshot(long term, long step, float weight, float velocity)
    {
        _coordinator.Receive(_context, s_server, _pool.Tensor(LineRun.Weights(term, step), 15, weight));
        _coordinator.Receive(_context, s_server, _pool.Tensor(LineRun.State(term, step), 0, velocity));
        _context.RunOffloaded(_coordinator);
    }

    private List<Assignment> Assignments(ActorId to) => [.. _context.SentTo<Assignment>(to)];

    private List<Topology> Topologies(ActorId to) => [.. _context.SentTo<Topology>(to)];

    /// <summary>Compares messages as they are printed: immutable arrays compare by reference otherwise.</summary>
    private sealed class SameMessage : IEqualityComparer<IMessage>
    {
        public bool Equals(IMessage? x, IMessage? y) => (x, y) switch
        {
            (Topology a, Topology b) => a.Term == b.Term && a.Servers.SequenceEqual(b.Servers),
            _ => Equals((object?)x, y),
        };

        public int GetHashCode(IMessage obj) => obj.GetType().GetHashCode();
    }
}
