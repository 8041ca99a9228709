using System.Text;

namespace ClusterTrain.Reports.Content;

/// <summary>
/// Colours and type of reports, light and dark by the reader's preference. Lines and classes have the colours of Okabe and Ito
/// (2008), which colour-blind people can tell apart, lightened where they would be too dark on a dark ground; lines have dashes
/// of their own besides.
/// </summary>
internal static class ReportStyle
{
    private static readonly string[] s_dashes = ["none", "7 4", "2 3", "10 3 2 3", "5 2", "12 4", "1 4"];

    private static readonly Shades s_light = new(
        "#ffffff", "#f4f5f3", "#1b1f24", "#59626d", "#e3e6ea", "#8d96a0",
        ["#0072b2", "#d55e00", "#009e73", "#b45f93", "#b97f00", "#3a9bd6", "#1b1f24"]);

    private static readonly Shades s_dark = new(
        "#1b1f26", "#12151a", "#e8eaed", "#a4adb8", "#2d333d", "#67717f",
        ["#56b4e9", "#f0803c", "#1fbf8f", "#de9ac0", "#f0c04a", "#7aa2ff", "#e8eaed"]);

    /// <summary>Number of colours; more lines begin again.</summary>
    public static int Colours => s_light.Series.Length;

    /// <summary>The style of all pictures.</summary>
    public static string Pictures { get; } =
        "svg.picture{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',sans-serif;font-size:12px}"
        + "svg.picture .title{font-size:15px;font-weight:600}svg.picture .strong{font-weight:600}"
        + "svg.picture .small{font-size:11px}svg.picture .end{text-anchor:end}svg.picture .middle{text-anchor:middle}"
        + "svg.picture .grid,svg.picture .axis{stroke-width:1}svg.picture .line{fill:none;stroke-width:2;stroke-linejoin:round}"
        + "svg.picture .contour{fill:none;stroke-width:1.5}svg.picture .ring{stroke-width:2}svg.picture .point{stroke-width:.75}"
        + "svg.picture .halo{paint-order:stroke;stroke-width:4px;stroke-linejoin:round}svg.picture .pixels{image-rendering:pixelated}"
        + string.Concat(s_dashes.Select((dashes, i) => $"svg.picture .d{i}{{stroke-dasharray:{dashes}}}"))
        + PictureColours(s_light) + $"@media (prefers-color-scheme:dark){{{PictureColours(s_dark)}}}";

    /// <summary>What a picture needs besides when it is a file of its own.</summary>
    public static string PictureFile { get; } =
        $"svg.picture{{background:{s_light.Surface};padding:16px}}@media (prefers-color-scheme:dark){{svg.picture{{background:{s_dark.Surface}}}}}";

    /// <summary>The style of the page.</summary>
    public static string Page { get; } =
        ":root{color-scheme:light dark}*{box-sizing:border-box}"
        + "body{margin:0 auto;max-width:1240px;padding:32px 24px 64px;font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica "
            + "Neue',sans-serif}"
        + "h1{font-size:30px;line-height:1.2;margin:0}h2{font-size:21px;margin:44px 0 14px}p{margin:6px 0;max-width:74ch}"
        + "header p{font-size:17px}.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:22px 0 "
            + "6px;padding:0;list-style:none}"
        + ".tiles li{border-radius:10px;padding:12px 16px}.tiles "
            + "b{display:block;overflow-wrap:anywhere;font-size:23px;font-weight:600;font-variant-numeric:tabular-nums;line-height:1.3}"
        + ".tiles span{font-size:13px}.pictures{columns:2 500px;column-gap:18px}.wide{margin-top:18px}.wide figure{overflow-x:auto}.wide "
            + "svg{min-width:640px}main{margin-top:22px}"
        + "figure{margin:0 0 18px;border-radius:10px;padding:18px 18px 12px;break-inside:avoid}"
        + "figure svg{display:block;max-width:100%;height:auto}figcaption{font-size:14px;margin-top:10px;max-width:100ch}"
        + ".note{border-left:4px solid;padding:8px 14px;margin:14px 0;border-radius:0 8px 8px 0}.note p{max-width:none;overflow-wrap:anywhere}"
        + "table{margin-top:14px;border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:15px}.scroll{overflow-x:auto}"
        + "th,td{text-align:left;padding:7px 14px 7px 0;border-bottom:1px "
            + "solid;vertical-align:top}th{font-weight:600;font-size:13px}td.number,th.number{text-align:right}"
        + "code,pre{font-family:ui-monospace,'Cascadia Mono',Menlo,Consolas,monospace;font-size:13.5px}code{overflow-wrap:anywhere}"
        + "pre{padding:14px 16px;border-radius:10px;overflow-x:auto;margin:8px 0}dl{display:grid;grid-template-columns:max-content 1fr;gap:4px "
            + "20px;margin:8px 0}"
        + "dt{font-size:14px}dd{margin:0;overflow-wrap:anywhere}summary{cursor:pointer;font-weight:600;margin-top:14px}"
        + ".whole{white-space:nowrap;overflow-wrap:normal}.swatch{display:inline-block;width:26px;height:8px;vertical-align:2px;margin-right:8px}"
        + "@media (max-width:600px){.scroll th,.scroll td{padding-right:8px}.scroll td:first-child{min-width:110px;overflow-wrap:anywhere}"
        + "dl{grid-template-columns:1fr}dd{margin-bottom:8px}body{padding:20px 14px}figure{overflow-x:auto;padding:14px "
            + "10px 10px}figure svg{max-width:none}"
        + "figure svg.fits{max-width:100%;overflow:visible;font-size:17px}figure svg.fits .title{font-size:20px}figure svg.fits "
            + ".small{font-size:15px}}"
        + "@media print{.tiles li,pre{break-inside:avoid}}"
        + PageColours(s_light) + $"@media (prefers-color-scheme:dark){{{PageColours(s_dark)}}}";

