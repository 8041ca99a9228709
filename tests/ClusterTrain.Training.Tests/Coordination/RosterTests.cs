using ClusterTrain.Learning.Networks;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;

namespace ClusterTrain.Training.Tests;

/// <summary>Which servers continue from what they hold, who is a spare of whom, and what members are told.</summary>
public sealed class RosterTests
{
    private const int Block = GradientNorm.BlockParameters;
    private const long Term = 7;

    private static readonly ActorId s_a = new("A");
    private static readonly ActorId s_b = new("B");
    private static readonly ActorId s_c = new("C");
    private static readonly ActorId s_d = new("D");
    private static readonly ActorId s_worker = new("worker-1");

    private readonly RecordingContext _context = new("coordinator");

    [Fact]
    public void Nobody_is_asked_while_nobody_can_hold_anything()
    {
        var roster = Create(servers: 1, s_a);
        Assert.False(roster.AskForHoldings(_context));
        Assert.Empty(_context.Messages);
        Assert.Equal(Term, roster.Topology.Term);
    }

    [Fact]
    public void Once_one_may_hold_something_each_server_is_asked_once_in_a_term_of_its_own()
    {
        var roster = Create(servers: 1, s_a);
        roster.Cut();
        roster.AddServer(s_b, [new SegmentPosition(0, 1, 1, 5, 5, 0)]);
        Assert.True(roster.AskForHoldings(_context));
        roster.AddServer(s_c, []);
        Assert.True(roster.AskForHoldings(_context));
        foreach (var server in new[] { s_a, s_b, s_c })
        {
            Assert.Equal([new Rest(Term + 1)], _context.SentTo<Rest>(server));
        }

        roster.Add(s_a, new Holding(Term + 1, []));
        roster.Add(s_b, new Holding(Term + 1, []));
        roster.Add(s_d, new Holding(Term + 1, [new SegmentPosition(0, 1, 1, 5, 5, 0)]));
        Assert.True(roster.AskForHoldings(_context));
        roster.Add(s_c, new Holding(Term + 1, []));
        Assert.False(roster.AskForHoldings(_context));

        // Whoever is no server holds nothing that counts.
        Assert.Null(roster.FindHolders());
    }

    [Fact]
    public void A_server_that_is_gone_is_not_waited_for_and_is_asked_again_when_it_is_back()
    {
        var roster = Create(servers: 1, s_a);
        roster.Cut();
        roster.AddServer(s_b, [new SegmentPosition(0, 1, 1, 5, 5, 0)]);
        roster.AskForHoldings(_context);
        roster.Add(s_b, new Holding(Term + 1, [new SegmentPosition(0, 1, 1, 5, 5, 0)]));
        Assert.Equal(NodeRole.ParameterServer, roster.Remove(s_a));
        Assert.False(roster.AskForHoldings(_context));
        roster.AddServer(s_a, []);
        Assert.True(roster.AskForHoldings(_context));
        Assert.Equal(2, _context.SentTo<Rest>(s_a).Count());

        // What a server held that is gone does not count any more.
        roster.Remove(s_b);
        roster.AddServer(s_b, []);
        Assert.Null(roster.FindHolders());
    }

    [Theory]
    [InlineData("A:0@3", null)] // nobody has segment 1
    [InlineData("A:0@3 B:1@3", "A B 3")]
    [InlineData("A:0@3 B:1@2", null)] // A no longer has the weights of step 2
    [InlineData("A:0@3-2 B:1@2", "A B 2")]
    [InlineData("A:0@3-2 B:1@1", null)]
    [InlineData("A:0@2 B:0@3 C:1@3", "B C 3")] // A is behind
    [InlineData("A:0@2 B:0@3-2 C:1@2", "B C 2")] // of two that fit the one that is further
    [InlineData("A:0@3 B:1@3 C:0@3,1@3", "C C 3")] // rather one server than two
    [InlineData("A:0@3,1@3 B:0@3 C:1@3", "A A 3")]
    public void The_segments_continue_at_the_latest_step_that_all_of_them_have(string held, string? expected)
    {
        var roster = Create(servers: 2, s_a, s_b, s_c);
        roster.Cut();
        Hold(roster, held);
        var found = roster.FindHolders();
        Assert.Equal(expected, found is var (holders, step, _) ? $"{string.Join(' ', holders.Select(holder => holder.Name))} {step}" : null);
    }

    [Fact]
    public void What_one_of_the_holders_no_longer_keeps_for_the_receipt_must_be_recorded()
    {
        var roster = Create(servers: 2, s_a, s_b, s_c);
        roster.Cut();
        roster.Add(s_a, new Holding(Term, [new SegmentPosition(0, 2, 1, 5, 5, 2)]));
        roster.Add(s_b, new Holding(Term, [new SegmentPosition(1, 2, 1, 5, 5, 1)]));
        roster.Add(s_c, new Holding(Term, [new SegmentPosition(1, 2, 1, 4, 4, 3)]));
        Assert.Equal(2, roster.FindHolders()!.Value.Recorded);
    }

