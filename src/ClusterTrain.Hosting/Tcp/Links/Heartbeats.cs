using System.Collections.Concurrent;

namespace ClusterTrain.Hosting;

/// <summary>
/// Says on each link's heartbeat connection that this node lives, and closes links whose peer was not heard of for too long.
/// One thread, which does nothing else, so that no computation delays it.
/// </summary>
internal sealed class Heartbeats : IDisposable
{
    private readonly ConcurrentDictionary<Link, Watch> _watches = new();
    private readonly TimeProvider _clock;
    private readonly TimeSpan _laneTime;
    private readonly ManualResetEventSlim _stop = new();
    private readonly Thread _thread;
    private Times _times;

    /// <summary>Starts the thread.</summary>
    public Heartbeats(TimeSpan period, TimeSpan lostAfter, TimeSpan laneTime, TimeProvider clock)
    {
        _times = new Times(period, lostAfter);
        _laneTime = laneTime;
        _clock = clock;
        _thread = new Thread(Beat, 256 * 1024) { Name = "heartbeat", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Takes over the cluster's times.</summary>
    public void Use(TimeSpan period, TimeSpan lostAfter) => Volatile.Write(ref _times, new Times(period, lostAfter));

    /// <summary>Expects a heartbeat connection for a new link.</summary>
    public void Expect(Link link) => _watches[link] = new Watch { LastHeard = _clock.GetTimestamp() };

    /// <summary>Forgets a closed link.</summary>
    public void Forget(Link link)
    {
        if (_watches.TryRemove(link, out var watch))
            watch.Lane?.Dispose();
    }

    /// <summary>Reads a link's heartbeat connection until it ends, which closes the link.</summary>
    public void Read(Link link, Connection lane)
    {
        if (!_watches.TryGetValue(link, out var watch))
            return;

        watch.Lane = lane;
        try
        {
            while (!link.IsClosed)
            {
                Volatile.Write(ref watch.LastHeard, _clock.GetTimestamp());
                var (kind, length) = lane.ReadHeader();
                if (kind != FrameKind.Heartbeat || length != 0)
                    throw new LinkException(RefusalKind.Garbage, $"sent a frame of kind {(byte)kind} and {length} bytes on its heartbeat connection");
            }
        }
        catch (Exception error) when (LinkErrors.IsLost(error))
        {
            link.Close(LinkErrors.Cause(error));
        }

        lane.Dispose();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop.Set();
        _thread.Join();
        foreach (var link in _watches.Keys)
            Forget(link);

        _stop.Dispose();
    }

    private void Beat()
    {
        var last = _clock.GetTimestamp();
        while (!_stop.Wait(Volatile.Read(ref _times).Period))
        {
            var times = Volatile.Read(ref _times);
            var now = _clock.GetTimestamp();

            // After a pause of this very process its peers' heartbeats wait unread: none of them is judged for that.
            var isLate = _clock.GetElapsedTime(last, now) > times.Period + (times.LostAfter / 2);
            foreach (var (link, watch) in _watches)
            {
                if (isLate)
                    Volatile.Write(ref watch.LastHeard, now);

                Check(link, watch, now, times);
            }

            last = now;
        }
    }

    private void Check(Link link, Watch watch, long now, Times times)
    {
        var silence = _clock.GetElapsedTime(Volatile.Read(ref watch.LastHeard), now);
        if (silence > (watch.Lane is null ? _laneTime : times.LostAfter))
        {
            link.Close(watch.Lane is null
                ? $"it opened no heartbeat connection within {_laneTime.TotalSeconds} s"
                : $"no heartbeat for {silence.TotalMilliseconds:F0} ms");
            return;
        }

        try
        {
            watch.Lane?.WriteFrame(FrameKind.Heartbeat, []);
        }
        catch (Exception error) when (LinkErrors.IsLost(error))
        {
            link.Close(LinkErrors.Cause(error));
        }
    }

    private sealed record Times(TimeSpan Period, TimeSpan LostAfter);

    private sealed class Watch
    {
        public long LastHeard;

        public Connection? Lane { get; set; }
    }
}
