using ClusterTrain.Data.Features;
using ClusterTrain.Data.Models;
using ClusterTrain.Data.Prepared;
using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.Metrics;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Numerics.KernelSets;
using ClusterTrain.Numerics.Threading;
using ClusterTrain.Training.Validation;

namespace ClusterTrain.Reports.Content;

/// <summary>A row whose class was predicted wrongly.</summary>
/// <param name="Row">Its index.</param>
/// <param name="Truth">Its class.</param>
/// <param name="Predicted">The class predicted.</param>
/// <param name="Confidence">The output of the predicted class.</param>
/// <param name="Features">Its features as they were before scaling.</param>
internal sealed record Mistake(long Row, int Truth, int Predicted, double Confidence, float[] Features);

/// <summary>What a model predicts for rows whose targets are known.</summary>
internal sealed class RowFigures
{
    /// <summary>Most mistakes that are kept: the most confident ones.</summary>
    public const int MostMistakes = 24;

    // Most rows whose predictions are kept, evenly spread: more points cannot be told apart on a picture.
    private const int MostPairs = 3000;

    private const int ChunkRows = 512;

    private const int MostTrainingRows = 100_000;

    private readonly PriorityQueue<Mistake, double> _mistakes = new();
    private readonly List<(float[] Truth, float[] Predicted)> _pairs = [];

    private RowFigures(string rows) => Rows = rows;

    /// <summary>Which rows: test, validation or training.</summary>
    public string Rows { get; }

    /// <summary>Loss and metrics over all of them.</summary>
    public Evaluation Evaluation { get; private set; } = new() { Rows = 0, Loss = 0 };

    /// <summary>Classification: the outputs for all of them; null for a regression.</summary>
    public ClassificationScores? Scores { get; private set; }

    /// <summary>The most confident mistakes, the most confident first.</summary>
    public IReadOnlyList<Mistake> Mistakes { get; private set; } = [];

    /// <summary>The same on the training rows, or of very many on some, where it is not they that are shown; without details.</summary>
    public Evaluation? Training { get; private set; }

    /// <summary>Regression: targets and predictions of rows evenly spread over all that have finite ones, in the unit of the source.</summary>
    public IReadOnlyList<(float[] Truth, float[] Predicted)> Pairs => _pairs;

    /// <summary>Predicts the test rows; where there are none the validation rows, and else the training rows.</summary>
    /// <param name="model">The model.</param>
    /// <param name="data">The data it was trained on.</param>
    /// <param name="cancellation">Ends the work early.</param>
    public static RowFigures Of(Model model, PreparedData data, CancellationToken cancellation)
    {
        var (rows, name) = data switch
        {
            { Test: { } test } => (test, "test"),
            { Validation: { } validation } => (validation, "validation"),
            _ => (data.Train, "training"),
        };
        var figures = new RowFigures(name);
        figures.Predict(model, data, rows, cancellation);
        return figures;
    }

    /// <summary>Features as they were before scaling.</summary>
    public static float[] Raw(FeatureScaling scaling, ReadOnlySpan<float> prepared)
    {
        var raw = new float[prepared.Length];
        for (var i = 0; i < raw.Length; i++)
        {
            var of = scaling.IsUniform ? 0 : i;
            raw[i] = scaling.Factors[of] == 0 ? 0 : (prepared[i] - scaling.Shifts[of]) / scaling.Factors[of];
            if (scaling.HasOrigins)
            {
                raw[i] = (float)(raw[i] + scaling.Origins[i]);
            }
        }

        return raw;
    }

    private void Predict(Model model, PreparedData data, DataSet rows, CancellationToken cancellation)
    {
        var task = data.Task;
        using var pool = new ComputePool(1, "report");
        using var network = new Network(model.Layout, model.Recipe.Loss, Kernels.Active, pool);
        if (rows != data.Train)
        {
            Training = new Evaluator(network, data.Train, task) { MostRows = MostTrainingRows }.Evaluate(model.Weights.Span);
        }

        Scores = task == TaskKind.Classification ? new ClassificationScores(model.Recipe.Layers[^1]) : null;
        var sums = new EvaluationSums(task, rows.Outputs, Scores) { ZeroTargets = rows.ZeroTargets };
        var most = (int)Math.Min(ChunkRows, rows.Rows);
        var (features, targets) = (new float[most * rows.Features], new float[most * rows.Outputs]);
        var (outputs, rowLoss) = (new float[most * rows.Outputs], new float[most]);
        var every = Math.Max(1, rows.Rows / MostPairs);
        for (var start = 0L; start < rows.Rows; start += most)
        {
            cancellation.ThrowIfCancellationRequested();
            var count = (int)Math.Min(most, rows.Rows - start);
            var x = features.AsSpan(0, count * rows.Features);
            var t = targets.AsSpan(0, count * rows.Outputs);
            var y = outputs.AsSpan(0, count * rows.Outputs);
            rows.Gather(start, count, x, t);
            network.Evaluate(model.Weights.Span, x, t, count, y, rowLoss.AsSpan(0, count));
            sums.Add(y, t, rowLoss.AsSpan(0, count));
            for (var row = 0; row < count; row++)
            {
                var truth = t.Slice(row * rows.Outputs, rows.Outputs);
                var output = y.Slice(row * rows.Outputs, rows.Outputs);
                if (EvaluationSums.IsUndefined(output))
                {
                    continue;
                }

                if (task == TaskKind.Classification)
                {
                    AddMistake(model, start + row, truth, output, x.Slice(row * rows.Features, rows.Features));
                }
                else if ((start + row) % every == 0 && InUnit(output, model) is var predicted
                    && Array.TrueForAll(predicted, float.IsFinite))
                {
                    _pairs.Add((InUnit(truth, model), predicted));
                }
            }
        }

        Evaluation = sums.Result();
        if (Evaluation.Details is null)
        {
            Scores = null;
        }

        Evaluation = Evaluation with { MeanAbsoluteError = Evaluation.MeanAbsoluteError / model.TargetScale };
        var mistakes = new List<Mistake>();
        while (_mistakes.TryDequeue(out var mistake, out _))
        {
            mistakes.Add(mistake);
        }

        mistakes.Reverse();
        Mistakes = mistakes;
    }

    private static float[] InUnit(ReadOnlySpan<float> values, Model model)
    {
        var found = new float[values.Length];
        for (var i = 0; i < found.Length; i++)
        {
            found[i] = model.InUnit(values[i], i);
        }

        return found;
    }

    private void AddMistake(Model model, long row, ReadOnlySpan<float> target, ReadOnlySpan<float> output, ReadOnlySpan<float> features)
    {
        var (truth, predicted) = (EvaluationSums.ClassOf(target), EvaluationSums.ClassOf(output));
        if (truth == predicted)
        {
            return;
        }

        var confidence = output.Length > 1 ? output[predicted] : predicted == 1 ? output[0] : 1 - output[0];
        if (_mistakes.Count == MostMistakes && _mistakes.TryPeek(out _, out var least) && confidence <= least)
        {
            return;
        }

        _mistakes.Enqueue(new Mistake(row, truth, predicted, confidence, Raw(model.Scaling, features)), confidence);
        if (_mistakes.Count > MostMistakes)
        {
            _mistakes.Dequeue();
        }
    }
}
