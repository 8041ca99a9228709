using System.Collections.Immutable;
using System.Globalization;
using ClusterTrain.Data.Rows;
using ClusterTrain.Reports.Content;

namespace ClusterTrain.Reports.Pictures;

/// <summary>Pictures of what a classifier gets right and wrong.</summary>
internal static class ClassificationPictures
{
    /// <summary>Classes of the largest confusion matrix drawn.</summary>
    public const int MostClasses = 100;

    private const int Columns = 8;
    private const double ImageSize = 92;

    /// <summary>Rows by true class and predicted class.</summary>
    /// <param name="confusion">By true class (first) and predicted class (second).</param>
    /// <param name="names">Names of the classes.</param>
    /// <param name="rows">Which rows were predicted.</param>
    public static Svg Confusion(long[,] confusion, ImmutableArray<string> names, string rows)
    {
        var count = confusion.GetLength(0);
        string[] labels = [.. Enumerable.Range(0, count).Select(i => Shortened(Name(names, i), 12))];
        var left = 30 + (labels.Max(label => label.Length) * 7.0);
        var cell = Math.Clamp((520 - left) / count, 5, count > 6 ? 44 : 72);
        var side = cell * count;
        var hasText = cell >= 20;
        const double Top = 64;
        var isTurned = labels.Max(label => label.Length) * 7.0 > cell;
        var labelHeight = hasText && isTurned ? Math.Min(90, labels.Max(label => label.Length) * 5.2) : 0;
        var top = Top + labelHeight;
        var svg = new Svg($"Confusion matrix of the {rows} rows", Math.Max(320, left + side + 60), top + side + 12);
        svg.Text(Math.Max(left + (side / 2), 116), 40, "predicted class", "label middle");
        svg.Text(0, 40, "true class", "label");
        if (hasText)
        {
            svg.Text(left + side + 10, top - 8, "right", "label");
        }

        for (var truth = 0; truth < count; truth++)
        {
            var total = Enumerable.Range(0, count).Sum(predicted => confusion[truth, predicted]);
            var y = top + (truth * cell);
            if (hasText || truth % 10 == 0)
            {
                svg.Text(left - 8, y + (cell / 2) + 4, labels[truth], "label end");
                Turned(svg, left + ((truth + 0.5) * cell), top - 8, labels[truth], hasText && isTurned);
            }

            if (hasText && total > 0)
            {
                svg.Text(left + side + 10, y + (cell / 2) + 4, NumberText.Percent((double)confusion[truth, truth] / total, 1), "label");
            }

            for (var predicted = 0; predicted < count; predicted++)
            {
                if (confusion[truth, predicted] is > 0 and var number)
                {
                    Cell(svg, left + (predicted * cell), y, cell, number, (double)number / total, truth == predicted, hasText,
                        $"{Name(names, truth)} predicted as {Name(names, predicted)}: {NumberText.Whole(number)} of {NumberText.Whole(total)}");
                }
            }
        }

        svg.Rectangle(left, top, side, side, "frame");
        return svg;
    }

    /// <summary>The most confident mistakes as pictures.</summary>
    /// <param name="mistakes">The mistakes, at least one.</param>
    /// <param name="names">Names of the classes.</param>
    /// <param name="shape">Height and width of a picture.</param>
    /// <param name="rows">Which rows were predicted.</param>
    public static Svg Misclassified(IReadOnlyList<Mistake> mistakes, ImmutableArray<string> names, ImageShape shape, string rows)
    {
        const double Step = ImageSize + 44;
        var columns = Math.Min(Columns, mistakes.Count);
        var height = 34 + (((mistakes.Count + columns - 1) / columns) * (ImageSize + 56));
        var svg = new Svg($"Most confident mistakes on the {rows} rows", Math.Max(420, columns * Step), height);
        var (low, high) = (mistakes.Min(mistake => mistake.Features.Min()), mistakes.Max(mistake => mistake.Features.Max()));
        for (var i = 0; i < mistakes.Count; i++)
        {
            var mistake = mistakes[i];
            var (x, y) = (i % columns * Step, 34 + (i / columns * (ImageSize + 56)));
            byte[] pixels = [.. mistake.Features.Select(value => (byte)Math.Round(255 * (value - low) / Math.Max(high - low, float.Epsilon)))];
            var (truth, predicted) = (Name(names, mistake.Truth), Name(names, mistake.Predicted));
            var scale = ImageSize / Math.Max(shape.Height, shape.Width);
            svg.Image(x, y, shape.Width * scale, shape.Height * scale, PngImage.OfGrey(shape.Width, shape.Height, pixels), isPixelated: true,
                string.Create(CultureInfo.InvariantCulture,
                    $"row {mistake.Row}: {truth}, predicted as {predicted} with {mistake.Confidence:0.0000}"));
            svg.Text(x, y + ImageSize + 16, $"true {Shortened(truth, 14)}", "label");
            svg.Text(x, y + ImageSize + 32, $"predicted {Shortened(predicted, 8)}, {NumberText.Percent(mistake.Confidence, 0)}", "strong");
        }

        return svg;
    }

    /// <summary>The name of a class; a classifier of one output may have none.</summary>
    public static string Name(ImmutableArray<string> names, int index) =>
        index < names.Length ? names[index] : index.ToString(CultureInfo.InvariantCulture);

    private static void Cell(Svg svg, double x, double y, double size, long number, double share, bool isRight, bool hasText, string tip)
    {
        // A single mistake must be seen beside hundreds that are right, so the strength grows with the root of the share.
        var strength = isRight ? 0.12 + (0.48 * share) : 0.12 + (0.6 * Math.Sqrt(share));
        svg.Rectangle(x + 0.5, y + 0.5, size - 1, size - 1, ReportStyle.Fill(isRight ? 0 : 1), Math.Min(strength, 0.6), tip);
        if (hasText)
        {
            svg.Text(x + (size / 2), y + (size / 2) + 4, NumberText.Whole(number), number >= 1000 || size < 28 ? "small middle" : "middle");
        }
    }

    private static void Turned(Svg svg, double x, double y, string label, bool isTurned)
    {
        if (isTurned)
        {
            svg.TurnedText(x + 4, y, label, "label");
        }
        else
        {
            svg.Text(x, y, label, "label middle");
        }
    }

    /// <summary>A text of so many characters at most.</summary>
    public static string Shortened(string text, int length) => text.Length <= length ? text : text[..(length - 1)] + "…";
}
