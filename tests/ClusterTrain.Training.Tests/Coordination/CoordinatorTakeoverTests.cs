using System.Collections.Immutable;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Numerics.Tree;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Training.Tests;

/// <summary>Who goes on with the segments after a server or the coordinator was lost, and from which step.</summary>
public sealed class CoordinatorTakeoverTests : IDisposable
{
    private static readonly ActorId s_server = CoordinatorStand.Server;
    private static readonly ActorId s_worker = CoordinatorStand.Worker;
    private static readonly ActorId s_second = CoordinatorStand.Other;

    private readonly Dictionary<ActorId, ImmutableArray<SegmentPosition>> _held = [];
    private CoordinatorStand _stand = null!;

    public void Dispose() => _stand.Dispose();

    [Fact]
    public void A_server_is_lost_and_another_continues_from_the_last_checkpoint_in_a_new_term()
    {
        _stand = CoordinatorStand.Checkpointing(s_server, s_worker);
        var former = _stand.Topologies(s_worker)[^1].Term;
        _stand.SendSnapshot(former, 1, LineRun.SecondWeight, LineRun.SecondVelocity);
        _stand.Receive(new MemberLost(s_server, "killed"));
        _stand.Context.Clear();

        var next = new ActorId("server-2");
        _stand.JoinServers(next);
        var serve = Assert.Single(_stand.Context.SentTo<Serve>(next));
        Assert.Equal(1, serve.Step);
        Assert.True(serve.Term > former);
        Assert.Equal([LineRun.SecondWeight, LineRun.SecondVelocity], _stand.Context.Tensors.Select(sent => sent.Tensor.Values[0]));
        Assert.Equal([next], _stand.Topologies(s_worker)[^1].Servers.ToArray());
    }

    [Fact]
    public void A_server_lost_without_a_checkpoint_begins_at_the_start_weights_again()
    {
        _stand = CoordinatorStand.Checkpointing(s_server, s_worker);
        _stand.Receive(new MemberLost(s_server, "killed"));
        _stand.Context.Clear();
        _stand.JoinServers(new ActorId("server-2"));
        Assert.Equal(0, Assert.Single(_stand.Context.Sent<Serve>()).Step);
    }

    [Fact]
    public void Only_the_coordinator_was_lost_and_the_server_continues_from_where_it_is()
    {
        _stand = new(LineRun.Recipe(), start: CoordinatorStand.Resume(0, LineRun.FirstWeight, 0));
        _stand.JoinWorkers(s_worker);
        JoinHolding(s_server, new SegmentPosition(0, 1, 7, 1, 1, 0));
        Assert.Empty(_stand.Context.Sent<Serve>());
        Assert.Equal(2L << 20, _stand.Topologies(s_server)[^1].Term - 2);
        Assert.Equal(1, _stand.Events.OfType<RunBegan>().Last().Step);
        Assert.Equal([s_worker], _stand.Assignments(s_worker)[^1].Workers.ToArray());
    }

    [Fact]
    public void A_server_that_is_behind_the_checkpoint_is_served_again()
    {
        var start = CoordinatorStand.Resume(1, LineRun.SecondWeight, LineRun.SecondVelocity, CoordinatorStand.Recorded(1));
        _stand = new(LineRun.Recipe(), start: start);
        JoinHolding(s_server, new SegmentPosition(0, 1, 7, 0, 0, 0));
        Assert.Equal(1, Assert.Single(_stand.Context.Sent<Serve>()).Step);
    }

    [Theory]
    [InlineData(1, 1, 1, "power was lost and with it an entry of the receipt that the server no longer keeps")]
    [InlineData(2, 1, 0, "the run had another number of servers")]
    [InlineData(1, 2, 0, "all is computed, recorded nowhere: the epochs follow", true)]
    public void A_server_is_adopted_only_with_all_that_the_record_lacks(int segments, long step, long recorded, string incident,
        bool isAdopted = false)
    {
        _stand = new(LineRun.Recipe(), start: CoordinatorStand.Resume(0, LineRun.FirstWeight, 0));
        JoinHolding(s_server, new SegmentPosition(0, segments, 7, step, step, recorded));
        Assert.True(isAdopted != _stand.Context.Sent<Serve>().Any(), incident);
    }

