using System.Text;
using ClusterTrain.Data.Features;
using ClusterTrain.Data.Models;
using ClusterTrain.Data.Prepared;
using ClusterTrain.Learning.Metrics;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Threading;
using ClusterTrain.Reports.Content;

namespace ClusterTrain.Reports.Pictures;

/// <summary>What a model of two columns says all over their plane, with the training points; features may be derived from them.</summary>
internal sealed class BoundaryPicture
{
    private const int Cells = 160;
    private const int Nodes = Cells + 1;
    private const int MostPoints = 2000;
    private const int MostNamedPoints = 12;
    private const double Side = 400;
    private const double Left = 52;
    private const double Top = 58;
    private const double Width = 560;
    private const double LegendRow = 24;
    private const int LongestName = 32;

    private readonly Model _model;
    private readonly PreparedData _data;
    private readonly Svg _svg;
    private readonly Axis _xs;
    private readonly Axis _ys;
    private readonly (double Low, double High)[] _ranges;
    private readonly float[] _outputs;
    private readonly (float[] Columns, float[] Targets)[] _points;

    private BoundaryPicture(Model model, PreparedData data)
    {
        (_model, _data) = (model, data);
        _points = Points(model, data);
        _ranges = [Range(0), Range(1)];
        var legend = data.Task == TaskKind.Classification ? LegendRow * (Legend()[^1].Row + 1) : 0;
        _svg = new Svg(data.Task == TaskKind.Classification ? "Decision boundary with the training points"
            : "Predictions over both inputs with the training points", Width, Top + Side + 48 + legend, fits: true);
        _xs = Axis.Linear(_ranges[0].Low, _ranges[0].High, Left, Left + Side);
        _ys = Axis.Linear(_ranges[1].Low, _ranges[1].High, Top + Side, Top);
        _outputs = Predict();
    }

    private int Classes => Math.Max(2, _data.Train.Outputs);

    /// <summary>True when the inputs are two columns of numbers, themselves among the features. A ratio has no value all over a plane.</summary>
    public static bool Fits(FeatureEncoding encoding) =>
        encoding.Columns.Length == 2 && encoding.FeatureNames.Length == encoding.Features.Length && encoding.Categories.IsEmpty
            && encoding.Dates.IsDefaultOrEmpty
        && encoding.Columns.All(encoding.Features.Contains)
        && encoding.Derived.All(feature => feature.Kind == DerivedKind.Cross);

    /// <summary>Draws it.</summary>
    /// <param name="model">A model whose encoding fits.</param>
    /// <param name="data">The data it was trained on.</param>
    public static Svg Draw(Model model, PreparedData data)
    {
        var picture = new BoundaryPicture(model, data);
        if (data.Task == TaskKind.Classification)
        {
            picture.DrawClasses();
        }
        else
        {
            picture.DrawValues();
        }

        picture.DrawAxes();
        picture.DrawPoints();
        return picture._svg;
    }

    // Columns and targets as they stand in the source.
    private static (float[] Columns, float[] Targets)[] Points(Model model, PreparedData data)
    {
        var count = (int)Math.Min(MostPoints, data.Train.Rows);
        var points = new (float[] Columns, float[] Targets)[count];
        var places = model.Encoding.Columns.Select(column => model.Encoding.Features.IndexOf(column)).ToArray();
        for (var i = 0; i < count; i++)
        {
            var (features, targets) = (new float[data.Train.Features], new float[data.Train.Outputs]);
            data.Train.Gather(i * data.Train.Rows / count, 1, features, targets);
            var raw = RowFigures.Raw(data.Scaling, features);
            points[i] = ([raw[places[0]], raw[places[1]]], [.. targets.Select(model.InUnit)]);
        }

        return points;
    }

    private (double Low, double High) Range(int column)
    {
        var (low, high) = (_points.Min(point => (double)point.Columns[column]), _points.Max(point => (double)point.Columns[column]));
        var margin = high > low ? 0.15 * (high - low) : 1;
        return (low - margin, high + margin);
    }

