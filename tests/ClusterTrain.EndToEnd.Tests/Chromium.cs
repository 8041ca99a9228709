using Microsoft.Playwright;

namespace ClusterTrain.EndToEnd.Tests;

/// <summary>The Chromium on this machine's PATH, started once for the tests of a class; not at all where there is none.</summary>
public sealed class Chromium : IAsyncLifetime
{
    private static readonly string[] s_names = ["chromium", "chromium-browser", "google-chrome"];

    private IPlaywright? _playwright;
    private IBrowser? _browser;

    /// <summary>The program; null when PATH has none.</summary>
    public static string? Program { get; } =
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        .SelectMany(folder => s_names.Select(name => Path.Combine(folder, name))).FirstOrDefault(File.Exists);

    public IBrowser Browser => _browser ?? throw new InvalidOperationException("There is no chromium on PATH: the test should have been skipped.");

    public async Task InitializeAsync()
    {
        if (Program is null)
        {
            return;
        }

        _playwright = await Playwright.CreateAsync();

        // Machines may be slow and busy; tests that measure a time say so.
        Assertions.SetDefaultExpectTimeout(60_000);
        _browser = await _playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
        {
            ExecutablePath = Program,
            Args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
        });
    }

    public async Task DisposeAsync()
    {
        if (_browser is not null)
        {
            await _browser.DisposeAsync();
        }

        _playwright?.Dispose();
    }
}

/// <summary>A fact that is skipped, with the reason, where there is no Chromium.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class ChromiumFactAttribute : FactAttribute
{
    public ChromiumFactAttribute() => Skip = Chromium.Program is null ? "no chromium on PATH" : null;
}

/// <summary>A theory that is skipped, with the reason, where there is no Chromium.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class ChromiumTheoryAttribute : TheoryAttribute
{
    public ChromiumTheoryAttribute() => Skip = Chromium.Program is null ? "no chromium on PATH" : null;
}
