using System.ComponentModel;
using System.Diagnostics;

namespace ClusterTrain.Data.Store;

/// <summary>Runs other programs.</summary>
internal interface IProgramRunner
{
    /// <summary>The full path of a program on the <c>PATH</c>; null when it is not installed.</summary>
    string? Find(string program);

    /// <summary>Runs a program to its end.</summary>
    /// <param name="path">The program.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="folder">Its working folder.</param>
    /// <param name="cancellation">Ends the program.</param>
    /// <returns>Its exit code and what it wrote to its error stream.</returns>
    Task<(int ExitCode, string Errors)> RunAsync(
        string path, IReadOnlyList<string> arguments, string folder, CancellationToken cancellation);
}

/// <summary>Runs programs of this machine.</summary>
internal sealed class ProgramRunner : IProgramRunner
{
    public string? Find(string program)
    {
        string[] names = OperatingSystem.IsWindows() ? [program + ".cmd", program + ".exe"] : [program];
        return (Environment.GetEnvironmentVariable("PATH") ?? string.Empty)
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .SelectMany(folder => names.Select(name => Path.Combine(folder, name)))
            .FirstOrDefault(File.Exists);
    }

    public async Task<(int ExitCode, string Errors)> RunAsync(
        string path, IReadOnlyList<string> arguments, string folder, CancellationToken cancellation)
    {
        using var process = new Process
        {
            StartInfo = new ProcessStartInfo(path, arguments)
            {
                WorkingDirectory = folder,
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            },
        };
        try
        {
            process.Start();
        }
        catch (Win32Exception exception)
        {
            return (-1, exception.Message);
        }

        process.StandardInput.Close();
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(cancellation);
            var errors = process.StandardError.ReadToEndAsync(cancellation);
            await Task.WhenAll(output, errors);
            await process.WaitForExitAsync(cancellation);
            return (process.ExitCode, await errors);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }
}
