using System.Security.Cryptography;
using ClusterTrain.Cluster.Wire;

namespace ClusterTrain.Cluster.Sharing;

/// <summary>A node's own memory, and what it has mapped of other processes of the machine.</summary>
internal sealed class NodeMemory(OwnMemory own) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, WeakReference<ForeignMemory>> _foreign = [];

    public OwnMemory Own => own;

    /// <summary>Names this node to the owners of memory it reads.</summary>
    public string Name { get; } = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));

    /// <summary>Maps memory that a peer offers, unless it is mapped already; null when it cannot be seen from here.</summary>
    public ForeignMemory? Open(SharedMemory offer)
    {
        if (ForeignMemory.Open(offer) is not { } opened)
        {
            return null;
        }

        lock (_gate)
        {
            if (_foreign.TryGetValue(opened.Token, out var known) && known.TryGetTarget(out var present))
            {
                return present;
            }

            foreach (var (token, reference) in _foreign.ToArray())
            {
                if (!reference.TryGetTarget(out _))
                {
                    _foreign.Remove(token);
                }
            }

            _foreign[opened.Token] = new WeakReference<ForeignMemory>(opened);
            return opened;
        }
    }

    public void Dispose() => own.Dispose();
}
