using System.Text;
using ClusterTrain.Reports.Content;
using ClusterTrain.Reports.Pictures;

namespace ClusterTrain.Simulation.Tests;

/// <summary>The picture of docs/performance.md: time of a step, and efficiency, over the number of machines.</summary>
internal static class GrowthPicture
{
    private const double Width = 860;
    private const double Height = 400;
    private const double Top = 106;
    private const double Bottom = 358;
    private const double Gap = 60;
    private const double Right = 16;
    private const double Side = (Width - (2 * Gap) - Right) / 2;

    public static Svg Draw(IReadOnlyList<GrowthLine> lines)
    {
        var svg = new Svg("A step of 784-500-500-10 on 1 to 1,024 machines", Width, Height);
        for (var index = 0; index < lines.Count; index++)
        {
            var (x, y) = (index / 2 * 270, 42 + (index % 2 * 20));
            svg.Line(x, y, x + 26, y, ReportStyle.Line(index));
            svg.Text(x + 32, y + 4, lines[index].Name, "label");
        }

        double[] times = [.. lines.SelectMany(line => line.Points).Select(point => point.StepMs)];
        DrawPanel(
            svg, Gap - 12, "time of a step, ms, logarithmic", Axis.Logarithmic(times.Min(), times.Max(), Bottom, Top), lines,
            (_, point) => point.StepMs);
        DrawPanel(
            svg, Gap + Side + Gap, "efficiency: speed of a machine, 1 where it is alone", Axis.Linear(0, 1, Bottom, Top), lines,
            (line, point) => line.Efficiency(point));
        return svg;
    }

    private static void DrawPanel(
        Svg svg, double left, string unit, Axis ys, IReadOnlyList<GrowthLine> lines, Func<GrowthLine, (int Machines, double StepMs), double> value)
    {
        var xs = Axis.Logarithmic(1, lines.SelectMany(line => line.Points).Max(point => point.Machines), left, left + Side);
        svg.Text(left - 40, Top - 16, unit, "label");
        foreach (var (tick, label) in ys.Ticks)
        {
            svg.Line(left, ys.At(tick), left + Side, ys.At(tick), "grid");
            svg.Text(left - 8, ys.At(tick) + 4, label, "label end");
        }

        // From here on servers do not become more.
        svg.Line(xs.At(Growth.MostServers), Top, xs.At(Growth.MostServers), Bottom, "axis d1");
        svg.Line(left, Bottom, left + Side, Bottom, "axis");
        foreach (var (machines, _) in lines[0].Points.Where((_, index) => index % 2 == 0))
        {
            svg.Line(xs.At(machines), Bottom, xs.At(machines), Bottom + 4, "axis");
            svg.Text(xs.At(machines), Bottom + 18, NumberText.Whole(machines), "label middle");
        }

        svg.Text(left + (Side / 2), Bottom + 38, "machines", "label middle");
        for (var index = 0; index < lines.Count; index++)
        {
            var line = lines[index];
            var path = new StringBuilder();
            foreach (var point in line.Points)
            {
                path.Append(path.Length == 0 ? 'M' : 'L').Append(Svg.N(xs.At(point.Machines))).Append(' ').Append(Svg.N(ys.At(value(line, point))));
            }

            svg.Path(path.ToString(), ReportStyle.Line(index));
            foreach (var point in line.Points)
            {
                var tip = $"{line.Name}, {point.Machines} machines: {NumberText.Short(value(line, point))}";
                svg.Circle(xs.At(point.Machines), ys.At(value(line, point)), 2.5, ReportStyle.Fill(index), 1, tip);
            }
        }
    }
}
