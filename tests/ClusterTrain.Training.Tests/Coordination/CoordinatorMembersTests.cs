using ClusterTrain.Learning.Networks;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Training.Tests;

/// <summary>Who takes part in a run: who is waited for, who gets segments and shares, and who leaves.</summary>
public sealed class CoordinatorMembersTests : IDisposable
{
    private static readonly ActorId s_server = CoordinatorStand.Server;
    private static readonly ActorId s_worker = CoordinatorStand.Worker;
    private static readonly ActorId s_second = CoordinatorStand.Other;

    private CoordinatorStand _stand = null!;

    public void Dispose() => _stand.Dispose();

    [Fact]
    public void It_waits_for_members_and_says_which_are_missing()
    {
        _stand = new(LineRun.Recipe(), new RunSettings { LeastWorkers = 2 });
        Assert.Equal("waiting for 2 more workers and 1 more parameter server", Assert.Single(_stand.Events.OfType<RunWaiting>()).Reason);
        _stand.JoinWorkers(s_worker);
        _stand.JoinServers(s_server);
        Assert.Empty(_stand.Events.OfType<RunBegan>());
        Assert.Empty(_stand.Assignments(s_server)[^1].Workers);

        _stand.JoinWorkers(s_second);
        Assert.Equal(new RunBegan(0, 2, 1), Assert.Single(_stand.Events.OfType<RunBegan>()));
        Assert.Equal([s_worker, s_second], _stand.Assignments(s_server)[^1].Workers.ToArray());
    }

    [Fact]
    public void A_server_is_told_to_serve_then_sent_weights_and_state_before_the_topology()
    {
        _stand = new(LineRun.Recipe());
        _stand.JoinServers(s_server);
        var term = (1L << 20) + 1;
        Assert.Equal(
            [new Serve(term, 0, 1, 0, 0, 0), new Topology(term, [s_server]), new Advance(term, 2, 0)],
            _stand.Context.SentTo<IMessage>(s_server).Take(3), new SameMessage());
        Assert.Equal([LineRun.Weights(term, 0), LineRun.State(term, 0)], _stand.Context.Tensors.Select(sent => sent.Tensor.Key));
        Assert.Equal([1f], _stand.Context.Tensors[0].Tensor.Values.ToArray());
        Assert.Equal([0f], _stand.Context.Tensors[1].Tensor.Values.ToArray());
    }

