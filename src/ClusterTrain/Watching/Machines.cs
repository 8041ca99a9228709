using System.Collections.Immutable;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Watching;

/// <summary>The nodes of a run through all their lives: one that is started again is the same machine.</summary>
internal sealed class Machines
{
    // A machine that comes and goes all day keeps its newest stretches.
    private const int MostSpans = 100;

    // Nodes with new names each time, as containers have, do not pile up for ever.
    private const int MostGone = 500;

    private readonly List<Machine> _machines = [];

    // The servers that held a segment when the members were last measured.
    private ImmutableArray<ActorId> _serving = [];

    /// <summary>All of them, in the order in which they first joined.</summary>
    public ImmutableArray<MachineView> Views => [.. _machines.Select(machine => machine.View)];

    /// <summary>Workers that take part.</summary>
    public int Workers => _machines.Count(machine => machine is { IsThere: true, Role: NodeRole.Worker });

    public void Clear()
    {
        _machines.Clear();
        _serving = [];
    }

    /// <summary>A member joined or is gone.</summary>
    /// <returns>The machine, and true when it is back after it was lost.</returns>
    public (MachineView Machine, bool IsBack) Change(MembershipChanged changed, DateTimeOffset at)
    {
        if (changed.What == "joined")
        {
            return Join(changed, at);
        }

        var machine = _machines.FindLast(machine => machine.Id == changed.Member) ?? Add(changed);
        var state = changed.What.StartsWith("excluded", StringComparison.Ordinal) ? MachineState.Excluded
            : changed.What.StartsWith("lost", StringComparison.Ordinal) ? MachineState.Lost
            : MachineState.Left;
        machine.Go(state, at);
        machine.Measure = null;
        machine.HasVacancy = state == MachineState.Lost && (machine.Role == NodeRole.Worker || _serving.Contains(machine.Id));
        machine.Detail = changed.What.Split(": ", 2) is [_, var reason] ? reason : "";
        return (machine.View, false);
    }

    /// <summary>Another coordinator leads: it does not know yet who is there.</summary>
    public void Await(DateTimeOffset at)
    {
        foreach (var machine in _machines.Where(machine => machine.IsThere))
        {
            (machine.IsAwaited, machine.Measure) = (true, null);
            machine.Go(MachineState.Resting, at);
        }
    }

    /// <summary>Who has not come back to the coordinator that leads now is gone.</summary>
    public void GiveUpAwaited(DateTimeOffset at)
    {
        foreach (var machine in _machines.Where(machine => machine is { IsThere: true, IsAwaited: true }))
        {
            machine.Detail = "did not come back after the coordinator was replaced";
            machine.Go(MachineState.Lost, at);
        }
    }

    /// <summary>Training continues: whoever is there takes part.</summary>
    public void Begin(DateTimeOffset at)
    {
        foreach (var machine in _machines.Where(machine => machine is { IsThere: true, IsAwaited: false, State: not MachineState.Spare }))
        {
            machine.Go(machine.Role == NodeRole.Worker ? MachineState.Computing : MachineState.Serving, at);
        }
    }

    /// <summary>The run rests, or is over.</summary>
    public void Rest(MachineState state, DateTimeOffset at)
    {
        foreach (var machine in _machines.Where(machine => machine.IsThere))
        {
            machine.Go(state, at);
        }
    }

    public void Late(ActorId worker, DateTimeOffset at) => Find(worker)?.Go(MachineState.Late, at);

    /// <summary>What the members did lately.</summary>
    /// <param name="measured">It.</param>
    /// <param name="isTraining">False while the run rests.</param>
    /// <param name="at">When.</param>
    public void Measure(MembersMeasured measured, bool isTraining, DateTimeOffset at)
    {
        foreach (var measure in measured.Workers)
        {
            if (Find(measure.Worker) is { } worker)
            {
                worker.Measure = measure;
                if (isTraining)
                {
                    worker.Go(measure.IsLate ? MachineState.Late : measure.Leaves > 0 ? MachineState.Computing : MachineState.Joined, at);
                }
            }
        }

        foreach (var server in _machines.Where(machine =>
            machine is { IsThere: true, IsAwaited: false, Role: NodeRole.ParameterServer } && isTraining))
        {
            server.Go(measured.Serving.Contains(server.Id) ? MachineState.Serving : MachineState.Spare, at);
        }

        foreach (var server in measured.Serving.Except(_serving))
        {
            if (!_serving.IsEmpty && Find(server) is { } successor)
            {
                Replace(successor, at);
            }
        }

        _serving = measured.Serving;
    }

