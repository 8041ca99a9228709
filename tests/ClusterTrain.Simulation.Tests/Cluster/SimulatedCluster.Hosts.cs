using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Optimisers;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Threading;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;
using ClusterTrain.Training.Servers;
using ClusterTrain.Training.Workers;

namespace ClusterTrain.Simulation.Tests;

/// <content>Processes and their hosts: they start actors, connect them, notice what is lost, and connect again.</content>
internal sealed partial class SimulatedCluster
{
    private const int CoordinatorPlace = 0;
    private const long RetryUs = 20_000;

    // The connections the coordinator's host believes in, by their numbers.
    private readonly Dictionary<(Process Coordinator, Process Member), int> _connections = [];

    /// <summary>Everything begins, or begins again after the run was stopped.</summary>
    private void StartAll()
    {
        StartCoordinator();
        for (var place = 1; place < _scenario.FirstWorkerPlace + _scenario.Workers; place++)
        {
            var at = place;
            After(_random.Duration(1, 50_000), () => StartMember(at));
        }
    }

    private void StartCoordinator()
    {
        if (_places[CoordinatorPlace] is { IsAlive: true } || _isResuming)
        {
            return;
        }

        _stopAsked = false;
        var start = _disk.Open(() =>
        {
            var weights = new float[_layout.Parameters];
            _layout.Initialise(_scenario.Recipe.Seed, weights);
            var stateCount = Optimiser.StatePlanes(_scenario.Recipe.Optimiser, _layout.Parameters);
            return new RunState(0, 0, weights, new float[_layout.Parameters * stateCount]);
        });
        _checker.Begins(start);
        Resumed = start.State.Step;
        start = _disk.Term > 1 ? _plant.Resume(start) : start;
        var process = NewProcess(CoordinatorPlace, null);
        var coordinator = new Coordinator(
            _plan, _layout, _scenario.Settings, start, new DiskRecorder(_disk, _disk.Term, _validation), process.Pool, happened =>
            {
                // Nobody believes what a former one reports.
                if (!process.IsFormer)
                {
                    Observe(happened);
                }
            });
        (process.Actor, process.Owned) = (coordinator, coordinator);
        coordinator.Start(process);
        Flush(process, 0);
    }

    private void StartMember(int place)
    {
        if (_places[place] is { IsAlive: true } || _isComplete || _isResuming)
        {
            return;
        }

        var role = place < _scenario.FirstWorkerPlace ? NodeRole.ParameterServer : NodeRole.Worker;
        var process = NewProcess(place, role);
        var kernels = Kernels.Supported[_random.Between(0, Kernels.Supported.Count - 1)];
        if (role == NodeRole.Worker)
        {
            var worker = new Worker(_plan, _layout, _data.Train, new Network(_layout, _scenario.Recipe.Loss, kernels, _threads), process.Pool);
            (process.Actor, process.Owned) = (worker, worker);
        }
        else
        {
            var server = new ParameterServer(_plan, _layout, kernels, new ComputePool(1), process.Pool);
            (process.Actor, process.Owned) = (_plant.Around(server, _plan), server);
        }

        for (var other = 1; other < _scenario.Places; other++)
        {
            if (other != place && !_links[place, other].IsBlocked && _places[other] is { IsAlive: true })
            {
                _links[place, other].Connect();
            }
        }

        Announce(process);
    }

    private Process NewProcess(int place, NodeRole? role)
    {
        var name = role switch
        {
            null => "coordinator",
            NodeRole.Worker => $"worker-{place - _scenario.FirstWorkerPlace + 1}{(_replaced.Contains(place) ? "-new" : "")}",
            _ => $"server-{place}",
        };
        var process = new Process(this, place, new ActorId($"{name}/{++_lives}"), role, NowUs);
        _places[place] = process;
        _placeOf.Add(process.Self, place);
        _processes.Add(process.Self, process);
        return process;
    }

    /// <summary>A member's host dials the coordinator until it answers, and has the actor announce itself.</summary>
    private void Announce(Process member)
    {
        if (!member.IsAlive || member.IsStopped || member.Connection is not null)
        {
            return;
        }

        var link = _links[member.Place, CoordinatorPlace];
        if (_places[CoordinatorPlace] is not { IsAlive: true } coordinator || link.IsBlocked)
        {
            After(RetryUs + _random.Between(0, RetryUs), () => Announce(member));
            return;
        }

        if (link.IsConnected)
        {
            // The coordinator's host has not noticed yet that the former connection is gone: the new one tells it.
            link.Close();
        }

        if (_connections.TryGetValue((coordinator, member), out var former))
        {
            NoticeLost(coordinator, member, former, "it reconnected");
        }

        link.Connect();
        member.Connection = (coordinator, link.Number);
        _connections[(coordinator, member)] = link.Number;
        if (member.Actor is Worker worker)
        {
            worker.Start(member, coordinator.Self);
        }
        else
        {
            ((ParameterServer)member.Owned).Start(member, coordinator.Self);
        }

        Flush(member, 0);
    }

