using ClusterTrain.Learning.Metrics;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Training.Tests;

/// <summary>What a coordinator has written, how far it lets training run ahead of that, and what it tells of its members.</summary>
public sealed class CoordinatorRecordTests : IDisposable
{
    private static readonly ActorId s_server = CoordinatorStand.Server;
    private static readonly ActorId s_worker = CoordinatorStand.Worker;
    private static readonly ActorId s_second = CoordinatorStand.Other;

    private CoordinatorStand _stand = null!;
    private long _term;

    public void Dispose() => _stand.Dispose();

    [Fact]
    public void While_the_run_folder_cannot_be_written_training_continues_and_writing_is_retried()
    {
        Begin(LineRun.Recipe(epochs: 9));
        _stand.Recorder.RecordError = new IOException("no space left on device");
        SendWeights(1);
        SendWeights(2);
        _stand.LookAt(9.9);
        Assert.Contains("cannot be written: no space left on device; training continues", Assert.Single(_stand.Warnings), StringComparison.Ordinal);
        Assert.Equal(0, _stand.Context.SentTo<Advance>(s_server).Last().Recorded);
        _stand.LookAt(10);
        Assert.Equal(2, _stand.Warnings.Count());

        _stand.Recorder.RecordError = null;
        _stand.LookAt(10.2);
        Assert.Equal([1L, 2], _stand.Recorder.Epochs.Select(epoch => epoch.Step));
        Assert.Equal(2, _stand.Context.SentTo<Advance>(s_server).Last().Recorded);
    }

    [Fact]
    public void A_run_that_is_stopped_while_its_folder_cannot_be_written_fails()
    {
        Begin(LineRun.Recipe(epochs: 9));
        _stand.Recorder.RecordError = new IOException("no space left on device");
        _stand.Receive(new StopRequested());
        SendWeights(1);
        Assert.Equal(
            "stopped, but the run folder cannot be written: no space left on device. The last checkpoint is that of step 0.",
            _stand.Failure());
    }

    [Fact]
    public void A_run_that_is_stopped_and_whose_checkpoint_cannot_be_written_fails()
    {
        Begin(LineRun.Recipe(epochs: 9));
        _stand.Recorder.CheckpointError = new IOException("no space left on device");
        _stand.Receive(new StopRequested());
        _stand.Receive(s_server, new Held(_term, 0, 1));
        SendWeights(1);
        SendState(1);
        Assert.Equal(
            "stopped, but the checkpoint could not be written: no space left on device",
            _stand.Failure());
    }

    [Theory]
    [InlineData(1, 0, 64 * 4)]
    [InlineData(128 * 1024, 0, 32 * 4)]
    [InlineData(1, 3, 128)]
    public void Training_runs_ahead_of_the_receipt_by_64_entries_or_what_fits_four_million_floats(int parameters, long receiptSteps, long limit)
    {
        // An epoch has four steps; steps 3, 4, 6, 8, 9 and 12 of twelve are entries where every third step is one.
        var recipe = LineRun.Recipe(epochs: 100, batchRows: 1);
        Begin(recipe, new RunSettings { ReceiptSteps = receiptSteps }, CoordinatorStand.Start(recipe, parameters));
        Assert.Equal(new Advance(_term, limit, 0), _stand.Context.SentTo<Advance>(s_server).Last());
    }

    [Fact]
    public void Training_does_not_run_beyond_its_end()
    {
        Begin(LineRun.Recipe(epochs: 3, batchRows: 1));
        Assert.Equal(12, _stand.Context.SentTo<Advance>(s_server).Last().Limit);
    }

