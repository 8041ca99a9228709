using ClusterTrain.Cli.Output;
using ClusterTrain.Data.Common;

namespace ClusterTrain.Cli.Commands;

/// <summary>Where a command looks for data.</summary>
internal static class Locations
{
    /// <summary>Beside the recipe, in <c>--data</c>, in <c>CLUSTERTRAIN_DATA</c>, in the user's cache.</summary>
    /// <param name="recipeFolder">Folder of the recipe's file; null: it is no file.</param>
    /// <param name="dataFolder">The value of <c>--data</c>; null: not given.</param>
    /// <param name="surroundings">Whose environment counts.</param>
    /// <param name="mayDownload">False: what is on this machine must do.</param>
    /// <exception cref="UsageException">There is no such data folder.</exception>
    public static DataLocations Of(string? recipeFolder, string? dataFolder, Surroundings surroundings, bool mayDownload = true)
    {
        if (dataFolder is not null && !Directory.Exists(dataFolder))
        {
            throw new UsageException($"--data is '{dataFolder}', and there is no such folder.");
        }

        var locations = DataLocations.FromEnvironment(recipeFolder, name => name == DataLocations.DataVariable && dataFolder is not null
            ? $"{dataFolder}{Path.PathSeparator}{surroundings.Variable(name)}"
            : surroundings.Variable(name));
        return mayDownload ? locations : locations.WithoutDownloads();
    }
}
