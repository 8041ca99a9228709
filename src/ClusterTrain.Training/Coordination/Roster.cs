using System.Collections.Immutable;
using ClusterTrain.Learning;

namespace ClusterTrain.Training;

/// <summary>Who takes part: the members, which server has which segment in the present term, and what they are all told.</summary>
internal sealed class Roster(TrainingPlan plan, NetworkLayout layout, RunSettings settings, long firstTerm)
{
    private readonly List<ActorId> _workers = [];
    private readonly List<ActorId> _servers = [];
    private readonly Dictionary<ActorId, double> _speeds = [];

    // What servers held when they joined; later it is out of date.
    private readonly Dictionary<ActorId, ImmutableArray<SegmentPosition>> _holdings = [];
    private long _assignmentVersion;

    public IReadOnlyList<ActorId> Workers => _workers;

    /// <summary>Rows a second of compute time, by worker.</summary>
    public ImmutableDictionary<ActorId, double> Speeds => _speeds.ToImmutableDictionary();

    /// <summary>The term, and who serves each segment in it; without servers when nobody does.</summary>
    public Topology Topology { get; private set; } = new(firstTerm, []);

    /// <summary>The segments the parameters are cut into; none before the first were served.</summary>
    public ImmutableArray<Segment> Segments { get; private set; } = [];

    public bool IsServed => !Topology.Servers.IsEmpty;

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

        _holdings[server] = holding;
        return true;
    }

    /// <summary>A member is gone.</summary>
    /// <returns>What it was; null when it was none.</returns>
    public NodeRole? Remove(ActorId member)
    {
        if (_workers.Remove(member))
        {
            _speeds.Remove(member);
            return NodeRole.Worker;
        }

        return _servers.Remove(member) ? NodeRole.ParameterServer : null;
    }

    public bool IsWorker(ActorId member) => _workers.Contains(member);

    public void Report(ActorId worker, ComputeReport report) => _speeds[worker] = report.Rows / report.ComputeTime.TotalSeconds;

    /// <summary>Nobody serves; what a server of the former term still sends, and may send again later with gaps, no longer counts.</summary>
    public void GiveSegmentsUp() => Topology = new Topology(Topology.Term + 1, []);

    /// <summary>Cuts the parameters into the segments that are served from now on.</summary>
    public void Cut() => Segments = plan.Segments(layout, settings.ParameterServers);

    /// <summary>What servers hold from an earlier term is not to be used.</summary>
    public void ForgetHoldings() => _holdings.Clear();

    /// <summary>
    /// The servers that held every segment when they joined, each at most a step apart, with the step all of them have reached and what they no
    /// longer keep for the receipt. Asked for once: it is out of date afterwards.
    /// </summary>
    /// <returns>Null when a segment is missing.</returns>
    public (ImmutableArray<ActorId> Holders, long Step, long Recorded)? TakeHolders()
    {
        var holders = new ActorId[Segments.Length];
        var (first, last, recorded) = (long.MaxValue, long.MinValue, 0L);
        var held = _servers.SelectMany(server => _holdings.GetValueOrDefault(server, []).Select(position => (Server: server, Position: position)))
            .Where(segment => segment.Position.Segments == holders.Length).ToList();
        var served = held.Select(segment => segment.Position.Served).DefaultIfEmpty().Max();
        foreach (var (server, position) in held.Where(segment => segment.Position.Served == served))
        {
            holders[position.Segment] = server;
            (first, last) = (Math.Min(first, position.Step), Math.Max(last, position.Step));
            recorded = Math.Max(recorded, position.Recorded);
        }

        _holdings.Clear();
        return Array.Exists(holders, holder => holder is null) || last - first > 1 ? null : ([.. holders], first, recorded);
    }

    /// <summary>Begins a term in which these servers have the segments.</summary>
    public void BeginTerm(ImmutableArray<ActorId> servers) => Topology = new Topology(Topology.Term + 1, servers);

    /// <summary>Begins a term in which each segment is given to a server, which must be sent what to begin with.</summary>
    public void BeginTerm() => BeginTerm([.. Segments.Select(segment => _servers[segment.Index])]);

    /// <summary>Divides the leaves of every step among these workers; with none the run rests.</summary>
    public void Divide(IActorContext context, ImmutableArray<ActorId> workers) =>
        Broadcast(context, new Assignment(Topology.Term, ++_assignmentVersion, workers));

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
