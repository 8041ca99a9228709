using Akka.Actor;
using Akka.Dispatch;
using Akka.Event;

namespace ClusterTrain.Cluster.Membership;

/// <summary>
/// Gives Akka's log to the node, which shows it like everything else. Akka creates it by its name, so it is found through its system.
/// </summary>
public sealed class NodeLogger : ReceiveActor, IRequiresMessageQueue<ILoggerMessageQueueSemantics>
{
    private const int MostRemembered = 256;
    private static readonly string[] s_ignoredTexts = ["sending of heartbeat was delayed", "Half-close failed"];
    private static readonly string[] s_ignored = ["endpointManager", "TcpServerHandler", "TcpClientHandler", "remoting-terminator", "DotNetty"];
    private static readonly TimeSpan s_repeatAfter = TimeSpan.FromSeconds(30);

    // What was said lately: while a node is gone, Akka says so twice a second.
    private readonly Dictionary<string, DateTime> _said = [];

    /// <summary>Creates the logger; Akka does it.</summary>
    public NodeLogger()
    {
        Receive<InitializeLogger>(_ => Sender.Tell(new LoggerInitialized()));
        Receive<LogEvent>(Show);
    }

    /// <summary>Shows a system's log from now on.</summary>
    /// <param name="system">The system.</param>
    /// <param name="show">Told each entry, a line each.</param>
    internal static void Follow(ActorSystem system, Action<string> show) => system.RegisterExtension(new LogTarget(show));

    private static string Level(LogEvent entry) => entry.LogLevel() switch
    {
        LogLevel.ErrorLevel => "error",
        LogLevel.WarningLevel => "warning",
        LogLevel.InfoLevel => "info",
        _ => "debug",
    };

    private void Show(LogEvent entry)
    {
        // What Akka says of connections that broke, its node says in its own words.
        if (!Context.System.HasExtension<LogTarget.Extension>() || s_ignored.Any(source => entry.LogSource.Contains(source, StringComparison.Ordinal))
            || s_ignoredTexts.Any(text => entry.Message.ToString()!.Contains(text, StringComparison.Ordinal)))
        {
            return;
        }

        // One line: the stack of what another node broke helps nobody here.
        var cause = entry.Cause is { } error ? $": {error.GetType().Name}: {error.Message}" : "";
        var text = $"{entry.Message}{cause}";
        var end = text.IndexOfAny(['\r', '\n']);
        text = end < 0 ? text : text[..end];
        if (_said.TryGetValue(text, out var last) && entry.Timestamp - last < s_repeatAfter)
        {
            return;
        }

        if (_said.Count >= MostRemembered)
        {
            _said.Clear();
        }

        _said[text] = entry.Timestamp;
        Context.System.GetExtension<LogTarget.Extension>().Show($"akka {Level(entry)}: {text}");
    }

    private sealed class LogTarget(Action<string> show) : ExtensionIdProvider<LogTarget.Extension>
    {
        public override Extension CreateExtension(ExtendedActorSystem system) => new(show);

        internal sealed class Extension(Action<string> show) : IExtension
        {
            public Action<string> Show { get; } = show;
        }
    }
}