    // (Nodes, Nodes, outputs): the rows from the highest value of the second column down, as pixels lie.
    private float[] Predict()
    {
        var encoding = _model.Encoding;
        var width = encoding.Features.Length;
        var features = new float[Nodes * Nodes * width];
        for (var i = 0; i < Nodes * Nodes; i++)
        {
            var first = (float)(_ranges[0].Low + ((_ranges[0].High - _ranges[0].Low) * (i % Nodes) / Cells));
            var second = (float)(_ranges[1].High - ((_ranges[1].High - _ranges[1].Low) * (i / Nodes) / Cells));
            float Column(string name) => name == encoding.Columns[0] ? first : second;
            for (var feature = 0; feature < width; feature++)
            {
                var derived = encoding.Derived.FirstOrDefault(derived => derived.Name == encoding.Features[feature]);
                features[(i * width) + feature] = derived switch
                {
                    null => Column(encoding.Features[feature]),
                    _ => Column(derived.Left) * Column(derived.Right),
                };
            }
        }

        _model.Scaling.Apply(features, features);
        using var pool = new ComputePool(1, "report");
        using var network = new Network(_model.Layout, _model.Recipe.Loss, Kernels.Active, pool);
        var outputs = new float[Nodes * Nodes * _model.Layout.Outputs];
        network.Predict(_model.Weights.Span, features, Nodes * Nodes, outputs);
        return outputs;
    }

    private float Output(int node, int index)
    {
        var outputs = _model.Layout.Outputs;
        return outputs > 1 ? _outputs[(node * outputs) + index] : index == 1 ? _outputs[node] : 1 - _outputs[node];
    }

    private void DrawClasses()
    {
        var pixels = new byte[Nodes * Nodes * 4];
        for (var node = 0; node < Nodes * Nodes; node++)
        {
            var best = Enumerable.Range(0, Classes).MaxBy(index => Output(node, index));
            var sure = (Output(node, best) - (1.0 / Classes)) / (1 - (1.0 / Classes));
            Colour(pixels, node, best, 0.08 + (0.37 * Math.Clamp(sure, 0, 1)));
        }

        Ground(pixels);
        for (var index = Classes == 2 ? 1 : 0; index < Classes; index++)
        {
            var of = index;
            Contour(node => Output(node, of) - Enumerable.Range(0, Classes).Where(other => other != of).Max(other => Output(node, other)));
        }
    }

    private void DrawValues()
    {
        float[] values = [.. Enumerable.Range(0, Nodes * Nodes).Select(Value)];
        var (low, high) = (values.Min(), values.Max());
        var pixels = new byte[Nodes * Nodes * 4];
        for (var node = 0; node < Nodes * Nodes; node++)
        {
            Colour(pixels, node, 0, 0.06 + (0.54 * (Value(node) - low) / Math.Max(high - low, float.Epsilon)));
        }

        Ground(pixels);
        var levels = Axis.Linear(low, high, 0, 1).Ticks.Where(tick => tick.Value > low && tick.Value < high).ToArray();
        foreach (var (level, _) in levels)
        {
            Contour(node => Value(node) - level);
        }

        var lines = string.Join(", ", levels.Select(level => level.Label));
        _svg.Text(Left + Side, Top - 8, $"{_data.TargetNames[0]}: lines at {lines}", "label end");

        float Value(int node) => _model.InUnit(_outputs[node * _model.Layout.Outputs], 0);
    }

    private static void Colour(byte[] pixels, int node, int colour, double opacity)
    {
        var (red, green, blue) = ReportStyle.Pixel(colour);
        (pixels[4 * node], pixels[(4 * node) + 1], pixels[(4 * node) + 2], pixels[(4 * node) + 3]) =
            (red, green, blue, (byte)Math.Round(255 * opacity));
    }

    private void Ground(byte[] pixels) =>
        _svg.Image(Left, Top, Side, Side, PngImage.OfColours(Nodes, Nodes, pixels), isPixelated: false, "what the model says");

