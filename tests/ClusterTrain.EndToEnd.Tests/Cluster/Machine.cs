using System.Diagnostics;

namespace ClusterTrain.EndToEnd.Tests;

/// <summary>Programs of the machine that make mounts and networks.</summary>
public static class Machine
{
    /// <summary>Runs a program and expects it to succeed.</summary>
    public static void Run(string program, params string[] args)
    {
        using var process = Process.Start(program, args);
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', args)} ended with exit code {process.ExitCode}");
    }
}