    /// <summary>Classes of a line; lines of one colour have other dashes.</summary>
    public static string Line(int colour) => $"line {Stroke(colour)} d{(colour + (colour / Colours)) % s_dashes.Length}";

    /// <summary>Class of an outline.</summary>
    public static string Stroke(int colour) => $"s{colour % Colours}";

    /// <summary>Class of a filled shape.</summary>
    public static string Fill(int colour) => $"f{colour % Colours}";

    /// <summary>Red, green and blue of a colour that stands out on light and on dark.</summary>
    public static (byte Red, byte Green, byte Blue) Pixel(int colour)
    {
        var text = (colour % Colours) switch
        {
            0 => "3b93d6",
            1 => "e8701a",
            6 => "8d96a0",
            var other => s_light.Series[other][1..],
        };
        var bytes = Convert.FromHexString(text);
        return (bytes[0], bytes[1], bytes[2]);
    }

    private static string PictureColours(Shades shades)
    {
        var css = new StringBuilder(
            $"svg.picture text{{fill:{shades.Ink}}}svg.picture text.label{{fill:{shades.Soft}}}svg.picture .grid{{stroke:{shades.Grid}}}"
            + $"svg.picture .axis{{stroke:{shades.Axis}}}svg.picture .ink{{fill:{shades.Ink}}}svg.picture .frame{{fill:none;stroke:{shades.Axis}}}"
            + $"svg.picture .contour{{stroke:{shades.Ink}}}svg.picture .ring{{fill:{shades.Surface}}}svg.picture .halo{{stroke:{shades.Surface}}}"
            + $"svg.picture .point{{stroke:{shades.Surface}}}");
        for (var index = 0; index < shades.Series.Length; index++)
        {
            css.Append($"svg.picture .s{index}{{stroke:{shades.Series[index]}}}svg.picture .f{index}{{fill:{shades.Series[index]}}}");
        }

        return css.ToString();
    }

    private static string PageColours(Shades shades) =>
        ScrollShadow(shades.Page) + $"body{{background:{shades.Page};color:{shades.Ink}}}figure,.tiles li,pre{{background:{shades.Surface}}}"
        + $".tiles span,figcaption,dt,.soft,th{{color:{shades.Soft}}}th,td{{border-color:{shades.Grid}}}"
        + $".note{{background:{shades.Surface};border-color:{shades.Series[4]}}}.note.failed{{border-color:{shades.Series[1]}}}";

    // A shadow marks an edge with more content beyond it; a patch of the ground that scrolls with the content hides it at the end.
    private static string ScrollShadow(string ground) =>
        $".scroll{{background:linear-gradient(to right,{ground} 40%,transparent) left/36px 100% no-repeat local,"
        + $"linear-gradient(to left,{ground} 40%,transparent) right/36px 100% no-repeat local,"
        + "linear-gradient(to right,#8889,transparent) left/10px 100% no-repeat scroll,"
        + "linear-gradient(to left,#8889,transparent) right/10px 100% no-repeat scroll}";

    private sealed record Shades(string Surface, string Page, string Ink, string Soft, string Grid, string Axis, string[] Series);
}
