using System.Text;
using ClusterTrain.Reports.Content;

namespace ClusterTrain.Reports.Pictures;

/// <summary>A line of a chart.</summary>
/// <param name="Name">Its name in the legend.</param>
/// <param name="Points">Its points by ascending x.</param>
/// <param name="Colour">Which colour and which dashes, counted from 0.</param>
internal sealed record ChartLine(string Name, IReadOnlyList<(double X, double Y)> Points, int Colour);

/// <summary>Lines over epochs, with axes and a legend.</summary>
internal sealed record LineChart
{
    private const double Width = 560;
    private const double Height = 340;
    private const double LeastLeft = 52;
    private const double Right = 12;
    private const double Bottom = 42;
    private const double LegendRow = 20;

    // Lines of more points are thinned to the lowest and the highest of each stretch: more cannot be seen.
    private const int MostPoints = 800;

    // Losses that fall by more than this factor are shown on a logarithmic axis.
    private const double LogarithmicFrom = 12;

    /// <summary>What it shows.</summary>
    public required string Title { get; init; }

    /// <summary>What the height is, with its unit.</summary>
    public required string Unit { get; init; }

    /// <summary>The lines.</summary>
    public required IReadOnlyList<ChartLine> Lines { get; init; }

    /// <summary>True: each line is one of several runs, so that even a single one is named.</summary>
    public bool IsOfRuns { get; init; }

    /// <summary>True: a value means something by its distance from zero, so the axis begins there.</summary>
    public bool FromZero { get; init; }

    /// <summary>True: a logarithmic axis where the values range widely.</summary>
    public bool MayBeLogarithmic { get; init; }

    /// <summary>Label of a value; null: a plain number.</summary>
    public Func<double, string>? Label { get; init; }

    /// <summary>A point to ring: where, and what the legend says of it.</summary>
    public (double X, double Y, int Colour, string Text)? Mark { get; init; }

    /// <summary>Draws it.</summary>
    public Svg Draw()
    {
        var (legend, markAt) = Legend();
        var rows = Mark is not null ? markAt.Row + 1 : legend.Count > 0 ? legend[^1].Row + 1 : 0;
        var top = 62 + (rows * LegendRow);
        var height = Height + (Math.Max(0, rows - 1) * LegendRow);
        var svg = new Svg(Title, Width, height, fits: true);
        foreach (var (line, row, x) in legend)
        {
            DrawLegend(svg, line, x, 40 + (row * LegendRow));
        }

        var ys = Vertical(height - Bottom, top);
        var left = Math.Max(LeastLeft, 12 + ys.Ticks.Max(tick => Svg.TextWidth(tick.Label)));
        var xs = Horizontal(left);
        svg.Text(0, top - 16, Unit + (ys.IsLogarithmic ? ", logarithmic" : ""), "label");
        foreach (var (value, label) in ys.Ticks)
        {
            svg.Line(left, ys.At(value), Width - Right, ys.At(value), "grid");
            svg.Text(left - 8, ys.At(value) + 4, label, "label end");
        }

        svg.Line(left, height - Bottom, Width - Right, height - Bottom, "axis");
        foreach (var (value, label) in xs.Ticks)
        {
            svg.Line(xs.At(value), height - Bottom, xs.At(value), height - Bottom + 4, "axis");
            svg.Text(xs.At(value), height - Bottom + 18, label, "label middle");
        }

        svg.Text((left + Width - Right) / 2, height - 6, "epoch", "label middle");
        foreach (var line in Lines)
        {
            DrawLine(svg, line, xs, ys);
        }

        if (Mark is { } mark)
        {
            DrawMark(svg, mark, markAt.X, 40 + (markAt.Row * LegendRow), xs, ys);
        }

        return svg;
    }