    [Theory]
    [InlineData(7, 7, true)]
    [InlineData(7, 8, false)]
    public void Servers_that_were_told_to_serve_in_different_terms_do_not_continue_together(long first, long second, bool isAdopted)
    {
        // The former coordinator was lost while it had the segments served again, and one server never heard of it.
        Begin(GradientNorm.BlockParameters + 1, new RunSettings { ParameterServers = 2 });
        JoinHolding(s_server, new SegmentPosition(0, 2, first, 1, 0, 0));
        JoinHolding(new ActorId("server-2"), new SegmentPosition(1, 2, second, 0, 0, 0));
        Assert.Equal(isAdopted, !_stand.Context.Sent<Serve>().Any());
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
        Begin(GradientNorm.BlockParameters + 1, new RunSettings { ParameterServers = 2 });
        _stand.JoinServers(s_server, second);
        _stand.JoinWorkers(s_worker);
        var served = _stand.Topologies(s_worker)[^1].Term;
        _stand.Receive(new MemberLost(s_server, "silent for 1 s"));
        _stand.Context.Clear();
        _stand.Receive(s_server, new Join(NodeRole.ParameterServer, [new SegmentPosition(0, 2, served, step, first, 0)]));
        var rest = _stand.Context.Sent<Rest>().First();
        Assert.Equal([second, s_server], _stand.Context.Messages.Where(sent => sent.Message is Rest).Select(sent => sent.To));
        _stand.Receive(s_server, new Holding(rest.Term, [new SegmentPosition(0, 2, served, step, first, 0)]));
        Assert.Empty(_stand.Context.Sent<Topology>());
        _stand.Receive(second, new Holding(rest.Term, [new SegmentPosition(1, 2, served, otherStep, otherFirst, 0)]));
        Assert.True(isAdopted != _stand.Context.Sent<Serve>().Any(), incident);
        Assert.Equal(isAdopted ? step : 0, _stand.Events.OfType<RunBegan>().Last().Step);
    }

    [Fact]
    public void A_server_beyond_those_needed_is_the_spare_and_continues_when_the_other_is_lost()
    {
        var spare = new ActorId("server-2");
        _stand = new(LineRun.Recipe());
        _stand.JoinServers(s_server);
        _stand.JoinWorkers(s_worker);
        var term = _stand.Topologies(s_worker)[^1].Term;
        _stand.JoinServers(spare);
        Assert.Equal([spare], Assert.Single(_stand.Context.SentTo<Spares>(s_server)).Servers.ToArray());
        _stand.Context.Clear();

        _stand.Receive(new MemberLost(s_server, "killed"));
        var rest = Assert.Single(_stand.Context.SentTo<Rest>(spare));
        _stand.Receive(spare, new Holding(rest.Term, [new SegmentPosition(0, 1, term, 1, 1, 0)]));
        Assert.Empty(_stand.Context.Sent<Serve>());
        Assert.Equal([spare], _stand.Topologies(s_worker)[^1].Servers.ToArray());
        Assert.Equal(new RunBegan(1, 1, 1), _stand.Events.OfType<RunBegan>().Last());
        Assert.Empty(_stand.Events.OfType<RunWaiting>().Skip(2));

        // Who comes next is the spare of the spare.
        _stand.JoinServers(s_server);
        Assert.Equal([s_server], Assert.Single(_stand.Context.SentTo<Spares>(spare)).Servers.ToArray());
    }

    [Fact]
    public void A_server_that_was_away_while_the_steps_were_replayed_because_of_a_wrong_answer_is_not_followed()
    {
        _stand = CoordinatorStand.Checkpointing(s_server, s_worker, s_second);
        var term = _stand.Topologies(s_worker)[^1].Term;
        var leaf = new TreeNode(1, 1);
        _stand.Receive(s_server, new LateShare(term, 0, leaf, s_worker, s_second));
        _stand.Receive(s_server, new Answer(term, 0, 0, leaf, s_second, "00", 1));
        _stand.Receive(s_server, new Answer(term, 0, 0, leaf, s_second, "11", 1));
        Assert.Equal(2, _stand.Context.SentTo<Serve>(s_server).Count());
        _stand.Receive(new MemberLost(s_server, "silent for 1 s"));
        JoinHolding(s_server, new SegmentPosition(0, 1, term, 1, 1, 0));
        Assert.Equal(3, _stand.Context.SentTo<Serve>(s_server).Count());
    }

    [Fact]
    public void All_is_recorded_but_the_result_was_not_written_and_the_end_is_replayed_from_the_checkpoint()
    {
        _stand = new(LineRun.Recipe(), start: CoordinatorStand.Resume(
            1, LineRun.SecondWeight, LineRun.SecondVelocity, CoordinatorStand.Recorded(1), CoordinatorStand.Recorded(2)));
        JoinHolding(s_server, new SegmentPosition(0, 1, 7, 2, 2, 2));
        Assert.Equal(1, Assert.Single(_stand.Context.Sent<Serve>()).Step);
    }

