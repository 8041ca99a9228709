using ClusterTrain.Learning.Metrics;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Training.Tests;

/// <summary>The epochs and checkpoints of a run, and how it ends.</summary>
public sealed class CoordinatorProgressTests : IDisposable
{
    private static readonly ActorId s_server = CoordinatorStand.Server;
    private static readonly ActorId s_worker = CoordinatorStand.Worker;
    private static readonly ActorId s_second = CoordinatorStand.Other;
    private static readonly Recipe s_stopping = LineRun.Recipe(epochs: 10) with { EarlyStopping = new EarlyStoppingRecipe { Patience = 2 } };

    private CoordinatorStand _stand = null!;

    public void Dispose() => _stand.Dispose();

    [Fact]
    public void The_best_epoch_is_checkpointed_but_not_yet_kept_as_the_best_and_its_weights_are_the_result()
    {
        var best = new EpochRecord(1, 1, 1, new Evaluation { Rows = 1, Loss = 0.5 }, "hash-1");
        _stand = new(s_stopping, start: CoordinatorStand.Resume(1, 10, 0, best), recorder: new MemoryRecorder(0.5, 0.6, 0.7));
        _stand.Recorder.Epochs.Add(best);
        _stand.RunOffloaded();
        Assert.Equal([1], _stand.Recorder.Best);

        _stand.JoinServers(s_server);
        var term = _stand.Topologies(s_server)[^1].Term;
        _stand.SendEpoch(term, 2, 20, 1);
        _stand.SendEpoch(term, 3, 30, 1);
        Assert.Equal([10f], _stand.Recorder.Result!.Value.Weights);
    }

    [Fact]
    public void The_speed_of_an_epoch_is_its_own_and_that_of_a_short_one_the_mean_over_a_while()
    {
        _stand = new(LineRun.Recipe(epochs: 7));
        _stand.JoinServers(s_server);
        _stand.JoinWorkers(s_worker);
        var term = _stand.Topologies(s_worker)[^1].Term;
        foreach (var milliseconds in (double[])[100, 250, 250.01, 450, 450.01, 1450, 2450])
        {
            _stand.Context.Now = TimeSpan.FromMilliseconds(milliseconds);
            _stand.SendEpoch(term, _stand.Recorder.Epochs.Count + 1, 1, 1);
        }

        // Four rows in an epoch.
        double[] expected = [4 / 0.1, 8 / 0.25, 12 / 0.25001, 8 / 0.2, 12 / 0.20001, 8 / 1.0, 4 / 1.0];
        Assert.Equal(expected, _stand.Events.OfType<EpochCompleted>().Select(epoch => epoch.SamplesPerSecond), (x, y) => Math.Abs(x - y) < 1e-3);
    }

    [Fact]
    public void Epochs_that_are_recorded_together_are_reported_in_order_each_with_the_speed_it_had_at_the_server()
    {
        _stand = new(LineRun.Recipe(epochs: 4));
        _stand.JoinServers(s_server);
        _stand.JoinWorkers(s_worker, s_second);
        var term = _stand.Topologies(s_worker)[^1].Term;
        var leaf = new TreeNode(1, 1);
        _stand.Receive(s_server, new LateShare(term, 0, leaf, s_worker, s_second));
        foreach (var (epoch, seconds) in new[] { (1, 1.0), (2, 3.0), (3, 3.5) })
        {
            _stand.Receive(s_server, new StepReport(term, 0, epoch, 1, TimeSpan.FromSeconds(seconds)));
            _stand.Send(LineRun.Weights(term, epoch), 1, epoch);
        }

        _stand.RunOffloaded();
        Assert.Empty(_stand.Events.OfType<EpochCompleted>());
        _stand.Receive(s_server, new Settled(term, 0, leaf, s_worker));
        _stand.Receive(s_server, new Settled(term, 0, leaf, s_second));
        _stand.RunOffloaded();
        var epochs = _stand.Events.OfType<EpochCompleted>().ToArray();
        Assert.Equal([(1, 4.0), (2, 2.0), (3, 8.0)], epochs.Select(epoch => (epoch.Record.Epoch, epoch.SamplesPerSecond)));
        Assert.Equal([3.0, 4.0, 0.5], epochs.Select(epoch => epoch.Remaining.TotalSeconds));
    }

