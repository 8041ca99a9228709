using ClusterTrain.Data.Common;
using ClusterTrain.Data.Preparation;
using ClusterTrain.InProcess;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Runs;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;
using ClusterTrain.Watching;

namespace ClusterTrain.Tests;

/// <summary>What a run's events make of its live state.</summary>
public sealed class RunWatchTests : IDisposable
{
    private static readonly ActorId s_server = new("server/1");
    private static readonly DateTimeOffset s_start = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

    private readonly TemporaryFolder _folder = new();
    private readonly RunWatch _watch = new(TimeProvider.System);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_worker_that_is_lost_and_comes_back_is_the_same_machine_with_a_restart()
    {
        Begin(2);
        At(1, new MembershipChanged(new ActorId("worker-2/aa"), NodeRole.Worker, "lost: its process is gone"));
        Assert.Equal(MachineState.Lost, Machine("worker-2").State);
        Assert.Equal("its process is gone", Machine("worker-2").Detail);
        At(1.4, new RunProgress(12, 0.5, 1000));
        Assert.Contains(_watch.View().Events, happened => happened.Text == "training continues, 0.4 s after worker-2 was lost");
        At(3, new MembershipChanged(new ActorId("worker-2/bb"), NodeRole.Worker, "joined"));
        Assert.Equal(1, Machine("worker-2").Restarts);
        Assert.Equal(3, _watch.View().Machines.Length);
        Assert.Equal(
            [MachineState.Joined, MachineState.Computing, MachineState.Lost, MachineState.Joined, MachineState.Computing],
            Machine("worker-2").Timeline.Select(span => span.State));
    }

    [Fact]
    public void A_lost_worker_whose_place_a_new_one_takes_is_replaced()
    {
        Begin(2);
        At(1, new MembershipChanged(new ActorId("worker-2/aa"), NodeRole.Worker, "lost: its process is gone"));
        At(2, new MembershipChanged(new ActorId("worker-7/aa"), NodeRole.Worker, "joined"));
        Assert.Equal((MachineState.Replaced, false), (Machine("worker-2").State, Machine("worker-2").IsThere));
        Assert.Equal("its process is gone; worker-7 took its place", Machine("worker-2").Detail);

        // One more is one more, and takes no second place.
        At(3, new MembershipChanged(new ActorId("worker-8/aa"), NodeRole.Worker, "joined"));
        At(4, new MembershipChanged(new ActorId("worker-2/bb"), NodeRole.Worker, "joined"));
        Assert.Equal((MachineState.Computing, 1), (Machine("worker-2").State, Machine("worker-2").Restarts));
    }

    [Fact]
    public void A_lost_server_whose_segment_a_spare_serves_is_replaced_and_a_lost_spare_is_not()
    {
        ActorId[] servers = [s_server, new("spare/1"), new("other/1")];
        Begin(1);
        At(0, new MembershipChanged(servers[1], NodeRole.ParameterServer, "joined"));
        At(0, new MembershipChanged(servers[2], NodeRole.ParameterServer, "joined"));
        At(1, new MembersMeasured([], null, [s_server]));
        At(2, new MembershipChanged(servers[2], NodeRole.ParameterServer, "lost: it does not answer"));
        At(2, new MembershipChanged(s_server, NodeRole.ParameterServer, "lost: it does not answer"));
        Assert.Equal(MachineState.Lost, Machine("server").State);
        At(3, new MembersMeasured([], null, [servers[1]]));
        Assert.Equal(
            [MachineState.Replaced, MachineState.Serving, MachineState.Lost],
            new[] { "server", "spare", "other" }.Select(name => Machine(name).State));
        Assert.Equal("it does not answer; spare took its place", Machine("server").Detail);
    }

    [Fact]
    public void A_worker_that_computed_wrongly_is_excluded_whoever_joins()
    {
        Begin(2);
        At(1, new MembershipChanged(new ActorId("worker-2/aa"), NodeRole.Worker, "excluded: it computed a wrong sum"));
        At(2, new MembershipChanged(new ActorId("worker-3/aa"), NodeRole.Worker, "joined"));
        Assert.Equal(MachineState.Excluded, Machine("worker-2").State);
    }