    [Fact]
    public void A_worker_that_joins_late_hears_of_the_servers_before_its_leaves()
    {
        _stand = CoordinatorStand.Checkpointing(s_server, s_worker);
        _stand.JoinWorkers(s_second);
        Assert.Equal([typeof(Topology), typeof(Assignment)], _stand.Context.SentTo<IMessage>(s_second).Select(message => message.GetType()));
        Assert.Equal([s_worker, s_second], _stand.Assignments(s_worker)[^1].Workers.ToArray());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_worker_is_gone_and_its_leaves_are_given_to_the_others(bool saysGoodbye)
    {
        _stand = CoordinatorStand.Checkpointing(s_server, s_worker, s_second);
        if (saysGoodbye)
        {
            _stand.Receive(s_second, new Leave());
        }
        else
        {
            _stand.Receive(new MemberLost(s_second, "connection reset"));
        }

        var last = _stand.Assignments(s_worker)[^1];
        Assert.Equal([s_worker], last.Workers.ToArray());
        Assert.True(last.Version > _stand.Assignments(s_worker)[^2].Version);
        Assert.Equal(saysGoodbye ? "left" : "lost: connection reset", _stand.Events.OfType<MembershipChanged>().Last().What);
    }

    [Fact]
    public void Too_few_workers_are_left_and_the_run_rests_until_one_joins()
    {
        _stand = CoordinatorStand.Checkpointing(s_server, s_worker);
        _stand.Receive(new MemberLost(s_worker, "connection reset"));
        Assert.Empty(_stand.Assignments(s_server)[^1].Workers);
        _stand.JoinWorkers(s_second);
        Assert.Equal([s_second], _stand.Assignments(s_server)[^1].Workers.ToArray());
        Assert.Equal(2, _stand.Events.OfType<RunBegan>().Count());
    }

    [Theory]
    [InlineData(1, 4096, "A")]
    [InlineData(2, 4096, "A B A B")]
    [InlineData(2, 4097, "A B")]
    [InlineData(2, 16384, "A B")]
    public void Several_servers_take_the_segments_of_a_large_model_in_turns(int servers, int segmentParameters, string holders)
    {
        var recipe = LineRun.Recipe();
        _stand = new(
            recipe, new RunSettings { ParameterServers = servers, SegmentParameters = segmentParameters },
            CoordinatorStand.Start(recipe, 4 * GradientNorm.BlockParameters, term: 2));
        foreach (var server in new[] { "A", "B", "C" })
        {
            _stand.JoinServers(new ActorId(server));
        }

        _stand.JoinWorkers(s_worker);
        var topology = _stand.Topologies(s_worker)[^1];
        Assert.Equal(holders.Split(' '), topology.Servers.Select(server => server.Name));
        Assert.Equal(servers, Assert.Single(_stand.Events.OfType<RunBegan>()).Servers);

        // One spare, of all segments of the first server.
        var spares = _stand.Context.Messages.Where(sent => sent.Message is Spares { Servers.IsEmpty: false })
            .Select(sent => (sent.To, (Spares)sent.Message));
        var expected = topology.Servers.Select((server, index) => (server, index)).Where(held => held.server == topology.Servers[0]);
        Assert.Equal(expected, spares.Select(spare => (spare.To, spare.Item2.Segment)));
    }

    [Fact]
    public void A_server_that_was_asked_to_stop_goes_after_a_checkpoint_and_another_continues_from_there()
    {
        var next = new ActorId("server-2");
        _stand = CoordinatorStand.Checkpointing(s_server, s_worker);
        var term = _stand.Topologies(s_worker)[^1].Term;
        _stand.Receive(s_server, new WantsToLeave());
        _stand.Receive(s_worker, new Leave());
        Assert.Empty(_stand.Context.SentTo<Stop>(s_server));
        _stand.Receive(s_server, new Held(term, 0, 1));
        _stand.SendSnapshot(term, 1, LineRun.SecondWeight, LineRun.SecondVelocity);
        Assert.Single(_stand.Context.SentTo<Stop>(s_server));
        Assert.Equal("left", _stand.Events.OfType<MembershipChanged>().Last().What);
        _stand.JoinServers(next);
        Assert.Equal(1, Assert.Single(_stand.Context.SentTo<Serve>(next)).Step);
    }

    [Fact]
    public void A_server_that_was_asked_to_stop_goes_at_once_when_it_has_no_segment_and_after_a_while_when_no_checkpoint_can_be_had()
    {
        var spare = new ActorId("server-2");
        _stand = CoordinatorStand.Checkpointing(s_server, s_worker);
        _stand.JoinServers(spare);
        _stand.Receive(spare, new WantsToLeave());
        Assert.Single(_stand.Context.SentTo<Stop>(spare));
        _stand.Receive(s_server, new WantsToLeave());
        _stand.Receive(s_worker, new Leave());
        _stand.Tick(5);
        Assert.Single(_stand.Context.SentTo<Stop>(s_server));
    }

    [Fact]
    public void Who_joins_after_the_end_is_told_to_stop()
    {
        _stand = CoordinatorStand.Checkpointing(s_server, s_worker);
        _stand.Receive(s_worker, new MemberFailed(s_worker, "out of memory"));
        _stand.JoinWorkers(s_second);
        Assert.Equal("out of memory", _stand.Failure());
        Assert.Single(_stand.Context.SentTo<Stop>(s_second));
    }

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
