using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace ClusterTrain.EndToEnd.Tests;

/// <summary>Programs of the machine that make mounts and networks, its free ports, and the repository on it.</summary>
public static class Machine
{
    /// <summary>The repository that the tests lie in.</summary>
    public static string Repository { get; } = FindRepository();

    /// <summary>The path of a recipe of the repository.</summary>
    public static string Recipe(string name) => Path.Combine(Repository, "configs", name);

    /// <summary>Runs a program and expects it to succeed.</summary>
    public static void Run(string program, params string[] args)
    {
        using var process = Process.Start(program, args);
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', args)} ended with exit code {process.ExitCode}");
    }

    /// <summary>Runs a program, expects it to succeed, and gives what it printed.</summary>
    public static string Output(string program, params string[] args)
    {
        using var process = Process.Start(new ProcessStartInfo(program, args) { RedirectStandardOutput = true })!;
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', args)} ended with exit code {process.ExitCode}");
        return text;
    }

    /// <summary>Addresses on loopback at whose ports nobody listens.</summary>
    public static string[] FreeAddresses(int count)
    {
        var listeners = Enumerable.Range(0, count).Select(_ => new TcpListener(IPAddress.Loopback, 0)).ToList();
        listeners.ForEach(listener => listener.Start());
        string[] addresses = [.. listeners.Select(listener => listener.LocalEndpoint.ToString()!)];
        listeners.ForEach(listener => listener.Stop());
        return addresses;
    }

    private static string FindRepository()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "ClusterTrain.sln")))
            {
                return folder;
            }
        }

        throw new InvalidOperationException("The tests do not lie in the repository.");
    }
}
