using System.Collections.Immutable;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Plan;

namespace ClusterTrain.Training.Coordination;

/// <summary>Who takes part: the members, which server has which segment in the present term, and what they are all told.</summary>
internal sealed class Roster(TrainingPlan plan, NetworkLayout layout, RunSettings settings, long firstTerm)
{
    private const int MostSegmentsOfServer = 8;

    private readonly List<ActorId> _workers = [];
    private readonly List<ActorId> _servers = [];
    private readonly Dictionary<ActorId, ComputeReport> _reports = [];

    // Servers that may hold something; those that were asked in the present term, and what they answered.
    private readonly HashSet<ActorId> _holders = [];
    private readonly HashSet<ActorId> _asked = [];
    private readonly Dictionary<ActorId, ImmutableArray<SegmentPosition>> _holdings = [];
    private bool _isAsking;

    // The spare server of each segment that has one.
    private readonly Dictionary<int, ActorId> _spares = [];
    private long _leastServed;

    public IReadOnlyList<ActorId> Workers => _workers;

    /// <summary>Rows a second of compute time, by worker.</summary>
    public ImmutableDictionary<ActorId, double> Speeds => _reports.ToImmutableDictionary(report => report.Key, report => Speed(report.Value));

    /// <summary>What each worker that reported did lately.</summary>
    /// <param name="isLate">Tells who is late.</param>
    public ImmutableArray<WorkerMeasure> Measures(Predicate<ActorId> isLate) =>
    [
        .. _workers.Where(_reports.ContainsKey).Select(worker =>
        {
            var report = _reports[worker];
            var steps = Math.Max(1, report.Steps);
            var index = Assignment.Workers.IndexOf(worker);
            return new WorkerMeasure(
                worker, index < 0 ? 0 : Assignment.Share(index, plan.Leaves(0)).Count, Speed(report), report.ComputeTime / steps,
                TimeSpan.FromTicks(Math.Max(0, (report.Elapsed - report.ComputeTime).Ticks)) / steps, report.Bytes / steps, isLate(worker));
        }),
    ];

    /// <summary>Who shares the leaves, as the members were told last.</summary>
    public Assignment Assignment { get; private set; } = new(0, 0, []);

    /// <summary>The first assignment from which on every share has been the same worker's.</summary>
    public long SharesSince { get; private set; }

    /// <summary>The term, and who serves each segment in it; without servers when nobody does.</summary>
    public Topology Topology { get; private set; } = new(firstTerm, []);

    /// <summary>The segments the parameters are cut into; none before the first were served.</summary>
    public ImmutableArray<Segment> Segments { get; private set; } = [];

    public bool IsServed => !Topology.Servers.IsEmpty;

    /// <summary>True when a worker pushes its sums of all segments at once: no server has several, which leave one after the other.</summary>
    public bool PushesTogether => Topology.Servers.Distinct().Count() == Topology.Servers.Length;

    public bool HasEnoughServers => _servers.Count >= settings.ParameterServers;

    public bool HasEnoughWorkers => _workers.Count >= settings.LeastWorkers;

    /// <summary>What is missing, as a person reads it.</summary>
    public string Missing
    {
        get
        {
            var workers = Math.Max(0, settings.LeastWorkers - _workers.Count);
            var servers = Math.Max(0, settings.ParameterServers - _servers.Count);
            return string.Join(" and ", new[] { Count(workers, "more worker"), Count(servers, "more parameter server") }.OfType<string>());

            static string? Count(int number, string thing) => number switch
            {
                0 => null,
                1 => $"1 {thing}",
                _ => $"{number} {thing}s",
            };
        }
    }

    /// <summary>A worker joins.</summary>
    /// <returns>False when it is there already.</returns>
    public bool AddWorker(ActorId worker) => Add(_workers, worker);

