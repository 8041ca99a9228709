using ClusterTrain.Data.Common;
using ClusterTrain.Data.Preparation;
using ClusterTrain.InProcess;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Reports.Pages;
using ClusterTrain.Runs;
using Microsoft.Playwright;

namespace ClusterTrain.EndToEnd.Tests;

/// <summary>Opens reports in a browser, as their readers do.</summary>
public sealed class ReportPageTests(Chromium chromium) : IClassFixture<Chromium>, IDisposable
{
    private const string Digits =
        """
        data: { set: digits, scale: 1/16, validation: 0.1, test: 0.2 }
        layers: [{ units: 16, activation: relu }, { units: 10, activation: softmax }]
        loss: categorical-cross-entropy
        epochs: 4
        """;

    private const string Xor =
        """
        data: { inline: { features: [[0, 0], [0, 1], [1, 0], [1, 1]], targets: [[0], [1], [1], [0]] } }
        layers: [{ units: 4, activation: tanh }, { units: 2, activation: softmax }]
        loss: categorical-cross-entropy
        batch: full
        epochs: 300
        """;

    private const string Sum =
        """
        data: { inline: { features: [[0, 0], [0, 1], [1, 0], [1, 1]], targets: [[0], [1], [1], [2]] }, task: regression }
        layers: [{ units: 1 }]
        loss: mean-squared-error
        batch: full
        epochs: 30
        """;

    // Least contrast of text with what is behind it, for normal text: WCAG 2.2, criterion 1.4.3.
    private const double LeastContrast = 4.5;

    // Pixels of the smallest letters that are read without effort.
    private const double LeastLetter = 10;

    // Every text of the page with its colour and the ground it stands on, as the browser computed them.
    private const string Texts =
        """
        () => {
          const ground = element => {
            for (let at = element; at; at = at.parentElement) {
              const colour = getComputedStyle(at).backgroundColor;
              if (colour !== 'rgba(0, 0, 0, 0)') return colour;
            }
            return 'rgb(255, 255, 255)';
          };
          const found = [];
          const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          for (let node; node = walker.nextNode();) {
            const element = node.parentElement;
            if (!node.data.trim() || ['STYLE', 'TITLE', 'title'].includes(element.tagName)) continue;
            const style = getComputedStyle(element);
            found.push(node.data.trim() + '|' + (element.tagName === 'text' ? style.fill : style.color) + '|' + ground(element));
          }
          return found;
        }
        """;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("clustertrain-test-");

    public static TheoryData<string, string[]> Reports => new()
    {
        { "digits", ["loss", "accuracy", "confusion", "roc", "precision-recall", "calibration", "misclassified", "first-layer"] },
        { "xor", ["loss", "confusion", "roc", "precision-recall", "calibration", "boundary"] },
        { "sum", ["loss", "boundary", "predicted", "residuals"] },
        { "digits xor", ["training-loss", "validation-loss", "accuracy", "digits-confusion", "digits-roc", "xor-boundary"] },
    };

    public void Dispose() => _folder.Delete(recursive: true);

    [ChromiumTheory]
    [MemberData(nameof(Reports))]
    public async Task A_report_loads_nothing_and_is_readable_in_light_and_dark(string runs, string[] pictures)
    {
        var page = Report(runs.Split(' '));
        foreach (var scheme in new[] { ColorScheme.Light, ColorScheme.Dark })
        {
            await using var context = await chromium.Browser.NewContextAsync(new BrowserNewContextOptions { ColorScheme = scheme });
            var tab = await context.NewPageAsync();
            var said = new List<string>();
            tab.Console += (_, message) => said.Add(message.Text);
            tab.PageError += (_, error) => said.Add(error);
            tab.Request += (_, request) =>
            {
                if (!request.Url.StartsWith("data:", StringComparison.Ordinal) && request.Url != new Uri(page).AbsoluteUri)
                {
                    said.Add($"request of {request.Url}");
                }
            };

            await tab.GotoAsync(new Uri(page).AbsoluteUri);

            Assert.Empty(said);
            foreach (var picture in pictures)
            {
                await IsDrawn(tab, picture);
            }

            var texts = await tab.EvaluateAsync<string[]>(Texts);
            Assert.True(texts.Length > 40, $"only {texts.Length} texts");
            Assert.All(texts, text => Assert.True(Contrast(text) >= LeastContrast, $"{scheme}: {text}: contrast {Contrast(text):0.0}"));
        }
    }

