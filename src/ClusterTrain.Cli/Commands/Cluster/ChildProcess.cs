using System.Diagnostics;
using System.Reflection;
using System.Text;
using ClusterTrain.Cli.Output;

namespace ClusterTrain.Cli.Commands.Cluster;

/// <summary>A node of a local cluster: a <c>clustertrain</c> process that ends when this one does, whatever ends this one.</summary>
internal sealed class ChildProcess : IDisposable
{
    /// <summary>What lies above is a signal's number plus this.</summary>
    private const int SignalExitCode = 128;

    // Variables of this command that mean the same to every node; others are meant for this command alone.
    private static readonly string[] s_passed = ["CLUSTERTRAIN_DATA", "CLUSTERTRAIN_CACHE", "CLUSTERTRAIN_KERNELS"];

    private readonly Process _process;

    private ChildProcess(string name, Process process) => (Name, _process) = (name, process);

    /// <summary>Its name in messages, for example <c>worker-2</c>.</summary>
    public string Name { get; }

    /// <summary>Its exit code, once it has ended.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>True when it was killed, and so may be started again: it did not end by its own decision.</summary>
    public bool WasKilled => ExitCode > SignalExitCode && ExitCode is not ExitCodes.Interrupted;

    /// <summary>Starts a node.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="args">Its command line.</param>
    /// <param name="secret">The cluster's secret.</param>
    /// <param name="output">Told of each line of its output, from a thread of its own.</param>
    /// <param name="error">Told of each line of its error stream.</param>
    /// <param name="exited">Told when it has ended and both streams are read.</param>
    public static ChildProcess Start(
        string name, IEnumerable<string> args, string secret, Action<string> output, Action<string> error, Action<ChildProcess> exited)
    {
        var program = Environment.ProcessPath ?? throw new InvalidOperationException("this process has no path");
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
        };

        // Run as `dotnet clustertrain.dll`, the process is dotnet.
        if (Path.GetFileNameWithoutExtension(program) == "dotnet")
        {
            start.ArgumentList.Add(Assembly.GetExecutingAssembly().Location);
        }

        foreach (var argument in args.Append("--supervised"))
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var variable in start.Environment.Keys.Where(key =>
            key.StartsWith("CLUSTERTRAIN_", StringComparison.Ordinal) && !s_passed.Contains(key)).ToList())
        {
            start.Environment.Remove(variable);
        }

        start.Environment[SecurityOptions.SecretVariable] = secret;

        var process = new Process { StartInfo = start };
        var child = new ChildProcess(name, process);
        process.Start();
        Thread[] readers = [Read(process.StandardOutput, output, name), Read(process.StandardError, error, name)];
        new Thread(() =>
        {
            foreach (var reader in readers)
            {
                reader.Join();
            }

            process.WaitForExit();
            exited(child);
        })
        { Name = name, IsBackground = true }.Start();
        return child;
    }

    /// <summary>Asks it to stop in good order.</summary>
    public void Stop()
    {
        try
        {
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It has ended already.
        }
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    private static Thread Read(StreamReader stream, Action<string> take, string name)
    {
        var thread = new Thread(() =>
        {
            while (stream.ReadLine() is { } line)
            {
                take(line);
            }
        })
        { Name = $"lines of {name}", IsBackground = true };
        thread.Start();
        return thread;
    }
}
