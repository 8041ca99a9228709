using System.Security.Cryptography;
using System.Text;
using ClusterTrain.Dashboard.Pages;
using Microsoft.AspNetCore.Http;

namespace ClusterTrain.Dashboard;

/// <summary>
/// Who may read. With a token: whoever shows it, in the address once, in a cookie after that, or as a bearer. Without one the page is on loopback,
/// and only pages of that very address may ask: not a web site that names this machine.
/// </summary>
internal sealed class Access(DashboardSettings settings)
{
    private const string Cookie = "clustertrain";
    private static readonly string[] s_loopback = ["localhost", "127.0.0.1", "[::1]"];

    private readonly byte[]? _token = settings.Token is { } token ? SHA256.HashData(Encoding.UTF8.GetBytes(token)) : null;
    private readonly string _policy =
        $"default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'self'; "
        + $"connect-src 'self' {string.Join(' ', settings.Peers.Select(peer => $"http://{peer}"))}";

    /// <summary>Lets a request through, or answers it.</summary>
    public Task Check(HttpContext http, RequestDelegate next)
    {
        var (request, response) = (http.Request, http.Response);
        response.Headers.ContentSecurityPolicy = _policy;
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers["Referrer-Policy"] = "no-referrer";
        if (request.Path == "/healthz" || request.Path == "/readyz")
        {
            // It tells nothing, and a page whose own node is gone asks here who is there.
            response.Headers.AccessControlAllowOrigin = "*";
            return next(http);
        }

        if (request.Headers.Origin is [{ } origin]
            && (!Uri.TryCreate(origin, UriKind.Absolute, out var from) || from.Authority != request.Host.Value))
        {
            return Refuse(response, StatusCodes.Status403Forbidden, "this page answers only to its own address.");
        }

        if (_token is null)
        {
            return s_loopback.Contains(request.Host.Host) || request.Host.Host == settings.Listen.Address.ToString()
                ? next(http)
                : Refuse(response, StatusCodes.Status403Forbidden, "open this page by the address that the program printed.");
        }

        if (request.Query["token"] is [{ } given] && IsRight(given))
        {
            response.Cookies.Append(Cookie, given, new CookieOptions { HttpOnly = true, SameSite = SameSiteMode.Strict, IsEssential = true });
            response.Redirect(request.Path);
            return Task.CompletedTask;
        }

        var bearer = request.Headers.Authorization is [['B', 'e', 'a', 'r', 'e', 'r', ' ', .. var shown]] ? shown : request.Cookies[Cookie];
        return bearer is not null && IsRight(bearer)
            ? next(http)
            : Refuse(
                response, StatusCodes.Status401Unauthorized,
                "a token is needed: open the address that the program printed, which ends with ?token=..., or send it as a bearer.");
    }

    private bool IsRight(string given) => CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(given)), _token);

    private static Task Refuse(HttpResponse response, int status, string why)
    {
        response.StatusCode = status;
        response.ContentType = "text/plain; charset=utf-8";
        return response.WriteAsync($"{why}\n");
    }
}
