using System.Globalization;
using ClusterTrain.Hosting;

namespace ClusterTrain.Cli;

/// <summary>Names the folders of new runs.</summary>
internal static class RunFolders
{
    private const string Parent = "runs";

    /// <summary>Creates the folder of a new run.</summary>
    /// <param name="path">Where the user wants it; null: <c>runs/NAME-DATE-TIME</c> in the current folder.</param>
    /// <param name="source">The recipe.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="RunFolderException">It cannot be created.</exception>
    public static RunFolder Create(string? path, RunSource source, TimeProvider time) =>
        RunFolder.Create(path ?? Unused(source.Recipe.Name, time.GetLocalNow()), source.Recipe, source.RecipeFolder);

    // Two runs that begin in one second get two folders; should both see the same one free, the folder's lock tells them apart.
    private static string Unused(string name, DateTimeOffset now)
    {
        var first = Path.Combine(Parent, string.Create(CultureInfo.InvariantCulture, $"{name}-{now:yyyyMMdd-HHmmss}"));
        var path = first;
        for (var number = 2; Directory.Exists(path); number++)
            path = string.Create(CultureInfo.InvariantCulture, $"{first}-{number}");
        return path;
    }
}
