using ClusterTrain.Reports.Content;

namespace ClusterTrain.Reports.Pictures;

/// <summary>The frame of a square picture: two axes with a grid, and a legend above.</summary>
internal sealed class Square
{
    private const double Width = 500;
    private const double Side = 400;
    private const double Right = 20;
    private const double Left = Width - Side - Right;
    private const double LegendRow = 20;

    private readonly double _top;

    /// <summary>Draws the frame.</summary>
    /// <param name="title">What the picture shows.</param>
    /// <param name="across">What goes to the right.</param>
    /// <param name="up">What goes up.</param>
    /// <param name="legend">Its lines, each with its colour.</param>
    /// <param name="horizontal">The axis to the right, between two pixels.</param>
    /// <param name="vertical">The axis up, between two pixels.</param>
    public Square(
        string title, string across, string up, IReadOnlyList<(string Name, int Colour)> legend, Func<double, double, Axis> horizontal, Func<double,
            double, Axis> vertical)
    {
        var places = Places(legend);
        _top = 64 + (places.Count == 0 ? 0 : (places[^1].Row + 1) * LegendRow);
        Svg = new Svg(title, Width, _top + Side + 48, fits: true);
        foreach (var ((name, colour), (row, x)) in legend.Zip(places))
        {
            var y = 40 + (row * LegendRow);
            Svg.Line(x, y, x + 26, y, ReportStyle.Line(colour));
            Svg.Text(x + 32, y + 4, name, "label");
        }

        (Across, Up) = (horizontal(Left, Left + Side), vertical(_top + Side, _top));
        foreach (var (value, label) in Across.Ticks)
        {
            Svg.Line(Across.At(value), _top, Across.At(value), _top + Side, "grid");
            Svg.Text(Across.At(value), _top + Side + 20, label, "label middle");
        }

        foreach (var (value, label) in Up.Ticks)
        {
            Svg.Line(Left, Up.At(value), Left + Side, Up.At(value), "grid");
            Svg.Text(Left - 8, Up.At(value) + 4, label, "label end");
        }

        Svg.Text(0, _top - 16, up, "label");
        Svg.Text(Left + Side, _top + Side + 42, across, "label end");
    }

    /// <summary>The picture, to be drawn on.</summary>
    public Svg Svg { get; }

    /// <summary>The axis to the right.</summary>
    public Axis Across { get; }

    /// <summary>The axis up.</summary>
    public Axis Up { get; }

    /// <summary>Shares, from 0 to 1.</summary>
    public static Axis Shares(double from, double to) => Axis.Linear(0, 1, from, to);

    /// <summary>A faint dashed line from corner to corner.</summary>
    public void Diagonal() => Svg.Line(Left, _top + Side, Left + Side, _top, "axis d1");

    /// <summary>A faint dashed line at a height.</summary>
    public void Level(double value) => Svg.Line(Left, Up.At(value), Left + Side, Up.At(value), "axis d1");

    private static List<(int Row, double X)> Places(IReadOnlyList<(string Name, int Colour)> legend)
    {
        var places = new List<(int, double)>();
        var (row, x) = (0, 0.0);
        foreach (var (name, _) in legend)
        {
            var width = 44 + Svg.TextWidth(name);
            if (x > 0 && x + width > Width)
            {
                (row, x) = (row + 1, 0);
            }

            places.Add((row, x));
            x += width;
        }

        return places;
    }
}
