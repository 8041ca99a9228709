using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using ClusterTrain.Dashboard;
using ClusterTrain.Dashboard.Pages;

namespace ClusterTrain.EndToEnd.Tests;

/// <summary>Who may read the live page, and what programs read of it.</summary>
public sealed class DashboardAccessTests : IDisposable
{
    private const string Token = "a token of these tests";
    private readonly SimulatedRun _run = new(workers: 3, epochs: 2000);
    private readonly HttpClient _reader = new(new HttpClientHandler { AllowAutoRedirect = false, UseCookies = false });

    public void Dispose()
    {
        _reader.Dispose();
        _run.Dispose();
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/metrics")]
    [InlineData("/api/runs")]
    [InlineData("/_blazor/negotiate?negotiateVersion=1")]
    [InlineData("/assets/dashboard.js")]
    public async Task With_a_token_nothing_of_the_run_is_read_without_it(string path)
    {
        using var server = Start(Token);
        Assert.Equal(HttpStatusCode.Unauthorized, (await Ask(server, path)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await Ask(server, path, Bearer("another"))).StatusCode);
        Assert.NotEqual(HttpStatusCode.Unauthorized, (await Ask(server, path, Bearer(Token))).StatusCode);
    }

    [Fact]
    public async Task The_address_that_is_printed_gives_a_cookie_and_leaves_the_token_out_of_the_address()
    {
        using var server = Start(Token);
        var answer = await _reader.GetAsync(new Uri(server.Address));
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        Assert.Equal("/", answer.Headers.Location!.ToString());
        var cookie = answer.Headers.GetValues("Set-Cookie").Single();
        Assert.Contains("httponly", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("samesite=strict", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(HttpStatusCode.OK, (await Ask(server, "/", request => request.Headers.Add("Cookie", cookie.Split(';')[0]))).StatusCode);
    }

    [Fact]
    public async Task Without_a_token_other_sites_cannot_use_the_browser_of_a_reader()
    {
        using var server = Start(null);
        Assert.Equal(HttpStatusCode.OK, (await Ask(server, "/")).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await Ask(server, "/", request => request.Headers.Host = "evil.example")).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden,
            (await Ask(server, "/api/runs", request => request.Headers.Add("Origin", "http://evil.example"))).StatusCode);
    }

    [Fact]
    public void A_page_that_others_can_reach_is_not_served_without_a_token() =>
        Assert.Throws<ArgumentException>(() => DashboardServer.Start(
            new DashboardSettings { Listen = new IPEndPoint(IPAddress.Any, 0) }, [_run.Watch], () => true, TimeProvider.System));

    [Fact]
    public async Task Health_and_readiness_are_told_to_everybody()
    {
        var isReady = false;
        using var server = DashboardServer.Start(Settings(Token), [_run.Watch], () => isReady, TimeProvider.System);
        Assert.Equal(HttpStatusCode.OK, (await Ask(server, "/healthz")).StatusCode);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await Ask(server, "/readyz")).StatusCode);
        isReady = true;
        Assert.Equal(HttpStatusCode.OK, (await Ask(server, "/readyz")).StatusCode);
    }

    [Fact]
    public async Task The_run_is_read_as_JSON()
    {
        using var server = Start(null);
        using var json = JsonDocument.Parse(await (await Ask(server, "/api/runs")).Content.ReadAsStringAsync());
        var run = json.RootElement[0];
        Assert.Equal("training", run.GetProperty("state").GetString());
        Assert.Equal("large", run.GetProperty("recipe").GetString());
        Assert.Equal(3, run.GetProperty("workers").GetInt32());
        Assert.Equal(3, run.GetProperty("machines").EnumerateArray().Count(machine => machine.GetProperty("role").GetString() == "worker"));
    }

    private static Action<HttpRequestMessage> Bearer(string token) =>
        request => request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);

    private static DashboardSettings Settings(string? token) => new() { Listen = new IPEndPoint(IPAddress.Loopback, 0), Token = token };

    private DashboardServer Start(string? token) => DashboardServer.Start(Settings(token), [_run.Watch], () => true, TimeProvider.System);

    private async Task<HttpResponseMessage> Ask(DashboardServer server, string path, Action<HttpRequestMessage>? complete = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(new Uri(server.Address), path));
        complete?.Invoke(request);
        return await _reader.SendAsync(request);
    }
}
