using ClusterTrain.Cli.Output;
using Spectre.Console;

namespace ClusterTrain.Cli.Tests;

/// <summary>One command line, run in this process.</summary>
internal sealed record CommandRun(int ExitCode, string Out, string Error)
{
    public string[] Lines => Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public string[] ErrorLines => Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public string LastLine => Lines[^1];

    public static CommandRun Of(params string[] args) => With(new Dictionary<string, string>(), args);

    /// <summary>Runs with environment variables of its own; caches and data folders of the machine are not seen.</summary>
    public static CommandRun With(IReadOnlyDictionary<string, string> variables, params string[] args) =>
        Run(args, variables, terminal: null, signal: null);

    /// <summary>Runs as on a terminal; what is drawn on it is in <see cref="Out"/>.</summary>
    public static CommandRun OnTerminal(params string[] args) =>
        Run(args, new Dictionary<string, string>(), Terminal, signal: null);

    /// <summary>Runs and gets a signal when a text is printed.</summary>
    /// <param name="exitCode">The exit code that tells which signal.</param>
    /// <param name="text">The text, within a line of the output.</param>
    /// <param name="args">The command line.</param>
    public static CommandRun InterruptedAt(int exitCode, string text, params string[] args) =>
        Run(args, new Dictionary<string, string>(), terminal: null, (exitCode, text));

    /// <summary>Runs and has got a signal before.</summary>
    /// <param name="exitCode">The exit code that tells which signal.</param>
    /// <param name="args">The command line.</param>
    public static CommandRun InterruptedBefore(int exitCode, params string[] args) =>
        Run(args, new Dictionary<string, string>(), terminal: null, (exitCode, null));

    private static CommandRun Run(
        string[] args,
        IReadOnlyDictionary<string, string> variables,
        Func<TextWriter, IAnsiConsole>? terminal,
        (int ExitCode, string? Text)? signal)
    {
        using var interruption = new Interruption(exitCode => throw new InvalidOperationException($"ended at once with {exitCode}"));
        using var output = new WatchedWriter(line =>
        {
            if (signal is { Text: { } text } awaited && line.Contains(text, StringComparison.Ordinal))
            {
                interruption.Raise(awaited.ExitCode);
            }
        });
        using var error = new StringWriter { NewLine = "\n" };
        using var surroundings = new Surroundings
        {
            Out = TextWriter.Synchronized(output),
            Error = TextWriter.Synchronized(error),
            Terminal = terminal is null ? null : () => terminal(output),
            Variable = name => variables.GetValueOrDefault(name),
            Time = TimeProvider.System,
            Interruption = interruption,
        };
        if (signal is { Text: null } before)
        {
            interruption.Raise(before.ExitCode);
        }

        var exitCode = CommandLine.Run(args, surroundings);
        return new CommandRun(exitCode, output.ToString(), error.ToString());
    }

    private static IAnsiConsole Terminal(TextWriter output)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.Yes,
            ColorSystem = ColorSystemSupport.TrueColor,
            Interactive = InteractionSupport.Yes,
            Out = new AnsiConsoleOutput(output),
        });
        // Else the size is that of the terminal the tests run on, and without one (TERM=dumb) it has no lines.
        console.Profile.Width = 120;
        console.Profile.Height = 40;
        console.Profile.Capabilities.Unicode = true;
        return console;
    }

    /// <summary>Keeps what is written, and shows each line to a watcher.</summary>
    private sealed class WatchedWriter(Action<string> watch) : StringWriter
    {
        public override string NewLine => "\n";

        public override void WriteLine(string? value)
        {
            base.WriteLine(value);
            watch(value ?? "");
        }
    }
}