    [Fact]
    public void Steps_within_an_epoch_are_recorded_where_the_receipt_is_to_have_them()
    {
        Begin(LineRun.Recipe(epochs: 9, batchRows: 1), new RunSettings { ReceiptSteps = 3 });
        SendWeights(3);
        Assert.Equal(3, _stand.Context.SentTo<Advance>(s_server).Last().Recorded);
        SendWeights(4, loss: 10);
        SendWeights(5);
        SendWeights(6);
        Assert.Equal([3L, 6], _stand.Recorder.Steps);
        Assert.Equal([(4L, 2.5)], _stand.Recorder.Epochs.Select(epoch => (epoch.Step, epoch.Loss)));
        Assert.Single(_stand.Events.OfType<EpochCompleted>());
        Assert.Equal(6, _stand.Context.SentTo<Advance>(s_server).Last().Recorded);
    }

    [Fact]
    public void A_checkpoint_within_an_epoch_has_the_loss_so_far_and_one_at_its_end_none()
    {
        Begin(LineRun.Recipe(epochs: 9, batchRows: 1), new RunSettings { CheckpointSteps = 2 });
        for (var step = 2; step <= 4; step += 2)
        {
            SendWeights(step, loss: step);
            Assert.NotEqual(step, _stand.Recorder.Checkpoints.LastOrDefault()?.Step);
            SendState(step);
        }

        Assert.Equal([(2L, 2.0), (4, 0)], _stand.Recorder.Checkpoints.Select(checkpoint => (checkpoint.Step, checkpoint.EpochLoss)));
        Assert.Equal([new CheckpointSaved(2), new CheckpointSaved(4)], _stand.Events.OfType<CheckpointSaved>());
    }

    [Fact]
    public void Of_the_checkpoints_that_wait_for_an_answer_the_oldest_and_the_63_newest_are_kept()
    {
        // An epoch of a hundred steps: none of these is for the receipt.
        Begin(LineRun.Recipe(epochs: 2, batchRows: 1), new RunSettings { CheckpointSteps = 1 }, rows: 100);
        _stand.Receive(s_server, new LateShare(_term, 0, new TreeNode(0, 1), s_worker, s_second));
        for (var step = 1; step <= 70; step++)
        {
            SendState(step);
            SendWeights(step);
        }

        Assert.Empty(_stand.Recorder.Checkpoints);
        _stand.Receive(new MemberLost(s_second, "killed"));
        _stand.RunOffloaded();
        Assert.Equal([1, .. Enumerable.Range(8, 63).Select(step => (long)step)], _stand.Recorder.Checkpoints.Select(checkpoint => checkpoint.Step));
    }

    [Theory]
    [InlineData(OptimiserKind.Momentum, false, "Lower optimiser.rate, scale or standardise the features, or set clip_norm. Where the targets")]
    [InlineData(OptimiserKind.Lbfgs, false, "Scale or standardise the features. Where the targets are large, set data.target_scale.")]
    [InlineData(OptimiserKind.Momentum, true, "Lower optimiser.rate, scale or standardise the features, or set clip_norm.")]
    [InlineData(OptimiserKind.Lbfgs, true, "Scale or standardise the features.")]
    public void What_to_do_about_a_number_that_is_not_finite_depends_on_the_recipe(OptimiserKind optimiser, bool scalesTargets, string advice)
    {
        var recipe = LineRun.Recipe();
        recipe = recipe with { Optimiser = recipe.Optimiser with { Kind = optimiser }, Data = recipe.Data with { ScaleTargets = scalesTargets } };
        Begin(recipe);
        _stand.Receive(s_server, new NotFinite(_term, 0, "the gradient"));
        var reason = _stand.Failure();
        Assert.StartsWith($"step 0 (epoch 1): the gradient is not finite. {advice}", reason, StringComparison.Ordinal);
        Assert.Equal(!scalesTargets, reason.Contains("target_scale", StringComparison.Ordinal));
    }

