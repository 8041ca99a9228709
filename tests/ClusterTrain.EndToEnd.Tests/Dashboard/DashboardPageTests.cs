using System.Diagnostics;
using System.Globalization;
using ClusterTrain.Dashboard;
using ClusterTrain.Dashboard.Pages;
using Microsoft.Playwright;
using Xunit.Abstractions;

namespace ClusterTrain.EndToEnd.Tests;

/// <summary>The live page, in a browser, as its readers see it.</summary>
[Collection(IncidentCollection.Name)]
public sealed class DashboardPageTests(Chromium chromium, ITestOutputHelper output) : IClassFixture<Chromium>, IDisposable
{
    private const int LeastPictureBytes = 20_000;
    private const int NarrowWidth = 400;
    private const int PictureHeight = 1500;
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [ChromiumFact]
    public async Task A_runs_page_loads_and_its_curves_grow()
    {
        using var run = ClusterTrainProcess.Start(
            "train", "--set", "epochs=1000000", "--out", _folder["run"], "--json", "--dashboard", "127.0.0.1:0");
        await using var reader = await PageReader.Open(chromium, PageReader.AddressOf(run.WaitForLine("\"event\":\"dashboard\"")));
        var curve = reader.Tab.Locator("#loss .rz-line-series path").First;
        await Assertions.Expect(reader.Tab.Locator("h1")).ToHaveTextAsync("digits");
        await Assertions.Expect(reader.Tab.Locator(".badge")).ToHaveTextAsync("training");
        var before = await curve.GetAttributeAsync("d");
        await Assertions.Expect(curve).Not.ToHaveAttributeAsync("d", before!);
        var epoch = await reader.Tab.Locator(".tiles b").First.TextContentAsync();
        await Assertions.Expect(reader.Tab.Locator(".tiles b").First).Not.ToHaveTextAsync(epoch!);
        foreach (var chart in new[] { "loss", "metric", "pace", "rate", "norm" })
        {
            await Assertions.Expect(reader.Tab.Locator($"#{chart} .rz-line-series path").First).ToBeAttachedAsync();
        }

        await Assertions.Expect(reader.Tab.Locator("#bottleneck")).ToContainTextAsync("bottleneck");
        await Assertions.Expect(reader.Tab.Locator("tr.computing")).ToContainTextAsync("worker-1");
        await reader.AssertAccessible();
        Assert.Empty(reader.Problems);
    }

    [ChromiumFact]
    public async Task The_page_of_an_audited_run_says_what_was_computed_twice()
    {
        using var run = ClusterTrainProcess.Start(
            "train", "--set", "epochs=1000000", "--out", _folder["run"], "--json", "--workers", "2", "--audit", "0.2", "--dashboard", "127.0.0.1:0");
        await using var reader = await PageReader.Open(chromium, PageReader.AddressOf(run.WaitForLine("\"event\":\"dashboard\"")));
        var proof = reader.Tab.Locator("#proof.good");
        await Assertions.Expect(proof).ToContainTextAsync(
            new System.Text.RegularExpressions.Regex("^Verified to step [0-9,]+: [0-9,]+ shares computed twice, 0 differed"));
        var before = await proof.TextContentAsync();
        await Assertions.Expect(proof).Not.ToHaveTextAsync(before!);
        await reader.AssertAccessible();
        Assert.Empty(reader.Problems);
    }

    [ChromiumFact]
    public async Task The_page_says_that_the_run_is_over_before_its_process_ends()
    {
        using var run = ClusterTrainProcess.Start("train", "--set", "epochs=4000", "--out", _folder["run"], "--json", "--dashboard", "127.0.0.1:0");
        await using var reader = await PageReader.Open(chromium, PageReader.AddressOf(run.WaitForLine("\"event\":\"dashboard\"")));
        Assert.Equal(0, run.WaitForExit());
        await Assertions.Expect(reader.Tab.Locator("#gone")).ToContainTextAsync("The run is completed and its process has ended.");
        await Assertions.Expect(reader.Tab.Locator("#gone")).ToContainTextAsync("clustertrain dashboard");
    }