    [Fact]
    public void A_new_coordinator_leaves_the_segments_with_as_few_servers_as_hold_them()
    {
        Begin(4 * GradientNorm.BlockParameters, new RunSettings { ParameterServers = 2, SegmentParameters = GradientNorm.BlockParameters });
        (string Server, (int Segment, long Step)[] Held)[] holdings =
            [("S", [(0, 0), (2, 0)]), ("A", [(0, 1), (2, 0)]), ("B", [(1, 0), (3, 0)])];
        foreach (var (name, positions) in holdings)
        {
            var server = new ActorId(name);
            _held[server] = [.. positions.Select(held => new SegmentPosition(held.Segment, 4, 1, held.Step, 0, 0))];
            _stand.Receive(server, new Join(NodeRole.ParameterServer, _held[server]));
        }

        _stand.JoinWorkers(s_worker);
        SayWhatIsHeld();
        Assert.Equal(["A", "B", "A", "B"], _stand.Topologies(s_worker)[^1].Servers.Select(server => server.Name));
        Assert.Equal(
            [("A", 0), ("A", 2)],
            _stand.Context.Messages.Where(sent => sent.Message is Spares { Servers: [{ Name: "S" }] })
                .Select(sent => (sent.To.Name, ((Spares)sent.Message).Segment)));
    }

    [Fact]
    public void A_new_coordinator_knows_the_speed_of_the_epochs_its_servers_kept()
    {
        _stand = new(LineRun.Recipe(epochs: 4), start: CoordinatorStand.Resume(0, LineRun.FirstWeight, 0));
        JoinHolding(s_server, new SegmentPosition(0, 1, 7, 1, 1, 0));
        var term = _stand.Topologies(s_server)[^1].Term;
        _stand.Receive(s_server, new StepReport(term, 0, 0, 1, TimeSpan.FromSeconds(5)));
        _stand.Context.Now = TimeSpan.FromSeconds(7);
        _stand.SendEpoch(term, 1, 1, 1);
        Assert.Equal(2, Assert.Single(_stand.Events.OfType<EpochCompleted>()).SamplesPerSecond);
    }

    [Fact]
    public void Tensors_of_a_former_term_are_dropped()
    {
        _stand = CoordinatorStand.Checkpointing(s_server, s_worker);
        var lent = _stand.Pool.Lent;
        _stand.Send(LineRun.Weights(1, 1), 15, 9);
        Assert.Equal(lent, _stand.Pool.Lent);
        Assert.Equal(0, _stand.Context.OffloadedCount);
    }

    [Fact]
    public void A_server_that_was_lost_and_is_back_sends_what_it_computed_alone_and_it_does_not_count()
    {
        _stand = new(LineRun.Recipe(), new RunSettings { ParameterServers = 2 });
        _stand.JoinServers(s_server, new ActorId("server-2"));
        _stand.JoinWorkers(s_worker);
        var former = _stand.Topologies(s_worker)[^1].Term;
        _stand.Receive(new MemberLost(s_server, "link broken"));
        _stand.Receive(new MemberLost(new ActorId("server-2"), "link broken"));
        _stand.Receive(s_server, new Join(NodeRole.ParameterServer, [new SegmentPosition(0, 1, former, 2, 2, 1)]));
        _stand.SendEpoch(former, 2, 10, 1);
        Assert.Empty(_stand.Recorder.Epochs);
    }

    /// <summary>A second coordinator of a model of some size, without a checkpoint.</summary>
    private void Begin(int parameters, RunSettings settings)
    {
        var recipe = LineRun.Recipe();
        _stand = new(recipe, settings, CoordinatorStand.Start(recipe, parameters, term: 2));
    }

    /// <summary>A server joins that holds a segment, and says so again when all are asked.</summary>
    private void JoinHolding(ActorId server, SegmentPosition position)
    {
        _held[server] = [position];
        _stand.Receive(server, new Join(NodeRole.ParameterServer, _held[server]));
        SayWhatIsHeld();
    }

    /// <summary>All servers that are asked say what they hold.</summary>
    private void SayWhatIsHeld()
    {
        foreach (var (to, message) in _stand.Context.Messages.Where(sent => sent.Message is Rest).ToArray())
        {
            _stand.Receive(to, new Holding(((Rest)message).Term, _held[to]));
        }
    }
}