    [Fact]
    public void Segments_of_another_cut_and_of_an_earlier_serving_do_not_count()
    {
        var roster = Create(servers: 2, s_a, s_b);
        roster.Cut();
        roster.Add(s_a, new Holding(Term, [new SegmentPosition(0, 2, 2, 5, 5, 0), new SegmentPosition(0, 1, 3, 9, 9, 0)]));
        roster.Add(s_b, new Holding(Term, [new SegmentPosition(1, 2, 1, 5, 5, 0)]));
        Assert.Null(roster.FindHolders());
        roster.Add(s_b, new Holding(Term, [new SegmentPosition(1, 2, 2, 5, 5, 0)]));
        Assert.Equal([s_a, s_b], roster.FindHolders()!.Value.Holders.ToArray());
    }

    [Fact]
    public void What_was_served_before_a_wrong_answer_was_found_does_not_count_any_more()
    {
        var roster = Create(servers: 1, s_a);
        roster.Cut();
        roster.BeginTerm();
        Assert.Equal(Term + 1, roster.Topology.Term);
        roster.ForgetHoldings();
        Assert.False(roster.AskForHoldings(_context));
        roster.Add(s_a, new Holding(Term + 1, [new SegmentPosition(0, 1, Term + 1, 5, 5, 0)]));
        Assert.Null(roster.FindHolders());
        roster.Add(s_a, new Holding(Term + 1, [new SegmentPosition(0, 1, Term + 2, 5, 5, 0)]));
        Assert.NotNull(roster.FindHolders());
    }

    [Fact]
    public void Whoever_served_is_asked_what_it_holds_when_nobody_serves_any_more()
    {
        var roster = Create(servers: 1, s_a);
        roster.Cut();
        roster.BeginTerm();
        roster.GiveSegmentsUp();
        Assert.False(roster.IsServed);
        Assert.True(roster.AskForHoldings(_context));
        Assert.Single(_context.SentTo<Rest>(s_a));
    }

    [Fact]
    public void A_spare_is_asked_what_it_holds_when_its_server_is_lost()
    {
        var roster = Create(servers: 1, s_a, s_b);
        roster.Cut();
        roster.BeginTerm();
        roster.AssignSpares(_context);
        roster.Remove(s_a);
        roster.GiveSegmentsUp();
        Assert.True(roster.AskForHoldings(_context));
        Assert.Single(_context.SentTo<Rest>(s_b));
    }

    [Fact]
    public void Each_server_has_one_spare_as_far_as_there_are_more_servers_than_the_run_needs()
    {
        var roster = Create(servers: 2, s_a, s_b, s_c);
        roster.Cut();
        roster.BeginTerm();
        Assert.Equal([s_a, s_b], roster.Topology.Servers.ToArray());
        roster.AssignSpares(_context);
        roster.AssignSpares(_context);
        Assert.Equal(["A 0 C"], SparesSent());

        roster.AddServer(s_d, []);
        roster.AssignSpares(_context);
        Assert.Equal(["A 0 C", "B 1 D"], SparesSent());

        // The spare of A is lost, and the other one is B's already.
        roster.Remove(s_c);
        roster.AssignSpares(_context);
        roster.AssignSpares(_context);
        Assert.Equal(["A 0 C", "B 1 D", "A 0 "], SparesSent());
        roster.AddServer(s_c, []);
        roster.AssignSpares(_context);
        Assert.Equal("A 0 C", SparesSent()[^1]);
    }

    [Fact]
    public void A_spare_has_all_segments_of_its_server()
    {
        var roster = new Roster(
            Plan(), new NetworkLayout(4 * Block, LineRun.Recipe().Layers), new RunSettings { ParameterServers = 2, SegmentParameters = Block }, Term);
        foreach (var server in new[] { s_a, s_b, s_c, s_d })
        {
            roster.AddServer(server, []);
        }

        roster.Cut();
        roster.BeginTerm();
        Assert.Equal([s_a, s_b, s_a, s_b], roster.Topology.Servers.ToArray());
        Assert.False(roster.PushesTogether);
        roster.AssignSpares(_context);
        Assert.Equal(["A 0 C", "B 1 D", "A 2 C", "B 3 D"], SparesSent());
    }

    [Theory]
    [InlineData(1, 20, 1, 1)]
    [InlineData(2, 8, 1, 8)]
    [InlineData(2, 8, 5, 2)]
    [InlineData(2, 12, 5, 2)]
    [InlineData(2, 40, 1, 16)]
    [InlineData(3, 54, 6, 9)]
    public void Several_servers_have_up_to_eight_segments_each_of_a_least_size(int servers, int blocks, int leastBlocks, int segments)
    {
        var roster = new Roster(
            Plan(), new NetworkLayout(blocks * Block, LineRun.Recipe().Layers),
            new RunSettings { ParameterServers = servers, SegmentParameters = leastBlocks * Block }, Term);
        roster.Cut();
        Assert.Equal(segments, roster.Segments.Length);
    }

