using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace ClusterTrain.Cluster.Links;

/// <summary>
/// How nodes know each other. With a secret both sides of every connection prove that they have it; with certificates the connection is
/// also encrypted, and both sides must show one of the cluster's own authority. Without a secret nodes only listen on loopback.
/// </summary>
public sealed record LinkSecurity
{
    private const int LeastSecretBytes = 16;
    private const int MostSecretBytes = 4096;

    /// <summary>No secret and no encryption: loopback only.</summary>
    public static LinkSecurity None { get; } = new();

    /// <summary>The secret of the cluster; empty: none.</summary>
    public ImmutableArray<byte> Secret { get; init; } = [];

    /// <summary>This node's certificate, with its private key; null: no encryption.</summary>
    public X509Certificate2? Certificate { get; init; }

    /// <summary>The authority that must have signed a peer's certificate; needed with <see cref="Certificate"/>.</summary>
    public X509Certificate2? Authority { get; init; }

    /// <summary>True when there is a secret.</summary>
    public bool HasSecret => !Secret.IsDefaultOrEmpty;

    /// <summary>Takes a secret from a text; white space around it does not count.</summary>
    /// <param name="text">The secret.</param>
    /// <param name="source">Where it is from, for the error message.</param>
    /// <exception cref="ClusterException">It is too short or too long.</exception>
    public static ImmutableArray<byte> SecretOf(string text, string source)
    {
        ArgumentNullException.ThrowIfNull(text);
        var bytes = Encoding.UTF8.GetBytes(text.Trim());
        return bytes.Length is >= LeastSecretBytes and <= MostSecretBytes
            ? [.. bytes]
            : throw new ClusterException(
                $"{source}: the cluster secret has {bytes.Length} bytes; it needs {LeastSecretBytes} to {MostSecretBytes}. "
                + "Make one with: head -c 32 /dev/urandom | base64");
    }

    /// <summary>Reads a secret from a file.</summary>
    /// <exception cref="ClusterException">It cannot be read, or is too short or too long.</exception>
    public static ImmutableArray<byte> ReadSecret(string path)
    {
        try
        {
            if (new FileInfo(path).Length > 2 * MostSecretBytes)
            {
                throw new ClusterException($"{path}: is too large for a cluster secret ({LeastSecretBytes} to {MostSecretBytes} bytes).");
            }

            return SecretOf(File.ReadAllText(path), path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ClusterException($"{path}: cannot read the cluster secret: {error.Message}", error);
        }
    }

    /// <summary>
    /// True when users other than its owner may read or change a file. Never on Windows, whose rights it does not look at, and never for what a
    /// container engine mounts under /run/secrets, where no other users are.
    /// </summary>
    /// <param name="path">The file.</param>
    public static bool OthersMayRead(string path) =>
        !OperatingSystem.IsWindows() && !Path.GetFullPath(path).StartsWith("/run/secrets/", StringComparison.Ordinal)
        && (File.GetUnixFileMode(path)
            & (UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite)) != 0;

    /// <summary>Adds certificates from PEM files.</summary>
    /// <param name="certificate">File of this node's certificate.</param>
    /// <param name="key">File of its private key.</param>
    /// <param name="authority">File of the certificate of the authority that signed all nodes' certificates.</param>
    /// <exception cref="ClusterException">One cannot be read, or they do not belong together.</exception>
    public LinkSecurity WithCertificates(string certificate, string key, string authority)
    {
        try
        {
            // A key straight from PEM is not usable for a server on every platform; one that went through PKCS #12 is.
            using var own = X509Certificate2.CreateFromPemFile(certificate, key);
            return this with
            {
                Certificate = X509CertificateLoader.LoadPkcs12(own.Export(X509ContentType.Pkcs12), null),
                Authority = X509Certificate2.CreateFromPem(File.ReadAllText(authority)),
            };
        }
        catch (Exception error) when (error is CryptographicException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            throw new ClusterException($"cannot use the certificates {certificate}, {key}, {authority}: {error.Message}", error);
        }
    }

    /// <summary>
    /// The certificate that this node shows on Akka's connections, and the authority that must have signed its peer's: the operator's, or ones
    /// that follow from the secret; null without either.
    /// </summary>
    internal (X509Certificate2 Node, X509Certificate2 Authority)? ClusterCredentials() =>
        Certificate is not null && Authority is not null ? (Certificate, Authority)
        : HasSecret ? ClusterAuthority.Issue(Secret.AsSpan())
        : null;

    /// <summary>True when a peer's certificate was signed by the operator's authority.</summary>
    internal bool Accepts(X509Certificate? peer) => Authority is not null && IsSignedBy(peer, Authority);

    /// <summary>True when a peer's certificate was signed by an authority. Nodes move, so its host name does not matter.</summary>
    internal static bool IsSignedBy(X509Certificate? peer, X509Certificate2 authority)
    {
        if (peer is not X509Certificate2 certificate)
        {
            return false;
        }

        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(authority);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        return chain.Build(certificate);
    }
}
