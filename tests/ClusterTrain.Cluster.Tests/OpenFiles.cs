using System.Globalization;

namespace ClusterTrain.Cluster.Tests;

/// <summary>How many files and connections a process may have open here.</summary>
internal static class OpenFiles
{
    private const string Label = "Max open files";

    /// <summary>A number of connections, or less where this process could not hold so many beside what else it has open.</summary>
    public static int AtMost(int connections) => Math.Min(connections, Limit() / 2);

    private static int Limit()
    {
        if (!OperatingSystem.IsLinux())
        {
            return int.MaxValue;
        }

        var line = File.ReadLines("/proc/self/limits").First(line => line.StartsWith(Label, StringComparison.Ordinal));
        var soft = line[Label.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0];
        return soft == "unlimited" ? int.MaxValue : int.Parse(soft, CultureInfo.InvariantCulture);
    }
}
