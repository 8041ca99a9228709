using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using ClusterTrain.Cli.Output;

namespace ClusterTrain.Cli.Bench;

/// <summary>
/// Two machines on one: network namespaces joined by a link whose speed is limited both ways (<c>tc</c>'s token bucket). It is taken down again when
/// it is disposed.
/// </summary>
internal sealed class NetworkLab : IDisposable
{
    /// <summary>The network interface of each machine.</summary>
    public const string Device = "wire";

    private readonly string[] _cores = Cores();
    private readonly string[] _names = [Name("a"), Name("b")];

    /// <summary>Makes it.</summary>
    /// <param name="megabitsPerSecond">The speed of the link each way.</param>
    /// <exception cref="UsageException">This user may not, or a program is missing.</exception>
    public NetworkLab(int megabitsPerSecond)
    {
        try
        {
            foreach (var name in _names)
            {
                Run("ip", "netns", "add", name);
            }

            Run("ip", "-n", _names[0], "link", "add", "name", Device, "type", "veth", "peer", "name", Device, "netns", _names[1]);
            foreach (var (name, address) in _names.Zip(Addresses))
            {
                Run("ip", "-n", name, "addr", "add", $"{address}/24", "dev", Device);
                Run("ip", "-n", name, "link", "set", Device, "up");
                Run("ip", "-n", name, "link", "set", "lo", "up");
                Run(
                    "ip", "netns", "exec", name, "tc", "qdisc", "add", "dev", Device, "root", "tbf", "rate",
                    string.Create(CultureInfo.InvariantCulture, $"{megabitsPerSecond}mbit"), "burst", "128kb", "latency", "50ms");
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Addresses of the two machines, each of which only the other one reaches.</summary>
    public static string[] Addresses { get; } = ["10.213.7.1", "10.213.7.2"];

    /// <summary>What starts a program on a machine, which has one of this machine's cores.</summary>
    /// <param name="machine">0 or 1.</param>
    public string[] Launcher(int machine) =>
        ["ip", "netns", "exec", _names[machine], "taskset", "-c", _cores[machine]];

    /// <summary>Bytes that a machine has sent, with the headers of TCP and below.</summary>
    /// <param name="machine">0 or 1.</param>
    public long BytesSent(int machine) => long.Parse(
        Run("ip", "netns", "exec", _names[machine], "cat", $"/sys/class/net/{Device}/statistics/tx_bytes"), CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var name in _names)
        {
            try
            {
                Run("ip", "netns", "del", name);
            }
            catch (UsageException)
            {
                // It was never made.
            }
        }
    }

    /// <summary>The first two cores that this process may use.</summary>
    private static string[] Cores()
    {
        var allowed = File.ReadLines("/proc/self/status").First(line => line.StartsWith("Cpus_allowed_list:", StringComparison.Ordinal));
        var cores = allowed.Split(':')[1].Split(',').Select(range => range.Trim().Split('-')).SelectMany(range =>
        {
            var first = int.Parse(range[0], CultureInfo.InvariantCulture);
            return Enumerable.Range(first, int.Parse(range[^1], CultureInfo.InvariantCulture) - first + 1);
        }).Take(2).Select(core => core.ToString(CultureInfo.InvariantCulture)).ToArray();
        return cores.Length == 2 ? cores : throw new UsageException("bench network needs two cores, and this process may use only one.");
    }

    private static string Name(string machine) => string.Create(CultureInfo.InvariantCulture, $"clustertrain-{Environment.ProcessId}-{machine}");

    private static string Run(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(
                new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            var errors = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0
                ? output
                : throw new UsageException(
                    $"`{program} {string.Join(' ', arguments)}`: {errors.Result.Trim().TrimEnd('.')}. bench network makes network namespaces: run it as root, on "
                        + "Linux.");
        }
        catch (Win32Exception error)
        {
            throw new UsageException($"bench network needs `{program}`, of the packages iproute2 and util-linux, on Linux: {error.Message}", error);
        }
    }
}