    [Fact]
    public void Two_nodes_of_one_name_are_two_machines()
    {
        At(0, new MembershipChanged(new ActorId("worker/aa"), NodeRole.Worker, "joined"));
        At(0, new MembershipChanged(new ActorId("worker/bb"), NodeRole.Worker, "joined"));
        Assert.Equal(["worker", "worker (2)"], _watch.View().Machines.Select(machine => machine.Name));
    }

    [Fact]
    public void The_slow_worker_is_named()
    {
        Begin(3);
        Measure([10, 10, 25], new StepMeasure(1, Milliseconds(26), Milliseconds(1), Milliseconds(1), Milliseconds(0.1), 0.5));
        Assert.StartsWith("worker-3 is the slow node: it computes 25.0 ms of each step for 4 leaves, the others 10.0 ms", _watch.View().Bottleneck,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Links_that_take_most_of_a_step_are_named()
    {
        Begin(2);
        Measure([1, 1], new StepMeasure(1, Milliseconds(10), Milliseconds(1), Milliseconds(1), Milliseconds(0.1), 0.5));
        Assert.StartsWith("The links are the bottleneck: 74 % of a step", _watch.View().Bottleneck, StringComparison.Ordinal);
    }

    [Fact]
    public void A_parameter_server_that_takes_most_of_a_step_is_named()
    {
        Begin(2);
        Measure([1, 1], new StepMeasure(1, Milliseconds(1.5), Milliseconds(4), Milliseconds(4), Milliseconds(0.5), 0.5));
        Assert.StartsWith("The parameter server is the bottleneck: adding sums and updating take 85 %", _watch.View().Bottleneck,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_late_worker_is_named_until_it_has_answered()
    {
        Begin(2);
        At(1, new WorkerLate(new ActorId("worker-1/aa"), new ActorId("worker-2/aa"), 7));
        Assert.Equal(MachineState.Late, Machine("worker-1").State);
        Assert.StartsWith("worker-1 is the slow node", _watch.View().Bottleneck, StringComparison.Ordinal);
        Measure([1, 1], null);
        Assert.Equal(MachineState.Computing, Machine("worker-1").State);
    }

    [Fact]
    public void Members_come_back_to_a_new_coordinator_as_the_same_machines_and_one_that_does_not_is_lost()
    {
        Begin(2);
        _watch.Leads("10.0.0.5:7070", 1);
        _watch.Leads("10.0.0.6:7070", 2);
        Assert.All(_watch.View().Machines, machine => Assert.Equal(MachineState.Resting, machine.State));
        Assert.Equal("the coordinator at 10.0.0.6:7070 took over, term 2", _watch.View().Events[0].Text);
        var now = TimeProvider.System.GetUtcNow();
        _watch.Observe(new MembershipChanged(s_server, NodeRole.ParameterServer, "joined"), now);
        _watch.Observe(new MembershipChanged(new ActorId("worker-1/bb"), NodeRole.Worker, "joined"), now);
        _watch.Observe(new RunBegan(5, 1, 1), now);
        Assert.Equal((MachineState.Computing, 0), (Machine("worker-1").State, Machine("worker-1").Restarts));
        Assert.Equal(MachineState.Resting, Machine("worker-2").State);
        _watch.Observe(new MembersMeasured([], null, [s_server]), now + TimeSpan.FromSeconds(11));
        Assert.Equal(MachineState.Lost, Machine("worker-2").State);
        Assert.Equal(3, _watch.View().Machines.Length);
    }

    [Fact]
    public void Of_a_very_long_run_a_bounded_number_of_points_is_kept_with_the_first_and_the_last()
    {
        Begin(1);
        for (var epoch = 1; epoch <= 100_000; epoch++)
        {
            At(epoch, new EpochCompleted(Record(epoch), 1000, 1, TimeSpan.Zero));
            At(epoch, new RunProgress(epoch, 0.5, 1000));
        }

        var view = _watch.View();
        Assert.InRange(view.Epochs.Length, 2000, 4001);
        Assert.InRange(view.Steps.Length, 1000, 2001);
        Assert.Equal((1, 100_000), (view.Epochs[0].Record.Epoch, view.Epochs[^1].Record.Epoch));
        Assert.Equal(100_000, view.Recorded);
        Assert.Equal(20, view.Newest.Length);
    }

    [Fact]
    public void An_epoch_that_is_computed_again_is_shown_once()
    {
        Begin(1);
        At(1, new EpochCompleted(Record(1), 1000, 1, TimeSpan.Zero));
        At(2, new EpochCompleted(Record(1), 1000, 1, TimeSpan.Zero));
        Assert.Single(_watch.View().Epochs);
    }

    [Fact]
    public void A_run_that_is_watched_from_its_middle_on_is_training_once_it_makes_progress()
    {
        Assert.Equal("starting", _watch.View().State);
        At(1, new RunProgress(7, 0.5, 1000));
        Assert.Equal("training", _watch.View().State);
        Assert.True(_watch.View().IsTraining);
        At(2, new RunWaiting("waiting for 1 more worker"));
        At(3, new RunProgress(8, 0.5, 1000));
        Assert.Equal("waiting for 1 more worker", _watch.View().State);
    }

    [Fact]
    public void The_same_state_is_the_same_object_and_a_change_makes_a_new_one()
    {
        Begin(1);
        var view = _watch.View();
        Assert.Same(view, _watch.View());
        At(1, new RunProgress(1, 0.5, 1000));
        Assert.NotSame(view, _watch.View());
        Assert.Equal(0, view.Step);
    }

    [Fact]
    public void The_folder_of_a_run_tells_what_its_events_told()
    {
        var recipe = RecipeReader.Parse(
            "data: { set: digits }\nlayers: [{ units: 10, activation: softmax }]\nloss: categorical-cross-entropy\nepochs: 3\n", "t", []);
        var data = DataPreparation.Prepare(recipe, DataLocations.FromEnvironment(null));
        var path = Path.Combine(_folder.Path, "run");
        using (var folder = RunFolder.Create(path, recipe))
        using (var log = new RunLog(folder, TimeProvider.System))
        {
            _watch.Begin(new WatchedRun(recipe, path, data.Train.Rows, 1, 650));
            InProcessTraining.Train(
                recipe, data, folder, new InProcessSettings { Workers = 2 }, TimeProvider.System,
                happened =>
                {
                    log.Write(happened);
                    _watch.Observe(happened);
                },
                CancellationToken.None);
        }

        var (live, read) = (_watch.View(), new RunFollower(path, TimeProvider.System).Watch.View());
        Assert.Equal("completed", read.State);
        Assert.Equal(live.Epochs.Select(point => point.Record), read.Epochs.Select(point => point.Record));
        Assert.Equal(live.Machines.Select(machine => (machine.Name, machine.State, machine.Restarts)),
            read.Machines.Select(machine => (machine.Name, machine.State, machine.Restarts)));
        Assert.Equal(live.Machines.Select(machine => machine.Measure?.Leaves), read.Machines.Select(machine => machine.Measure?.Leaves));
        Assert.Equal(live.Events.Select(happened => happened.Text), read.Events.Select(happened => happened.Text));
        Assert.True(read.Run!.StepsPerEpoch > 0);
    }

    private static TimeSpan Milliseconds(double time) => TimeSpan.FromMilliseconds(time);

    private static EpochRecord Record(int epoch) => new(epoch, epoch, 0.5, null, new string('a', 64));

    private void Begin(int workers)
    {
        At(0, new MembershipChanged(s_server, NodeRole.ParameterServer, "joined"));
        for (var worker = 1; worker <= workers; worker++)
        {
            At(0, new MembershipChanged(new ActorId($"worker-{worker}/aa"), NodeRole.Worker, "joined"));
        }

        At(0, new RunBegan(0, workers, 1));
    }

    private void Measure(double[] compute, StepMeasure? steps) => At(1, new MembersMeasured(
        [.. compute.Select((time, index) =>
            new WorkerMeasure(new ActorId($"worker-{index + 1}/aa"), 4, 1000, Milliseconds(time), Milliseconds(1), 4000, false))],
        steps, [s_server]));

    private void At(double seconds, RunEvent happened) => _watch.Observe(happened, s_start + TimeSpan.FromSeconds(seconds));

    private MachineView Machine(string name) => _watch.View().Machines.Single(machine => machine.Name == name);
}
