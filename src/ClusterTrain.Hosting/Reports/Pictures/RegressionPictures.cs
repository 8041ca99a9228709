namespace ClusterTrain.Hosting;

/// <summary>Pictures of how near a regression comes.</summary>
internal static class RegressionPictures
{
    private const double Side = 400;
    private const double Left = 64;
    private const double Top = 58;

    /// <summary>Predictions against targets: on the diagonal they are right.</summary>
    /// <param name="pairs">Targets and predictions, at least one.</param>
    /// <param name="output">Which output.</param>
    /// <param name="target">Its name.</param>
    /// <param name="rows">Which rows were predicted.</param>
    public static Svg PredictedAgainstTrue(IReadOnlyList<(float[] Truth, float[] Predicted)> pairs, int output, string target, string rows)
    {
        var svg = new Svg($"Predicted against true: {target}, {rows} rows", 560, Top + Side + 44);
        (double Truth, double Predicted)[] points = [.. pairs.Select(pair => ((double)pair.Truth[output], (double)pair.Predicted[output]))];
        var (low, high) = (points.Min(point => Math.Min(point.Truth, point.Predicted)), points.Max(point => Math.Max(point.Truth, point.Predicted)));
        var xs = Axis.Around(low, high, Left, Left + Side);
        var ys = Axis.Around(low, high, Top + Side, Top);
        foreach (var (value, label) in xs.Ticks)
        {
            svg.Line(xs.At(value), Top, xs.At(value), Top + Side, "grid");
            svg.Line(Left, ys.At(value), Left + Side, ys.At(value), "grid");
            svg.Text(xs.At(value), Top + Side + 18, label, "label middle");
            svg.Text(Left - 8, ys.At(value) + 4, label, "label end");
        }

        svg.Text(0, Top - 16, "predicted", "label");
        svg.Text(Left + Side, Top + Side + 38, "true", "label end");
        var opacity = points.Length > 300 ? 0.35 : 0.7;
        foreach (var (truth, predicted) in points)
            svg.Circle(xs.At(truth), ys.At(predicted), points.Length > 300 ? 2 : 3, ReportStyle.Fill(0), opacity);
        svg.Line(Left, Top + Side, Left + Side, Top, ReportStyle.Line(1));
        return svg;
    }
}
