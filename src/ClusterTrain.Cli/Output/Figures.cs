using System.Globalization;
using System.Text;
using ClusterTrain.Learning.Metrics;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Cli.Output;

/// <summary>Figures as people read them: the same words and digits in every command.</summary>
internal static class Figures
{
    private const double Small = 0.001;
    private const double Large = 1e9;

    /// <summary>
    /// The line of an epoch, for example
    /// <c>epoch 3/10  loss 0.0612  val_loss 0.0731  val_acc 0.9786  58,311 samples/s  workers 4  eta 00:12</c>.
    /// </summary>
    /// <param name="completed">The epoch.</param>
    /// <param name="epochs">Epochs of the recipe.</param>
    public static string EpochLine(EpochCompleted completed, int epochs)
    {
        var record = completed.Record;
        var line = new StringBuilder();
        line.Append(CultureInfo.InvariantCulture, $"epoch {record.Epoch}/{epochs}  loss {Number(record.Loss)}  ");
        if (record.Validation is { } validation)
        {
            line.Append(CultureInfo.InvariantCulture, $"val_loss {Number(validation.Loss)}  ");
            if (validation.Accuracy is { } accuracy)
            {
                line.Append(CultureInfo.InvariantCulture, $"val_acc {accuracy:F4}  ");
            }

            if (validation.MeanSquaredError is { } error)
            {
                line.Append(CultureInfo.InvariantCulture, $"val_mse {Number(error)}  ");
            }

            if (validation.R2 is { } r2)
            {
                line.Append(CultureInfo.InvariantCulture, $"val_r2 {Share(r2)}  ");
            }
        }

        line.Append(CultureInfo.InvariantCulture,
            $"{Rate(completed.SamplesPerSecond)}  workers {completed.Workers}  eta {Time(completed.Remaining)}");
        return line.ToString();
    }

    /// <summary>The line of what happened to the members of a cluster.</summary>
    /// <param name="happened">It.</param>
    /// <exception cref="ArgumentException">It is no such event.</exception>
    public static string ClusterLine(RunEvent happened) => happened switch
    {
        MembershipChanged changed => $"{changed.Member} {changed.What}",
        RunWaiting waiting => waiting.Reason,
        RunBegan began => $"training from step {Count(began.Step)} with {Count(began.Workers, "worker")} and "
            + $"{Count(began.Servers, "parameter server")}",
        _ => throw new ArgumentException($"not an event of a cluster's members: {happened}", nameof(happened)),
    };

    /// <summary>All figures of an evaluation in one line, for example <c>loss 0.0712  acc 0.9801</c>.</summary>
    /// <param name="figures">The figures.</param>
    /// <param name="prefix">Stands before each name, for example <c>test_</c>.</param>
    public static string Line(Evaluation figures, string prefix)
    {
        var line = new StringBuilder();
        line.Append(CultureInfo.InvariantCulture, $"{prefix}loss {Number(figures.Loss)}");
        if (figures.Accuracy is { } accuracy)
        {
            line.Append(CultureInfo.InvariantCulture, $"  {prefix}acc {accuracy:F4}");
        }

        if (figures.MeanSquaredError is { } squared)
        {
            line.Append(CultureInfo.InvariantCulture, $"  {prefix}mse {Number(squared)}");
        }

        if (figures.MeanAbsoluteError is { } absolute)
        {
            line.Append(CultureInfo.InvariantCulture, $"  {prefix}mae {Number(absolute)}");
        }

        if (figures.MeanAbsolutePercentageError is { } share)
        {
            line.Append(CultureInfo.InvariantCulture, $"  {prefix}mape {Percent(share)} %");
        }

        if (figures.R2 is { } r2)
        {
            line.Append(CultureInfo.InvariantCulture, $"  {prefix}r2 {Share(r2)}");
        }

        return line.ToString();
    }

    /// <summary>What accuracy does not tell, in one line, for example <c>precision 0.9801  recall 0.9799  f1 0.9800  roc_auc 0.9996</c>.</summary>
    public static string Line(ClassificationFigures figures)
    {
        var line = new StringBuilder();
        line.Append(CultureInfo.InvariantCulture, $"precision {figures.Precision:F4}  recall {figures.Recall:F4}  f1 {figures.F1:F4}");
        if (figures.RocAuc is { } roc)
        {
            line.Append(CultureInfo.InvariantCulture, $"  roc_auc {roc:F4}");
        }

        if (figures.PrAuc is { } pr)
        {
            line.Append(CultureInfo.InvariantCulture, $"  pr_auc {pr:F4}");
        }

        if (figures.LogLoss is { } log)
        {
            line.Append(CultureInfo.InvariantCulture, $"  log_loss {Number(log)}");
        }

        if (figures.CalibrationError is { } calibration)
        {
            line.Append(CultureInfo.InvariantCulture, $"  calibration_error {calibration:F4}");
        }

        return line.ToString();
    }

    /// <summary>A loss or an error: four decimals, or three digits where it is small or very large.</summary>
    public static string Number(double value) => value.ToString(
        value == 0 || Math.Abs(value) is >= Small and < Large ? "F4" : "0.00e-00", CultureInfo.InvariantCulture);

    private static string Percent(double share) =>
        share < Large ? (100 * share).ToString("F2", CultureInfo.InvariantCulture) : Number(100 * share);

    // The share of the variance explained has no lower end.
    private static string Share(double value) => value > -Large ? value.ToString("F4", CultureInfo.InvariantCulture) : Number(value);

    /// <summary>Rows per second, for example <c>58,311 samples/s</c>.</summary>
    public static string Rate(double samplesPerSecond) => $"{Count((long)Math.Round(samplesPerSecond))} samples/s";

    /// <summary>A count with commas between thousands.</summary>
    public static string Count(long count) => count.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>A number of things, for example <c>1 worker</c> and <c>2 workers</c>.</summary>
    public static string Count(long count, string thing, string? things = null) =>
        $"{Count(count)} {(count == 1 ? thing : things ?? thing + "s")}";

    /// <summary>Bytes, for example <c>55.2 MB</c>.</summary>
    public static string Bytes(long bytes) => bytes < 100_000
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e3:F1} kB")
        : string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:F1} MB");

    /// <summary>How long something took: tenths of a second below a minute.</summary>
    public static string Duration(TimeSpan time) =>
        time.TotalSeconds < 60 ? string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:F1} s") : Time(time);

    /// <summary>A time as minutes and seconds, with hours where there are any.</summary>
    public static string Time(TimeSpan time)
    {
        var seconds = (long)Math.Round(Math.Min(time.TotalSeconds, 1e9));
        return seconds >= 3600
            ? string.Create(CultureInfo.InvariantCulture, $"{seconds / 3600}:{seconds / 60 % 60:D2}:{seconds % 60:D2}")
            : string.Create(CultureInfo.InvariantCulture, $"{seconds / 60:D2}:{seconds % 60:D2}");
    }
}
