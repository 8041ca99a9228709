using System.Collections.Immutable;
using ClusterTrain.Data.Preparation;

namespace ClusterTrain.Data.Common;

/// <summary>
/// Where files are looked for: beside the recipe, then in the folders of <c>CLUSTERTRAIN_DATA</c>, then in the user's cache.
/// </summary>
public sealed class DataLocations
{
    /// <summary>Environment variable of the data folders, separated as <c>PATH</c> is.</summary>
    public const string DataVariable = "CLUSTERTRAIN_DATA";

    /// <summary>Environment variable of the cache folder.</summary>
    public const string CacheVariable = "CLUSTERTRAIN_CACHE";

    /// <summary>Locations given one by one.</summary>
    /// <param name="recipeFolder">Folder of the recipe file; null when the recipe is not a file.</param>
    /// <param name="dataFolders">Folders looked in after it, in order.</param>
    /// <param name="cacheFolder">The folder that downloads and unpacked files are kept in; made when it is needed.</param>
    public DataLocations(string? recipeFolder, IEnumerable<string> dataFolders, string cacheFolder)
    {
        ArgumentNullException.ThrowIfNull(dataFolders);
        ArgumentException.ThrowIfNullOrEmpty(cacheFolder);
        Cache = Path.GetFullPath(cacheFolder);
        IEnumerable<string> beside = recipeFolder is null ? [] : [recipeFolder];
        Folders = [.. beside.Concat(dataFolders).Append(Cache).Select(Path.GetFullPath).Distinct()];
    }

    private DataLocations(DataLocations other, string? prepared) =>
        (Folders, Cache, Prepared, MayDownload) = (other.Folders, other.Cache, prepared, other.MayDownload);

    /// <summary>All folders, in the order they are looked in.</summary>
    public ImmutableArray<string> Folders { get; }

    /// <summary>The user's cache; also the last of <see cref="Folders"/>.</summary>
    public string Cache { get; }

    /// <summary>
    /// A file that holds the rows of the recipe, prepared already, see <see cref="DataPreparation.PrepareToFile"/>; null: they are
    /// prepared from the source that the recipe names.
    /// </summary>
    public string? Prepared { get; }

    /// <summary>The same locations, with the rows of the recipe in a prepared file.</summary>
    /// <param name="file">The file; null: in none.</param>
    public DataLocations WithPrepared(string? file) => new(this, file is null ? null : Path.GetFullPath(file));

    /// <summary>False: known data sets that are in none of the folders are not downloaded, which is an error then.</summary>
    public bool MayDownload { get; private init; } = true;

    /// <summary>The same locations, and what is in none of them is missing.</summary>
    public DataLocations WithoutDownloads() => new(this, Prepared) { MayDownload = false };

    /// <summary>The locations this process's environment says.</summary>
    /// <param name="recipeFolder">Folder of the recipe file; null when the recipe is not a file.</param>
    public static DataLocations FromEnvironment(string? recipeFolder) =>
        FromEnvironment(recipeFolder, Environment.GetEnvironmentVariable);

    /// <summary>The locations an environment says.</summary>
    /// <param name="recipeFolder">Folder of the recipe file; null when the recipe is not a file.</param>
    /// <param name="variable">Gives the value of an environment variable, or null.</param>
    public static DataLocations FromEnvironment(string? recipeFolder, Func<string, string?> variable)
    {
        ArgumentNullException.ThrowIfNull(variable);
        var folders = (variable(DataVariable) ?? string.Empty)
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return new DataLocations(recipeFolder, folders, CacheFolder(variable));
    }

    /// <summary>The full path of a file named in a recipe; <c>-</c>, standard input, stays as it is.</summary>
    /// <exception cref="DataException">It is in none of the folders; the message lists them.</exception>
    public string Find(string file)
    {
        ArgumentException.ThrowIfNullOrEmpty(file);
        if (file == DataFile.StandardInput)
        {
            return file;
        }

        if (Path.IsPathRooted(file))
        {
            return File.Exists(file)
                ? file
                : throw new DataException(Directory.Exists(file)
                    ? $"{file}: this is a folder. Name a file in it in the recipe."
                    : $"{file}: there is no such file. Correct the path in the recipe.");
        }

        foreach (var folder in Folders)
        {
            var path = Path.Combine(folder, file);
            if (File.Exists(path))
            {
                return Path.GetFullPath(path);
            }

            if (Directory.Exists(path))
            {
                throw new DataException(
                    $"{file}: this is a folder. Name a file in it in the recipe, or all of a kind, such as {file.TrimEnd('/')}/*.csv.");
            }
        }

        throw new DataException(
            $"{file}: there is no such file. Looked in {string.Join(", ", Folders)}. Correct the path in the recipe, " +
            $"or name the file's folder in {DataVariable}.");
    }

    /// <summary>
    /// The full paths of the files that a name in a recipe means, where <c>*</c> and <c>?</c> stand for any characters and for one: those of the
    /// first folder that has one, in ordinal order. A file of exactly this name comes first.
    /// </summary>
    /// <exception cref="DataException">There is none; the message lists the folders.</exception>
    public ImmutableArray<string> FindAll(string file)
    {
        ArgumentException.ThrowIfNullOrEmpty(file);
        var pattern = Path.GetFileName(file);
        if (!pattern.AsSpan().ContainsAny('*', '?') || File.Exists(file))
        {
            return [Find(file)];
        }

        foreach (var folder in Path.IsPathRooted(file) ? [""] : Folders)
        {
            var place = Path.Combine(folder, Path.GetDirectoryName(file)!);
            if (File.Exists(Path.Combine(folder, file)))
            {
                return [Find(file)];
            }

            if (!Directory.Exists(place))
            {
                continue;
            }

            ImmutableArray<string> found = [.. Fitting(place, pattern).Select(Path.GetFullPath)];
            if (!found.IsEmpty)
            {
                return found;
            }
        }

        throw new DataException(
            $"{file}: no file matches. Looked in {(Path.IsPathRooted(file) ? Path.GetDirectoryName(file) : string.Join(", ", Folders))}. "
                + "Correct the pattern in the recipe, "
            + $"or name the files' folder in {DataVariable}.");
    }

    /// <summary>The files of a folder whose names fit a pattern of <c>*</c> and <c>?</c>, in ordinal order.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="pattern">The pattern.</param>
    public static IEnumerable<string> Fitting(string folder, string pattern)
    {
        var options = new EnumerationOptions { MatchType = MatchType.Simple, AttributesToSkip = FileAttributes.Hidden };
        return Directory.GetFiles(folder, pattern, options).Order(StringComparer.Ordinal);
    }

    private static string CacheFolder(Func<string, string?> variable)
    {
        const string Name = "clustertrain";
        if (variable(CacheVariable) is { Length: > 0 } chosen)
        {
            return chosen;
        }

        if (OperatingSystem.IsWindows())
        {
            return Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), Name);
        }

        var home = variable("HOME") is { Length: > 0 } set
            ? set
            : Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        if (OperatingSystem.IsMacOS())
        {
            return Path.Combine(home, "Library", "Caches", Name);
        }

        // The XDG specification has relative paths ignored.
        return variable("XDG_CACHE_HOME") is { Length: > 0 } cache && Path.IsPathRooted(cache)
            ? Path.Combine(cache, Name)
            : Path.Combine(home, ".cache", Name);
    }
}
