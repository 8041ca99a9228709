using System.Collections.Immutable;
using System.Globalization;
using Akka.Actor;
using Akka.Cluster.Tools.Client;
using Akka.Cluster.Tools.PublishSubscribe;
using Akka.Cluster.Tools.Singleton;
using Akka.Configuration;
using Akka.Remote.Transport.DotNetty;
using ClusterTrain.Cluster.Links;

namespace ClusterTrain.Cluster.Membership;

/// <summary>
/// The configuration of a node's membership: configs/akka.conf, which is built in, under what the user says, under what the node
/// is.
/// </summary>
internal static class AkkaConfiguration
{
    /// <summary>The name of every node's actor system.</summary>
    public const string SystemName = "clustertrain";

    /// <summary>Role of nodes that may lead, and name of the coordinator's singleton.</summary>
    public const string CoordinatorRole = "coordinator";

    /// <summary>Reads what the user says, and nothing else: the whole takes a while to put together.</summary>
    /// <param name="configuration">HOCON.</param>
    /// <exception cref="ClusterException">It is not HOCON.</exception>
    public static void Check(ImmutableArray<string> configuration)
    {
        if (!configuration.IsEmpty)
        {
            _ = WithUsers(Config.Empty, configuration);
        }
    }

    /// <summary>The configuration of a node.</summary>
    /// <exception cref="ClusterException">What the user says is not HOCON.</exception>
    public static Config Of(MembershipOptions options, TimeSpan lostAfter)
    {
        var own = string.Create(CultureInfo.InvariantCulture, $$"""
            akka.remote.dot-netty.tcp {
              hostname = "{{options.BindHost}}"
              public-hostname = "{{options.PublicHost}}"
              port = {{options.Port}}
            }
            akka.cluster {
              roles = [{{string.Join(", ", options.Roles.Select(role => $"\"{role}\""))}}]
              failure-detector {
                heartbeat-interval = {{lostAfter.TotalMilliseconds / 4}}ms
                acceptable-heartbeat-pause = {{lostAfter.TotalMilliseconds}}ms
                expected-response-after = {{lostAfter.TotalMilliseconds / 4}}ms
              }
            }
            """);
        return WithUsers(ConfigurationFactory.ParseString(own), options.Hocon);
    }

    /// <summary>Creates an actor system whose connections are as safe as the secret, or the operator's certificates, make them.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="config">Its configuration.</param>
    /// <param name="security">How nodes know each other.</param>
    public static ActorSystem Create(string name, Config config, LinkSecurity security)
    {
        if (security.ClusterCredentials() is not var (node, authority))
        {
            return ActorSystem.Create(name, config);
        }

        // Both sides of a connection show a certificate, and the chain to the authority is all that counts.
        var tls = new DotNettySslSetup(
            node, suppressValidation: false, requireMutualAuthentication: true, validateCertificateHostname: false,
            (peer, _, _, _, _) => LinkSecurity.IsSignedBy(peer, authority));
        var secure = ConfigurationFactory.ParseString("akka.remote.dot-netty.tcp.enable-ssl = on").WithFallback(config);
        return ActorSystem.Create(name, BootstrapSetup.Create().WithConfig(secure).And(tls));
    }

    /// <summary>The scheme of Akka addresses.</summary>
    public static string Scheme(LinkSecurity security) => security.HasSecret || security.Certificate is not null ? "akka.ssl.tcp" : "akka.tcp";

    /// <summary>The configuration of a program that asks a cluster from outside.</summary>
    public static Config OfClient(IEnumerable<string> configuration) => WithUsers(
        ConfigurationFactory.ParseString("""
            akka.actor.provider = remote
            akka.remote.dot-netty.tcp { hostname = "0.0.0.0", public-hostname = "127.0.0.1", port = 0 }
            akka.cluster.client.use-legacy-serialization = off
            """),
        configuration);

    /// <summary>What is built in.</summary>
    public static Config BuiltIn()
    {
        using var resource = typeof(AkkaConfiguration).Assembly.GetManifestResourceStream("akka.conf")
            ?? throw new InvalidOperationException("The resource akka.conf is missing from the program.");
        using var text = new StreamReader(resource);
        return ConfigurationFactory.ParseString(text.ReadToEnd());
    }

    // How the tools' own messages are written must be known from the start: Akka would add it too late.
    private static Config ToolsDefaults() => ClusterSingleton.DefaultConfig()
        .WithFallback(DistributedPubSub.DefaultConfig())
        .WithFallback(ClusterClientReceptionist.DefaultConfig());

    // A value the user names wins over all, even over what follows from the node's options.
    private static Config WithUsers(Config own, IEnumerable<string> configuration)
    {
        try
        {
            var users = configuration.Append("").Select(text => ConfigurationFactory.ParseString(text));
            return users.Aggregate((first, second) => first.WithFallback(second))
                .WithFallback(own).WithFallback(BuiltIn()).WithFallback(ToolsDefaults());
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            // The parser throws what it likes, plain exceptions too; whatever it is, the text is not HOCON.
            throw new ClusterException($"the Akka configuration cannot be read: {error.Message}", error);
        }
    }
}

/// <summary>What this node is to the cluster.</summary>
internal sealed record MembershipOptions
{
    /// <summary>The node's name.</summary>
    public required string Name { get; init; }

    /// <summary>True when it may lead the run.</summary>
    public bool MayLead { get; init; }

    /// <summary>Its roles.</summary>
    public required ImmutableArray<string> Roles { get; init; }

    /// <summary>The address Akka binds.</summary>
    public required string BindHost { get; init; }

    /// <summary>The host by which others reach it.</summary>
    public required string PublicHost { get; init; }

    /// <summary>Akka's port; 0: any free one.</summary>
    public int Port { get; init; }

    /// <summary>How nodes know each other.</summary>
    public LinkSecurity Security { get; init; } = LinkSecurity.None;

    /// <summary>HOCON that overrides configs/akka.conf, the first before the others.</summary>
    public ImmutableArray<string> Hocon { get; init; } = [];

    /// <summary>The clock.</summary>
    public required TimeProvider Clock { get; init; }
}
