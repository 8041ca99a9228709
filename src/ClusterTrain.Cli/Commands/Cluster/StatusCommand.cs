using System.CommandLine;
using ClusterTrain.Cli.Output;
using ClusterTrain.Cluster.Links;
using ClusterTrain.Cluster.Membership;

namespace ClusterTrain.Cli.Commands.Cluster;

/// <summary><c>clustertrain status</c>: how a cluster is, asked from outside.</summary>
internal static class StatusCommand
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(10);

    /// <summary>Creates the command.</summary>
    public static Command Create(Surroundings surroundings)
    {
        var node = Node();
        var json = CommandOptions.Json("print a single JSON object");
        var security = new SecurityOptions();
        var akka = new AkkaOptions();
        var command = new CommandWithExamples(
            "status",
            "Shows the state of a cluster, without joining it.",
            "clustertrain status",
            "clustertrain status 10.0.0.5:7070 --secret-file secret",
            "docker compose exec coordinator clustertrain status")
        {
            node, json,
        };
        security.AddTo(command);
        akka.AddTo(command);
        command.TakesEnvironment = true;
        command.SetAction(parsed =>
        {
            var status = ClusterStatus.AskAsync(Endpoint(parsed, node), security.Read(parsed, surroundings), akka.Read(parsed), s_timeout)
                .GetAwaiter().GetResult();
            if (parsed.GetValue(json))
            {
                surroundings.Out.WriteLine(status.GetRawText());
            }
            else
            {
                StatusText.Show(status, surroundings.Out);
            }

            return ExitCodes.Ok;
        });
        return command;
    }

    /// <summary>The argument that names the node to ask.</summary>
    public static Argument<string?> Node() => new("HOST:PORT")
    {
        Description = $"where a node that may lead listens (default: 127.0.0.1:{NodeEndpoint.CoordinatorPort})",
        Arity = ArgumentArity.ZeroOrOne,
    };

    /// <summary>The node to ask.</summary>
    public static NodeEndpoint Endpoint(ParseResult parsed, Argument<string?> node) =>
        NodeEndpoint.Parse(parsed.GetValue(node) ?? "127.0.0.1", NodeEndpoint.CoordinatorPort);
}
