using ClusterTrain.Learning.Recipes;
using ClusterTrain.Reports.Content;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Reports.Pictures;

/// <summary>Curves over the epochs: of one run its losses together, of several runs each figure with a line per run.</summary>
internal static class CurvePictures
{
    // Above this number of workers single lines cannot be followed: their median, slowest and fastest are drawn.
    private const int MostWorkers = 6;

    /// <summary>The curves that the runs have figures for.</summary>
    public static IEnumerable<Picture> Of(IReadOnlyList<ReportedRun> runs)
    {
        // A single epoch is a figure, and no curve.
        if (runs.All(of => of.Epochs.Length < 2))
        {
            return [];
        }

        var pictures = runs is [var run] ? Losses(run) : Losses(runs);
        return pictures.Concat(Metrics(runs)).Concat(Throughput(runs));
    }

    /// <summary>How fast a run's workers computed; null when nothing is known of it, or of one epoch alone.</summary>
    public static Svg? Workers(ReportedRun run)
    {
        var workers = run.Speeds.Where(speed => speed.RowsPerSecond > 0).GroupBy(speed => speed.Worker)
            .OrderBy(worker => worker.Key.Length).ThenBy(worker => worker.Key, StringComparer.Ordinal).ToArray();
        if (workers.Length == 0 || run.Speeds.Select(speed => speed.Epoch).Distinct().Count() < 2)
        {
            return null;
        }

        var lines = workers.Length <= MostWorkers
            ? workers.Select((worker, i) => new ChartLine(worker.Key, [.. worker.Select(speed => ((double)speed.Epoch, Time(speed)))], i)).ToArray()
            : Spread(run);
        return new LineChart { Title = "Compute time of the workers", Unit = "milliseconds per 1,000 rows", Lines = lines, FromZero = true }.Draw();
    }

    private static IEnumerable<Picture> Losses(ReportedRun run)
    {
        if (run.Epochs.IsEmpty)
        {
            yield break;
        }

        var lines = new List<ChartLine> { new("training", Points(run, record => record.Loss), 0) };
        (double X, double Y, int Colour, string Text)? mark = null;
        if (run.Epochs.Any(record => record.Validation is not null))
        {
            var validation = Points(run, record => record.Validation?.Loss);
            lines.Add(new("validation", validation, 1));
            var best = validation.MinBy(point => point.Y);
            mark = (best.X, best.Y, 1, $"lowest {NumberText.Short(best.Y)}, epoch {best.X}");
        }

        yield return new Picture(
            "loss",
            "Mean loss per row. The training loss is the mean over an epoch while the weights change"
                + (mark is null ? "." : "; the validation loss is that of the epoch's last weights."),
            new LineChart { Title = "Loss", Unit = LossName(run.Recipe.Loss), Lines = lines, MayBeLogarithmic = true, Mark = mark }.Draw());
    }

    private static IEnumerable<Picture> Losses(IReadOnlyList<ReportedRun> runs)
    {
        if (Compared(runs, record => record.Loss) is { Count: > 0 } training)
        {
            yield return new Picture("training-loss", "Mean loss per training row, over each epoch while the weights change.", new LineChart
            {
                Title = "Training loss",
                Unit = "mean per row",
                Lines = training,
                IsOfRuns = true,
                MayBeLogarithmic = true,
            }.Draw());
        }

        if (Compared(runs, record => record.Validation?.Loss) is { Count: > 0 } validation)
        {
            yield return new Picture("validation-loss", "Mean loss per validation row, under each epoch's last weights.", new LineChart
            {
                Title = "Validation loss",
                Unit = "mean per row",
                Lines = validation,
                IsOfRuns = true,
                MayBeLogarithmic = true,
            }.Draw());
        }
    }

