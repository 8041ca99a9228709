using ClusterTrain.Learning;

namespace ClusterTrain.Hosting;

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

    /// <summary>The run's data; null when they are not at hand.</summary>
    public PreparedData? Data { get; private set; }

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
            chapter.Draw(model, cancellation);
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
                "The weight of every pixel for each unit of the first layer: orange pixels excite the unit, blue ones inhibit it. Smooth shapes are learned; noise is what the start values left.",
                FirstLayerPicture.Draw(model, shape),
                isWide: true);
        }
    }

    private PreparedData? Prepare(Func<string?, DataLocations> locations, CancellationToken cancellation)
    {
        const string Missing = "so the pictures that need rows are missing (confusion matrix, mistakes, decision boundary, predicted against true)";
        try
        {
            var data = DataPreparation.Prepare(Run.Recipe, locations(Run.RecipeFolder).WithPrepared(Run.Prepared), null, cancellation);
            if (Run.Identity is not { } identity || identity.Data == data.Fingerprint)
                return data;
            Run.Note($"The data found now are not those of the run (fingerprint {data.Fingerprint}, the run's is {identity.Data}), {Missing}.");
        }
        catch (DataException error)
        {
            Run.Note($"The run's data are not at hand, {Missing}: {error.Message}");
        }

        return null;
    }

    private Model? Model()
    {
        if (Run.Model is { } model)
            return model;
        if (Run.Checkpoint is not { } state)
        {
            Run.Note("The run has left no model and no checkpoint, so there are no pictures of what it predicts.");
            return null;
        }

        if (Data is null)
            return null;
        Run.Note($"The run has no result yet: the pictures and figures of predictions are those of its checkpoint at step {NumberText.Whole(state.Step)}.");
        return new Model(Run.Recipe, new NetworkLayout(Data.Train.Features, Run.Recipe.Layers), state.Weights, Data);
    }

    private void DrawRows(Model model, PreparedData data, RowFigures figures)
    {
        if (figures.Evaluation.Confusion is { } confusion && confusion.GetLength(0) <= ClassificationPictures.MostClasses)
        {
            Add(
                "confusion",
                "Each line is a true class, each column what was predicted: right ones on the diagonal in blue, mistakes beside it in orange, stronger the larger their share of the line.",
                ClassificationPictures.Confusion(confusion, data.Classes, figures.Rows));
        }
        else if (figures.Evaluation.Confusion is not null)
        {
            Run.Note($"The confusion matrix is left out: it has more than {ClassificationPictures.MostClasses} classes.");
        }

        if (data.Task == TaskKind.Classification && model.Shape is { } shape)
            DrawMistakes(data, figures, shape);
        if (BoundaryPicture.Fits(model.Encoding))
        {
            Add(
                "boundary",
                data.Task == TaskKind.Classification
                    ? "What the model predicts for every pair of inputs: the colour is the class, stronger where it is surer, the line the boundary between classes. Points are the training rows."
                    : "What the model predicts for every pair of inputs, stronger where it is larger, with lines of equal prediction. Points are the training rows.",
                BoundaryPicture.Draw(model, data));
        }

        for (var output = 0; data.Task == TaskKind.Regression && output < Math.Min(MostOutputs, data.Train.Outputs); output++)
        {
            Add(
                data.Train.Outputs == 1 ? "predicted" : $"predicted-{output + 1}",
                "Each point is a row; on the dashed diagonal its prediction is exactly right."
                    + (figures.Pairs.Count < figures.Evaluation.Rows ? $" {NumberText.Whole(figures.Pairs.Count)} rows, evenly spread over all {NumberText.Whole(figures.Evaluation.Rows)}." : ""),
                RegressionPictures.PredictedAgainstTrue(figures.Pairs, output, data.TargetNames[output], figures.Rows));
        }
    }

    private void DrawMistakes(PreparedData data, RowFigures figures, ImageShape shape)
    {
        var wrong = (long)Math.Round((1 - figures.Evaluation.Accuracy!.Value) * figures.Evaluation.Rows);
        if (figures.Mistakes.Count == 0)
        {
            Run.Note($"There are no misclassified images to show: all {NumberText.Whole(figures.Evaluation.Rows)} {figures.Rows} rows are predicted right.");
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
