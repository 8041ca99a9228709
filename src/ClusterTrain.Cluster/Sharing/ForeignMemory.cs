using System.Collections.Immutable;
using System.Globalization;
using ClusterTrain.Cluster.Wire;
using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Tensors;

namespace ClusterTrain.Cluster.Sharing;

/// <summary>Memory of another process, mapped for reading alone, and which tensors in it this node holds.</summary>
internal sealed class ForeignMemory
{
    private readonly MappedMemory _memory;
    private readonly Lock _gate = new();
    private readonly Dictionary<long, int> _held = [];

    // The links over which its owner may name tensors, by the two actors they connect.
    private readonly Dictionary<(ActorId Self, ActorId Peer), LinkSharing> _links = [];

    private ForeignMemory(MappedMemory memory, string token) => (_memory, Token) = (memory, token);

    /// <summary>The token at its start, hexadecimal.</summary>
    public string Token { get; }

    /// <summary>Maps memory that a peer offers; null when it is not to be seen from here, or is not what it should be.</summary>
    public static unsafe ForeignMemory? Open(SharedMemory offer)
    {
        var path = string.Create(CultureInfo.InvariantCulture, $"/proc/{offer.Process}/fd/{offer.File}");
        try
        {
            // Looked at before it is opened: opening a pipe, say, could wait for ever.
            if (new FileInfo(path).LinkTarget is not { } target || !target.StartsWith($"/memfd:{OwnMemory.FileName}", StringComparison.Ordinal))
            {
                return null;
            }

            using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            var bytes = RandomAccess.GetLength(file);
            if (bytes < OwnMemory.TokenBytes || !LinuxMemory.IsSealed(file))
            {
                return null;
            }

            var start = LinuxMemory.Map(file, bytes, isWritable: false);
            if (start == null)
            {
                return null;
            }

            var memory = new MappedMemory(start, bytes);
            return new ForeignMemory(memory, Convert.ToHexStringLower(memory.Span(0, OwnMemory.TokenBytes)));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Another machine or container, or another user's process: tensors are sent to it.
            return null;
        }
    }

    /// <summary>A link over which its owner may name tensors; an earlier one of the same actors no longer counts.</summary>
    /// <returns>Offsets of the tensors held, as often as they are.</returns>
    public ImmutableArray<long> Opened(LinkSharing link, ActorId self, ActorId peer)
    {
        lock (_gate)
        {
            _links[(self, peer)] = link;
            return [.. _held.SelectMany(held => Enumerable.Repeat(held.Key, held.Value))];
        }
    }

    public void Closed(LinkSharing link)
    {
        lock (_gate)
        {
            foreach (var (actors, known) in _links.ToArray())
            {
                if (known == link)
                {
                    _links.Remove(actors);
                }
            }
        }
    }

    /// <summary>Takes a tensor that its owner named over a link.</summary>
    /// <exception cref="LinkException">It is not in the memory, or the link was replaced.</exception>
    public TensorLease Take(LinkSharing link, long offset, int floats)
    {
        if (offset < 0 || offset % sizeof(float) != 0 || offset > _memory.Bytes - ((long)floats * sizeof(float)))
        {
            throw new LinkException(
                RefusalKind.Garbage, string.Create(CultureInfo.InvariantCulture,
                    $"named {floats} numbers at {offset} of {_memory.Bytes} shared bytes"));
        }

        lock (_gate)
        {
            if (!_links.ContainsValue(link))
            {
                throw new LinkException(RefusalKind.Rejoin, "this link was replaced");
            }

            _held[offset] = _held.GetValueOrDefault(offset) + 1;
        }

        return TensorLease.Foreign(_memory.Floats(offset, floats), () => GiveBack(link, offset));
    }

    private void GiveBack(LinkSharing link, long offset)
    {
        lock (_gate)
        {
            if (--_held[offset] == 0)
            {
                _held.Remove(offset);
            }

            // Where there is no link any more, the next one tells what is still held.
            var open = _links.ContainsValue(link) ? link : _links.Values.FirstOrDefault();
            open?.GiveBack(offset);
        }
    }
}
