using ClusterTrain.Dashboard.Telemetry;
using Microsoft.AspNetCore.Components;

namespace ClusterTrain.Dashboard.Pages;

/// <summary>A page that shows what there is now, twice a second where something changed.</summary>
public abstract class LivePage : ComponentBase, IDisposable
{
    private static readonly TimeSpan s_period = TimeSpan.FromMilliseconds(500);
    private ITimer? _timer;
    private long _version;
    private int _unchanged;

    [Inject]
    internal WatchedRuns Runs { get; set; } = null!;

    [Inject]
    internal TimeProvider Clock { get; set; } = null!;

    /// <summary>Stops.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <inheritdoc/>
    protected override void OnAfterRender(bool firstRender)
    {
        if (!firstRender)
        {
            return;
        }

        Runs.Count(1);
        _timer = Clock.CreateTimer(_ => InvokeAsync(Look), null, s_period, s_period);
    }

    /// <summary>Stops.</summary>
    protected virtual void Dispose(bool disposing)
    {
        if (_timer is null)
        {
            return;
        }

        _timer.Dispose();
        _timer = null;
        Runs.Count(-1);
    }

    // Ages grow although nothing changes: once a second is enough for them.
    private void Look()
    {
        var version = Runs.All.Sum(run => run.Watch.Version);
        if (version == _version && ++_unchanged < 2)
        {
            return;
        }

        (_version, _unchanged) = (version, 0);
        StateHasChanged();
    }
}
