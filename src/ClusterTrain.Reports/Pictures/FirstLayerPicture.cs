using ClusterTrain.Data.Models;
using ClusterTrain.Data.Rows;
using ClusterTrain.Reports.Content;

namespace ClusterTrain.Reports.Pictures;

/// <summary>The weights of the first layer's units as pictures, where features are pixels.</summary>
internal static class FirstLayerPicture
{
    private const int MostUnits = 64;
    private const int Columns = 16;
    private const double Size = 62;
    private const double Step = Size + 6;

    /// <summary>Draws them.</summary>
    /// <param name="model">The model; its features are an image of the given shape.</param>
    /// <param name="shape">Height and width.</param>
    public static Svg Draw(Model model, ImageShape shape)
    {
        var layer = model.Layout.Layers[0];
        var weight = model.Weights.Slice(layer.Weight.Offset, layer.Weight.Length);
        var units = Enumerable.Range(0, layer.Outputs).Select(unit => (Unit: unit, Weights: Column(weight.Span, unit, layer.Outputs)))
            .OrderByDescending(unit => unit.Weights.Sum(value => (double)value * value)).Take(MostUnits)
            .OrderBy(unit => unit.Unit).ToArray();

        // A few very large weights shall not pale all others.
        float[] sizes = [.. units.SelectMany(unit => unit.Weights).Select(Math.Abs).Order()];
        var largest = Math.Max(sizes[(int)((sizes.Length - 1) * 0.995)], float.Epsilon);
        var columns = Math.Min(Columns, units.Length);
        var rows = (units.Length + columns - 1) / columns;
        var title = units.Length == layer.Outputs
            ? $"First layer: the weights of its {layer.Outputs} units"
            : $"First layer: the {units.Length} of its {layer.Outputs} units with the largest weights";
        var svg = new Svg(title, Math.Max(420, columns * Step), 34 + (rows * Step) + 40);
        for (var i = 0; i < units.Length; i++)
        {
            var (x, y) = (i % columns * Step, 34 + (i / columns * Step));
            svg.Image(x, y, Size, Size, Pixels(units[i].Weights, shape, largest), isPixelated: true, $"unit {units[i].Unit}");
            svg.Rectangle(x, y, Size, Size, "frame", 0.4);
        }

        Legend(svg, 34 + (rows * Step) + 14, largest);
        return svg;
    }

    private static void Legend(Svg svg, double y, double largest)
    {
        const int Width = 160;
        var ramp = new float[Width];
        for (var i = 0; i < Width; i++)
        {
            ramp[i] = (2f * i / (Width - 1)) - 1;
        }

        var label = NumberText.Short(largest);
        var x = 14 + (label.Length * 7.0);
        svg.Text(x - 8, y + 10, "\u2212" + label, "label end");
        svg.Image(x, y, Width, 12, Pixels(ramp, new ImageShape(1, Width), 1), isPixelated: false, "colours of the weights");
        svg.Rectangle(x, y, Width, 12, "frame", 0.4);
        svg.Text(x + Width + 8, y + 10, $"{label}   (weight of the pixel; none at 0)", "label");
    }

    // Orange above zero, blue below; the nearer to zero the more transparent, so that it suits a light and a dark ground.
    private static string Pixels(float[] values, ImageShape shape, double largest)
    {
        var pixels = new byte[values.Length * 4];
        for (var i = 0; i < values.Length; i++)
        {
            var (red, green, blue) = ReportStyle.Pixel(values[i] > 0 ? 1 : 0);
            var opacity = (byte)Math.Round(255 * Math.Min(1, Math.Abs(values[i]) / largest));
            (pixels[4 * i], pixels[(4 * i) + 1], pixels[(4 * i) + 2], pixels[(4 * i) + 3]) = (red, green, blue, opacity);
        }

        return PngImage.OfColours(shape.Width, shape.Height, pixels);
    }

    private static float[] Column(ReadOnlySpan<float> weight, int unit, int units)
    {
        var column = new float[weight.Length / units];
        for (var i = 0; i < column.Length; i++)
        {
            column[i] = weight[(i * units) + unit];
        }

        return column;
    }
}