    /// <summary>A parameter server joins.</summary>
    /// <returns>False when it is there already.</returns>
    public bool AddServer(ActorId server, ImmutableArray<SegmentPosition> holding)
    {
        if (!Add(_servers, server))
        {
            return false;
        }

        if (!holding.IsEmpty)
        {
            _holders.Add(server);
        }

        return true;
    }

    /// <summary>A member is gone.</summary>
    /// <returns>What it was; null when it was none.</returns>
    public NodeRole? Remove(ActorId member)
    {
        if (_workers.Remove(member))
        {
            _reports.Remove(member);
            return NodeRole.Worker;
        }

        _holders.Remove(member);
        _asked.Remove(member);
        _holdings.Remove(member);
        return _servers.Remove(member) ? NodeRole.ParameterServer : null;
    }

    public bool IsWorker(ActorId member) => _workers.Contains(member);

    public void Report(ActorId worker, ComputeReport report) => _reports[worker] = report;

    /// <summary>Nobody serves; what a server of the former term still sends, and may send again later with gaps, no longer counts.</summary>
    public void GiveSegmentsUp() => Begin([]);

    /// <summary>
    /// Cuts the parameters into the segments that are served from now on: one for one server; where there are several, more than one for each, so
    /// that a segment is sent, added and updated while the gradient of the next is computed.
    /// </summary>
    public void Cut()
    {
        var servers = settings.ParameterServers;
        var each = servers == 1 ? 1 : Math.Clamp(layout.Parameters / servers / settings.SegmentParameters, 1, MostSegmentsOfServer);
        Segments = plan.Segments(layout, servers * each);
    }

    /// <summary>What servers hold from this term or an earlier one is not to be used: it may be wrong.</summary>
    public void ForgetHoldings()
    {
        _leastServed = Topology.Term + 1;
        _holders.Clear();
    }

    /// <summary>Has the servers rest and say what they hold, unless none of them can hold anything.</summary>
    /// <returns>True while an answer is awaited.</returns>
    public bool AskForHoldings(IActorContext context)
    {
        if (_holders.Count == 0)
        {
            return false;
        }

        if (!_isAsking)
        {
            Begin([]);
            _isAsking = true;
        }

        foreach (var server in _servers)
        {
            if (_asked.Add(server))
            {
                context.Send(server, new Rest(Topology.Term));
            }
        }

        return !_servers.TrueForAll(_holdings.ContainsKey);
    }

    /// <summary>A server says what it holds.</summary>
    public void Add(ActorId server, Holding holding)
    {
        if (_servers.Contains(server))
        {
            _holdings[server] = holding.Positions;
        }
    }

    /// <summary>
    /// A server of every segment from which the run can continue: what they were told to serve fits together, and the latest step that all
    /// segments have reached is one that all of them can send the weights of. With that step, and with what they no longer keep for the receipt.
    /// </summary>
    /// <returns>Null when there are none.</returns>
    public (ImmutableArray<ActorId> Holders, long Step, long Recorded)? FindHolders()
    {
        var held = _servers.SelectMany(server => _holdings.GetValueOrDefault(server, []).Select(position => (Server: server, Position: position)))
            .Where(segment => segment.Position.Segments == Segments.Length && segment.Position.Served >= _leastServed).ToList();
        var served = held.Select(segment => segment.Position.Served).DefaultIfEmpty().Max();
        var candidates = held.Where(segment => segment.Position.Served == served).ToLookup(segment => segment.Position.Segment);
        if (Segments.Any(segment => !candidates.Contains(segment.Index)))
        {
            return null;
        }

        var step = Segments.Min(segment => candidates[segment.Index].Max(candidate => candidate.Position.Step));
        var fitting = Segments.SelectMany(segment => candidates[segment.Index])
            .Where(candidate => candidate.Position.First <= step && step <= candidate.Position.Step).ToList();

        // As few servers as possible, so that the others can be spares.
        var holders = new ActorId?[Segments.Length];
        var recorded = 0L;
        while (Array.IndexOf(holders, null) >= 0)
        {
            var open = fitting.Where(candidate => holders[candidate.Position.Segment] is null).GroupBy(candidate => candidate.Server)
                .MaxBy(server => (server.Count(), server.Sum(candidate => candidate.Position.Step)));
            if (open is null)
            {
                return null;
            }

            foreach (var (server, position) in open)
            {
                holders[position.Segment] = server;
                recorded = Math.Max(recorded, position.Recorded);
            }
        }

        return ([.. holders.OfType<ActorId>()], step, recorded);
    }