    private static void DrawLine(Svg svg, ChartLine line, Axis xs, Axis ys)
    {
        var points = Thinned([.. line.Points.Where(point => double.IsFinite(point.Y) && (!ys.IsLogarithmic || point.Y > 0))]);
        var data = new StringBuilder();
        foreach (var (x, y) in points)
        {
            data.Append(data.Length == 0 ? 'M' : 'L').Append(Svg.N(xs.At(x))).Append(' ').Append(Svg.N(ys.At(y)));
        }

        if (points.Count > 1)
        {
            svg.Path(data.ToString(), ReportStyle.Line(line.Colour));
        }

        if (points.Count is > 0 and <= 40)
        {
            foreach (var (x, y) in points)
            {
                svg.Circle(xs.At(x), ys.At(y), points.Count == 1 ? 4
                    : 2.5, ReportStyle.Fill(line.Colour), 1, $"{line.Name}, epoch {x}: {NumberText.Short(y)}");
            }
        }
    }

    // The legend speaks for the point: text beside it would lie on the lines.
    private static void DrawMark(Svg svg, (double X, double Y, int Colour, string Text) mark, double x, double y, Axis xs, Axis ys)
    {
        var kind = $"ring {ReportStyle.Stroke(mark.Colour)}";
        svg.Circle(xs.At(mark.X), ys.At(mark.Y), 5, kind);
        svg.Circle(x + 6, y, 5, kind);
        svg.Text(x + 18, y + 4, mark.Text, "label");
    }

    private static void DrawLegend(Svg svg, ChartLine line, double x, double y)
    {
        svg.Line(x, y, x + 26, y, ReportStyle.Line(line.Colour));
        svg.Text(x + 32, y + 4, line.Name, "label");
    }

    // Of a line's sample, its name and the gap after it.
    private static double EntryWidth(string name) => 48 + Svg.TextWidth(name);

    private static IReadOnlyList<(double X, double Y)> Thinned(IReadOnlyList<(double X, double Y)> points)
    {
        if (points.Count <= MostPoints)
        {
            return points;
        }

        var kept = new List<(double X, double Y)> { points[0] };
        var stretch = (points.Count + (MostPoints / 2) - 1) / (MostPoints / 2);
        for (var start = 0; start < points.Count; start += stretch)
        {
            var part = points.Skip(start).Take(stretch).ToArray();
            kept.AddRange(new[] { part.MinBy(point => point.Y), part.MaxBy(point => point.Y) }.Distinct().OrderBy(point => point.X));
        }

        kept.Add(points[^1]);
        return kept;
    }

    private Axis Horizontal(double left)
    {
        var last = Lines.SelectMany(line => line.Points).Max(point => point.X);
        var first = Lines.SelectMany(line => line.Points).Min(point => point.X);
        return last > first ? Axis.Linear(first, last, left + 8, Width - Right - 8, least: 1)
            : Axis.Linear(last - 1, last + 1, left, Width - Right, least: 1);
    }

    private Axis Vertical(double from, double to)
    {
        double[] values = [.. Lines.SelectMany(line => line.Points).Select(point => point.Y).Where(double.IsFinite)];
        var (low, high) = values.Length == 0 ? (0, 1) : (values.Min(), values.Max());
        if (MayBeLogarithmic && low > 0 && high / low > LogarithmicFrom)
        {
            return Axis.Logarithmic(low, high, from, to);
        }

        return FromZero || (low > 0 && low < 0.3 * high && Label is null) ? Axis.Around(0, high == 0 ? 1 : high, from, to, Label)
            : Axis.Around(low, high, from, to, Label);
    }

    private (List<(ChartLine Line, int Row, double X)> Lines, (int Row, double X) Mark) Legend()
    {
        var places = new List<(ChartLine, int, double)>();
        var (row, x) = (0, 0.0);
        foreach (var line in Lines.Count < 2 && !IsOfRuns ? [] : Lines)
        {
            Wrap(EntryWidth(line.Name));
            places.Add((line, row, x));
            x += EntryWidth(line.Name);
        }

        Wrap(18 + Svg.TextWidth(Mark?.Text ?? ""));
        return (places, (row, x));

        void Wrap(double width)
        {
            if (x > 0 && x + width > Width)
            {
                (row, x) = (row + 1, 0);
            }
        }
    }
}