    [ChromiumFact]
    public async Task A_killed_worker_shows_within_two_seconds_and_a_restarted_coordinator_is_found_again()
    {
        var address = Machine.FreeAddresses(1)[0];
        using var cluster = new ClusterProcesses("--set", "epochs=100000", "--dashboard", address);
        cluster.AddWorkers(2);
        cluster.Coordinator.WaitForLine("\"workers\":2");
        await using var reader = await PageReader.Open(chromium, $"http://{address}/");
        await Assertions.Expect(reader.Tab.Locator("tr.computing")).ToHaveCountAsync(2);
        await reader.AssertAccessible();

        var since = Stopwatch.GetTimestamp();
        cluster.Workers[1].Kill();
        await Assertions.Expect(reader.Tab.Locator("tr.lost")).ToContainTextAsync(
            "worker-2", new LocatorAssertionsToContainTextOptions { Timeout = (float)IncidentRun.Bound(2).TotalMilliseconds });
        output.WriteLine($"a killed worker showed after {Stopwatch.GetElapsedTime(since).TotalSeconds:F2} s");
        await Assertions.Expect(reader.Tab.Locator(".events")).ToContainTextAsync("after worker-2 was lost");
        foreach (var view in new[] { "light", "dark", "narrow" })
        {
            await using var other = await PageReader.Open(chromium, $"http://{address}/", view);
            await Assertions.Expect(other.Tab.Locator("#loss .rz-line-series path")).ToHaveCountAsync(2);
            await other.Picture($"page-{view}", PictureHeight);
        }

        Assert.Empty(reader.Problems);

        cluster.Coordinator.Kill();
        await Assertions.Expect(reader.Tab.Locator("#gone"))
            .ToContainTextAsync("No answer from", new LocatorAssertionsToContainTextOptions { Timeout = 20_000 });
        cluster.RestartCoordinator();
        await Assertions.Expect(reader.Tab.Locator(".heading")).ToContainTextAsync(
            ["term 2"], new LocatorAssertionsToContainTextOptions { Timeout = 60_000 });
        await Assertions.Expect(reader.Tab.Locator("#gone")).ToBeHiddenAsync();
        await Assertions.Expect(reader.Tab.Locator("tr.computing")).ToContainTextAsync(["worker-1"], new() { Timeout = 60_000 });
        await Assertions.Expect(reader.Tab.Locator("#loss .rz-line-series path")).ToHaveCountAsync(2);
        await reader.Picture("restarted-light");
    }

