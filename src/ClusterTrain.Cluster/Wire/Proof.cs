using System.Collections.Immutable;
using System.Security.Cryptography;

namespace ClusterTrain.Cluster.Wire;

/// <summary>
/// The proof that a node has the cluster's secret: HMAC-SHA256, keyed with the secret, of a label and both hellos. Both hold fresh
/// nonces, so a proof is worth nothing on another connection; each direction has its own label, so none can be sent back.
/// </summary>
internal static class Proof
{
    public static byte[] OfDialler(ImmutableArray<byte> secret, ReadOnlySpan<byte> diallerHello, ReadOnlySpan<byte> acceptorHello) =>
        Compute(secret, "clustertrain dialler"u8, diallerHello, acceptorHello);

    public static byte[] OfAcceptor(ImmutableArray<byte> secret, ReadOnlySpan<byte> diallerHello, ReadOnlySpan<byte> acceptorHello) =>
        Compute(secret, "clustertrain acceptor"u8, diallerHello, acceptorHello);

    private static byte[] Compute(
        ImmutableArray<byte> secret, ReadOnlySpan<byte> label, ReadOnlySpan<byte> dialler, ReadOnlySpan<byte> acceptor)
    {
        using var hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, secret.IsDefault ? [] : secret.AsSpan());
        hash.AppendData(label);
        hash.AppendData(dialler);
        hash.AppendData(acceptor);
        return hash.GetHashAndReset();
    }
}
