using ClusterTrain.Data.Common;
using ClusterTrain.Data.Models;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Data.Prepared;
using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.Metrics;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Reports.Content;
using ClusterTrain.Reports.Pictures;

namespace ClusterTrain.Reports.Pages;

/// <summary>What a report says of one run besides the curves: its figures on rows, and the pictures that need rows or weights.</summary>
internal sealed class RunChapter
{
    private const int MostOutputs = 4;

    private readonly List<Picture> _pictures = [];
    private readonly string _prefix;

    private RunChapter(ReportedRun run, bool isNamed)
    {
        Run = run;
        _prefix = isNamed ? $"{run.Name}-" : "";
    }

    public ReportedRun Run { get; }

    /// <summary>The run's data; null when they are not on this machine.</summary>
    public PreparedData? Data { get; private set; }

    /// <summary>The folder in which the recipe's files were found; null: it has none, or they are not on this machine.</summary>
    public string? DataFolder { get; private set; }

    /// <summary>What the model predicts; null without model or data.</summary>
    public RowFigures? Figures { get; private set; }

    /// <summary>Number of weights and biases; null when it is not known.</summary>
    public int? Parameters { get; private set; }

    public IReadOnlyList<Picture> Pictures => _pictures;

    /// <summary>Reads the run's data and draws what can be drawn; what cannot is noted with the reason.</summary>
    public static RunChapter Of(ReportedRun run, bool isNamed, Func<string?, DataLocations> locations, CancellationToken cancellation)
    {
        var chapter = new RunChapter(run, isNamed);
        chapter.Data = chapter.Prepare(locations, cancellation);
        if (chapter.Model() is { } model)
        {
            chapter.Draw(model, cancellation);
        }

        if (CurvePictures.Workers(run) is { } workers)
        {
            chapter.Add(
                "workers",
                "Time each worker computes for a thousand rows, waiting not counted. A worker far above the others is slow and holds the others up.",
                workers);
        }

        return chapter;
    }

    private void Draw(Model model, CancellationToken cancellation)
    {
        Parameters = model.Layout.Parameters;
        if (Data is { } data)
        {
            Figures = RowFigures.Of(model, data, cancellation);
            DrawRows(model, data, Figures);
        }

        if (model.Shape is { } shape)
        {
            Add(
                "first-layer",
                "The weight of every pixel for each unit of the first layer: orange pixels excite the unit, blue ones inhibit it. Smooth shapes are "
                    + "learned; noise is what the start values left.",
                FirstLayerPicture.Draw(model, shape),
                isWide: true);
        }
    }

    private PreparedData? Prepare(Func<string?, DataLocations> locations, CancellationToken cancellation)
    {
        const string Missing = "so the pictures that need rows are missing (confusion matrix, mistakes, decision boundary, predicted against true)";
        try
        {
            var places = locations(Run.RecipeFolder).WithPrepared(Run.Prepared);
            var data = DataPreparation.Prepare(Run.Recipe, places, null, cancellation);
            DataFolder = FolderOf(Run.Recipe.Data.Source, places);
            if (Run.Identity is not { } identity || identity.Data == data.Fingerprint)
            {
                return data;
            }

            Run.Note($"The data found now are not those of the run (fingerprint {data.Fingerprint}, the run's is {identity.Data}), {Missing}.");
        }
        catch (DataException error)
        {
            Run.Note($"The run's data are not on this machine, {Missing}: {error.Message}");
        }

        return null;
    }

    // Beside the recipe, or where --data or the environment says.
    private static string? FolderOf(DataSource source, DataLocations places)
    {
        var file = source switch
        {
            CsvSource csv => csv.File,
            IdxSource idx => idx.Features,
            PreparedSource prepared => prepared.File,
            _ => null,
        };
        return file is null || Path.IsPathRooted(file) ? null : places.Folders.FirstOrDefault(folder => File.Exists(Path.Combine(folder, file)));
    }

    private Model? Model()
    {
        if (Run.Model is { } model)
        {
            return model;
        }

        if (Run.Checkpoint is not { } state)
        {
            Run.Note("The run has left no model and no checkpoint, so there are no pictures of what it predicts.");
            return null;
        }

        if (Data is null)
        {
            return null;
        }

        Run.Note($"The run has no result yet: the pictures and figures of predictions are those of its checkpoint at step "
            + $"{NumberText.Whole(state.Step)}.");
        return new Model(Run.Recipe, new NetworkLayout(Data.Train.Features, Run.Recipe.Layers), state.Weights, Data);
    }

