using System.Collections.Immutable;
using System.Globalization;
using ClusterTrain.Cluster.Wire;
using ClusterTrain.Training.Tensors;

namespace ClusterTrain.Cluster.Sharing;

/// <summary>What a node was lent of another one's memory.</summary>
internal sealed class Reader(ProcessIdentity process)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<long, Stack<TensorLease>> _lent = [];
    private int _links;

    /// <summary>There is a link to it, the only one or another one.</summary>
    /// <param name="held">Offsets of the tensors it holds, as often as it holds them.</param>
    public void Opened(ImmutableArray<long> held)
    {
        lock (_gate)
        {
            // While there is another link, some of what was lent may be on its way.
            if (_links++ > 0)
            {
                return;
            }

            var holds = held.CountBy(offset => offset).ToDictionary();
            foreach (var (offset, leases) in _lent)
            {
                while (leases.Count > holds.GetValueOrDefault(offset))
                {
                    leases.Pop().Release();
                }
            }
        }
    }

    /// <summary>A link to it is closed.</summary>
    public void Closed()
    {
        lock (_gate)
        {
            _links--;
        }
    }

    /// <summary>Lends a tensor, with the caller's reference to it.</summary>
    public void Lend(long offset, TensorLease lease)
    {
        lock (_gate)
        {
            if (!_lent.TryGetValue(offset, out var leases))
            {
                _lent.Add(offset, leases = new Stack<TensorLease>());
            }

            leases.Push(lease);
        }
    }

    /// <summary>A tensor was given back.</summary>
    public void GivenBack(long offset)
    {
        lock (_gate)
        {
            if (!_lent.TryGetValue(offset, out var leases) || !leases.TryPop(out var lease))
            {
                throw new LinkException(RefusalKind.Garbage,
                    string.Create(CultureInfo.InvariantCulture, $"gave back memory at {offset} that it was not lent"));
            }

            lease.Release();
        }
    }

    /// <summary>Takes everything back from a process that has ended; false when it runs.</summary>
    public bool ReleaseIfDead()
    {
        lock (_gate)
        {
            if (_links > 0 || !process.HasEnded)
            {
                return false;
            }

            foreach (var leases in _lent.Values)
            {
                while (leases.TryPop(out var lease))
                {
                    lease.Release();
                }
            }

            return true;
        }
    }
}
