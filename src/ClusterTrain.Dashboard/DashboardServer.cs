using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using ClusterTrain.Dashboard.Pages;
using ClusterTrain.Dashboard.Telemetry;
using ClusterTrain.Watching;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Radzen;

namespace ClusterTrain.Dashboard;

/// <summary>
/// The web server of a process that has runs to show: the live page, <c>/metrics</c> for Prometheus, <c>/api/runs</c>, <c>/healthz</c> and
/// <c>/readyz</c>. It reads a <see cref="RunWatch"/> and is on no run's path.
/// </summary>
public sealed class DashboardServer : IDisposable
{
    private const int TokenBytes = 24;
    private static readonly TimeSpan s_keepAlive = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_lastLook = TimeSpan.FromMilliseconds(1200);
    private static readonly TimeSpan s_longestStop = TimeSpan.FromSeconds(2);

    private readonly WebApplication _app;
    private readonly WatchedRuns _runs;
    private readonly RunMetrics _metrics;
    private readonly RunSpans _spans;
    private readonly TimeProvider _time;

    private DashboardServer(WebApplication app, WatchedRuns runs, RunMetrics metrics, RunSpans spans, string address, TimeProvider time) =>
        (_app, _runs, _metrics, _spans, Address, _time) = (app, runs, metrics, spans, address, time);

    /// <summary>The page's address, with the token where one is needed.</summary>
    public string Address { get; }

    /// <summary>A new token.</summary>
    public static string NewToken() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(TokenBytes));

    /// <summary>Starts to serve.</summary>
    /// <param name="settings">Where.</param>
    /// <param name="runs">What there is to show.</param>
    /// <param name="isReady">Tells whether the process does its work, for <c>/readyz</c>.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="IOException">The address cannot be listened at.</exception>
    public static DashboardServer Start(DashboardSettings settings, IReadOnlyList<RunWatch> runs, Func<bool> isReady, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(settings);
        if (settings is { IsPublic: true, Token: null, IsServed: true })
        {
            throw new ArgumentException("a page that others can reach needs a token", nameof(settings));
        }

        var builder = WebApplication.CreateSlimBuilder(
            new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory, EnvironmentName = Environments.Production });
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            if (settings.IsServed)
            {
                kestrel.Listen(settings.Listen);
            }
        });
        if (!settings.IsServed)
        {
            builder.Services.AddSingleton<Microsoft.AspNetCore.Hosting.Server.IServer, NoServer>();
        }

        var watched = new WatchedRuns(runs, time);
        builder.Services.AddSingleton(watched).AddSingleton(settings).AddSingleton(time);
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.Services.AddDataProtection().UseEphemeralDataProtectionProvider();
        builder.Services.AddRazorComponents().AddInteractiveServerComponents(circuits =>
        {
            circuits.DisconnectedCircuitMaxRetained = 0;
            circuits.DetailedErrors = false;
        }).AddHubOptions(hub => hub.KeepAliveInterval = s_keepAlive);
        builder.Services.AddRadzenComponents();
        OpenTelemetrySetup.Add(builder.Services, settings.IsServed);

        var app = builder.Build();
        if (settings.IsServed)
        {
            Map(app, settings, watched, isReady);
        }

        var metrics = new RunMetrics(watched);
        var spans = new RunSpans();
        foreach (var run in runs)
        {
            run.Observed += spans.Observe;
        }

        app.StartAsync().GetAwaiter().GetResult();
        var port = settings.IsServed ? new Uri(app.Urls.First()).Port : 0;
        return new DashboardServer(app, watched, metrics, spans, AddressOf(settings, port), time);
    }

    /// <summary>Stops; a reader sees how it ended first.</summary>
    public void Dispose()
    {
        if (_runs.Readers > 0)
        {
            Task.Delay(s_lastLook, _time).GetAwaiter().GetResult();
        }

        foreach (var run in _runs.All)
        {
            run.Watch.Observed -= _spans.Observe;
        }

        _spans.Dispose();
        _metrics.Dispose();
        using (var limit = new CancellationTokenSource(s_longestStop, _time))
        {
            _app.StopAsync(limit.Token).GetAwaiter().GetResult();
        }

        ((IDisposable)_app).Dispose();
    }

    private static string AddressOf(DashboardSettings settings, int port)
    {
        var host = settings.Listen.Address switch
        {
            var any when any.Equals(IPAddress.Any) || any.Equals(IPAddress.IPv6Any) => Dns.GetHostName(),
            { AddressFamily: System.Net.Sockets.AddressFamily.InterNetworkV6 } address => $"[{address}]",
            var address => address.ToString(),
        };
        var query = settings.Token is { } token ? $"?token={Uri.EscapeDataString(token)}" : "";
        return string.Create(CultureInfo.InvariantCulture, $"http://{host}:{port}/{query}");
    }

    private static void Map(WebApplication app, DashboardSettings settings, WatchedRuns runs, Func<bool> isReady)
    {
        app.Use(new Access(settings).Check);
        app.UseAntiforgery();
        app.MapGet("/healthz", () => Results.Text("ok\n"));
        app.MapGet(
            "/readyz",
            () => isReady() ? Results.Text("ready\n") : Results.Text("not ready\n", statusCode: StatusCodes.Status503ServiceUnavailable));
        app.MapGet("/api/runs", () => Results.Bytes(runs.Json(), "application/json"));
        app.MapPrometheusScrapingEndpoint("/metrics");
        app.MapGet("/assets/{name}", (string name, HttpContext http) => PageFiles.Serve(name, http));
        app.MapGet("/_framework/blazor.web.js", (HttpContext http) => PageFiles.Serve("blazor.web.js", http));
        app.MapRazorComponents<App>().AddInteractiveServerRenderMode(options => options.ContentSecurityFrameAncestorsPolicy = "'none'");
    }

    /// <summary>The command that started this process hears its signals, not the web server.</summary>
    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    /// <summary>Serves nothing, where measures are only sent.</summary>
    private sealed class NoServer : Microsoft.AspNetCore.Hosting.Server.IServer
    {
        public Microsoft.AspNetCore.Http.Features.IFeatureCollection Features { get; } = new Microsoft.AspNetCore.Http.Features.FeatureCollection();

        public Task StartAsync<TContext>(Microsoft.AspNetCore.Hosting.Server.IHttpApplication<TContext> application,
            CancellationToken cancellationToken)
            where TContext : notnull => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public void Dispose()
        {
        }
    }
}
