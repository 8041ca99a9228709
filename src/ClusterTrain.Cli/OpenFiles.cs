using System.Globalization;

namespace ClusterTrain.Cli;

/// <summary>
/// How many files a process may have open. .NET keeps two for each assembly; too few would end a command anywhere, with the words of the system. It
/// raises the soft limit to the hard one by itself.
/// </summary>
internal static class OpenFiles
{
    private const string Limits = "/proc/self/limits";
    private const int Least = 104;
    private const int LeastOfNode = 256;

    private static readonly string[] s_nodes = ["up", "coordinator", "parameter-server", "worker", "status"];

    /// <summary>Why a command cannot run here; null: it can, as far as this tells.</summary>
    /// <param name="args">The command line.</param>
    public static string? Refusal(IReadOnlyList<string> args)
    {
        try
        {
            return File.Exists(Limits) ? Refusal(args, File.ReadLines(Limits)) : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    internal static string? Refusal(IReadOnlyList<string> args, IEnumerable<string> limits)
    {
        // Max open files   soft   hard   files
        var words = limits.FirstOrDefault(line =>
            line.StartsWith("Max open files", StringComparison.Ordinal))?.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var isNode = args.Count > 0 && s_nodes.Contains(args[0]);
        var least = isNode ? LeastOfNode : Least;
        return words is [_, _, _, _, var hard, ..] && long.TryParse(hard, NumberStyles.None, CultureInfo.InvariantCulture, out var most)
            && most < least
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"error: a process may open {most} files here, and {(isNode ? "a node of a cluster" : "clustertrain")} needs {least}: raise the hard "
                    + $"limit, for example with `ulimit -Hn 1024`")
            : null;
    }
}
