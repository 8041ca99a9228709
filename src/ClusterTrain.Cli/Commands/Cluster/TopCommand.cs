using System.CommandLine;
using System.Text.Json;
using ClusterTrain.Cli.Output;
using ClusterTrain.Cluster.Membership;

namespace ClusterTrain.Cli.Commands.Cluster;

/// <summary><c>clustertrain top</c>: how a cluster is, again and again.</summary>
internal static class TopCommand
{
    private const string FromTheTop = "\u001b[H\u001b[J";
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(10);

    /// <summary>Creates the command.</summary>
    public static Command Create(Surroundings surroundings)
    {
        var node = StatusCommand.Node();
        var json = CommandOptions.Json("print only JSON, one object per line");
        var period = CommandOptions.Seconds("--interval", "time between updates (default: 1)", allowZero: false);
        var security = new SecurityOptions();
        var akka = new AkkaOptions();
        var command = new CommandWithExamples(
            "top",
            "Shows the state of a cluster every second, until the run is over or Ctrl-C.",
            "clustertrain top",
            "clustertrain top 10.0.0.5:7070 --secret-file secret",
            "docker compose exec coordinator clustertrain top")
        {
            node, json, period,
        };
        security.AddTo(command);
        akka.AddTo(command);
        command.TakesEnvironment = true;
        command.SetAction(parsed =>
        {
            var pause = CommandOptions.Time(parsed, period) ?? TimeSpan.FromSeconds(1);
            var (isJson, isTerminal) = (parsed.GetValue(json), surroundings.Terminal is not null);
            ClusterStatus.AskAgainAsync(StatusCommand.Endpoint(parsed, node), security.Read(parsed, surroundings), akka.Read(parsed), s_timeout,
                async status =>
            {
                if (isJson)
                {
                    surroundings.Out.WriteLine(status.GetRawText());
                }
                else
                {
                    if (isTerminal)
                    {
                        surroundings.Out.Write(FromTheTop);
                    }

                    StatusText.Show(status, surroundings.Out);
                    if (!isTerminal)
                    {
                        surroundings.Out.WriteLine();
                    }
                }

                return await WaitAsync(pause, surroundings).ConfigureAwait(false) && !IsOver(status);
            }).GetAwaiter().GetResult();
            return ExitCodes.Ok;
        });
        return command;
    }

    private static bool IsOver(JsonElement status) => status.GetProperty("state").GetString() is "completed" or "stopped" or "failed";

    private static async Task<bool> WaitAsync(TimeSpan pause, Surroundings surroundings)
    {
        try
        {
            await Task.Delay(pause, surroundings.Time, surroundings.Interruption.Token).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