    [Fact]
    public void What_members_did_is_told_once_a_second_while_there_is_news()
    {
        Begin(LineRun.Recipe(epochs: 9));
        _stand.LookAt(5);
        Assert.Empty(_stand.Events.OfType<MembersMeasured>());
        _stand.Receive(s_worker, new ComputeReport(100, Seconds(2), Seconds(5), 10, 4000));
        _stand.Receive(s_server, Times(steps: 4));
        _stand.Receive(s_server, Times(steps: 1) with { Term = _term - 1 });
        _stand.Receive(s_server, Times(steps: 1) with { Segment = 1 });
        _stand.LookAt(5);
        var measured = Assert.Single(_stand.Events.OfType<MembersMeasured>());
        Assert.Equal([new WorkerMeasure(s_worker, 1, 50, Seconds(0.2), Seconds(0.3), 400, false)], measured.Workers.ToArray());
        Assert.Equal(new StepMeasure(7, Seconds(1.5), Seconds(0.5), Seconds(1), Seconds(0.25), 0.5), measured.Steps);
        Assert.Equal([s_server], measured.Serving.ToArray());
        var speeds = Assert.Single(_stand.Events.OfType<WorkerSpeeds>()).RowsPerSecond;
        Assert.Equal((s_worker, 50), (Assert.Single(speeds).Key, speeds[s_worker]));

        _stand.Receive(s_second, new ComputeReport(10, Seconds(2), Seconds(1), 0, 0));
        _stand.LookAt(5.9);
        Assert.Single(_stand.Events.OfType<MembersMeasured>());
        _stand.LookAt(6);
        Assert.Equal(
            new WorkerMeasure(s_second, 1, 5, Seconds(2), TimeSpan.Zero, 0, false), _stand.Events.OfType<MembersMeasured>().Last().Workers.Last());
        _stand.LookAt(7);
        Assert.Equal(2, _stand.Events.OfType<MembersMeasured>().Count());

        // What is not told yet when the run ends is told then.
        _stand.Receive(s_server, Times(steps: 0));
        _stand.Receive(s_server, new NotFinite(_term, 0, "the gradient"));
        Assert.Null(_stand.Events.OfType<MembersMeasured>().Last().Steps);
        Assert.Equal(3, _stand.Events.OfType<MembersMeasured>().Count());
        Assert.IsType<RunEnded>(_stand.Events[^1]);
    }

    [Fact]
    public void A_late_worker_that_gets_no_leaves_is_told_as_such_and_one_that_is_gone_not_at_all()
    {
        Begin(LineRun.Recipe(epochs: 9));
        _stand.Receive(s_worker, new ComputeReport(100, Seconds(2), Seconds(5), 10, 4000));
        _stand.Receive(s_second, new ComputeReport(100, Seconds(2), Seconds(5), 10, 4000));
        _stand.Receive(s_server, new LateShare(_term, 0, new TreeNode(1, 1), s_second, s_worker));
        _stand.Receive(s_server, new Answer(_term, 0, 0, new TreeNode(1, 1), s_worker, "00", 1));
        _stand.LookAt(5);
        Assert.Equal(
            [(s_worker, 2, false), (s_second, 0, true)],
            _stand.Events.OfType<MembersMeasured>().Last().Workers.Select(worker => (worker.Worker, worker.Leaves, worker.IsLate)));

        _stand.Receive(new MemberLost(s_worker, "killed"));
        _stand.Receive(s_second, new ComputeReport(100, Seconds(2), Seconds(5), 10, 4000));
        _stand.LookAt(6);
        Assert.Equal([s_second], _stand.Events.OfType<MembersMeasured>().Last().Workers.Select(worker => worker.Worker));
    }

    [Fact]
    public void A_step_that_was_recorded_with_other_weights_ends_the_run()
    {
        Begin(LineRun.Recipe(epochs: 9));
        _stand.Recorder.RecordError = new ContradictionException("the weights of step 1 are not what they were");
        SendWeights(1);
        Assert.Equal(new RunFailed("the weights of step 1 are not what they were"), _stand.Outcome());
    }

    [Fact]
    public void A_validation_loss_that_is_not_finite_ends_the_run()
    {
        Begin(LineRun.Recipe(epochs: 9));
        _stand.Recorder.RecordError = new TrainingException("epoch 1: the validation loss is not finite");
        SendWeights(1);
        Assert.Equal(new RunFailed("epoch 1: the validation loss is not finite"), _stand.Outcome());
    }

