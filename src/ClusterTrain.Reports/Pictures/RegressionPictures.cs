using ClusterTrain.Reports.Content;

namespace ClusterTrain.Reports.Pictures;

/// <summary>Pictures of how near a regression comes.</summary>
internal static class RegressionPictures
{
    private const int Many = 300;

    /// <summary>Predictions against targets: on the diagonal they are right.</summary>
    /// <param name="pairs">Targets and predictions, at least one.</param>
    /// <param name="output">Which output.</param>
    /// <param name="target">Its name.</param>
    /// <param name="rows">Which rows were predicted.</param>
    public static Svg PredictedAgainstTrue(IReadOnlyList<(float[] Truth, float[] Predicted)> pairs, int output, string target, string rows)
    {
        var points = Points(pairs, output);
        var (low, high) = (points.Min(point => Math.Min(point.Truth, point.Predicted)), points.Max(point => Math.Max(point.Truth, point.Predicted)));
        var square = new Square(
            $"Predicted against true: {rows} rows",
            $"true {Shortened(target)}",
            $"predicted {Shortened(target)}",
            [],
            (from, to) => Axis.Around(low, high, from, to),
            (from, to) => Axis.Around(low, high, from, to));
        foreach (var (truth, predicted) in points)
        {
            Point(square, truth, predicted, points.Length);
        }

        square.Svg.Line(square.Across.At(square.Across.Low), square.Up.At(square.Up.Low), square.Across.At(square.Across.High),
            square.Up.At(square.Up.High), ReportStyle.Line(1));
        return square.Svg;
    }

    /// <summary>
    /// What predictions are too high or too low by, against the predictions: without a pattern the model has learned what there
    /// is.
    /// </summary>
    /// <param name="pairs">Targets and predictions, at least one.</param>
    /// <param name="output">Which output.</param>
    /// <param name="target">Its name.</param>
    /// <param name="rows">Which rows were predicted.</param>
    public static Svg Residuals(IReadOnlyList<(float[] Truth, float[] Predicted)> pairs, int output, string target, string rows)
    {
        var points = Points(pairs, output);
        var largest = points.Max(point => Math.Abs(point.Predicted - point.Truth));
        var square = new Square(
            $"Residuals: {rows} rows",
            $"predicted {Shortened(target)}",
            "predicted minus true",
            [],
            (from, to) => Axis.Around(points.Min(point => point.Predicted), points.Max(point => point.Predicted), from, to),
            (from, to) => Axis.Around(-largest, largest == 0 ? 1 : largest, from, to));
        foreach (var (truth, predicted) in points)
        {
            Point(square, predicted, predicted - truth, points.Length);
        }

        square.Svg.Line(square.Across.At(square.Across.Low), square.Up.At(0), square.Across.At(square.Across.High), square.Up.At(0),
            ReportStyle.Line(1));
        return square.Svg;
    }

    private static string Shortened(string name) => name.Length <= 32 ? name : name[..31] + "…";

    private static (double Truth, double Predicted)[] Points(IReadOnlyList<(float[] Truth, float[] Predicted)> pairs, int output) =>
        [.. pairs.Select(pair => ((double)pair.Truth[output], (double)pair.Predicted[output]))];

    private static void Point(Square square, double x, double y, int count) =>
        square.Svg.Circle(square.Across.At(x), square.Up.At(y), count > Many ? 2 : 3, ReportStyle.Fill(0), count > Many ? 0.35 : 0.7);
}