    private static IEnumerable<Picture> Metrics(IReadOnlyList<ReportedRun> runs)
    {
        var lines = Compared(runs, record => record.Validation?.Accuracy);
        if (lines.Count > 0)
        {
            yield return new Picture("accuracy", "Share of the validation rows whose class is predicted correctly, under each epoch's last weights.",
                new LineChart
                {
                    Title = "Validation accuracy",
                    Unit = "rows predicted right",
                    Lines = lines,
                    Mark = Best(lines, highest: true, share => NumberText.Percent(share)),
                    Label = Percents(lines),
                }.Draw());
        }

        // Where it is the loss itself, its curve is there already.
        lines = Compared(runs, record => record.Validation?.MeanSquaredError);
        if (lines.Count > 0 && runs.Any(run => run.Recipe.Loss != LossKind.MeanSquaredError))
        {
            yield return new Picture("mean-squared-error", "Mean squared error on the validation rows, under each epoch's last weights.",
                new LineChart
                {
                    Title = "Validation error",
                    Unit = "mean squared error",
                    Lines = lines,
                    MayBeLogarithmic = true,
                    Mark = Best(lines, highest: false, NumberText.Short),
                }.Draw());
        }
    }

    private static IEnumerable<Picture> Throughput(IReadOnlyList<ReportedRun> runs)
    {
        ChartLine[] lines = [.. runs.Select((run, i) => new ChartLine(run.Name, run.Throughput, i))
            .Where(line => line.Points.Count > 0)];
        if (lines.Any(line => line.Points.Count > 1))
        {
            yield return new Picture("throughput",
                "Training rows per second, everything included; epochs too short to be timed one by one are taken together.", new LineChart
                {
                    Title = "Throughput",
                    Unit = "rows per second",
                    Lines = lines,
                    IsOfRuns = runs.Count > 1,
                    FromZero = true,
                }.Draw());
        }
    }

    private static ChartLine[] Spread(ReportedRun run)
    {
        var epochs = run.Speeds.Where(speed => speed.RowsPerSecond > 0).GroupBy(speed => speed.Epoch)
            .Select(epoch => (Epoch: (double)epoch.Key, Times: epoch.Select(Time).Order().ToArray())).ToArray();
        return
        [
            new("slowest worker", [.. epochs.Select(epoch => (epoch.Epoch, epoch.Times[^1]))], 1),
            new("median", [.. epochs.Select(epoch => (epoch.Epoch, epoch.Times[epoch.Times.Length / 2]))], 0),
            new("fastest worker", [.. epochs.Select(epoch => (epoch.Epoch, epoch.Times[0]))], 2),
        ];
    }

    private static double Time(SpeedPoint speed) => 1e6 / speed.RowsPerSecond;

    private static List<ChartLine> Compared(IReadOnlyList<ReportedRun> runs, Func<EpochRecord, double?> figure) =>
        [.. runs.Select((run, i) => new ChartLine(run.Name, Points(run, figure), i)).Where(line => line.Points.Count > 0)];

    private static (double X, double Y)[] Points(ReportedRun run, Func<EpochRecord, double?> figure) =>
        [.. run.Epochs.Where(record => figure(record) is not null).Select(record => ((double)record.Epoch, figure(record)!.Value))];

    private static (double, double, int, string)? Best(List<ChartLine> lines, bool highest, Func<double, string> text)
    {
        if (lines is not [var line])
        {
            return null;
        }

        var best = highest ? line.Points.MaxBy(point => point.Y) : line.Points.MinBy(point => point.Y);
        return (best.X, best.Y, line.Colour, $"{(highest ? "highest" : "lowest")} {text(best.Y)}, epoch {best.X}");
    }

    private static Func<double, string> Percents(List<ChartLine> lines)
    {
        var values = lines.SelectMany(line => line.Points).Select(point => point.Y).ToArray();
        var range = values.Max() - values.Min();
        return share => NumberText.Percent(share, range >= 0.06 || range == 0 ? 0 : range >= 0.006 ? 1 : 2);
    }

    private static string LossName(LossKind loss) => loss switch
    {
        LossKind.SquaredError => "half squared error, mean per row",
        LossKind.MeanSquaredError => "mean squared error",
        LossKind.BinaryCrossEntropy => "binary cross-entropy, mean per row",
        _ => "cross-entropy, mean per row",
    };
}