    [ChromiumTheory]
    [InlineData("digits")]
    [InlineData("sum")]
    [InlineData("digits xor")]
    public async Task A_phone_gets_letters_that_can_be_read_and_charts_as_wide_as_it_is(string runs)
    {
        await using var context =
            await chromium.Browser.NewContextAsync(new BrowserNewContextOptions { ViewportSize = new ViewportSize { Width = 400, Height = 800 } });
        var tab = await context.NewPageAsync();
        await tab.GotoAsync(new Uri(Report(runs.Split(' '))).AbsoluteUri);

        // Letters as large as they come out, by the scale of their picture.
        var texts = await tab.EvaluateAsync<string[]>(
            "() => [...document.querySelectorAll('svg.picture text')].map(text => { const svg = text.ownerSVGElement; const scale = "
                + "svg.getBoundingClientRect().width / svg.viewBox.baseVal.width; "
            + "return (parseFloat(getComputedStyle(text).fontSize) * scale).toFixed(2) + ' ' + text.textContent; })");
        Assert.True(texts.Length > 20, $"only {texts.Length} texts");
        Assert.All(texts, text =>
            Assert.True(double.Parse(text.Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture) >= LeastLetter, text));
        var widest = await tab.EvaluateAsync<double>(
            "() => Math.max(...[...document.querySelectorAll('svg.fits')].map(svg => svg.getBoundingClientRect().right))");
        Assert.InRange(widest, 200, 400);
        Assert.Equal(400, await tab.EvaluateAsync<int>("() => document.documentElement.scrollWidth"));
    }

    private static async Task IsDrawn(IPage tab, string picture)
    {
        var drawing = tab.Locator($"figure[id='{picture}'] > svg");
        Assert.Equal(1, await drawing.CountAsync());
        var box = await drawing.BoundingBoxAsync();
        Assert.True(box is { Width: > 300, Height: > 100 }, $"{picture} is {box?.Width} x {box?.Height}");
        var broken = await drawing.EvaluateAsync<int>(
            "async svg => { let broken = 0; for (const image of svg.querySelectorAll('image')) { const loaded = new Image(); loaded.src = "
                + "image.href.baseVal; "
            + "try { await loaded.decode(); } catch { broken++; } if (!loaded.naturalWidth) broken++; } return broken; }");
        Assert.True(broken == 0, $"{picture}: {broken} images are broken");
    }

    private static double Contrast(string text)
    {
        var parts = text.Split('|');
        var (one, two) = (Luminance(parts[^2]), Luminance(parts[^1]));
        return (Math.Max(one, two) + 0.05) / (Math.Min(one, two) + 0.05);
    }

    private static double Luminance(string colour)
    {
        double[] parts = [.. colour[(colour.IndexOf('(', StringComparison.Ordinal) + 1)..].TrimEnd(')').Split(',').Take(3)
            .Select(part => double.Parse(part, System.Globalization.CultureInfo.InvariantCulture) / 255)
            .Select(part => part <= 0.04045 ? part / 12.92 : Math.Pow((part + 0.055) / 1.055, 2.4))];
        return (0.2126 * parts[0]) + (0.7152 * parts[1]) + (0.0722 * parts[2]);
    }

    private string Report(string[] runs)
    {
        foreach (var run in runs)
        {
            var recipe = RecipeReader.Parse(run switch { "digits" => Digits, "xor" => Xor, _ => Sum }, run, []);
            var data = DataPreparation.Prepare(recipe, DataLocations.FromEnvironment(null));
            using var folder = RunFolder.Create(Path.Combine(_folder.FullName, run), recipe);
            using var log = new RunLog(folder, TimeProvider.System);
            InProcessTraining.Train(recipe, data, folder, new InProcessSettings { Workers = 2 }, TimeProvider.System, log.Write,
                CancellationToken.None);
        }

        return RunReport.Write(
            [.. runs.Select(run => Path.Combine(_folder.FullName, run))],
            Path.Combine(_folder.FullName, "report"),
            DataLocations.FromEnvironment).Page;
    }
}