    [Fact]
    public void Each_epoch_is_recorded_and_the_last_one_becomes_the_result()
    {
        _stand = CoordinatorStand.Checkpointing(s_server, s_worker);
        var term = _stand.Topologies(s_worker)[^1].Term;
        _stand.SendEpoch(term, 1, LineRun.SecondWeight, 15);
        Assert.Equal(new Advance(term, 2, 1), _stand.Context.SentTo<Advance>(s_server).Last());
        _stand.SendEpoch(term, 2, LineRun.ThirdWeight, 0.1);

        Assert.Equal([3.75, 0.025], _stand.Recorder.Epochs.Select(epoch => epoch.Loss));
        Assert.Equal([LineRun.ThirdWeight], _stand.Recorder.Result!.Value.Weights);
        var completed = Assert.IsType<RunCompleted>(_stand.Outcome());
        Assert.Equal((2, 2, false, _stand.Recorder.Epochs[1].WeightsSha256),
            (completed.Epoch, completed.Step, completed.StoppedEarly, completed.WeightsSha256));
        Assert.Single(_stand.Context.SentTo<Stop>(s_server));
        Assert.Single(_stand.Context.SentTo<Stop>(s_worker));
    }

    [Fact]
    public void A_number_that_is_not_finite_ends_the_run_with_step_epoch_and_advice()
    {
        _stand = CoordinatorStand.Checkpointing(s_server, s_worker);
        _stand.Receive(s_server, new NotFinite(CoordinatorStand.FirstTerm, 1, "the gradient of layers.0.weight"));
        var reason = _stand.Failure();
        Assert.StartsWith("step 1 (epoch 2): the gradient of layers.0.weight is not finite. Lower optimiser.rate", reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_stop_is_asked_for_and_the_run_ends_with_a_checkpoint_of_the_step_all_segments_can_reach()
    {
        _stand = CoordinatorStand.Checkpointing(s_server, s_worker);
        var term = _stand.Topologies(s_worker)[^1].Term;
        _stand.Receive(new StopRequested());
        Assert.Equal(new Hold(term), Assert.Single(_stand.Context.SentTo<Hold>(s_server)));
        _stand.Receive(s_server, new Held(term, 0, 1));
        Assert.Equal(new SnapshotAt(term, 1), Assert.Single(_stand.Context.SentTo<SnapshotAt>(s_server)));
        _stand.SendSnapshot(term, 1, LineRun.SecondWeight, LineRun.SecondVelocity);

        Assert.Equal(new RunInterrupted(1), _stand.Outcome());
        var checkpoint = Assert.Single(_stand.Recorder.Checkpoints);
        Assert.Equal((1, LineRun.SecondWeight, LineRun.SecondVelocity),
            (checkpoint.Step, checkpoint.Weights.Span[0], checkpoint.OptimiserState.Span[0]));
        Assert.Single(_stand.Context.SentTo<Stop>(s_worker));
    }

    [Fact]
    public void A_checkpoint_that_was_under_way_is_not_the_last_one_of_a_run_that_is_stopped()
    {
        _stand = CoordinatorStand.Checkpointing(s_server, s_worker);
        var term = _stand.Topologies(s_worker)[^1].Term;
        _stand.Receive(new StopRequested());
        _stand.SendSnapshot(term, 1, LineRun.SecondWeight, LineRun.SecondVelocity);
        Assert.Empty(_stand.Events.OfType<RunEnded>());
        _stand.Receive(s_server, new Held(term, 0, 2));
        _stand.SendSnapshot(term, 2, LineRun.ThirdWeight, 0);
        Assert.Single(_stand.Events.OfType<RunEnded>());
    }

    [Fact]
    public void A_stop_before_anything_is_served_ends_at_once()
    {
        _stand = new(LineRun.Recipe());
        _stand.Receive(new StopRequested());
        Assert.Equal(new RunInterrupted(0), _stand.Outcome());
    }

    [Fact]
    public void The_server_is_lost_while_it_is_asked_for_the_last_checkpoint_and_the_run_ends_with_the_one_before()
    {
        _stand = CoordinatorStand.Checkpointing(s_server, s_worker);
        _stand.Receive(new StopRequested());
        _stand.Receive(new MemberLost(s_server, "killed"));
        Assert.Equal(new RunInterrupted(0), _stand.Outcome());
    }

    [Fact]
    public void The_disk_is_full_and_training_continues_with_a_warning()
    {
        _stand = CoordinatorStand.Checkpointing(s_server, s_worker);
        _stand.Recorder.CheckpointError = new IOException("no space left on device");
        _stand.SendSnapshot(_stand.Topologies(s_worker)[^1].Term, 1, LineRun.SecondWeight, LineRun.SecondVelocity);
        Assert.Contains("step 1 could not be written: no space left on device", Assert.Single(_stand.Warnings), StringComparison.Ordinal);
        Assert.Empty(_stand.Events.OfType<RunEnded>());
    }

    [Fact]
    public void A_checkpoint_is_asked_for_when_its_time_has_come()
    {
        _stand = new(LineRun.Recipe(), new RunSettings { CheckpointPeriod = TimeSpan.FromSeconds(30) });
        _stand.JoinServers(s_server);
        _stand.JoinWorkers(s_worker);
        _stand.Tick(29);
        Assert.Empty(_stand.Context.Sent<Hold>());
        _stand.Tick(30);
        Assert.Single(_stand.Context.SentTo<Hold>(s_server));
        _stand.Receive(new Tick());
        Assert.Single(_stand.Context.SentTo<Hold>(s_server));
    }

    [Fact]
    public void By_default_a_checkpoint_is_asked_for_after_a_second_of_work_and_later_when_writing_one_takes_long()
    {
        _stand = new(LineRun.Recipe(epochs: 9));
        _stand.JoinServers(s_server);
        _stand.JoinWorkers(s_worker);
        var term = _stand.Topologies(s_worker)[^1].Term;
        _stand.Tick(60);
        Assert.Empty(_stand.Context.Sent<Hold>());
        Reach(0.9, 1);
        Assert.Empty(_stand.Context.SentTo<Hold>(s_server));
        Reach(1.0, 2);
        Assert.Single(_stand.Context.SentTo<Hold>(s_server));

        // No other one before it is written, which takes 0.5 s: a fifth of 2.5 s.
        Reach(2.1, 3);
        _stand.Receive(s_server, new Held(term, 0, 3));
        _stand.SendSnapshot(term, 3, 1, 1);
        Reach(3.4, 4);
        Assert.Single(_stand.Context.SentTo<Hold>(s_server));
        Reach(3.5, 5);
        Assert.Equal(2, _stand.Context.SentTo<Hold>(s_server).Count());

        void Reach(double seconds, int step)
        {
            _stand.Receive(s_server, new StepReport(term, 0, step, 1, TimeSpan.FromSeconds(seconds)));
            _stand.Tick(60 + (seconds < 2 ? 0 : 0.5));
        }
    }

    [Fact]
    public void A_run_resumed_at_its_very_end_writes_the_result_and_ends()
    {
        _stand = new(LineRun.Recipe(), start: CoordinatorStand.Resume(
            2, LineRun.ThirdWeight, 0, CoordinatorStand.Recorded(1), CoordinatorStand.Recorded(2)));
        _stand.RunOffloaded();
        Assert.Equal([LineRun.ThirdWeight], _stand.Recorder.Result!.Value.Weights);
        Assert.IsType<RunCompleted>(_stand.Outcome());
    }

    [Fact]
    public void Early_stopping_restores_the_best_epoch_and_trains_no_further_than_needed()
    {
        _stand = new(s_stopping, new RunSettings { CheckpointSteps = 1 }, recorder: new MemoryRecorder(0.5, 0.4, 0.6, 0.7));
        _stand.JoinServers(s_server);
        _stand.JoinWorkers(s_worker);
        var term = _stand.Topologies(s_worker)[^1].Term;
        Assert.Equal(1, _stand.Context.SentTo<Advance>(s_server).Last().Limit);
        _stand.SendEpoch(term, 1, 10, 1);
        _stand.SendEpoch(term, 2, 20, 1);
        Assert.Equal(3, _stand.Context.SentTo<Advance>(s_server).Last().Limit);
        _stand.SendEpoch(term, 3, 30, 1);
        _stand.SendEpoch(term, 4, 40, 1);

        var completed = Assert.IsType<RunCompleted>(_stand.Outcome());
        Assert.Equal((2, true), (completed.Epoch, completed.StoppedEarly));
        Assert.Equal([20f], _stand.Recorder.Result!.Value.Weights);
        Assert.Equal([1, 2], _stand.Recorder.Best);
    }
}