    /// <summary>Begins a term in which these servers have the segments.</summary>
    public void BeginTerm(ImmutableArray<ActorId> servers)
    {
        Begin(servers);
        _holders.UnionWith(servers);
    }

    /// <summary>Begins a term in which each segment is given to a server, which must be sent what to begin with.</summary>
    public void BeginTerm() => BeginTerm([.. Segments.Select(segment => _servers[segment.Index % settings.ParameterServers])]);

    /// <summary>
    /// Gives the segments of each server one of the servers that serve none as a spare, as far as there are more of them than the run needs.
    /// </summary>
    public void AssignSpares(IActorContext context)
    {
        foreach (var segment in Segments)
        {
            var server = Topology.Servers[segment.Index];
            var before = _spares.TryGetValue(segment.Index, out var spare) ? spare : null;
            var after = before is not null && _servers.Contains(before) ? before : SpareOf(server) ?? _servers.Find(IsFree);
            if (after == before)
            {
                continue;
            }

            _spares.Remove(segment.Index);
            if (after is not null)
            {
                _spares.Add(segment.Index, after);
                _holders.Add(after);
            }

            context.Send(server, new Spares(Topology.Term, segment.Index, after is null ? [] : [after]));
        }
    }

    /// <summary>The spare that another segment of the server has.</summary>
    private ActorId? SpareOf(ActorId server) =>
        _spares.Where(spare => Topology.Servers[spare.Key] == server && _servers.Contains(spare.Value)).Select(spare => spare.Value).FirstOrDefault();

    private bool IsFree(ActorId server) =>
        !Topology.Servers.Contains(server) && !_spares.ContainsValue(server)
            && _servers.Count - settings.ParameterServers > _spares.Values.Where(_servers.Contains).Distinct().Count();

    /// <summary>Divides the leaves of every step among these workers; with none the run rests.</summary>
    public void Divide(IActorContext context, ImmutableArray<ActorId> workers)
    {
        var isSame = Topology.Term == Assignment.Term && workers.SequenceEqual(Assignment.Workers);
        Assignment = new Assignment(Topology.Term, Assignment.Version + 1, workers);
        SharesSince = isSame ? SharesSince : Assignment.Version;
        Broadcast(context, Assignment);
    }

    /// <summary>Sends to every member, servers first.</summary>
    public void Broadcast(IActorContext context, IMessage message)
    {
        foreach (var server in _servers)
        {
            context.Send(server, message);
        }

        foreach (var worker in _workers)
        {
            context.Send(worker, message);
        }
    }

    /// <summary>Sends to the servers that have segments.</summary>
    public void SendToServers(IActorContext context, IMessage message)
    {
        foreach (var server in Topology.Servers.Distinct())
        {
            context.Send(server, message);
        }
    }

    private void Begin(ImmutableArray<ActorId> servers)
    {
        Topology = new Topology(Topology.Term + 1, servers);
        _isAsking = false;
        _spares.Clear();
        _asked.Clear();
        _holdings.Clear();
    }

    private static double Speed(ComputeReport report) => report.Rows / report.ComputeTime.TotalSeconds;

    private static bool Add(List<ActorId> members, ActorId member)
    {
        if (members.Contains(member))
        {
            return false;
        }

        members.Add(member);
        return true;
    }
}
