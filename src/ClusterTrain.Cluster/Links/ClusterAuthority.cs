using System.Formats.Asn1;
using System.Numerics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ClusterTrain.Cluster.Links;

/// <summary>
/// The cluster's authority, derived from its secret: whoever has the secret can make the authority's key, and issues itself a certificate in
/// memory; nobody else can. So one secret protects Akka's connections too, in both directions, with nothing to distribute.
/// </summary>
internal static class ClusterAuthority
{
    private const string AuthorityName = "CN=ClusterTrain cluster authority";
    private const string NodeName = "CN=ClusterTrain node";
    private const string ServerUse = "1.3.6.1.5.5.7.3.1";
    private const string ClientUse = "1.3.6.1.5.5.7.3.2";
    private const int KeyBytes = 32;

    // 128 bits more than the order of the curve has: the remainder is as good as uniform.
    private const int DerivedBytes = 48;

    private static readonly DateTimeOffset s_from = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset s_until = new(2100, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly BigInteger s_order = BigInteger.Parse(
        "0FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551", System.Globalization.NumberStyles.HexNumber, null);

    /// <summary>The security of a node with the credentials that follow from its secret.</summary>
    /// <param name="secret">The cluster's secret.</param>
    /// <returns>A certificate of the node with its private key, and the authority's.</returns>
    public static (X509Certificate2 Node, X509Certificate2 Authority) Issue(ReadOnlySpan<byte> secret)
    {
        using var authorityKey = KeyOf(secret);
        var request = new CertificateRequest(AuthorityName, authorityKey, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        using var authority = request.CreateSelfSigned(s_from, s_until);

        using var nodeKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var own = new CertificateRequest(NodeName, nodeKey, HashAlgorithmName.SHA256);
        own.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        own.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        own.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(ServerUse), new Oid(ClientUse)], false));
        own.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(authority, true, false));
        using var issued = own.Create(authority, s_from, s_until, RandomNumberGenerator.GetBytes(16));
        using var withKey = issued.CopyWithPrivateKey(nodeKey);
        return (
            X509CertificateLoader.LoadPkcs12(withKey.Export(X509ContentType.Pkcs12), null),
            X509CertificateLoader.LoadCertificate(authority.Export(X509ContentType.Cert)));
    }

    private static ECDsa KeyOf(ReadOnlySpan<byte> secret)
    {
        Span<byte> derived = stackalloc byte[DerivedBytes];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, derived, [], "clustertrain cluster authority"u8);
        var scalar = (new BigInteger(derived, isUnsigned: true, isBigEndian: true) % (s_order - 1)) + 1;
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            // RFC 5915: an EC private key without its public part, which the import works out.
            writer.WriteInteger(1);
            writer.WriteOctetString(Padded(scalar));
            using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 0)))
            {
                writer.WriteObjectIdentifier("1.2.840.10045.3.1.7");
            }
        }

        var key = ECDsa.Create();
        key.ImportECPrivateKey(writer.Encode(), out _);
        return key;
    }

    private static byte[] Padded(BigInteger scalar)
    {
        var bytes = scalar.ToByteArray(isUnsigned: true, isBigEndian: true);
        return [.. new byte[KeyBytes - bytes.Length], .. bytes];
    }
}
