using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Training.Tests;

/// <summary>Who waits for a checkpoint before it goes, and for how long. Times are seconds.</summary>
public sealed class DeparturesTests
{
    private static readonly ActorId s_server = new("server");
    private static readonly ActorId s_second = new("server-2");

    private readonly Departures _departures = new();

    [Fact]
    public void Nobody_waits_at_first()
    {
        Assert.False(_departures.IsAwaited);
        Assert.False(IsOverdue(100));
        Assert.Empty(_departures.Take());
    }

    [Fact]
    public void A_run_that_is_to_end_waits_five_seconds()
    {
        _departures.Stop(At(10));
        Assert.True(_departures.IsStopping);
        Assert.True(_departures.IsAwaited);
        Assert.False(IsOverdue(14.9));
        Assert.True(IsOverdue(15));
    }

    [Fact]
    public void A_server_waits_five_seconds_from_when_it_or_another_asked_first()
    {
        _departures.Add(At(10), s_server);
        _departures.Add(At(14), s_server);
        Assert.True(IsOverdue(15));
        _departures.Add(At(15), s_second);
        Assert.False(IsOverdue(19.9));
        Assert.True(IsOverdue(20));
        Assert.False(_departures.IsStopping);
        Assert.Equal([s_server, s_second], _departures.Take());
        Assert.False(_departures.IsAwaited);
    }

    [Fact]
    public void A_server_that_is_lost_is_not_waited_for()
    {
        _departures.Add(At(10), s_server);
        _departures.Remove(s_server);
        Assert.False(_departures.IsAwaited);
        Assert.False(IsOverdue(15));
    }

    private bool IsOverdue(double seconds) => _departures.IsOverdue(At(seconds));

    private static TimeSpan At(double seconds) => TimeSpan.FromSeconds(seconds);
}
