namespace ClusterTrain.Simulation.Tests;

/// <summary>The core and the network card of one machine: when each is free again, in µs of virtual time.</summary>
/// <param name="clock">The time.</param>
/// <param name="share">The share of the core that the machine's processes have.</param>
internal sealed class Machine(VirtualClock clock, double share)
{
    private double _coreFreeUs;
    private double _sendsUntilUs;
    private double _receivesUntilUs;

    /// <summary>Takes the core for so long, after what is before it.</summary>
    /// <returns>When it is done.</returns>
    public double Work(double us) => _coreFreeUs = Math.Max(clock.NowUs, _coreFreeUs) + Takes(us);

    /// <summary>The time that so much core time takes.</summary>
    public double Takes(double us) => us / share;

    /// <summary>Takes the network card's way out from a time on, for so long.</summary>
    /// <returns>When that begins.</returns>
    public double Send(double fromUs, double us)
    {
        var begins = Math.Max(fromUs, _sendsUntilUs);
        _sendsUntilUs = begins + us;
        return begins;
    }

    /// <summary>Takes the network card's way in for so long, after what is before it.</summary>
    /// <returns>When all is there.</returns>
    public double Receive(double us) => _receivesUntilUs = Math.Max(clock.NowUs, _receivesUntilUs) + us;
}

/// <summary>Virtual time in µs, and what happens in it; what is due at one time happens in the order it was planned in.</summary>
internal sealed class VirtualClock
{
    private readonly PriorityQueue<Action, (double AtUs, long Number)> _events = new();
    private long _numbers;

    public double NowUs { get; private set; }

    public void At(double us, Action action) => _events.Enqueue(action, (us, _numbers++));

    /// <summary>Does what is next.</summary>
    /// <returns>False when nothing is.</returns>
    public bool Step()
    {
        if (!_events.TryDequeue(out var action, out var at))
        {
            return false;
        }

        NowUs = at.AtUs;
        action();
        return true;
    }
}
