using System.Buffers;
using System.Buffers.Binary;
using ClusterTrain.Runs;
using ClusterTrain.Training.Actors;

namespace ClusterTrain.Cluster.Wire;

/// <summary>The first bytes each side of a connection sends: who it is, and what for.</summary>
/// <param name="Lane">What the connection is for.</param>
/// <param name="HasSecret">True when the sender has a cluster secret.</param>
/// <param name="Role">The sender's role.</param>
/// <param name="From">The sender.</param>
/// <param name="To">Whom it wants to talk to.</param>
/// <param name="Recipe">Fingerprint of the recipe the sender trains; empty: it does not know yet.</param>
/// <param name="Data">Fingerprint of its data; empty: it has none.</param>
/// <param name="Term">The highest term it has seen; a coordinator's own.</param>
/// <param name="Build">Fingerprint of what computes in the sender's program, see <see cref="Receipt.Build"/>.</param>
internal sealed record Hello(
    Lane Lane, bool HasSecret, PeerRole Role, ActorId From, ActorId To, string Recipe, string Data, long Term, string Build)
{
    /// <summary>Writes the hello with a nonce, which must be new each time.</summary>
    public byte[] Write(ReadOnlySpan<byte> nonce)
    {
        var buffer = new ArrayBufferWriter<byte>();
        buffer.Write(Protocol.Magic);
        buffer.Write((ReadOnlySpan<byte>)[Protocol.Version, 0, 0, 0]);
        buffer.Write(nonce);
        MessageCodec.Write(buffer, this);
        var bytes = buffer.WrittenSpan.ToArray();
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(6), checked((ushort)(bytes.Length - Protocol.HelloHeaderBytes)));
        return bytes;
    }

    /// <summary>Reads what follows the header.</summary>
    /// <exception cref="LinkException">It is not a nonce and a hello.</exception>
    public static Hello Read(ReadOnlyMemory<byte> rest) => rest.Length > Protocol.NonceBytes
        ? MessageCodec.Read<Hello>(rest[Protocol.NonceBytes..])
        : throw new LinkException(RefusalKind.Garbage, $"sent a hello of {rest.Length} bytes");
}
