using System.CommandLine;
using System.Text.Json;
using ClusterTrain.Akka;

namespace ClusterTrain.Cli;

/// <summary><c>clustertrain status --engine akka</c>: how a cluster is, asked from outside.</summary>
internal static class AkkaStatusCommand
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(10);

    /// <summary>Creates the command.</summary>
    public static Command Create(Surroundings surroundings)
    {
        var nodes = new Argument<string[]>("HOST:PORT") { Description = "nodes to ask; one that answers is enough", Arity = ArgumentArity.OneOrMore };
        var engine = Engines.Option();
        var json = CommandOptions.Json("print one JSON object, and nothing else");
        var configuration = new AkkaConfigurationArguments();
        var command = new CommandWithExamples(
            "status", "Asks a cluster how it is, without being part of it.", "clustertrain status --engine akka 10.0.0.1:7060")
        {
            nodes, engine, json,
        };
        configuration.AddTo(command);
        command.SetAction(parsed =>
        {
            var status = ClusterStatus.AskAsync(AkkaNodeArguments.Endpoints(parsed.GetValue(nodes)), configuration.Read(parsed), s_timeout)
                .GetAwaiter().GetResult();
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
            output.WriteLine($"{"node",-18} {node.GetProperty("address").GetString()}  {node.GetProperty("status").GetString()}  {node.GetProperty("roles").GetString()}");
    }
}
