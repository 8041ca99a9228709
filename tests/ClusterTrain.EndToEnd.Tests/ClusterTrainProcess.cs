using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace ClusterTrain.EndToEnd.Tests;

/// <summary>
/// A <c>clustertrain</c> process. Its lines are waited for as they come; nothing here sleeps. Disposing ends it, with its children.
/// </summary>
public sealed partial class ClusterTrainProcess : IDisposable
{
    private const int SigHup = 1;
    private const int SigInt = 2;
    private const nint DefaultAction = 0;

    private readonly Process _process;
    private readonly BlockingCollection<string> _lines = [];
    private readonly List<string> _seen = [];
    private readonly StringBuilder _errors = new();
    private readonly string _commandLine;

    // A shell without job control starts what it runs in the background with SIGINT ignored, and every process hands that on to its children:
    // they would not hear Ctrl-C. nohup does the same with SIGHUP.
    static ClusterTrainProcess()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        signal(SigHup, DefaultAction);
        signal(SigInt, DefaultAction);
    }

    private ClusterTrainProcess(Process process, string commandLine)
    {
        (_process, _commandLine) = (process, commandLine);
        process.OutputDataReceived += (_, line) => Take(line.Data);
        process.ErrorDataReceived += (_, line) =>
        {
            lock (_errors)
            {
                _errors.AppendLine(line.Data);
            }
        };
    }

    /// <summary>The program, as it lies beside the tests.</summary>
    public static string Program { get; } = Path.Combine(AppContext.BaseDirectory, "clustertrain.dll");

    /// <summary>What it wrote to the error stream so far.</summary>
    public string Errors
    {
        get
        {
            lock (_errors)
            {
                return _errors.ToString();
            }
        }
    }

    /// <summary>The lines read so far.</summary>
    public IReadOnlyList<string> Lines => _seen;

    /// <summary>The last line read.</summary>
    public string LastLine => _seen[^1];

    /// <summary>Starts a process.</summary>
    /// <param name="args">The command line.</param>
    public static ClusterTrainProcess Start(params string[] args) => Start(new Dictionary<string, string>(), args);

    /// <summary>Starts a process with environment variables of its own, besides those of the tests.</summary>
    /// <param name="variables">The variables.</param>
    /// <param name="args">The command line.</param>
    /// <param name="folder">The folder it starts in; null: that of the tests.</param>
    /// <param name="launcher">A program that becomes this one, with its arguments, for example one that enters a network namespace.</param>
    /// <param name="program">Another build of the program, a .dll or an executable; null: the one beside the tests.</param>
    public static ClusterTrainProcess Start(
        IReadOnlyDictionary<string, string> variables, string[] args, string? folder = null, string[]? launcher = null, string? program = null)
    {
        program ??= Program;
        string[] words = [.. launcher ?? [], .. program.EndsWith(".dll", StringComparison.Ordinal) ? ["dotnet"]
            : Array.Empty<string>(), program, .. args];
        var start = new ProcessStartInfo(words[0])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            WorkingDirectory = folder ?? string.Empty,
        };
        foreach (var word in words.Skip(1))
        {
            start.ArgumentList.Add(word);
        }

        foreach (var (name, value) in variables)
        {
            start.Environment[name] = value;
        }

        var process = new ClusterTrainProcess(new Process { StartInfo = start }, string.Join(' ', args.Prepend("clustertrain")));
        process._process.Start();
        process._process.StandardInput.Close();
        process._process.BeginOutputReadLine();
        process._process.BeginErrorReadLine();
        return process;
    }

    /// <summary>Runs a process to its end and expects it to succeed.</summary>
    /// <param name="variables">Environment variables of its own.</param>
    /// <param name="args">The command line.</param>
    public static ClusterTrainProcess Run(IReadOnlyDictionary<string, string> variables, params string[] args)
    {
        var process = Start(variables, args);
        var exitCode = process.WaitForExit();
        Assert.True(exitCode == 0, $"{process._commandLine} ended with exit code {exitCode}:\n{process.Errors}");
        return process;
    }

    /// <summary>Runs a process to its end and expects it to succeed.</summary>
    public static ClusterTrainProcess Run(params string[] args) => Run(new Dictionary<string, string>(), args);

    /// <summary>Waits for the next line that holds a text, and gives it.</summary>
    /// <exception cref="TimeoutException">It did not come; the message says what came instead.</exception>
    public string WaitForLine(string text) => WaitForLine(line => line.Contains(text, StringComparison.Ordinal), $"with '{text}'");

    /// <summary>Waits for the next line of a kind, and gives it.</summary>
    /// <param name="isAwaited">Tells the kind.</param>
    /// <param name="what">What is awaited, for the message.</param>
    /// <exception cref="TimeoutException">It did not come; the message says what came instead.</exception>
    public string WaitForLine(Func<string, bool> isAwaited, string what)
    {
        var began = Stopwatch.GetTimestamp();
        while (_lines.TryTake(out var line, Remaining(began)))
        {
            _seen.Add(line);
            if (isAwaited(line))
            {
                return line;
            }
        }

        throw new TimeoutException(
            $"{_commandLine}: no line {what} came. The lines were:\n{string.Join('\n', _seen)}\nand on the error stream:\n{Errors}");
    }

    /// <summary>Waits for its end, reads its last lines and gives the exit code.</summary>
    /// <exception cref="TimeoutException">It did not end.</exception>
    public int WaitForExit()
    {
        var began = Stopwatch.GetTimestamp();
        while (_lines.TryTake(out var line, Remaining(began)))
        {
            _seen.Add(line);
        }

        if (!_process.WaitForExit(Remaining(began)))
        {
            throw new TimeoutException(
                $"{_commandLine} did not end. Its lines were:\n{string.Join('\n', _seen)}\nand on the error stream:\n{Errors}");
        }

        _process.WaitForExit(); // both streams to their ends
        return _process.ExitCode;
    }

    /// <summary>How long a line, or the end, is waited for.</summary>
    public TimeSpan Patience { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>The process's id.</summary>
    public int Id => _process.Id;

    /// <summary>Sends it a signal. Not on Windows.</summary>
    /// <param name="name">For example INT, TERM, STOP, CONT.</param>
    public void Signal(string name) => Signal(_process.Id, name);

    /// <summary>Sends a signal to any process. Not on Windows.</summary>
    /// <param name="id">The process.</param>
    /// <param name="name">For example INT, TERM, STOP, CONT, KILL.</param>
    public static void Signal(int id, string name)
    {
        using var kill = Process.Start("kill", ["-s", name, id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    /// <summary>Ends it at once, as a crash does.</summary>
    public void Kill()
    {
        _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            Kill();
        }

        _process.Dispose();
        _lines.Dispose();
    }

    [LibraryImport("libc")]
    private static partial nint signal(int number, nint action);

    private TimeSpan Remaining(long began)
    {
        var left = Patience - Stopwatch.GetElapsedTime(began);
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    private void Take(string? line)
    {
        if (line is null)
        {
            _lines.CompleteAdding();
        }
        else
        {
            _lines.Add(line);
        }
    }
}
