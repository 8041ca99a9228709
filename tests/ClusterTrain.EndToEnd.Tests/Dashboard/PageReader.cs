using System.Collections.Concurrent;
using System.Text.Json;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;

namespace ClusterTrain.EndToEnd.Tests;

/// <summary>A reader of the live page: a tab, and what its browser complains of.</summary>
internal sealed class PageReader : IAsyncDisposable
{
    private const int Narrow = 400;
    private readonly ConcurrentQueue<string> _problems = [];
    private readonly IBrowserContext _context;

    private PageReader(IBrowserContext context, IPage tab) => (_context, Tab) = (context, tab);

    public IPage Tab { get; }

    /// <summary>What the browser wrote to its console as an error, and what was thrown.</summary>
    public IEnumerable<string> Problems => _problems;

    /// <summary>Opens a page and waits until it is live.</summary>
    /// <param name="chromium">The browser.</param>
    /// <param name="address">The page.</param>
    /// <param name="view">Width and scheme: <c>light</c>, <c>dark</c> or <c>narrow</c>.</param>
    public static async Task<PageReader> Open(Chromium chromium, string address, string view = "light")
    {
        var context = await chromium.Browser.NewContextAsync(new BrowserNewContextOptions
        {
            ColorScheme = view == "dark" ? ColorScheme.Dark : ColorScheme.Light,
            ViewportSize = new ViewportSize { Width = view == "narrow" ? Narrow : 1280, Height = 900 },
        });
        var reader = new PageReader(context, await context.NewPageAsync());
        reader.Tab.Console += (_, message) =>
        {
            if (message.Type == "error")
            {
                reader._problems.Enqueue(message.Text);
            }
        };
        reader.Tab.PageError += (_, error) => reader._problems.Enqueue(error);
        await reader.Tab.GotoAsync(address);
        await Assertions.Expect(reader.Tab.Locator("main[data-live=yes]"))
            .ToBeAttachedAsync(new LocatorAssertionsToBeAttachedOptions { Timeout = 30_000 });
        return reader;
    }

    /// <summary>The page's address, as a process with <c>--json</c> printed it.</summary>
    public static string AddressOf(string line) => JsonDocument.Parse(line).RootElement.GetProperty("address").GetString()!;

    /// <summary>Holds the page to the rules of accessibility.</summary>
    public async Task AssertAccessible()
    {
        var result = await Tab.RunAxe();
        Assert.True(result.Violations.Length == 0, string.Join('\n', result.Violations.Select(
            rule => $"{rule.Id}: {rule.Help}: {string.Join(" | ", rule.Nodes.Take(3).Select(node => node.Html))}")));
    }

    /// <summary>Makes a picture, where CLUSTERTRAIN_PICTURES names a folder for them also as a file.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="height">Pixels from the top; null: the whole page.</param>
    public async Task<byte[]> Picture(string name, int? height = null)
    {
        var folder = Environment.GetEnvironmentVariable("CLUSTERTRAIN_PICTURES");
        var size = Tab.ViewportSize!;
        return await Tab.ScreenshotAsync(new PageScreenshotOptions
        {
            FullPage = true,
            Clip = height is { } pixels ? new Clip { Width = size.Width, Height = pixels } : null,
            Path = folder is { Length: > 0 } ? Path.Combine(folder, $"{name}.png") : null,
        });
    }

    public async ValueTask DisposeAsync() => await _context.DisposeAsync();
}
