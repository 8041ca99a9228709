using ClusterTrain.Training.Messages;

namespace ClusterTrain.Simulation.Tests;

/// <content>What goes wrong.</content>
internal sealed partial class SimulatedCluster
{
    private void Happen(FaultEvent happening)
    {
        if (_isComplete)
        {
            return;
        }

        _trace?.WriteLine($"{NowUs,10} {"FAULT",-14} {happening}");
        switch (happening)
        {
            case Crash crash:
                Die(crash);
                break;
            case Partition partition:
                Block(partition.From, partition.To, partition.OneWay, partition.ForUs);
                break;
            case Isolation isolation:
                for (var other = 0; other < _scenario.Places; other++)
                {
                    if (other != isolation.Place)
                    {
                        Block(isolation.Place, other, oneWay: false, isolation.ForUs);
                    }
                }

                break;
            case Disconnect disconnect:
                Close(disconnect.From, disconnect.To);
                break;
            case Stall stall when _places[stall.Place] is { } process:
                process.BusyUntilUs = Math.Max(NowUs, process.BusyUntilUs) + stall.ForUs;
                if (stall.ForUs > DetectionUs() && stall.Place != CoordinatorPlace)
                {
                    Close(stall.Place, CoordinatorPlace);
                }

                break;
            case ClockJump jump:
                _clockOffsetUs[jump.Place] += jump.ByUs;
                break;
            case DiskFailure failure:
                _disk.FailingWrites += failure.Writes;
                break;
            case WorkerJoins join:
                StartMember(join.Place);
                break;
            case WorkerLeaves leave:
                LeaveWork(leave.Place);
                break;
            case CoordinatorHangs hang when _places[CoordinatorPlace] is { IsAlive: true } coordinator:
                Hang(coordinator, hang);
                break;
            case ServerLeaves leave:
                LeaveService(leave.Place, leave.DownUs);
                break;
            case StopAll when _places[CoordinatorPlace] is { IsAlive: true } coordinator:
                _stopAsked = true;
                StepWhenStopped = _checker.NewestStep;
                AskToStop(coordinator);
                for (var place = 1; place < _scenario.Places; place++)
                {
                    if (place >= _scenario.FirstWorkerPlace)
                    {
                        LeaveWork(place);
                    }
                    else
                    {
                        LeaveService(place, LingerUs);
                    }
                }

                break;
            case StopAndResume when _places[CoordinatorPlace] is { IsAlive: true } coordinator:
                _stopAsked = true;
                AskToStop(coordinator);
                break;
        }
    }

    private void AskToStop(Process process) => Arrive(process, new Envelope(process.Self, new StopRequested(), default));

    /// <summary>A server is asked to stop. Its host waits for a while, and then another is started.</summary>
    private void LeaveService(int place, long downUs)
    {
        if (_places[place] is not { IsAlive: true, Connection: not null } server)
        {
            return;
        }

        AskToStop(server);
        After(Math.Max(downUs, LingerUs), () =>
        {
            if (server.IsAlive && !_isComplete && !_isResuming)
            {
                Kill(server);
                StartMember(place);
            }
        });
    }

    private void LeaveWork(int place)
    {
        if (_places[place] is not { IsAlive: true, Connection: { } connection } worker)
        {
            return;
        }

        worker.Send(connection.Coordinator.Self, new Leave());
        Flush(worker, 0);
        After(50 * _scenario.DelayUs.High, () =>
        {
            if (worker.IsAlive)
            {
                Kill(worker);
                Replenish();
            }
        });
    }

    private void Hang(Process coordinator, CoordinatorHangs hang)
    {
        coordinator.Hangs = true;
        coordinator.BusyUntilUs = Math.Max(NowUs, coordinator.BusyUntilUs) + hang.WakesUs;
        After(coordinator.BusyUntilUs - NowUs, () => coordinator.Hangs = false);
        After(hang.SuccessorUs, () =>
        {
            if (!coordinator.Hangs || !coordinator.IsAlive || _isComplete || _isResuming)
            {
                return;
            }

            for (var place = 1; place < _scenario.Places; place++)
            {
                Close(CoordinatorPlace, place);
            }

            coordinator.IsFormer = true;
            _former.Add(coordinator);
            _places[CoordinatorPlace] = null;
            StartCoordinator();
        });
    }

    private void Die(Crash crash)
    {
        if (_places[crash.Place] is not { IsAlive: true } process)
        {
            return;
        }

        if (crash.Place == CoordinatorPlace)
        {
            process.DieAtWork(_random);
            if (crash.PowerLoss)
            {
                _disk.LosePower(_random);
            }
        }

        Kill(process);
        if (crash.DownUs is not { } downUs)
        {
            return;
        }

        After(downUs, () =>
        {
            if (crash.Place == CoordinatorPlace)
            {
                StartCoordinator();
            }
            else
            {
                StartMember(crash.Place);
            }
        });
    }

    private void Block(int from, int to, bool oneWay, long forUs)
    {
        var link = _links[from, to];
        var there = link.Towards(from, to);
        var back = link.Towards(to, from);
        there.Blocks++;
        back.Blocks += oneWay ? 0 : 1;
        var detectionUs = DetectionUs();
        if (detectionUs < forUs)
        {
            After(detectionUs, () => Close(from, to));
        }

        After(forUs, () =>
        {
            there.Blocks--;
            back.Blocks -= oneWay ? 0 : 1;
            Release(link, there);
            Release(link, back);
            if (from != CoordinatorPlace && to != CoordinatorPlace)
            {
                After(DelayUs(), () => Reconnect(from, to));
            }
        });
    }

    private void Release(Link link, Link.Direction direction)
    {
        if (direction.Blocks > 0)
        {
            return;
        }

        foreach (var (to, envelope) in direction.Held)
        {
            Transmit(link, direction, to, envelope);
        }

        direction.Held.Clear();
    }

    /// <summary>Nothing goes wrong from now on.</summary>
    private void BeQuiet()
    {
        _isQuiet = true;
        Replenish();
    }

    /// <summary>Once nothing goes wrong any more, workers are started until there are as many as the run needs.</summary>
    private void Replenish()
    {
        if (_isComplete || !_isQuiet)
        {
            return;
        }

        var workers = _places.Skip(_scenario.FirstWorkerPlace).Count(process => process is { IsAlive: true });
        for (var place = _scenario.FirstWorkerPlace; place < _scenario.Places && workers < _scenario.Settings.LeastWorkers; place++)
        {
            if (_places[place] is not { IsAlive: true })
            {
                StartMember(place);
                workers++;
            }
        }
    }
}
