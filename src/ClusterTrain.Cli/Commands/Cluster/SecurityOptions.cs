using System.CommandLine;
using ClusterTrain.Cli.Output;
using ClusterTrain.Cluster.Links;

namespace ClusterTrain.Cli.Commands.Cluster;

/// <summary>The options by which the nodes of a cluster know each other.</summary>
internal sealed class SecurityOptions
{
    /// <summary>Environment variable of the cluster's secret itself; it is no option, because command lines are seen by all users.</summary>
    public const string SecretVariable = "CLUSTERTRAIN_SECRET";

    private readonly Option<string?> _secret = new("--secret-file")
    {
        Description = "file with the cluster's secret, the same for all nodes; without one a node listens on loopback only",
        HelpName = "FILE",
    };

    private readonly Option<string?> _certificate = Pem("--certificate", "this node's certificate, PEM; all links then use TLS");
    private readonly Option<string?> _key = Pem("--key", "its private key, PEM");
    private readonly Option<string?> _authority = Pem("--authority", "certificate of the authority that signed all nodes' certificates, PEM");

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_secret, _certificate, _key, _authority])
        {
            command.Options.Add(option);
        }
    }

    /// <summary>How nodes know each other.</summary>
    /// <exception cref="UsageException">Options contradict each other or are missing.</exception>
    /// <exception cref="ClusterException">A file cannot be used.</exception>
    public LinkSecurity Read(ParseResult parsed, Surroundings surroundings)
    {
        var security = LinkSecurity.None;
        if (parsed.GetValue(_secret) is { } file)
        {
            security = security with { Secret = LinkSecurity.ReadSecret(file) };
            if (LinkSecurity.OthersMayRead(file))
            {
                surroundings.Error.WriteLine($"warning: {file}: other users of this machine may read the cluster secret; run: chmod 600 {file}");
            }
        }
        else if (surroundings.Variable(SecretVariable) is { Length: > 0 } text)
        {
            security = security with { Secret = LinkSecurity.SecretOf(text, SecretVariable) };
        }

        return (parsed.GetValue(_certificate), parsed.GetValue(_key), parsed.GetValue(_authority)) switch
        {
            (null, null, null) => security,
            ({ } certificate, { } key, { } authority) => security.WithCertificates(certificate, key, authority),
            _ => throw new UsageException("--certificate, --key and --authority belong together; name all three for TLS, or none."),
        };
    }

    private static Option<string?> Pem(string name, string description) => new(name) { Description = description, HelpName = "FILE" };
}