    [ChromiumFact]
    public async Task The_page_of_a_leader_that_is_killed_goes_to_the_one_that_took_over()
    {
        const string Secret = "a secret of the page's tests, long enough";
        var port = Machine.FreeAddresses(2).Select(free => free[(free.LastIndexOf(':') + 1)..]).ToArray();
        var join = $"127.0.0.1:{port[0]},127.0.0.2:{port[0]}";
        var variables = new Dictionary<string, string> { ["CLUSTERTRAIN_SECRET"] = Secret };
        ClusterTrainProcess Coordinator(int host) => ClusterTrainProcess.Start(
            variables,
            ["coordinator", "--json", .. IncidentRun.Recipe, "--set", "epochs=100000", "--out", _folder["run"], "--listen",
                $"127.0.0.{host}:{port[0]}", "--join", join,
                "--dashboard", $"127.0.0.{host}:{port[1]}"]);
        using var leader = Coordinator(1);
        leader.WaitForLine("\"event\":\"run\"");
        using var standby = Coordinator(2);
        using var server = ClusterTrainProcess.Start(variables, ["parameter-server", "--join", join, "--name", "server", "--listen", "127.0.0.1:0"]);
        using var worker = ClusterTrainProcess.Start(variables, ["worker", "--join", join, "--name", "worker", "--threads", "1"]);
        leader.WaitForLine("\"event\":\"progress\"");
        await using var there = await PageReader.Open(chromium, $"http://127.0.0.2:{port[1]}/");
        await Assertions.Expect(there.Tab.Locator(".heading").First)
            .ToContainTextAsync($"led by 127.0.0.1:{port[0]}, term 1", new() { Timeout = 60_000 });
        await Assertions.Expect(there.Tab.Locator(".badge")).ToHaveTextAsync("training");
        await using var reader = await PageReader.Open(chromium, $"http://127.0.0.1:{port[1]}/");
        await Assertions.Expect(reader.Tab.Locator(".badge")).ToHaveTextAsync("training");

        leader.Kill();
        await Assertions.Expect(reader.Tab.Locator(".heading").First)
            .ToContainTextAsync($"led by 127.0.0.2:{port[0]}, term 2", new() { Timeout = 60_000 });
        Assert.StartsWith($"http://127.0.0.2:{port[1]}/", reader.Tab.Url, StringComparison.Ordinal);
        await Assertions.Expect(reader.Tab.Locator(".badge")).ToHaveTextAsync("training", new() { Timeout = 60_000 });
    }

    [ChromiumTheory]
    [InlineData("light")]
    [InlineData("dark")]
    [InlineData("narrow")]
    public async Task Finished_runs_are_shown_alone_and_side_by_side_with_the_settings_that_differ(string view)
    {
        Train("slow", "0.02");
        Train("fast", "0.1");
        using var pages = ClusterTrainProcess.Start("dashboard", _folder["slow"], _folder["fast"], "--listen", "127.0.0.1:0");
        var address = pages.WaitForLine("http://");
        await using var reader = await PageReader.Open(chromium, address, view);
        await Assertions.Expect(reader.Tab.Locator("h1")).ToHaveTextAsync("2 runs compared");
        await Assertions.Expect(reader.Tab.Locator("tr:has(code:text-is('optimiser.rate'))")).ToContainTextAsync("0.02");
        await Assertions.Expect(reader.Tab.Locator("#validation .rz-line-series path")).ToHaveCountAsync(2);
        await AssertLooksWell(reader, $"compared-{view}", view);

        await reader.Tab.ClickAsync("nav >> text=fast");
        await Assertions.Expect(reader.Tab.Locator(".badge")).ToHaveTextAsync("completed");
        await Assertions.Expect(reader.Tab.Locator("#loss .rz-line-series path")).ToHaveCountAsync(2);
        await Assertions.Expect(reader.Tab.Locator(".events")).ToContainTextAsync("completed");
        await AssertLooksWell(reader, $"finished-{view}", view);
        pages.Signal("INT");
        Assert.Equal(0, pages.WaitForExit());
    }

