using System.Globalization;
using ClusterTrain.Runs;

namespace ClusterTrain.Cli.Commands;

/// <summary>Names the folders of new runs.</summary>
internal static class RunFolders
{
    private const string Parent = "runs";

    /// <summary>Creates the folder of a new run.</summary>
    /// <param name="path">Where the user wants it; null: <c>runs/NAME-DATE-TIME</c> in the current folder.</param>
    /// <param name="source">The recipe.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="RunFolderException">It cannot be created.</exception>
    public static RunFolder Create(string? path, RunSource source, TimeProvider time)
    {
        if (path is not null)
        {
            return RunFolder.Create(path, source.Recipe, source.RecipeFolder, source.Prepared);
        }

        var now = time.GetLocalNow();
        var first = Path.Combine(Parent, string.Create(CultureInfo.InvariantCulture, $"{source.Recipe.Name}-{now:yyyyMMdd-HHmmss}"));
        for (var number = 1; ; number++)
        {
            var chosen = number == 1 ? first : string.Create(CultureInfo.InvariantCulture, $"{first}-{number}");
            if (Directory.Exists(chosen))
            {
                continue;
            }

            try
            {
                return RunFolder.Create(chosen, source.Recipe, source.RecipeFolder, source.Prepared);
            }
            catch (RunFolderException) when (Directory.Exists(chosen) && Directory.EnumerateFileSystemEntries(chosen).Any())
            {
                // Another run that began in this second was faster; the next number is free.
            }
        }
    }
}
