namespace ClusterTrain.Cluster.Links;

/// <summary>Passes warnings on, but not a flood of them: further ones of the same ten seconds are only counted.</summary>
internal sealed class RateLimitedWarnings(Action<string> warn, int most, TimeProvider clock)
{
    private static readonly TimeSpan s_window = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private long _windowStart = clock.GetTimestamp();
    private int _passed;
    private long _suppressed;

    public void Warn(string message)
    {
        long suppressed;
        lock (_gate)
        {
            if (clock.GetElapsedTime(_windowStart) > s_window)
            {
                (_windowStart, _passed) = (clock.GetTimestamp(), 0);
            }

            if (_passed == most)
            {
                _suppressed++;
                return;
            }

            _passed++;
            (suppressed, _suppressed) = (_suppressed, 0);
        }

        warn(suppressed == 0 ? message : $"{message} ({suppressed:N0} more refused connections were not reported)");
    }
}
