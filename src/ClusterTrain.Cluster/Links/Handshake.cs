using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using ClusterTrain.Cluster.Wire;

namespace ClusterTrain.Cluster.Links;

/// <summary>
/// The beginning of every connection: both sides say who they are, prove that they have the cluster's secret, and refuse each
/// other when they do not fit. All of it within <see cref="LinkLimits.HandshakeTime"/>.
/// </summary>
internal static class Handshake
{
    /// <summary>The dialling side.</summary>
    /// <returns>What the other side says of itself.</returns>
    /// <exception cref="LinkException">One side refused.</exception>
    public static Hello Dial(Connection connection, Hello own, LinkSecurity security, LinkLimits limits)
    {
        connection.Encrypt(security, isDialler: true);
        var ownBytes = own.Write(RandomNumberGenerator.GetBytes(Protocol.NonceBytes));
        connection.Write(ownBytes);
        var (peer, peerBytes) = ReadHello(connection, limits);
        CheckSecrets(own, peer);
        connection.WriteFrame(FrameKind.Proof, Proof.OfDialler(security.Secret, ownBytes, peerBytes));
        CheckProof(connection, Proof.OfAcceptor(security.Secret, ownBytes, peerBytes), limits);
        return peer;
    }

    /// <summary>The accepting side.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="answer">What this side says of itself to a peer, before anybody has proven anything.</param>
    /// <param name="check">Throws when an authenticated peer does not fit; given what this side said of itself.</param>
    /// <param name="security">The secret.</param>
    /// <param name="limits">The bounds.</param>
    /// <returns>What the other side says of itself.</returns>
    /// <exception cref="LinkException">One side refused.</exception>
    public static Hello Accept(Connection connection, Func<Hello, Hello> answer, Action<Hello, Hello> check, LinkSecurity security, LinkLimits limits)
    {
        connection.Encrypt(security, isDialler: false);
        var (peer, peerBytes) = ReadHello(connection, limits);
        var own = answer(peer);
        var ownBytes = own.Write(RandomNumberGenerator.GetBytes(Protocol.NonceBytes));
        connection.Write(ownBytes);
        CheckSecrets(own, peer);
        CheckProof(connection, Proof.OfDialler(security.Secret, peerBytes, ownBytes), limits);
        check(peer, own);
        connection.WriteFrame(FrameKind.Proof, Proof.OfAcceptor(security.Secret, peerBytes, ownBytes));
        return peer;
    }

    /// <summary>Tells the peer why this side closes the connection, and waits until it has read that.</summary>
    public static void Refuse(Connection connection, RefusalKind kind, string reason, LinkLimits limits)
    {
        try
        {
            connection.WriteFrame(FrameKind.Refusal, RefusalContent(kind, reason, limits));
            connection.EndWriting();

            // Closing with unread bytes would take the refusal from the peer; but nobody keeps this thread with endless ones.
            Span<byte> rest = stackalloc byte[1];
            for (var read = 0; read < Connection.BufferBytes; read++)
            {
                connection.Read(rest);
            }
        }
        catch (Exception error) when (LinkErrors.IsLost(error))
        {
            // It was told, or is gone; either way nothing is left to do.
        }
    }

    public static byte[] RefusalContent(RefusalKind kind, string reason, LinkLimits limits)
    {
        var text = Encoding.UTF8.GetBytes(reason);
        return [(byte)kind, .. text.AsSpan(0, Math.Min(text.Length, limits.RefusalBytes))];
    }

    /// <summary>The exception for a refusal that arrived.</summary>
    public static LinkException Refused(Connection connection, int length, LinkLimits limits)
    {
        var content = connection.ReadContent(FrameKind.Refusal, length, limits.RefusalBytes + 1);
        var kind = content.Length > 0 ? (RefusalKind)content[0] : RefusalKind.Garbage;
        var text = Encoding.UTF8.GetString(content.AsSpan(Math.Min(1, content.Length)));
        return new LinkException(kind, new string([.. text.Select(c => char.IsControl(c) ? ' ' : c)]), isRefusal: true);
    }

    private static (Hello Hello, byte[] Bytes) ReadHello(Connection connection, LinkLimits limits)
    {
        Span<byte> header = stackalloc byte[Protocol.HelloHeaderBytes];
        connection.Read(header);
        if (!header.StartsWith(Protocol.Magic))
        {
            throw new LinkException(
                RefusalKind.Garbage, $"does not speak this protocol (its first bytes are {Convert.ToHexString(header)})");
        }

        var version = BinaryPrimitives.ReadUInt16LittleEndian(header[4..]);
        if (version != Protocol.Version)
        {
            // A hello without fields: every version reads this much and can tell its user which version this node speaks.
            connection.Write([.. Protocol.Magic, Protocol.Version, 0, 0, 0]);
            throw new LinkException(
                RefusalKind.Version, $"speaks protocol version {version}, this node speaks {Protocol.Version}: run the same version of ClusterTrain "
                    + "on all nodes");
        }

        var length = BinaryPrimitives.ReadUInt16LittleEndian(header[6..]);
        if (length > limits.HelloBytes)
        {
            throw new LinkException(RefusalKind.Limit, $"sent a hello of {length} bytes; at most {limits.HelloBytes} are allowed");
        }

        var bytes = new byte[Protocol.HelloHeaderBytes + length];
        header.CopyTo(bytes);
        connection.Read(bytes.AsSpan(Protocol.HelloHeaderBytes));
        return (Hello.Read(bytes.AsMemory(Protocol.HelloHeaderBytes)), bytes);
    }

    private static void CheckSecrets(Hello own, Hello peer)
    {
        if (own.HasSecret != peer.HasSecret)
        {
            throw new LinkException(
                RefusalKind.Secret,
                own.HasSecret
                    ? "has no cluster secret, this node has one: give all nodes the same"
                    : "has a cluster secret, this node has none: give all nodes the same");
        }
    }

    private static void CheckProof(Connection connection, byte[] expected, LinkLimits limits)
    {
        var (kind, length) = connection.ReadHeader();
        if (kind == FrameKind.Refusal)
        {
            throw Refused(connection, length, limits);
        }

        if (kind != FrameKind.Proof || length != Protocol.NonceBytes)
        {
            throw new LinkException(RefusalKind.Garbage, $"sent a frame of kind {(byte)kind} and {length} bytes instead of its proof");
        }

        Span<byte> proof = stackalloc byte[Protocol.NonceBytes];
        connection.Read(proof);
        if (!CryptographicOperations.FixedTimeEquals(proof, expected))
        {
            throw new LinkException(RefusalKind.Secret, "has another cluster secret: give all nodes the same");
        }
    }
}
