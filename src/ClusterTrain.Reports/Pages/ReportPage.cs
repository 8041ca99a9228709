using System.Globalization;
using System.Net;
using System.Text;
using ClusterTrain.Data.Prepared;
using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Reports.Content;
using ClusterTrain.Reports.Pictures;

namespace ClusterTrain.Reports.Pages;

/// <summary>The page of a report: text and pictures in one file that loads nothing.</summary>
internal static class ReportPage
{
    /// <summary>Writes the page.</summary>
    /// <param name="chapters">One for each run.</param>
    /// <param name="curves">Curves of all runs.</param>
    public static string Write(IReadOnlyList<RunChapter> chapters, IReadOnlyList<Picture> curves)
    {
        var title = chapters is [var only] ? only.Run.Recipe.Name : $"{chapters.Count} runs compared";
        var html = new StringBuilder();
        html.Append("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
            .Append("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<link rel=\"icon\" href=\"data:,\">\n")
            .Append($"<title>{Escape(title)} · ClusterTrain</title>\n<style>{ReportStyle.Page}{ReportStyle.Pictures}</style>\n</head>\n<body>\n");
        html.Append($"<header>\n<h1>{Escape(title)}</h1>\n");
        if (chapters is [var chapter])
        {
            html.Append($"<p class=\"soft\">{Escape(Summary(chapter))}</p>\n");
            Tiles(html, chapter);
            Notes(html, chapter);
        }
        else
        {
            Comparison(html, chapters);
        }

        html.Append("</header>\n<main>\n");
        Pictures(html, chapters.Count > 1 ? "Learning" : null, chapters.Count > 1 ? curves : [.. curves, .. chapters[0].Pictures]);
        foreach (var of in chapters)
        {
            if (chapters.Count > 1)
            {
                html.Append($"<section>\n<h2>{Escape(of.Run.Name)}</h2>\n<p class=\"soft\">{Escape(Summary(of))}</p>\n");
                Notes(html, of);
                Pictures(html, null, of.Pictures);
            }
            else
            {
                html.Append("<section>\n");
            }

            Classes(html, of, chapters.Count > 1 ? "h3" : "h2");
            Facts(html, of, chapters.Count > 1 ? "h3" : "h2");
            html.Append("</section>\n");
        }

        return html.Append("</main>\n</body>\n</html>\n").ToString();
    }

    private static string Summary(RunChapter chapter)
    {
        var run = chapter.Run;
        var done = run.Epochs.IsEmpty ? 0 : run.Epochs[^1].Epoch;
        var state = run.Outcome switch
        {
            "completed" when run.StoppedEarly => $"Completed: early stopping ended the run after {done} of at most {run.Recipe.Epochs} epochs",
            "completed" => $"Completed, {Plural(done, "epoch")}",
            "interrupted" => $"Interrupted after {done} of {run.Recipe.Epochs} epochs",
            "failed" => $"Failed after {done} of {run.Recipe.Epochs} epochs",
            _ when run.Model is not null => $"Completed, {Plural(done, "epoch")}",
            _ => $"Still running: {done} of {run.Recipe.Epochs} epochs are recorded",
        };
        var workers = run.Paces.Count > 0 ? ", " + Plural(run.Paces.Values.Last().Workers, "worker") : "";
        var length = run.Length is { } time && time > TimeSpan.Zero ? $", {NumberText.Duration(time)}" : "";
        var shown = run.Model is not null && run.Shown is { } record && record.Epoch < done
            ? $"; the weights are those of epoch {record.Epoch}, the best" : "";
        return state + workers + length + shown + ".";
    }

    private static void Tiles(StringBuilder html, RunChapter chapter)
    {
        html.Append("<ul class=\"tiles\">\n");
        foreach (var (name, value) in Figures(chapter))
        {
            html.Append($"<li><b>{Escape(value)}</b><span>{Escape(name)}</span></li>\n");
        }

        html.Append("</ul>\n");
    }

    private static IEnumerable<(string Name, string Value)> Figures(RunChapter chapter)
    {
        var run = chapter.Run;
        if (chapter.Figures is { Evaluation: var figures, Rows: var rows })
        {
            if (figures.Accuracy is { } accuracy)
            {
                yield return ($"{rows} accuracy", NumberText.Percent(accuracy));
            }

            if (figures.MeanSquaredError is { } squared)
            {
                yield return ($"{rows} mean squared error", NumberText.Short(squared));
            }

            if (figures.MeanAbsoluteError is { } absolute)
            {
                yield return ($"{rows} mean absolute error", NumberText.Short(absolute));
            }

            if (figures.MeanAbsolutePercentageError is { } share)
            {
                yield return ($"{rows} mean absolute percentage error", NumberText.Percent(share));
            }

            if (figures.R2 is { } r2)
            {
                yield return ($"{rows} R²", Share(r2));
            }

            yield return ($"{rows} loss", NumberText.Short(figures.Loss));
            if (figures.Details is { } details)
            {
                var isBinary = details.Classes.Length == 2;
                yield return ($"{rows} F1 (macro)", Share(details.F1));
                if (details.RocAuc is { } roc)
                {
                    yield return (isBinary ? $"{rows} ROC-AUC" : $"{rows} ROC-AUC (macro)", Share(roc));
                }

                if (details.PrAuc is { } pr)
                {
                    yield return (isBinary ? $"{rows} PR-AUC" : $"{rows} PR-AUC (macro)", Share(pr));
                }

                if (details.LogLoss is { } log && run.Recipe.Loss is not (LossKind.BinaryCrossEntropy or LossKind.CategoricalCrossEntropy))
                {
                    yield return ($"{rows} log loss", NumberText.Short(log));
                }

                if (details.CalibrationError is { } calibration)
                {
                    yield return ($"{rows} calibration error", Share(calibration));
                }
            }
        }

        if (chapter.Figures?.Training is { } training)
        {
            if (training.Accuracy is { } accuracy)
            {
                yield return ("training accuracy", NumberText.Percent(accuracy));
            }

            if (training.R2 is { } r2)
            {
                yield return ("training R²", Share(r2));
            }
        }

        if (run.Shown is { } last)
        {
            var epoch = last.Epoch == run.Epochs[^1].Epoch ? "last epoch" : $"epoch {last.Epoch}";
            var isShown = chapter.Figures is { Rows: "validation" };
            yield return ($"training loss, {epoch}", NumberText.Short(last.Loss));
            if (last.Validation is { Accuracy: { } accuracy } && !isShown)
            {
                yield return ($"validation accuracy, {epoch}", NumberText.Percent(accuracy));
            }
            else if (last.Validation is { } validation && !isShown)
            {
                yield return ($"validation loss, {epoch}", NumberText.Short(validation.Loss));
            }
        }

        if (run.RowsPerSecond is { } pace)
        {
            yield return ("rows per second", NumberText.Whole(pace));
        }

        if (chapter.Parameters is { } parameters)
        {
            yield return ("weights and biases", NumberText.Whole(parameters));
        }
    }

    private static string Share(double share) => share.ToString("0.0000", CultureInfo.InvariantCulture);

    /// <summary>A line for each class.</summary>
    private static void Classes(StringBuilder html, RunChapter chapter, string heading)
    {
        if (chapter is not { Data.Classes: var names, Figures: { Evaluation.Details: { } details, Rows: var rows } }
            || details.Classes.Length > ClassificationPictures.MostClasses)
        {
            return;
        }

        html.Append($"<{heading}>The classes, on the {rows} rows</{heading}>\n<div class=\"scroll\"><table>\n<tr><th>class</th>");
        foreach (var name in new[] { "rows", "predicted", "precision", "recall", "F1", "ROC-AUC", "PR-AUC" })
        {
            html.Append($"<th class=\"number\">{name}</th>");
        }

        html.Append("</tr>\n");
        foreach (var (index, of) in details.Classes.Index())
        {
            Line(
                ClassificationPictures.Name(names, index), NumberText.Whole(of.Rows), NumberText.Whole(of.Predicted), of.Occurs ? Share(of.Precision)
                    : "–",
                of.Occurs ? Share(of.Recall) : "–", of.Occurs ? Share(of.F1) : "–", Or(of.RocAuc), Or(of.PrAuc));
        }

        if (details.Classes.Length > 2)
        {
            Line("macro", "", "", Share(details.Precision), Share(details.Recall), Share(details.F1), Or(details.RocAuc), Or(details.PrAuc));
        }

        html.Append("</table></div>\n");

        static string Or(double? share) => share is { } value ? Share(value) : "–";

        void Line(string name, params string[] cells)
        {
            html.Append($"<tr><td>{Escape(name)}</td>");
            foreach (var cell in cells)
            {
                html.Append($"<td class=\"number\">{cell}</td>");
            }

            html.Append("</tr>\n");
        }
    }

    private static void Comparison(StringBuilder html, IReadOnlyList<RunChapter> chapters)
    {
        string[] names = [.. chapters.SelectMany(Figures).Select(figure => figure.Name).Distinct()];
        html.Append("<div class=\"scroll\"><table>\n<tr><th>run</th><th>recipe</th>");
        foreach (var name in names)
        {
            html.Append($"<th class=\"number\">{Escape(name)}</th>");
        }

        html.Append("<th>weights</th></tr>\n");
        for (var i = 0; i < chapters.Count; i++)
        {
            var run = chapters[i].Run;
            var figures = Figures(chapters[i]).ToDictionary(figure => figure.Name, figure => figure.Value);
            html.Append($"<tr><td class=\"whole\"><svg class=\"picture swatch\" viewBox=\"0 0 26 8\" aria-hidden=\"true\"><line "
                + $"class=\"{ReportStyle.Line(i)}\" x1=\"0\" y1=\"4\" x2=\"26\" "
                    + $"y2=\"4\"/></svg>{Escape(run.Name)}</td><td>{Escape(run.Recipe.Name)}</td>");
            foreach (var name in names)
            {
                html.Append($"<td class=\"number\">{Escape(figures.GetValueOrDefault(name, "–"))}</td>");
            }

            html.Append($"<td><code class=\"whole\">{Escape(run.WeightsSha256?[..12] ?? "–")}</code></td></tr>\n");
        }

        html.Append("</table></div>\n");
    }

    private static void Notes(StringBuilder html, RunChapter chapter)
    {
        var run = chapter.Run;
        if (run.Reason is { } reason)
        {
            html.Append($"<div class=\"note failed\"><p><b>The run failed.</b> {Escape(reason)}</p></div>\n");
        }

        if (run.Notes.Count == 0)
        {
            return;
        }

        html.Append("<div class=\"note\">");
        foreach (var note in run.Notes)
        {
            html.Append($"<p>{Escape(note)}</p>");
        }

        html.Append("</div>\n");
    }

    private static void Pictures(StringBuilder html, string? heading, IReadOnlyList<Picture> pictures)
    {
        if (pictures.Count == 0)
        {
            return;
        }

        if (heading is not null)
        {
            html.Append($"<h2>{heading}</h2>\n");
        }

        foreach (var isWide in new[] { false, true })
        {
            html.Append(isWide ? "<div class=\"wide\">\n" : "<div class=\"pictures\">\n");
            foreach (var picture in pictures.Where(picture => picture.IsWide == isWide))
            {
                html.Append($"<figure id=\"{Escape(picture.Name)}\">\n{picture.Drawing.Inline()}\n")
                    .Append($"<figcaption>{Escape(picture.Caption)}</figcaption>\n</figure>\n");
            }

            html.Append("</div>\n");
        }
    }

    private static void Facts(StringBuilder html, RunChapter chapter, string heading)
    {
        var (run, recipe) = (chapter.Run, chapter.Run.Recipe);
        html.Append($"<{heading}>What was run</{heading}>\n<dl>\n");
        Fact(html, "data", Describe(recipe.Data.Source) + (chapter.Data is { } data ? $": {Rows(data)}" : ""));
        if (chapter.Data is { TargetScale: var scale, TargetOffsets: var offsets } && (scale != 1 || !offsets.IsEmpty))
        {
            Fact(html, "target", $"{(offsets.IsEmpty ? "" : "less its mean, ")}multiplied by {NumberText.Short(scale)}: "
                + "losses and squared errors are those of the scaled target, all else is in its own unit");
        }

        Fact(html, "model", $"{string.Join(" → ", recipe.Layers.Select(layer => $"{layer.Units} {RecipeText(layer.Activation)}"))}");
        if (run.Speeds.Count > 0 && run.Speeds.Select(speed => speed.Epoch).Distinct().Count() == 1)
        {
            var times = run.Speeds.Where(speed => speed.RowsPerSecond > 0)
                .Select(speed => $"{speed.Worker} {NumberText.Short(1e6 / speed.RowsPerSecond)} ms");
            Fact(html, "compute time of 1,000 rows", string.Join(", ", times));
        }

        Fact(html, "recipe fingerprint", recipe.Fingerprint(), isCode: true);
        if (run.Identity is { } identity)
        {
            Fact(html, "data fingerprint", identity.Data, isCode: true);
            Fact(html, "program", identity.Build.Length > 0 ? $"{identity.Program}, build {identity.Build}" : identity.Program);
        }

        if (run.WeightsSha256 is { } hash)
        {
            Fact(html, "SHA-256 of the weights", hash, isCode: true);
        }

        html.Append("</dl>\n");
        var (why, commands) = run switch
        {
            { Model: not null } => (
                "The weights are a pure function of recipe and data: these commands train them again, to the same bits with any number of workers, "
                    + "and check the receipt.",
                $"clustertrain train {Quoted(Path.Combine(run.Path, "recipe.yaml"))}{Rows(chapter)} --workers 4\nclustertrain verify "
                    + $"{Quoted(run.Path)}"),
            { Outcome: "failed" } => (
                "This command trains it again, with another value; see the recipe below.",
                $"clustertrain train {Quoted(Path.Combine(run.Path, "recipe.yaml"))}{Rows(chapter)} --set optimiser.rate=0.01"),
            _ => ("This command resumes the run, to the same weights as if it had never stopped.", $"clustertrain train --resume {Quoted(run.Path)}"),
        };
        html.Append($"<p>{why}</p>\n<pre>{Escape(commands)}</pre>\n")
            .Append($"<details><summary>The recipe in full</summary>\n<pre>{Escape(RecipeWriter.Write(recipe))}</pre></details>\n");
    }

    /// <summary>The options by which the run's rows are found again from wherever the command is given.</summary>
    private static string Rows(RunChapter chapter) =>
        chapter.Run.Prepared is { } prepared ? $" --prepared {Quoted(prepared)}"
        : (chapter.DataFolder ?? chapter.Run.RecipeFolder) is { } folder && chapter.Run.Recipe.Data.Source is CsvSource or IdxSource or PreparedSource
            ? $" --data {Quoted(folder)}"
        : "";

    private static string Quoted(string path) => path.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '\\' or ':' or '-' or '_' or '.')
        ? path
        : $"'{path.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    private static void Fact(StringBuilder html, string name, string value, bool isCode = false) =>
        html.Append($"<dt>{Escape(name)}</dt><dd>{(isCode ? $"<code>{Escape(value)}</code>" : Escape(value))}</dd>\n");

    private static string Describe(DataSource source) => source switch
    {
        NamedSource named => named.Name,
        CsvSource csv => string.Join(", ", csv.Files),
        IdxSource idx => idx.Features,
        _ => "rows in the recipe",
    };

    private static string Rows(PreparedData data)
    {
        var parts = new (string Name, DataSet? Set)[] { ("training", data.Train), ("validation", data.Validation), ("test", data.Test) };
        return string.Join(", ", parts.Where(part => part.Set is not null).Select(part => $"{NumberText.Whole(part.Set!.Rows)} {part.Name} rows"))
            + $" of {Plural(data.Train.Features, "feature")}";
    }

    private static string RecipeText(ActivationKind activation) => activation switch
    {
        ActivationKind.Identity => "linear",
        ActivationKind.LeakyRelu => "leaky ReLU",
        ActivationKind.Relu => "ReLU",
        _ => activation.ToString().ToLowerInvariant(),
    };

    private static string Plural(int count, string noun) => $"{NumberText.Whole(count)} {noun}{(count == 1 ? "" : "s")}";

    private static string Escape(string text) => WebUtility.HtmlEncode(text);
}