    [Fact]
    public void It_looks_what_is_due_every_200_ms()
    {
        Begin(LineRun.Recipe());
        var look = (TimeSpan.FromMilliseconds(200), (IMessage)new Tick());
        Assert.Equal([look], _stand.Context.Later);
        _stand.LookAt(1);
        Assert.Equal([look, look], _stand.Context.Later);
    }

    [Fact]
    public void Who_joins_is_told_once_and_what_is_missing_whenever_too_few_are_left()
    {
        Begin(LineRun.Recipe());
        _stand.JoinWorkers(s_worker);
        Assert.Equal(
            [
                new MembershipChanged(s_server, NodeRole.ParameterServer, "joined"), new MembershipChanged(s_worker, NodeRole.Worker, "joined"),
                new MembershipChanged(s_second, NodeRole.Worker, "joined"),
            ],
            _stand.Events.OfType<MembershipChanged>());
        var waiting = _stand.Events.OfType<RunWaiting>().Count();
        _stand.Receive(s_second, new Leave());
        Assert.Equal(waiting, _stand.Events.OfType<RunWaiting>().Count());
        _stand.Receive(s_worker, new Leave());
        Assert.Equal(waiting + 1, _stand.Events.OfType<RunWaiting>().Count());
        Assert.Equal("waiting for 1 more worker", _stand.Events.OfType<RunWaiting>().Last().Reason);
    }

    [Fact]
    public void A_worker_that_is_late_again_while_it_is_waited_for_is_told_once()
    {
        Begin(LineRun.Recipe(epochs: 9));
        var late = new LateShare(_term, 0, new TreeNode(1, 1), s_second, s_worker);
        _stand.Receive(s_server, late);
        _stand.Receive(s_server, late with { Step = 1 });
        _stand.Receive(s_server, late with { Step = 1, Worker = s_worker, Helper = new ActorId("unknown") });
        _stand.Receive(s_server, late with { Step = 1, Worker = new ActorId("unknown"), Helper = s_worker });
        Assert.Equal([new WorkerLate(s_second, s_worker, 0)], _stand.Events.OfType<WorkerLate>());
        Assert.Equal([late], _stand.Context.SentTo<LateShare>(s_server));
    }

    [Fact]
    public void A_checkpoint_is_made_at_the_step_of_the_segment_that_is_furthest()
    {
        var second = new ActorId("server-2");
        var recipe = LineRun.Recipe(epochs: 9);
        Begin(
            recipe, new RunSettings { ParameterServers = 2, CheckpointPeriod = TimeSpan.FromSeconds(1) },
            CoordinatorStand.Start(recipe, GradientNorm.BlockParameters + 1), servers: [s_server, second]);
        _stand.LookAt(1);
        _stand.Receive(s_server, new Held(_term, 0, 4));
        Assert.Empty(_stand.Context.Sent<SnapshotAt>());
        _stand.Receive(second, new Held(_term, 1, 3));
        _stand.Receive(second, new Held(_term, 1, 3));
        Assert.Equal([new SnapshotAt(_term, 4)], _stand.Context.SentTo<SnapshotAt>(s_server));
        Assert.Equal([new SnapshotAt(_term, 4)], _stand.Context.SentTo<SnapshotAt>(second));
    }

