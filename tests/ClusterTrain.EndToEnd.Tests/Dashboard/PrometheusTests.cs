using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using ClusterTrain.Dashboard;
using ClusterTrain.Dashboard.Pages;
using Xunit.Abstractions;

namespace ClusterTrain.EndToEnd.Tests;

/// <summary>A real Prometheus, from PATH, reads the metrics and tests the alert rules.</summary>
public sealed partial class PrometheusTests(ITestOutputHelper output) : IDisposable
{
    private static readonly TimeSpan s_longest = TimeSpan.FromMinutes(1);
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [PrometheusFact]
    public async Task Its_checker_finds_nothing_wrong_with_the_metrics()
    {
        using var run = new SimulatedRun(workers: 3, epochs: 2000);
        using var server = Start(run);
        using var http = new HttpClient();
        var metrics = await http.GetStringAsync(new Uri(new Uri(server.Address), "/metrics"));
        Assert.Equal("", Run("promtool", metrics, "check", "metrics"));
        foreach (var name in new[] { "clustertrain_run_step", "clustertrain_worker_compute_seconds", "clustertrain_node_up",
            "clustertrain_checkpoints_total", "clustertrain_step_part_seconds" })
        {
            Assert.Contains($"# HELP {name} ", metrics, StringComparison.Ordinal);
        }
    }

    [PrometheusFact]
    public async Task It_scrapes_a_run_and_a_query_names_the_slow_worker()
    {
        using var run = new SimulatedRun(workers: 300, epochs: 2000);
        using var server = Start(run);
        var address = Machine.FreeAddresses(1)[0];
        File.WriteAllText(_folder["prometheus.yml"], string.Create(
            CultureInfo.InvariantCulture,
            $"""
            global: {"{ scrape_interval: 1s }"}
            scrape_configs:
              - job_name: clustertrain
                static_configs: [{"{"} targets: ["{new Uri(server.Address).Authority}"] {"}"}]
            """));
        using var prometheus = Process.Start(new ProcessStartInfo("prometheus")
        {
            ArgumentList = { $"--config.file={_folder["prometheus.yml"]}", $"--storage.tsdb.path={_folder["data"]}",
                $"--web.listen-address={address}" },
            RedirectStandardError = true,
        })!;
        prometheus.BeginErrorReadLine();
        try
        {
            using var http = new HttpClient();
            var query = new Uri($"http://{address}/api/v1/query?query={Uri.EscapeDataString("topk(1, clustertrain_worker_compute_seconds)")}");
            var began = Stopwatch.GetTimestamp();
            string? slow = null;
            while (slow is null && Stopwatch.GetElapsedTime(began) < s_longest)
                slow = await Ask(http, query);
            output.WriteLine($"named after {Stopwatch.GetElapsedTime(began).TotalSeconds:F1} s");
            Assert.Equal("worker-250", slow);
        }
        finally
        {
            prometheus.Kill();
            await prometheus.WaitForExitAsync();
        }
    }

    [PrometheusFact]
    public void The_alert_rules_do_what_their_tests_say()
    {
        var folder = Path.Combine(Repository(), "deploy", "prometheus");
        output.WriteLine(Run("promtool", "", "check", "rules", Path.Combine(folder, "alerts.yml")));
        output.WriteLine(Run("promtool", "", "test", "rules", Path.Combine(folder, "alerts.test.yml")));
        output.WriteLine(Run("promtool", "", "check", "config", "--syntax-only", Path.Combine(folder, "prometheus.yml")));
    }

    [Fact]
    public async Task The_dashboard_the_alerts_and_the_page_about_them_name_metrics_that_there_are()
    {
        using var run = new SimulatedRun(workers: 3, epochs: 2000);
        using var server = Start(run);
        using var http = new HttpClient();
        var metrics = await http.GetStringAsync(new Uri(new Uri(server.Address), "/metrics"));
        foreach (var file in new[] { "deploy/grafana/dashboards/clustertrain.json", "deploy/prometheus/alerts.yml", "docs/monitoring.md" })
        {
            var names = Name().Matches(File.ReadAllText(Path.Combine(Repository(), file))).Select(match => match.Value).Distinct().ToArray();
            Assert.NotEmpty(names);
            Assert.All(names, name =>
                Assert.True(metrics.Contains($"# TYPE {name} ", StringComparison.Ordinal), $"{file}: there is no metric {name}"));
        }
    }

    private static DashboardServer Start(SimulatedRun run) => DashboardServer.Start(
        new DashboardSettings { Listen = new IPEndPoint(IPAddress.Loopback, 0) }, [run.Watch], () => true, TimeProvider.System);

    // Prometheus answers when it has started, and with a result once it has scraped.
    private static async Task<string?> Ask(HttpClient http, Uri query)
    {
        try
        {
            using var json = JsonDocument.Parse(await http.GetStringAsync(query));
            return json.RootElement.GetProperty("data").GetProperty("result").EnumerateArray()
                .Select(result => result.GetProperty("metric").GetProperty("node").GetString()).FirstOrDefault();
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    private static string Run(string program, string input, params string[] args)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in args)
            start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        var errors = process.StandardError.ReadToEndAsync();
        var said = process.StandardOutput.ReadToEnd() + errors.Result;
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, said);
        return said.Trim();
    }

    [GeneratedRegex("clustertrain_[a-z_]+[a-z]")]
    private static partial Regex Name();

    private static string Repository()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "ClusterTrain.sln")))
            folder = Path.GetDirectoryName(folder)!;
        return folder;
    }
}

/// <summary>A fact that is skipped, with the reason, where there is no Prometheus.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class PrometheusFactAttribute : FactAttribute
{
    public PrometheusFactAttribute()
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        if (!Array.Exists(folders, folder => File.Exists(Path.Combine(folder, "promtool"))))
            Skip = "no prometheus on PATH";
    }
}
