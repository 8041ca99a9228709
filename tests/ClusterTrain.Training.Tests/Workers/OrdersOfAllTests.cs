using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Workers;

namespace ClusterTrain.Training.Tests;

public sealed class OrdersOfAllTests
{
    private static readonly ActorId s_one = new("server-1");
    private static readonly ActorId s_two = new("server-2");

    private readonly OrdersOfAll<int> _orders = new();

    [Fact]
    public void An_order_counts_when_every_server_has_given_it_and_when_its_time_has_come()
    {
        _orders.Add(3, s_one);
        _orders.Add(7, s_one);
        Assert.True(_orders.HasDue);
        Assert.Empty(Take([s_one, s_two], _ => true));
        _orders.Add(3, s_two);
        _orders.Add(7, s_two);
        Assert.Equal([3], Take([s_one, s_two], order => order < 5));
        Assert.Equal([7], Take([s_one, s_two], _ => true));
        Assert.False(_orders.HasDue);
    }

    [Fact]
    public void One_that_a_server_repeats_counts_again()
    {
        _orders.Add(3, s_one);
        _orders.Add(3, s_one);
        Assert.Equal([3], Take([s_one], _ => true));
        Assert.Empty(Take([s_one], _ => true));
        _orders.Add(3, s_one);
        Assert.Equal([3], Take([s_one], _ => true));
    }

    [Fact]
    public void Of_very_many_the_newest_64_are_kept()
    {
        for (var order = 0; order < 66; order++)
        {
            _orders.Add(order, s_one);
        }

        Assert.Equal(Enumerable.Range(2, 64), Take([s_one], _ => true));
        _orders.Add(1, s_one);
        Assert.Equal([1], Take([s_one], _ => true));
    }

    [Fact]
    public void Of_a_former_term_nothing_is_left()
    {
        _orders.Add(3, s_one);
        _orders.Clear();
        Assert.False(_orders.HasDue);
        _orders.Add(3, s_two);
        Assert.Empty(Take([s_one, s_two], _ => true));
    }

    private int[] Take(ActorId[] servers, Func<int, bool> isTime) => [.. _orders.Take([.. servers], isTime)];
}
