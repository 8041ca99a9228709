using ClusterTrain.Cli.Output;
using ClusterTrain.Data.Models;
using ClusterTrain.Data.Rows;
using ClusterTrain.Learning.Files;
using ClusterTrain.Learning.Metrics;
using ClusterTrain.Learning.ModelFiles;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Numerics.Threading;
using ClusterTrain.Training.Validation;

namespace ClusterTrain.Cli.Commands;

/// <summary>Finds a model and computes its figures.</summary>
internal static class ModelScore
{
    // The figures on the training rows are to be had at once, also after an epoch of hours: so many rows tell them.
    private const int MostTrainingRows = 100_000;

    private const string FileName = "model.safetensors";

    /// <summary>
    /// The figures of a model on labelled rows; the number of threads does not change them. The mean absolute error has the unit of the target, as
    /// predictions have; loss and squared error are those of training.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="rows">Labelled rows.</param>
    /// <param name="threads">Threads to compute with.</param>
    /// <param name="threshold">Of two classes the second is predicted where its output is above this.</param>
    public static Evaluation Of(Model model, DataSet rows, int threads, double threshold = EvaluationSums.EvenThreshold) =>
        Of(model, rows, threads, long.MaxValue, evaluator => evaluator.EvaluateInDetail(model.Weights.Span, threshold));

    /// <summary>Loss and accuracy alone, or the errors of a regression; of very many rows on some that are evenly spread over all.</summary>
    public static Evaluation Quickly(Model model, DataSet rows, int threads) =>
        Of(model, rows, threads, MostTrainingRows, evaluator => evaluator.Evaluate(model.Weights.Span));

    private static Evaluation Of(Model model, DataSet rows, int threads, long mostRows, Func<Evaluator, Evaluation> evaluate)
    {
        using var pool = new ComputePool(threads, "evaluation");
        using var network = new Network(model.Layout, model.Recipe.Loss, KernelChoice.Active(), pool);
        var figures = evaluate(new Evaluator(network, rows, model.Recipe.Data.Task) { MostRows = mostRows });
        return figures with { MeanAbsoluteError = figures.MeanAbsoluteError / model.TargetScale };
    }

    /// <summary>Checks that a threshold means something for a model.</summary>
    /// <exception cref="UsageException">It does not.</exception>
    public static void CheckThreshold(Model model, double? threshold)
    {
        if (threshold is null)
        {
            return;
        }

        if (model.Classes.Length != 2)
        {
            throw new UsageException(
                $"--threshold chooses between two classes, and the model has "
                    + $"{(model.Classes.IsEmpty ? "none: it predicts numbers" : $"{model.Classes.Length}")}; leave it out.");
        }

        if (!ClassificationScores.AreProbabilities(model.Recipe.Layers[^1]))
        {
            throw new UsageException(
                "--threshold is a probability, but the model's outputs are not; train with a last layer of softmax, or of one sigmoid unit.");
        }
    }

    /// <summary>Reads the model a user names: a model file, or a run folder.</summary>
    /// <returns>The model, and the run folder it is in, if it is in one.</returns>
    /// <exception cref="UsageException">There is none.</exception>
    /// <exception cref="SafetensorsException">It is damaged.</exception>
    public static (Model Model, string? RunFolder) Read(string path)
    {
        if (!Directory.Exists(path))
        {
            var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
            RefuseOthers(path);
            return (Model.Read(path), File.Exists(Path.Combine(folder, "run.json")) ? folder : null);
        }

        var file = Path.Combine(path, FileName);
        return File.Exists(file) ? (Model.Read(file), path)
            : File.Exists(Path.Combine(path, "run.json"))
                ? throw new UsageException(
                    $"{path}: the run is not complete, so it has no {FileName} yet. Complete it with `clustertrain train --resume {path}`.")
                : throw new UsageException($"{path}: neither a run folder nor a model file.");
    }

    // Arguments in the wrong order, or a recipe in place of what it trains.
    private static void RefuseOthers(string path)
    {
        if (!File.Exists(path) || SpecialFile.IsAt(path))
        {
            return;
        }

        var start = new byte[FileKind.StartBytes];
        using (var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0))
        {
            start = start[..file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];
        }

        if (FileKind.IsSafetensors(start) || start.Length == 0)
        {
            return;
        }

        var kind = FileKind.Of(start)
            ?? (FileKind.IsRecipe(path, start) ? $"a recipe; train it first: clustertrain train {path}"
                : FileKind.IsText(start) ? "text, perhaps a file of rows; the model comes first, then the rows"
                : null);
        if (kind is not null)
        {
            throw new UsageException($"{path}: is {kind}. A model is the model.safetensors of a run, or the run's folder.");
        }
    }
}
