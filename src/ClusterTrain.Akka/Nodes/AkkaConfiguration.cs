using System.Globalization;
using Akka.Cluster.Tools.Client;
using Akka.Cluster.Tools.PublishSubscribe;
using Akka.Cluster.Tools.Singleton;
using Akka.Configuration;
using ClusterTrain.Hosting;

namespace ClusterTrain.Akka;

/// <summary>The configuration of a node: configs/akka.conf, which is built in, under what the user says, under what the node is.</summary>
internal static class AkkaConfiguration
{
    /// <summary>The name of every node's actor system.</summary>
    public const string SystemName = "clustertrain";

    /// <summary>Role of coordinator-capable nodes, and name of the coordinator's singleton.</summary>
    public const string CoordinatorRole = "coordinator";

    /// <summary>Role of nodes with a worker.</summary>
    public const string WorkerRole = "worker";

    /// <summary>Role of nodes that may hold a segment, and name of its singleton.</summary>
    /// <param name="segment">The segment, from 1.</param>
    public static string SegmentRole(int segment) => string.Create(CultureInfo.InvariantCulture, $"parameter-server-{segment}");

    /// <summary>The configuration of a node.</summary>
    /// <exception cref="ClusterException">What the user says is not HOCON.</exception>
    public static Config Of(AkkaNodeOptions options)
    {
        List<string> roles = [];
        if (options.Run is not null)
            roles.Add(CoordinatorRole);
        if (!options.Segments.IsEmpty)
            roles.Add("parameter-server");
        roles.AddRange(options.Segments.Select(SegmentRole));
        if (options.IsWorker)
            roles.Add(WorkerRole);
        var own = string.Create(CultureInfo.InvariantCulture, $$"""
            akka.remote.dot-netty.tcp {
              hostname = "{{options.Listen.Host}}"
              public-hostname = "{{options.ReachedAt}}"
              port = {{options.Listen.Port}}
            }
            akka.cluster.roles = [{{string.Join(", ", roles.Select(role => $"\"{role}\""))}}]
            """);
        return WithUsers(ConfigurationFactory.ParseString(own), options.Configuration);
    }

    /// <summary>The configuration of a program that asks a cluster from outside.</summary>
    public static Config OfClient(IEnumerable<string> configuration) => WithUsers(
        ConfigurationFactory.ParseString("""
            akka.actor.provider = remote
            akka.remote.dot-netty.tcp { hostname = "127.0.0.1", port = 0 }
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
    private static Config ToolsDefaults() => ClusterSingletonManager.DefaultConfig()
        .WithFallback(ClusterSingletonProxy.DefaultConfig())
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
