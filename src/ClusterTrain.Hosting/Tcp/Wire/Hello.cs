using System.Buffers.Binary;
using System.Security.Cryptography;
using ClusterTrain.Training;

namespace ClusterTrain.Hosting;

/// <summary>The first bytes each side of a connection sends: who it is, and what for.</summary>
/// <param name="Lane">What the connection is for.</param>
/// <param name="HasSecret">True when the sender has a cluster secret.</param>
/// <param name="Role">The sender's role.</param>
/// <param name="From">The sender.</param>
/// <param name="To">Whom it wants to talk to.</param>
/// <param name="Recipe">Fingerprint of the recipe the sender trains; empty: it does not know yet.</param>
/// <param name="Data">Fingerprint of its data; empty: it has none.</param>
/// <param name="Term">The highest term it has seen; a coordinator's own.</param>
internal sealed record Hello(Lane Lane, bool HasSecret, PeerRole Role, ActorId From, ActorId To, string Recipe, string Data, long Term)
{
    /// <summary>Writes the hello with a nonce, which must be new each time.</summary>
    public byte[] Write(ReadOnlySpan<byte> nonce)
    {
        var writer = new WireWriter();
        writer.Bytes(Protocol.Magic);
        writer.UInt16(Protocol.Version);
        writer.UInt16(0);
        writer.Byte((byte)Lane);
        writer.Byte(HasSecret ? (byte)1 : (byte)0);
        writer.Byte((byte)Role);
        writer.Text(From.Name);
        writer.Text(To.Name);
        writer.Text(Recipe);
        writer.Text(Data);
        writer.Int64(Term);
        writer.Bytes(nonce);
        var bytes = writer.Written.ToArray();
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(6), checked((ushort)(bytes.Length - Protocol.HelloHeaderBytes)));
        return bytes;
    }

    /// <summary>Reads the fields after the header.</summary>
    public static Hello Read(ReadOnlySpan<byte> fields, LinkLimits limits)
    {
        var reader = new WireReader(fields);
        var lane = (Lane)reader.Byte();
        var flags = reader.Byte();
        var role = (PeerRole)reader.Byte();
        if (!Enum.IsDefined(lane) || flags > 1 || !Enum.IsDefined(role))
            throw new LinkException(RefusalKind.Garbage, $"sent a hello with lane {(byte)lane}, flags {flags}, role {(byte)role}, which there are not");

        var hello = new Hello(
            lane, flags == 1, role, new ActorId(reader.Text(limits.NameBytes)), new ActorId(reader.Text(limits.NameBytes)),
            reader.Text(limits.NameBytes), reader.Text(limits.NameBytes), reader.Int64());
        reader.Bytes(Protocol.NonceBytes);
        reader.End();
        return hello;
    }
}

/// <summary>
/// The proof that a node has the cluster's secret: HMAC-SHA256, keyed with the secret, of a label and both hellos. Both hold fresh
/// nonces, so a proof is worth nothing on another connection; each direction has its own label, so none can be sent back.
/// </summary>
internal static class Proof
{
    public static byte[] OfDialler(LinkSecurity security, ReadOnlySpan<byte> diallerHello, ReadOnlySpan<byte> acceptorHello) =>
        Compute(security, "clustertrain dialler"u8, diallerHello, acceptorHello);

    public static byte[] OfAcceptor(LinkSecurity security, ReadOnlySpan<byte> diallerHello, ReadOnlySpan<byte> acceptorHello) =>
        Compute(security, "clustertrain acceptor"u8, diallerHello, acceptorHello);

    private static byte[] Compute(LinkSecurity security, ReadOnlySpan<byte> label, ReadOnlySpan<byte> dialler, ReadOnlySpan<byte> acceptor)
    {
        using var hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, security.HasSecret ? security.Secret.AsSpan() : []);
        hash.AppendData(label);
        hash.AppendData(dialler);
        hash.AppendData(acceptor);
        return hash.GetHashAndReset();
    }
}
