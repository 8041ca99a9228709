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
[Collection(IncidentCollection.Name)]
public sealed partial class PrometheusTests(ITestOutputHelper output) : IDisposable
{
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
        await Scrape(new Uri(server.Address).Authority, [], async prometheus =>
        {
            var began = Stopwatch.GetTimestamp();
            var slow = await prometheus.Awaited("topk(1, clustertrain_worker_compute_seconds)", _ => true);
            output.WriteLine($"named after {Stopwatch.GetElapsedTime(began).TotalSeconds:F1} s");
            Assert.Equal("worker-250", Assert.Single(slow).Labels["node"]);
        });
    }

    [PrometheusFact]
    public async Task It_scrapes_a_cluster_of_processes_and_its_rules_see_a_killed_worker()
    {
        var address = Machine.FreeAddresses(1)[0];
        using var cluster = new ClusterProcesses("--set", "epochs=1000000", "--audit", "0.2", "--dashboard", address);
        cluster.AddWorkers(3);
        cluster.Coordinator.WaitForLine("\"event\":\"checkpoint\"");
        using var http = new HttpClient();
        Assert.Equal("", Run("promtool", await http.GetStringAsync(new Uri($"http://{address}/metrics")), "check", "metrics"));
        var alerts = Path.Combine(Repository(), "deploy", "prometheus", "alerts.yml");
        await Scrape(address, [alerts], async prometheus =>
        {
            var computing = await prometheus.Awaited("clustertrain_worker_compute_seconds > 0", found => found.Count == 3);
            Assert.Equal(["worker-1", "worker-2", "worker-3"], computing.Select(found => found.Labels["node"]).Order(StringComparer.Ordinal));
            await prometheus.Awaited("clustertrain_node_up{role=\"parameter-server\", state=\"serving\"} == 1", found => found.Count == 1);
            await prometheus.Awaited("delta(clustertrain_run_step[5s]) > 0", found => found.Count == 1);
            await prometheus.Awaited("clustertrain_audit_shares_total > 0", found => found.Count == 1);
            await prometheus.Awaited("clustertrain_audit_differed_total == 0", found => found.Count == 1);
            await prometheus.Awaited("clustertrain_step_part_seconds", found => found.Count == 4);

            // The rules are loaded, and every one can be computed from what this cluster gives.
            var rules = (await prometheus.Get("rules")).GetProperty("groups")[0].GetProperty("rules").EnumerateArray().ToArray();
            Assert.Equal(
                File.ReadLines(alerts).Where(line => line.Contains("- alert: ", StringComparison.Ordinal)).Select(line => line.Split(": ")[1]),
                rules.Select(rule => rule.GetProperty("name").GetString()));
            Assert.All(rules, rule => Assert.NotEqual("err", rule.GetProperty("health").GetString()));

            cluster.Workers[1].Kill();
            await prometheus.Awaited("clustertrain_node_up{node=\"worker-2\", state=\"lost\"} == 0", found => found.Count == 1);
            var alert = await prometheus.Awaited("ALERTS{alertname=\"ClusterTrainNodeLost\"}", found => found.Count == 1);
            Assert.Equal(("worker-2", "worker"), (alert[0].Labels["node"], alert[0].Labels["role"]));
        });
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

    /// <summary>Has a Prometheus scrape an address once a second while something is asked of it.</summary>
    private async Task Scrape(string target, string[] rules, Func<Prometheus, Task> ask)
    {
        var address = Machine.FreeAddresses(1)[0];
        File.WriteAllText(_folder["prometheus.yml"], string.Create(
            CultureInfo.InvariantCulture,
            $"""
            global: {"{ scrape_interval: 1s, evaluation_interval: 1s }"}
            rule_files: [{string.Join(", ", rules.Select(file => $"\"{file}\""))}]
            scrape_configs:
              - job_name: clustertrain
                static_configs: [{"{"} targets: ["{target}"] {"}"}]
            """));
        using var process = Process.Start(new ProcessStartInfo("prometheus")
        {
            ArgumentList = { $"--config.file={_folder["prometheus.yml"]}", $"--storage.tsdb.path={_folder["data"]}",
                $"--web.listen-address={address}" },
            RedirectStandardError = true,
        })!;
        process.BeginErrorReadLine();
        try
        {
            using var http = new HttpClient();
            await ask(new Prometheus(http, address));
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync();
        }
    }

    private static string Run(string program, string input, params string[] args)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in args)
        {
            start.ArgumentList.Add(argument);
        }

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
        {
            folder = Path.GetDirectoryName(folder)!;
        }

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
        {
            Skip = "no prometheus on PATH";
        }
    }
}

/// <summary>A Prometheus that runs.</summary>
internal sealed class Prometheus(HttpClient http, string address)
{
    private static readonly TimeSpan s_longest = TimeSpan.FromMinutes(2);

    /// <summary>Asks until the answer is the one that is awaited: it answers when it has started, and with a result once it has scraped.</summary>
    public async Task<List<(Dictionary<string, string> Labels, double Value)>> Awaited(
        string query, Predicate<List<(Dictionary<string, string> Labels, double Value)>> isAwaited)
    {
        var began = Stopwatch.GetTimestamp();
        var found = new List<(Dictionary<string, string> Labels, double Value)>();
        while (Stopwatch.GetElapsedTime(began) < s_longest)
        {
            try
            {
                var data = await Get($"query?query={Uri.EscapeDataString(query)}");
                found = [.. data.GetProperty("result").EnumerateArray().Select(result => (
                    result.GetProperty("metric").EnumerateObject().ToDictionary(label => label.Name, label => label.Value.GetString()!),
                    double.Parse(result.GetProperty("value")[1].GetString()!, CultureInfo.InvariantCulture)))];
                if (found.Count > 0 && isAwaited(found))
                {
                    return found;
                }
            }
            catch (HttpRequestException)
            {
                // It has not started yet.
            }
        }

        throw new InvalidOperationException(
            $"'{query}' gave {string.Join("; ", found.Select(result => $"{string.Join(',', result.Labels)} {result.Value}"))} after {s_longest}");
    }

    /// <summary>The data of an answer.</summary>
    public async Task<JsonElement> Get(string path)
    {
        using var json = JsonDocument.Parse(await http.GetStringAsync(new Uri($"http://{address}/api/v1/{path}")));
        return json.RootElement.GetProperty("data").Clone();
    }
}
