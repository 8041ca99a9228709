using System.Collections.Immutable;
using ClusterTrain.Training.Actors;

namespace ClusterTrain.Training.Workers;

/// <summary>Orders that count once every parameter server has given them; one that a server repeats after that counts again.</summary>
internal sealed class OrdersOfAll<T>
    where T : notnull
{
    private const int MostKept = 64;

    private readonly List<(T Order, HashSet<ActorId> By)> _orders = [];
    private readonly List<T> _due = [];

    /// <summary>A server gives an order.</summary>
    public void Add(T order, ActorId server)
    {
        var index = _orders.FindIndex(known => known.Order.Equals(order));
        if (index < 0)
        {
            if (_orders.Count == MostKept)
            {
                _due.Remove(_orders[0].Order);
                _orders.RemoveAt(0);
            }

            index = _orders.Count;
            _orders.Add((order, []));
        }

        _orders[index].By.Add(server);
        if (!_due.Contains(order))
        {
            _due.Add(order);
        }
    }

    /// <summary>True when there are orders that were not taken.</summary>
    public bool HasDue => _due.Count > 0;

    /// <summary>Takes the orders that count and whose time has come.</summary>
    public ImmutableArray<T> Take(ImmutableArray<ActorId> servers, Func<T, bool> isTime)
    {
        ImmutableArray<T> taken = [.. _due.Where(order => isTime(order) && ByAll(order, servers))];
        _due.RemoveAll(taken.Contains);
        return taken;
    }

    public void Clear()
    {
        _orders.Clear();
        _due.Clear();
    }

    private bool ByAll(T order, ImmutableArray<ActorId> servers) =>
        _orders.Exists(known => known.Order.Equals(order) && known.By.IsSupersetOf(servers));
}