    [ChromiumTheory]
    [InlineData("light")]
    [InlineData("dark")]
    [InlineData("narrow")]
    public async Task Five_hundred_workers_and_ten_thousand_epochs_stay_fluid(string view)
    {
        using var simulated = new SimulatedRun(workers: 500, epochs: 10_000);
        using var server = DashboardServer.Start(
            new DashboardSettings { Listen = new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0) }, [simulated.Watch], () =>
                true, TimeProvider.System);
        await using var reader = await PageReader.Open(chromium, server.Address, view);
        await Assertions.Expect(reader.Tab.Locator("#loss .rz-line-series path")).ToHaveCountAsync(2);
        await Assertions.Expect(reader.Tab.Locator("#bottleneck")).ToContainTextAsync("worker-250 is the slow node");
        var frames = await reader.Tab.EvaluateAsync<double>(
            "() => new Promise(done => { let frames = 0; const began = performance.now(); const next = now => { frames++; "
            + "if (now - began < 4000) requestAnimationFrame(next); else done(frames / (now - began) * 1000); }; requestAnimationFrame(next); })");
        var elements = await reader.Tab.EvaluateAsync<int>("() => document.querySelectorAll('*').length");
        output.WriteLine($"{view}: {frames:F1} frames a second, {elements} elements, {GC.GetTotalMemory(false) / 1e6:F0} MB");
        Assert.True(frames > 15, $"{frames:F1} frames a second");
        Assert.True(elements < 4000, $"{elements} elements");
        await AssertLooksWell(reader, $"large-{view}", view);
        Assert.Empty(reader.Problems);
    }

    /// <summary>
    /// For 12 seconds; for as many minutes as CLUSTERTRAIN_WATCH_MINUTES says. The first third is for what grows to its size once.
    /// </summary>
    [ChromiumFact]
    public async Task Memory_of_page_and_coordinator_stays_flat()
    {
        var minutes = double.Parse(Environment.GetEnvironmentVariable("CLUSTERTRAIN_WATCH_MINUTES") ?? "0.2", CultureInfo.InvariantCulture);
        using var simulated = new SimulatedRun(workers: 500, epochs: 20_000, ahead: 10_500);
        using var server = DashboardServer.Start(
            new DashboardSettings { Listen = new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0) }, [simulated.Watch], () => true,
            TimeProvider.System);
        await using var reader = await PageReader.Open(chromium, server.Address);
        var tools = await reader.Tab.Context.NewCDPSessionAsync(reader.Tab);
        List<(double Page, double Elements, double Coordinator)> samples = [];
        const int Samples = 30;
        for (var sample = 0; sample < Samples; sample++)
        {
            await reader.Tab.WaitForTimeoutAsync((float)(minutes * 60_000 / Samples));
            await tools.SendAsync("HeapProfiler.collectGarbage");
            var heap = (await tools.SendAsync("Runtime.getHeapUsage"))!.Value.GetProperty("usedSize").GetDouble();
            var nodes = (await tools.SendAsync("Memory.getDOMCounters"))!.Value.GetProperty("nodes").GetDouble();
            samples.Add((heap / 1e6, nodes, GC.GetTotalMemory(forceFullCollection: true) / 1e6));
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{(sample + 1) * minutes / Samples:F1} min: page {samples[^1].Page:F1} MB and {nodes:F0} nodes, coordinator {samples[^1].Coordinator:F1} MB"));
        }

        AssertFlat("page, MB", samples.Select(sample => sample.Page), 3);
        AssertFlat("nodes of the page", samples.Select(sample => sample.Elements), 300);
        AssertFlat("coordinator, MB", samples.Select(sample => sample.Coordinator), 5);
        Assert.Empty(reader.Problems);
    }

    private static void AssertFlat(string what, IEnumerable<double> samples, double tolerance)
    {
        var all = samples.ToList();
        var (second, third) = (Median(all.Skip(all.Count / 3).Take(all.Count / 3)), Median(all.Skip(2 * all.Count / 3)));
        Assert.True(third <= second + tolerance, string.Create(CultureInfo.InvariantCulture, $"{what}: {second:F1}, later {third:F1}"));

        static double Median(IEnumerable<double> values) => values.Order().ToList() is var sorted ? sorted[sorted.Count / 2] : 0;
    }

    private static async Task AssertLooksWell(PageReader reader, string name, string view)
    {
        var width = await reader.Tab.EvaluateAsync<int>("() => document.documentElement.scrollWidth");
        Assert.True(width <= (view == "narrow" ? NarrowWidth : 1280), $"the page is {width} pixels wide");
        Assert.True((await reader.Picture(name)).Length > LeastPictureBytes);
        await reader.AssertAccessible();
    }

    private void Train(string name, string rate)
    {
        using var run = ClusterTrainProcess.Run("train", "--set", "epochs=12", "--set", $"optimiser.rate={rate}", "--out", _folder[name]);
    }
}
