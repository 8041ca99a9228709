using System.CommandLine;
using System.Text.Json;
using ClusterTrain.Cluster.Links;
using ClusterTrain.Cluster.Membership;

namespace ClusterTrain.Cli;

/// <summary><c>clustertrain status</c>: how a cluster is, asked from outside.</summary>
internal static class StatusCommand
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(10);

    /// <summary>Creates the command.</summary>
    public static Command Create(Surroundings surroundings)
    {
        var node = new Argument<string?>("HOST:PORT")
        {
            Description = $"where a node that may lead listens (default: 127.0.0.1:{NodeEndpoint.CoordinatorPort})",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var json = CommandOptions.Json("print one JSON object, and nothing else");
        var security = new SecurityOptions();
        var akka = new AkkaOptions();
        var command = new CommandWithExamples(
            "status",
            "Asks a cluster how it is, without being part of it.",
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
            var endpoint = NodeEndpoint.Parse(parsed.GetValue(node) ?? "127.0.0.1", NodeEndpoint.CoordinatorPort);
            var status = ClusterStatus.AskAsync(endpoint, security.Read(parsed, surroundings), akka.Read(parsed), s_timeout).GetAwaiter().GetResult();
            if (parsed.GetValue(json))
                surroundings.Out.WriteLine(status.GetRawText());
            else
                Show(status, surroundings.Out);
            return ExitCodes.Ok;
        });
        return command;
    }

    private static void Show(JsonElement status, TextWriter output)
    {
        foreach (var field in status.EnumerateObject().Where(field => field.Value.ValueKind != JsonValueKind.Array))
            output.WriteLine($"{field.Name,-18} {field.Value}");
        foreach (var node in status.GetProperty("nodes").EnumerateArray())
        {
            output.WriteLine(
                $"{"node",-18} {node.GetProperty("address").GetString()}  {node.GetProperty("status").GetString()}  {node.GetProperty("roles").GetString()}");
        }

        foreach (var member in status.GetProperty("members").EnumerateArray())
            output.WriteLine($"{"member",-18} {member.GetString()}");
    }
}
