using System.Globalization;
using System.Net;
using System.Text;
using ClusterTrain.Reports.Content;

namespace ClusterTrain.Reports.Pictures;

/// <summary>
/// A vector picture under construction. Colours are classes of <see cref="ReportStyle"/>, so that it follows the reader's choice of
/// light or dark.
/// </summary>
internal sealed class Svg
{
    private readonly StringBuilder _body = new();
    private readonly string _title;
    private readonly bool _fits;

    /// <summary>Begins a picture with its title at the top.</summary>
    /// <param name="title">What it shows.</param>
    /// <param name="width">Width in pixels.</param>
    /// <param name="height">Height in pixels.</param>
    /// <param name="fits">
    /// True: on a phone it is as wide as the screen and its text larger, for which there must be room, see <see cref="TextWidth"/>. False: it keeps
    /// its size and is moved sideways.
    /// </param>
    public Svg(string title, double width, double height, bool fits = false)
    {
        (_title, Width, Height, _fits) = (title, width, height, fits);
        Text(0, 16, title, "title");
    }

    public double Width { get; }

    public double Height { get; }

    /// <summary>The element, for a page that has the style.</summary>
    public string Inline() => Element("");

    /// <summary>The text of a file that stands alone.</summary>
    public string Standalone() =>
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + Element($"<style>{ReportStyle.Pictures}{ReportStyle.PictureFile}</style>") + "\n";

    public void Line(double x1, double y1, double x2, double y2, string kind) =>
        Add($"<line class=\"{kind}\" x1=\"{N(x1)}\" y1=\"{N(y1)}\" x2=\"{N(x2)}\" y2=\"{N(y2)}\"/>");

    /// <param name="x">Left.</param>
    /// <param name="y">Top.</param>
    /// <param name="width">Width.</param>
    /// <param name="height">Height.</param>
    /// <param name="kind">Class.</param>
    /// <param name="opacity">Of the filling, 0 to 1.</param>
    /// <param name="tip">Shown when pointed at.</param>
    public void Rectangle(double x, double y, double width, double height, string kind, double opacity = 1, string? tip = null) =>
        Add($"<rect class=\"{kind}\" x=\"{N(x)}\" y=\"{N(y)}\" width=\"{N(width)}\" height=\"{N(height)}\"{Opacity(opacity)}", "rect", tip);

    public void Path(string data, string kind, double opacity = 1, string? tip = null) =>
        Add($"<path class=\"{kind}\" d=\"{data}\"{Opacity(opacity)}", "path", tip);

    public void Circle(double x, double y, double radius, string kind, double opacity = 1, string? tip = null) =>
        Add($"<circle class=\"{kind}\" cx=\"{N(x)}\" cy=\"{N(y)}\" r=\"{N(radius)}\"{Opacity(opacity)}", "circle", tip);

    /// <param name="x">Where it begins, ends or is centred, by its class.</param>
    /// <param name="y">Its base line.</param>
    /// <param name="text">The text.</param>
    /// <param name="kind">Classes: <c>title</c>, <c>label</c>, <c>strong</c>; <c>end</c> and <c>middle</c> for the place.</param>
    public void Text(double x, double y, string text, string kind) =>
        Add($"<text class=\"{kind}\" x=\"{N(x)}\" y=\"{N(y)}\">{Escape(text)}</text>");

    /// <summary>Text that rises to the right from its place.</summary>
    public void TurnedText(double x, double y, string text, string kind) =>
        Add($"<text class=\"{kind}\" transform=\"translate({N(x)} {N(y)}) rotate(-45)\">{Escape(text)}</text>");

    public void Image(double x, double y, double width, double height, string source, bool isPixelated, string tip) =>
        Add($"<image{(isPixelated ? " class=\"pixels\"" : "")} x=\"{N(x)}\" y=\"{N(y)}\" width=\"{N(width)}\" height=\"{N(height)}\" "
            + $"preserveAspectRatio=\"none\" href=\"{source}\"", "image", tip);

    /// <summary>The width of a text of a picture that fits phones, where its letters are largest.</summary>
    public static double TextWidth(string text) => text.Length * 9.5;

    /// <summary>A number of at most two decimals.</summary>
    public static string N(double value) => Math.Round(value, 2).ToString("0.##", CultureInfo.InvariantCulture);

    private string Element(string style) => string.Create(
        CultureInfo.InvariantCulture,
        $"<svg class=\"picture{(_fits ? " fits" : "")}\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {N(Width)} {N(Height)}\" "
            + $"width=\"{N(Width)}\" "
        + $"height=\"{N(Height)}\" role=\"img\" aria-label=\"{Escape(_title)}\">{style}{_body}</svg>");

    private static string Opacity(double opacity) => opacity < 1 ? $" opacity=\"{N(opacity)}\"" : "";

    private static string Escape(string text) => WebUtility.HtmlEncode(text);

    private void Add(string start, string name, string? tip) =>
        Add(tip is null ? $"{start}/>" : $"{start}><title>{Escape(tip)}</title></{name}>");

    private void Add(string element) => _body.Append(element).Append('\n');
}