    /// <summary>The coordinator's host notices that a connection is gone, unless it knows already.</summary>
    private void NoticeLost(Process coordinator, Process member, int number, string reason)
    {
        if (_connections.GetValueOrDefault((coordinator, member)) == number)
        {
            _connections.Remove((coordinator, member));
            Arrive(coordinator, new Envelope(coordinator.Self, new MemberLost(member.Self, reason), default));
        }
    }

    /// <summary>A connection breaks: what is in flight is lost, and both ends notice in time.</summary>
    private void Close(int from, int to)
    {
        var link = _links[from, to];
        if (!link.IsConnected)
        {
            return;
        }

        var number = link.Number;
        link.Close();
        if (from != CoordinatorPlace && to != CoordinatorPlace)
        {
            After(DetectionUs(), () => Reconnect(from, to));
            return;
        }

        if (_places[CoordinatorPlace] is not { } coordinator || _places[Math.Max(from, to)] is not { } member)
        {
            return;
        }

        After(DetectionUs(), () => NoticeLost(coordinator, member, number, "its connection broke"));
        After(DetectionUs(), () =>
        {
            if (member.IsAlive && member.Connection is { } connection && connection.Number == number)
            {
                member.Connection = null;
                if (member.Role == NodeRole.Worker && _scenario.WorkersBeginAnew && !member.IsStopped)
                {
                    Kill(member);
                    StartMember(member.Place);
                }
                else
                {
                    Announce(member);
                }
            }
        });
    }

    /// <summary>Two members connect again; both hear of it, and what was lost meanwhile is theirs to ask for.</summary>
    private void Reconnect(int from, int to)
    {
        var link = _links[from, to];
        if (link.IsConnected || _places[from] is not { IsAlive: true } one || _places[to] is not { IsAlive: true } other)
        {
            return;
        }

        if (link.IsBlocked)
        {
            return;
        }

        link.Connect();
        Restored(one, other);
        Restored(other, one);
    }

    private void Restored(Process process, Process other) =>
        Arrive(process, new Envelope(process.Self, new LinkRestored(other.Self), default));

    /// <summary>Ends all processes; those of which it is asked must have given back all memory.</summary>
    private void KillAll(Func<Process, bool> mustEndClean)
    {
        Process[] ended = [.. _places.OfType<Process>().Where(process => process.IsAlive)];
        foreach (var process in ended)
        {
            Kill(process);
        }

        // What one process has lent, others give back when they end. A former coordinator that hangs is not waited for.
        foreach (var former in _former)
        {
            former.GiveAllBack();
            Checker.Require(former.Violation is null, "memory", $"{former.Violation}");
        }

        foreach (var process in ended.Where(mustEndClean))
        {
            Checker.Ended(process);
        }
    }

    private void Kill(Process process)
    {
        process.IsAlive = false;
        while (process.Mailbox.TryDequeue(out var envelope))
        {
            envelope.Drop();
        }

        process.Owned.Dispose();
        process.GiveAllBack();
        Checker.Require(process.Violation is null, "memory", $"{process.Violation}");
        _processes.Remove(process.Self);
        for (var other = 0; other < _scenario.Places; other++)
        {
            if (other != process.Place)
            {
                Close(process.Place, other);
            }
        }
    }

    /// <summary>The coordinator has ended the run.</summary>
    private void RunEnded(RunOutcome outcome)
    {
        switch (outcome)
        {
            case RunCompleted completed:
                _checker.Completed(completed, _disk);
                Complete();
                break;
            case RunFailed { Reason: var reason } when !Reference.IsFinite && reason.Contains("is not finite", StringComparison.Ordinal):
                Complete();
                break;
            case RunInterrupted when _stopAsked:
            case RunFailed { Reason: var reason } when _stopAsked && reason.Contains("simulated disk", StringComparison.Ordinal):
                _isResuming = true;
                After(LingerUs, ResumeAll);
                break;
            case RunFailed { Reason: var reason } when Wronged > 0 && reason.Contains("was recorded as", StringComparison.Ordinal):
                IsContradicted = true;
                Complete();
                break;
            case RunFailed { Reason: var reason } when _corrupt is not null
                && (reason.Contains("no third worker", StringComparison.Ordinal) || reason.Contains(" a third one", StringComparison.Ordinal)):
                _corrupt = null;
                _isResuming = true;
                After(LingerUs, ResumeAll);
                break;
            default:
                throw new SimulationFailure("crash", $"the run ended: {outcome}");
        }
    }

    private void Complete()
    {
        _isComplete = true;
        CompletedUs = NowUs;
        BeQuiet();
        _endUs = NowUs + LingerUs;
    }

    private void ResumeAll()
    {
        if (IsBehind)
        {
            After(LingerUs, ResumeAll);
            return;
        }

        KillAll(process => process.IsStopped && !process.IsWorking);
        _isResuming = false;
        StartAll();
    }
}
