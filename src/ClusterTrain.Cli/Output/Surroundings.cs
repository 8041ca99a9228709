using System.Text;
using Spectre.Console;

namespace ClusterTrain.Cli.Output;

/// <summary>All that a command touches besides files: where it writes, what it may assume of the reader, the clock, the signals.</summary>
internal sealed class Surroundings : IDisposable
{
    /// <summary>Results.</summary>
    public required TextWriter Out { get; init; }

    /// <summary>Errors, warnings, and progress where results go to a file.</summary>
    public required TextWriter Error { get; init; }

    /// <summary>
    /// Makes the terminal on which results are read, if it is one that understands cursor movements and colours, and the user did
    /// not set NO_COLOR; otherwise null, and all output is plain lines.
    /// </summary>
    public Func<IAnsiConsole>? Terminal { get; init; }

    /// <summary>True when errors are read on such a terminal.</summary>
    public bool IsErrorTerminal { get; init; }

    /// <summary>Gives the value of an environment variable, or null.</summary>
    public required Func<string, string?> Variable { get; init; }

    /// <summary>The clock.</summary>
    public required TimeProvider Time { get; init; }

    /// <summary>The user's wish to stop.</summary>
    public required Interruption Interruption { get; init; }

    /// <summary>Those of this process.</summary>
    public static Surroundings OfProcess()
    {
        var isPlain = Environment.GetEnvironmentVariable("NO_COLOR") is { Length: > 0 }
            || (!OperatingSystem.IsWindows() && Environment.GetEnvironmentVariable("TERM") is null or "" or "dumb");
        var isTerminal = !isPlain && !Console.IsOutputRedirected;

        // Console.Out looks into the terminal's settings first, which takes time that pipes need not wait for.
        TextWriter output;
        if (isTerminal)
        {
            Console.SetOut(new StandardWriter(Console.Out, name: null));
            output = Console.Out;
        }
        else
        {
            output = Writer(Console.OpenStandardOutput(), Console.IsOutputRedirected ? "standard output" : null);
        }

        var interruption = new Interruption(exitCode =>
        {
            if (isTerminal)
            {
                output.Write("\u001b[?25h\n"); // a progress bar hides the cursor
            }

            Environment.Exit(exitCode);
        });
        interruption.Listen();
        return new Surroundings
        {
            Out = output,
            Error = Writer(Console.OpenStandardError(), name: null),
            Terminal = isTerminal ? () => AnsiConsole.Create(new AnsiConsoleSettings()) : null,
            IsErrorTerminal = !isPlain && !Console.IsErrorRedirected,
            Variable = Environment.GetEnvironmentVariable,
            Time = TimeProvider.System,
            Interruption = interruption,
        };
    }

    /// <summary>Writes warnings on the error stream, a line each.</summary>
    public void Warn(IEnumerable<string> warnings)
    {
        foreach (var warning in warnings)
        {
            Error.WriteLine($"warning: {warning}");
        }
    }

    public void Dispose()
    {
        Interruption.Dispose();
        Out.Flush();
        Error.Flush();
    }

    private static TextWriter Writer(Stream stream, string? name) => TextWriter.Synchronized(new StandardWriter(
        new StreamWriter(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { AutoFlush = true }, name));
}