    // Marching squares: in each cell the zero line between its corners, straight.
    private void Contour(Func<int, double> height)
    {
        var heights = new double[Nodes * Nodes];
        for (var node = 0; node < heights.Length; node++)
        {
            heights[node] = height(node);
        }

        var path = new StringBuilder();
        for (var cell = 0; cell < Cells * Cells; cell++)
        {
            var corner = (cell / Cells * Nodes) + (cell % Cells);
            int[] corners = [corner, corner + 1, corner + Nodes + 1, corner + Nodes];
            var crossings = Enumerable.Range(0, 4).Select(i => (From: corners[i], To: corners[(i + 1) % 4]))
                .Where(edge => heights[edge.From] > 0 != heights[edge.To] > 0)
                .Select(edge => Between(edge.From, edge.To, heights[edge.From] / (heights[edge.From] - heights[edge.To]))).ToArray();
            for (var i = 0; i + 1 < crossings.Length; i += 2)
            {
                path.Append($"M{crossings[i]}L{crossings[i + 1]}");
            }
        }

        if (path.Length > 0)
        {
            _svg.Path(path.ToString(), "contour");
        }
    }

    private static string Between(int from, int to, double share)
    {
        var column = (from % Nodes) + (share * ((to % Nodes) - (from % Nodes)));
        var row = (from / Nodes) + (share * ((to / Nodes) - (from / Nodes)));
        return $"{Svg.N(Left + (Side * column / Cells))} {Svg.N(Top + (Side * row / Cells))}";
    }

    private void DrawAxes()
    {
        _svg.Rectangle(Left, Top, Side, Side, "frame");
        foreach (var (value, label) in _xs.Ticks)
        {
            _svg.Text(_xs.At(value), Top + Side + 18, label, "label middle");
        }

        foreach (var (value, label) in _ys.Ticks)
        {
            _svg.Text(Left - 8, _ys.At(value) + 4, label, "label end");
        }

        _svg.Text(Left + Side, Top + Side + 38, _model.Encoding.Columns[0], "label end");
        _svg.Text(0, Top - 16, _model.Encoding.Columns[1], "label");
    }

    private void DrawPoints()
    {
        var size = _points.Length > 300 ? 3 : 5.5;
        foreach (var (columns, targets) in _points)
        {
            var (x, y) = (_xs.At(columns[0]), _ys.At(columns[1]));
            if (_data.Task == TaskKind.Classification)
            {
                Marker(x, y, size, EvaluationSums.ClassOf(targets), null);
            }
            else
            {
                Marker(x, y, size, 1, $"{_data.TargetNames[0]} {NumberText.Short(targets[0])}");
            }

            if (_data.Task == TaskKind.Regression && _points.Length <= MostNamedPoints)
            {
                _svg.Text(x + 11, y + 4, NumberText.Short(targets[0]), "strong halo");
            }
        }

        foreach (var (index, name, row, across) in _data.Task == TaskKind.Classification ? Legend() : [])
        {
            var (x, y) = (across, Top + Side + 56 + (row * LegendRow));
            Marker(x + 6, y, 5.5, index, null);
            _svg.Text(x + 18, y + 4, name, "label");
        }
    }

    private List<(int Class, string Name, int Row, double Across)> Legend()
    {
        var places = new List<(int, string, int, double)>();
        var (row, x) = (0, Left);
        for (var index = 0; index < Classes; index++)
        {
            var name = ClassificationPictures.Shortened(ClassificationPictures.Name(_data.Classes, index), LongestName);
            var width = 34 + Svg.TextWidth(name);
            if (x > Left && x + width > Width)
            {
                (row, x) = (row + 1, Left);
            }

            places.Add((index, name, row, x));
            x += width;
        }

        return places;
    }

    // Each class has a shape of its own besides its colour.
    private void Marker(double x, double y, double size, int index, string? tip)
    {
        var kind = $"point {ReportStyle.Fill(index)}";
        string N(double value) => Svg.N(value);
        switch (index % 4)
        {
            case 0:
                _svg.Circle(x, y, size, kind, 1, tip);
                break;
            case 1:
                _svg.Rectangle(x - (0.9 * size), y - (0.9 * size), 1.8 * size, 1.8 * size, kind, 1, tip);
                break;
            case 2:
                _svg.Path($"M{N(x)} {N(y - (1.2 * size))}L{N(x + (1.1 * size))} {N(y + (0.8 * size))}L{N(x - (1.1 * size))} {N(y + (0.8 * size))}Z",
                    kind, 1, tip);
                break;
            default:
                _svg.Path($"M{N(x)} {N(y - (1.3 * size))}L{N(x + (1.3 * size))} {N(y)}L{N(x)} {N(y + (1.3 * size))}L{N(x - (1.3 * size))} {N(y)}Z",
                    kind, 1, tip);
                break;
        }
    }
}