    /// <summary>Another node does what one did that was lost: the one that has been gone longest.</summary>
    private void Replace(Machine successor, DateTimeOffset at)
    {
        if (_machines.Find(machine => machine is { State: MachineState.Lost, HasVacancy: true } && machine.Role == successor.Role) is { } lost)
        {
            lost.Detail = $"{lost.Detail}{(lost.Detail.Length > 0 ? "; " : "")}{successor.View.Name} took its place";
            lost.HasVacancy = false;
            lost.Go(MachineState.Replaced, at);
        }
    }

    private Machine? Find(ActorId id) => _machines.Find(machine => machine.Id == id && machine.IsThere);

    private (MachineView Machine, bool IsBack) Join(MembershipChanged changed, DateTimeOffset at)
    {
        // Nodes of one cluster may have the same name: one of them that is there is another one.
        var former = _machines.Find(machine => machine.Id == changed.Member)
            ?? _machines.Find(machine =>
                (!machine.IsThere || machine.IsAwaited) && machine.Role == changed.Role && machine.Id.Node == changed.Member.Node);
        var isBack = former is { IsThere: false };
        var machine = former ?? Add(changed);
        machine.Restarts += isBack ? 1 : 0;
        (machine.Id, machine.Detail, machine.IsAwaited) = (changed.Member, "", false);
        machine.Go(MachineState.Joined, at);
        if (former is null && machine.Role == NodeRole.Worker)
        {
            Replace(machine, at);
        }

        return (machine.View, isBack);
    }

    private Machine Add(MembershipChanged changed)
    {
        var same = _machines.Count(machine => machine.Id.Node == changed.Member.Node && machine.Role == changed.Role);
        var machine = new Machine(same == 0 ? changed.Member.Node : $"{changed.Member.Node} ({same + 1})", changed.Member, changed.Role);
        if (_machines.Count(other => !other.IsThere) >= MostGone)
        {
            _machines.Remove(_machines.Find(other => !other.IsThere)!);
        }

        _machines.Add(machine);
        return machine;
    }

    private sealed class Machine(string name, ActorId id, NodeRole role)
    {
        private readonly List<MachineSpan> _spans = [];

        public ActorId Id { get; set; } = id;

        public NodeRole Role => role;

        public MachineState State { get; private set; } = MachineState.Joined;

        public string Detail { get; set; } = "";

        public int Restarts { get; set; }

        public WorkerMeasure? Measure { get; set; }

        /// <summary>True when it had something to do when it was lost.</summary>
        public bool HasVacancy { get; set; }

        /// <summary>True while the coordinator that leads now has not seen it.</summary>
        public bool IsAwaited { get; set; }

        public bool IsThere => State is not (MachineState.Lost or MachineState.Replaced or MachineState.Left or MachineState.Excluded);

        public MachineView View => new()
        {
            Name = name,
            Id = Id,
            Role = role,
            State = State,
            Detail = Detail,
            Restarts = Restarts,
            Measure = Measure,
            Timeline = [.. _spans],
        };

        public void Go(MachineState state, DateTimeOffset at)
        {
            if (_spans.Count > 0 && State == state)
            {
                return;
            }

            if (_spans.Count > 0)
            {
                _spans[^1] = _spans[^1] with { To = at };
            }

            if (_spans.Count == MostSpans)
            {
                _spans.RemoveAt(0);
            }

            State = state;
            _spans.Add(new MachineSpan(at, state == MachineState.Done ? at : null, state));
        }
    }
}