    [Theory]
    [InlineData(0, 0, "2 more workers and 2 more parameter servers")]
    [InlineData(1, 2, "1 more worker")]
    [InlineData(2, 1, "1 more parameter server")]
    [InlineData(3, 3, "")]
    public void It_says_what_is_missing(int workers, int servers, string missing)
    {
        var settings = new RunSettings { ParameterServers = 2, LeastWorkers = 2 };
        var roster = new Roster(Plan(), new NetworkLayout(1, LineRun.Recipe().Layers), settings, Term);
        for (var worker = 0; worker < workers; worker++)
        {
            Assert.True(roster.AddWorker(new ActorId($"worker-{worker}")));
            Assert.False(roster.AddWorker(new ActorId($"worker-{worker}")));
        }

        for (var server = 0; server < servers; server++)
        {
            Assert.True(roster.AddServer(new ActorId($"server-{server}"), []));
            Assert.False(roster.AddServer(new ActorId($"server-{server}"), []));
        }

        Assert.Equal(missing, roster.Missing);
        Assert.Equal((workers >= 2, servers >= 2), (roster.HasEnoughWorkers, roster.HasEnoughServers));
    }

    [Fact]
    public void Whoever_is_no_member_is_not_removed()
    {
        var roster = Create(servers: 1, s_a);
        roster.AddWorker(s_worker);
        Assert.Null(roster.Remove(s_b));
        Assert.Equal(NodeRole.Worker, roster.Remove(s_worker));
        Assert.Null(roster.Remove(s_worker));
        Assert.Equal(NodeRole.ParameterServer, roster.Remove(s_a));
    }

    [Fact]
    public void Shares_stay_the_same_workers_until_they_or_the_term_change()
    {
        var roster = Create(servers: 1, s_a, s_b);
        roster.AddWorker(s_worker);
        roster.Cut();
        roster.BeginTerm();
        roster.Divide(_context, [s_worker]);
        Assert.Equal((1, 1), (roster.Assignment.Version, roster.SharesSince));
        roster.Divide(_context, [s_worker]);
        Assert.Equal((2, 1), (roster.Assignment.Version, roster.SharesSince));
        roster.Divide(_context, []);
        Assert.Equal((3, 3), (roster.Assignment.Version, roster.SharesSince));
        roster.BeginTerm();
        roster.Divide(_context, []);
        Assert.Equal((4, 4), (roster.Assignment.Version, roster.SharesSince));

        // Servers hear of it before workers.
        Assert.Equal([s_a, s_b, s_worker], _context.Messages.TakeLast(3).Select(sent => sent.To));
    }

    [Fact]
    public void A_worker_whose_compute_time_exceeds_the_period_waited_for_nothing()
    {
        var roster = Create(servers: 1, s_a);
        roster.AddWorker(s_worker);
        roster.AddWorker(s_b);
        roster.Report(s_worker, new ComputeReport(100, TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(1), 0, 30));
        roster.Divide(_context, [s_b]);
        var measure = Assert.Single(roster.Measures(worker => worker == s_worker));
        Assert.Equal(new WorkerMeasure(s_worker, 0, 50, TimeSpan.FromSeconds(2), TimeSpan.Zero, 30, true), measure);
        roster.Remove(s_worker);
        Assert.Empty(roster.Speeds);
    }

    private static TrainingPlan Plan() => new(LineRun.Recipe(), 4);

    private static Roster Create(int servers, params ReadOnlySpan<ActorId> joined)
    {
        var roster = new Roster(
            Plan(), new NetworkLayout(((servers - 1) * Block) + 1, LineRun.Recipe().Layers), new RunSettings { ParameterServers = servers }, Term);
        foreach (var server in joined)
        {
            roster.AddServer(server, []);
        }

        return roster;
    }

    /// <summary>Servers say what they hold of two segments, as in <c>A:0@3-2,1@4</c>: of segment 0 step 3, with the weights from 2 on.</summary>
    private static void Hold(Roster roster, string held)
    {
        foreach (var server in held.Split(' '))
        {
            var positions = server[2..].Split(',').Select(position =>
            {
                var (step, first) = (position[2], position[^1]);
                return new SegmentPosition(position[0] - '0', 2, 1, step - '0', first - '0', 0);
            });
            roster.Add(new ActorId(server[..1]), new Holding(Term, [.. positions]));
        }
    }

    private string[] SparesSent() =>
    [
        .. _context.Messages.Where(sent => sent.Message is Spares).Select(sent => (sent.To, Spares: (Spares)sent.Message))
            .Select(sent => $"{sent.To.Name} {sent.Spares.Segment} {string.Join(' ', sent.Spares.Servers.Select(server => server.Name))}"),
    ];
}
