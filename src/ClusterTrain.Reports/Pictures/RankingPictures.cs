using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using ClusterTrain.Learning.Metrics;
using ClusterTrain.Reports.Content;

namespace ClusterTrain.Reports.Pictures;

/// <summary>Pictures of how well outputs rank the rows of a class before all others, and of how far they can be believed.</summary>
internal static class RankingPictures
{
    /// <summary>Most curves of a picture; of more classes those are drawn that are told apart worst.</summary>
    public const int MostCurves = 6;

    // Points nearer than this to the one before are left out.
    private const double LeastPixels = 0.5;

    /// <summary>Rates of rows rightly and wrongly taken for a class, at every threshold; null when no class has both kinds of rows.</summary>
    /// <param name="figures">The rows.</param>
    /// <param name="names">Names of the classes.</param>
    public static Svg? Roc(RowFigures figures, ImmutableArray<string> names)
    {
        var curves = Curves(figures, names, ranking => ranking.RocAuc);
        if (curves.Count == 0)
        {
            return null;
        }

        var square = new Square(
            $"ROC: {figures.Rows} rows", "false positive rate", "true positive rate",
            [.. curves.Select((curve, i) => (curve.Name, i))], Square.Shares, Square.Shares);
        square.Diagonal();
        foreach (var (i, (ranking, _)) in curves.Index())
        {
            var path = new StepPath();
            path.Add(square.Across.At(0), square.Up.At(0));
            foreach (var step in ranking.Steps)
            {
                path.Add(square.Across.At((double)step.FalsePositives / ranking.Negatives),
                    square.Up.At((double)step.TruePositives / ranking.Positives));
            }

            square.Svg.Path(path.End(), ReportStyle.Line(i));
        }

        return square.Svg;
    }

    /// <summary>Precision by recall, at every threshold; null when no class has both kinds of rows.</summary>
    /// <param name="figures">The rows.</param>
    /// <param name="names">Names of the classes.</param>
    public static Svg? PrecisionRecall(RowFigures figures, ImmutableArray<string> names)
    {
        var curves = Curves(figures, names, ranking => ranking.PrAuc);
        if (curves.Count == 0)
        {
            return null;
        }

        var square = new Square(
            $"Precision and recall: {figures.Rows} rows", "recall", "precision", [.. curves.Select((curve, i) => (curve.Name, i))], Square.Shares,
                Square.Shares);
        if (curves is [var (only, _)])
        {
            square.Level((double)only.Positives / (only.Positives + only.Negatives));
        }

        foreach (var (i, (ranking, _)) in curves.Index())
        {
            // The area is that of steps: each recall is reached at the precision there.
            var path = new StepPath();
            var before = 0.0;
            foreach (var step in ranking.Steps)
            {
                var recall = (double)step.TruePositives / ranking.Positives;
                path.Add(square.Across.At(before), square.Up.At(step.Precision));
                path.Add(square.Across.At(recall), square.Up.At(step.Precision));
                before = recall;
            }

            square.Svg.Path(path.End(), ReportStyle.Line(i));
        }

        return square.Svg;
    }

    /// <summary>How often what is given a probability comes true; null when the outputs are not probabilities.</summary>
    /// <param name="details">The figures of the rows.</param>
    /// <param name="names">Names of the classes.</param>
    /// <param name="rows">Which rows.</param>
    public static Svg? Calibration(ClassificationFigures details, ImmutableArray<string> names, string rows)
    {
        if (details.CalibrationError is not { } error)
        {
            return null;
        }

        var isBinary = details.Classes.Length == 2;
        var second = Shortened(ClassificationPictures.Name(names, 1));
        var square = new Square(
            $"Calibration: {rows} rows",
            isBinary ? $"probability of {second}" : "probability of the class predicted",
            isBinary ? $"share of {second}" : "share predicted right",
            [(string.Create(CultureInfo.InvariantCulture, $"expected calibration error {error:0.0000}"), 0)],
            Square.Shares,
            Square.Shares);
        square.Diagonal();
        var path = new StringBuilder();
        foreach (var bin in details.Calibration)
        {
            path.Append(path.Length == 0 ? 'M' : 'L').Append(Svg.N(square.Across.At(bin.Probability))).Append(' ')
                .Append(Svg.N(square.Up.At(bin.Right)));
        }

        square.Svg.Path(path.ToString(), ReportStyle.Line(0));
        var most = details.Calibration.Max(bin => bin.Rows);
        foreach (var bin in details.Calibration)
        {
            square.Svg.Circle(
                square.Across.At(bin.Probability), square.Up.At(bin.Right), 3 + (9 * Math.Sqrt((double)bin.Rows / most)), ReportStyle.Fill(0), 0.6,
                $"{NumberText.Whole(bin.Rows)} rows given {NumberText.Percent(bin.Probability, 1)} on average: {NumberText.Percent(bin.Right, 1)}");
        }

        return square.Svg;
    }

    /// <summary>True when some classes have no curve.</summary>
    public static bool AreSome(ClassificationFigures details) =>
        details.Classes.Length > 2 && details.Classes.Count(of => of.RocAuc is not null) > MostCurves;

    private static List<(Ranking Ranking, string Name)> Curves(RowFigures figures, ImmutableArray<string> names, Func<Ranking, double> area)
    {
        if (figures is not { Scores: { } scores, Evaluation.Details: { } details })
        {
            return [];
        }

        IEnumerable<int> shown = details.Classes.Length == 2
            ? [1]
            : details.Classes.Index().Where(of => of.Item.RocAuc is not null).OrderBy(of => of.Item.RocAuc).Take(MostCurves).Select(of => of.Index)
                .Order();
        return
        [
            .. shown.Select(index => (Ranking: scores.Rank(index), Index: index)).Where(of => of.Ranking is not null).Select(of => (
                of.Ranking!, string.Create(CultureInfo.InvariantCulture,
                    $"{Shortened(ClassificationPictures.Name(names, of.Index))}, area {area(of.Ranking!):0.0000}"))),
        ];
    }

    private static string Shortened(string name) => name.Length <= 24 ? name : name[..23] + "…";

    /// <summary>A line through very many points, of which those are left out that cannot be seen.</summary>
    private sealed class StepPath
    {
        private readonly StringBuilder _data = new();
        private (double X, double Y)? _last;
        private (double X, double Y)? _leftOut;

        public void Add(double x, double y)
        {
            if (_last is { } last && Math.Abs(x - last.X) < LeastPixels && Math.Abs(y - last.Y) < LeastPixels)
            {
                _leftOut = (x, y);
                return;
            }

            Write(x, y);
        }

        public string End()
        {
            if (_leftOut is { } last)
            {
                Write(last.X, last.Y);
            }

            return _data.ToString();
        }

        private void Write(double x, double y)
        {
            _data.Append(_last is null ? 'M' : 'L').Append(Svg.N(x)).Append(' ').Append(Svg.N(y));
            (_last, _leftOut) = ((x, y), null);
        }
    }
}