    [Theory]
    [InlineData(OptimiserKind.Sgd, 0)]
    [InlineData(OptimiserKind.Momentum, 1)]
    [InlineData(OptimiserKind.Adam, 2)]
    public void Every_server_is_sent_its_part_of_the_weights_and_of_each_plane_of_the_state(OptimiserKind optimiser, int planes)
    {
        var second = new ActorId("server-2");
        const int Parameters = GradientNorm.BlockParameters + 1;
        var recipe = LineRun.Recipe() with { Optimiser = new() { Kind = optimiser } };
        var weights = Enumerable.Range(0, Parameters).Select(index => (float)index).ToArray();
        var state = Enumerable.Range(0, planes * Parameters).Select(index => -(float)index).ToArray();
        Begin(
            recipe, new RunSettings { ParameterServers = 2 }, new RunStart(1, new RunState(0, 0, weights, state), [], 0, null),
            servers: [s_server, second]);
        var sent = _stand.Context.Tensors.Where(sent => sent.To == second).Select(sent => sent.Tensor).ToArray();
        Assert.Equal([4096f], sent[0].Values.ToArray());
        Assert.Equal(planes == 0 ? 1 : 2, sent.Length);
        Assert.Equal(
            Enumerable.Range(0, planes).Select(plane => state[(plane * Parameters) + 4096]), sent.Skip(1).SelectMany(part => part.Values.ToArray()));
        var first = _stand.Context.Tensors.Where(sent => sent.To == s_server).Select(sent => sent.Tensor).ToArray();
        Assert.Equal(weights[..4096], first[0].Values.ToArray());
        Assert.Equal(
            Enumerable.Range(0, planes).SelectMany(plane => state[(plane * Parameters)..][..4096]),
            first.Skip(1).SelectMany(part => part.Values.ToArray()));
    }

    [Theory]
    [InlineData(StoppingMetric.ValidationAccuracy, 2, 20f)]
    [InlineData(StoppingMetric.ValidationLoss, 1, 10f)]
    public void Resumed_at_the_end_of_a_run_that_stopped_early_it_writes_the_best_epoch_by_the_metric_that_was_asked_for(
        StoppingMetric metric, int best, float weight)
    {
        var recipe = LineRun.Recipe(epochs: 10) with { EarlyStopping = new EarlyStoppingRecipe { Metric = metric, Patience = 2 } };
        EpochRecord[] recorded =
        [
            .. new[] { (0.1, 0.5), (0.2, 0.7), (0.3, 0.6), (0.4, 0.6) }.Take(best + 2).Select((figures, index) => new EpochRecord(
                index + 1, index + 1, 1, new Evaluation { Rows = 1, Loss = figures.Item1, Accuracy = figures.Item2 }, "")),
        ];
        var start = CoordinatorStand.Resume(best + 2, 40, 0, recorded) with { Best = new BestWeights(best, new[] { weight }) };
        Begin(recipe, start: start, servers: []);
        _stand.RunOffloaded();
        Assert.Equal((best, weight), (_stand.Recorder.Result!.Value.Record.Epoch, _stand.Recorder.Result.Value.Weights[0]));
        Assert.True(Assert.IsType<RunCompleted>(_stand.Outcome()).StoppedEarly);
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(0.5, true)]
    public void An_audited_run_says_at_its_begin_what_was_shown_before(double rate, bool isTold)
    {
        var recipe = LineRun.Recipe();
        var start = CoordinatorStand.Start(recipe) with { Audited = new AuditTotals(5, 4, 0, 1) };
        Begin(recipe, new RunSettings { AuditRate = rate }, start: start);
        Assert.Equal(isTold ? [new RunAudited(start.Audited)] : [], _stand.Events.OfType<RunAudited>());
    }

    /// <summary>A run of two workers that makes no checkpoints by time, unless the settings say otherwise.</summary>
    private void Begin(Recipe recipe, RunSettings? settings = null, RunStart? start = null, long rows = 4, ActorId[]? servers = null)
    {
        _stand = new(recipe, settings ?? new RunSettings { CheckpointPeriod = TimeSpan.Zero }, start, rows);
        _stand.JoinServers(servers ?? [s_server]);
        _stand.JoinWorkers(s_worker, s_second);
        _term = _stand.Topologies(s_server).LastOrDefault()?.Term ?? 0;
    }

    private void SendWeights(long step, double loss = 1) => _stand.SendWeights(_term, step, step, loss);

    private void SendState(long step) => _stand.SendState(_term, step, step);

    private StepTimes Times(long steps) => new(_term, 0, 7, steps, Seconds(8), Seconds(2), Seconds(4), Seconds(1), 0.5);

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);
}