    private void DrawRows(Model model, PreparedData data, RowFigures figures)
    {
        if (figures.Evaluation.Confusion is { } confusion && confusion.GetLength(0) <= ClassificationPictures.MostClasses)
        {
            Add(
                "confusion",
                "Each line is a true class, each column what was predicted: right ones on the diagonal in blue, mistakes beside it in orange, "
                    + "stronger the larger their share of the line.",
                ClassificationPictures.Confusion(confusion, data.Classes, figures.Rows));
        }
        else if (figures.Evaluation.Confusion is not null)
        {
            Run.Note($"The confusion matrix is left out: it has more than {ClassificationPictures.MostClasses} classes.");
        }

        if (figures.Evaluation.Details is { } details)
        {
            DrawRankings(data, figures, details);
        }

        if (data.Task == TaskKind.Classification && model.Shape is { } shape)
        {
            DrawMistakes(data, figures, shape);
        }

        if (BoundaryPicture.Fits(model.Encoding))
        {
            Add(
                "boundary",
                data.Task == TaskKind.Classification
                    ? "What the model predicts for every pair of inputs: the colour is the class, stronger where it is surer, the line the boundary "
                        + "between classes. Points are the training rows."
                    : "What the model predicts for every pair of inputs, stronger where it is larger, with lines of equal prediction. Points are the "
                        + "training rows.",
                BoundaryPicture.Draw(model, data));
        }

        if (figures.Evaluation.FirstUndefined is { } undefined)
        {
            Run.Note($"Row {NumberText.Whole(undefined)} of the {figures.Rows} rows, and perhaps more, has no prediction: the model's outputs are no "
                + "numbers there. Such rows count as wrong.");
        }

        if (data.Task == TaskKind.Regression && figures.Pairs.Count == 0)
        {
            Run.Note($"No prediction of the {figures.Rows} rows is a finite number, so there are no pictures of them.");
            return;
        }

        var spread = figures.Pairs.Count < figures.Evaluation.Rows
            ? $" {NumberText.Whole(figures.Pairs.Count)} rows, evenly spread over all {NumberText.Whole(figures.Evaluation.Rows)}."
            : "";
        for (var output = 0; data.Task == TaskKind.Regression && output < Math.Min(MostOutputs, data.Train.Outputs); output++)
        {
            var number = data.Train.Outputs == 1 ? "" : $"-{output + 1}";
            Add(
                $"predicted{number}",
                "Each point is a row; on the dashed diagonal its prediction is exactly right." + spread,
                RegressionPictures.PredictedAgainstTrue(figures.Pairs, output, data.TargetNames[output], figures.Rows));
            Add(
                $"residuals{number}",
                "Each point is a row: above the line its prediction is too high, below it too low. A bend or a funnel is something the model has not "
                    + "learned." + spread,
                RegressionPictures.Residuals(figures.Pairs, output, data.TargetNames[output], figures.Rows));
        }
    }

    private void DrawRankings(PreparedData data, RowFigures figures, ClassificationFigures details)
    {
        var which = details.Classes.Length == 2 ? $"For the class {ClassificationPictures.Name(data.Classes, 1)}."
            : RankingPictures.AreSome(details)
                ? $"Each class against all others; the {RankingPictures.MostCurves} that are told apart worst of {details.Classes.Length}."
            : "Each class against all others.";
        if (RankingPictures.Roc(figures, data.Classes) is { } roc)
        {
            Add(
                "roc",
                "At every threshold the share of a class's rows that is found, by the share of the other rows that is wrongly taken for it: the "
                    + "nearer to the upper left corner the better; on the dashed diagonal is chance. " + which,
                roc);
        }

        if (RankingPictures.PrecisionRecall(figures, data.Classes) is { } curves)
        {
            Add(
                "precision-recall",
                "Of the rows taken for a class the share that is right, by the share of its rows that is found: the nearer to the upper right corner "
                    + "the better. " + which
                    + (details.Classes.Length == 2 ? " The dashed line is chance." : ""),
                curves);
        }

        if (RankingPictures.Calibration(details, data.Classes, figures.Rows) is { } calibration)
        {
            Add(
                "calibration",
                $"Rows in {ClassificationScores.Bins} bins by the probability they were given; larger points have more rows. On the dashed diagonal "
                    + "what is given 80 % comes true in 80 "
                    + "of 100 cases; "
                    + (details.Classes.Length == 2 ? "below it the class is given too high a probability, above it too low a one."
                        : "below it the model is too sure."),
                calibration);
        }
    }

    private void DrawMistakes(PreparedData data, RowFigures figures, ImageShape shape)
    {
        var wrong = (long)Math.Round((1 - figures.Evaluation.Accuracy!.Value) * figures.Evaluation.Rows);
        if (figures.Mistakes.Count == 0)
        {
            Run.Note($"There are no misclassified images to show: all {NumberText.Whole(figures.Evaluation.Rows)} {figures.Rows} rows are predicted "
                + "right.");
            return;
        }

        Add(
            "misclassified",
            $"Of the {NumberText.Whole(wrong)} wrong among {NumberText.Whole(figures.Evaluation.Rows)} {figures.Rows} rows, "
                + $"the {figures.Mistakes.Count} the model was surest of: its output for the class it predicted is given in percent.",
            ClassificationPictures.Misclassified(figures.Mistakes, data.Classes, shape, figures.Rows),
            isWide: true);
    }

    private void Add(string name, string caption, Svg drawing, bool isWide = false) =>
        _pictures.Add(new Picture(_prefix + name, caption, drawing, isWide));
}
