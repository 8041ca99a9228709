using System.Buffers;
using System.Buffers.Binary;
using ClusterTrain.Training;
using MessagePack;

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
internal sealed record Hello(
    Lane Lane, bool HasSecret, PeerRole Role, ActorId From, ActorId To, string Recipe, string Data, long Term)
{
    private const int Fields = 9;

    /// <summary>Writes the hello with a nonce, which must be new each time.</summary>
    public byte[] Write(ReadOnlySpan<byte> nonce)
    {
        var buffer = new ArrayBufferWriter<byte>();
        buffer.Write(Protocol.Magic);
        buffer.Write((ReadOnlySpan<byte>)[Protocol.Version, 0, 0, 0]);
        var writer = new MessagePackWriter(buffer);
        writer.WriteArrayHeader(Fields);
        writer.Write((byte)Lane);
        writer.Write(HasSecret);
        writer.Write((byte)Role);
        writer.Write(From.Name);
        writer.Write(To.Name);
        writer.Write(Recipe);
        writer.Write(Data);
        writer.Write(Term);
        writer.Write(nonce);
        writer.Flush();
        var bytes = buffer.WrittenSpan.ToArray();
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(6), checked((ushort)(bytes.Length - Protocol.HelloHeaderBytes)));
        return bytes;
    }

    /// <summary>Reads the fields after the header.</summary>
    public static Hello Read(ReadOnlyMemory<byte> fields) => MessageCodec.Guard("a hello", fields, static (ref reader) =>
    {
        MessageCodec.Fields(ref reader, Fields);
        var (lane, hasSecret, role) = ((Lane)reader.ReadByte(), reader.ReadBoolean(), (PeerRole)reader.ReadByte());
        if (!Enum.IsDefined(lane) || !Enum.IsDefined(role))
            throw new MessagePackSerializationException($"unknown lane {(byte)lane} or role {(byte)role}");

        var hello = new Hello(
            lane, hasSecret, role, MessageCodec.Id(ref reader), MessageCodec.Id(ref reader), MessageCodec.Name(ref reader),
            MessageCodec.Name(ref reader), reader.ReadInt64());
        return reader.ReadBytes()?.Length == Protocol.NonceBytes
            ? hello
            : throw new MessagePackSerializationException("the nonce is missing");
    });
}
