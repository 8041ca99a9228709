using ClusterTrain.Learning;
using ClusterTrain.Numerics;
using ClusterTrain.Training;

namespace ClusterTrain.Cli;

/// <summary>Finds a model and computes its figures.</summary>
internal static class ModelScore
{
    private const string FileName = "model.safetensors";

    /// <summary>
    /// The figures of a model on labelled rows; the number of threads does not change them. The mean absolute error has the unit of the target, as
    /// predictions have; loss and squared error are those of training.
    /// </summary>
    public static Evaluation Of(Model model, DataSet rows, int threads)
    {
        using var pool = new ComputePool(threads, "evaluation");
        using var network = new Network(model.Layout, model.Recipe.Loss, KernelChoice.Active(), pool);
        var figures = new Evaluator(network, rows, model.Recipe.Data.Task).Evaluate(model.Weights.Span);
        return figures with { MeanAbsoluteError = figures.MeanAbsoluteError / model.TargetScale };
    }

    /// <summary>The error of a row that the model has no prediction for.</summary>
    public static DataException Undefined(DataSet rows, long row) => new(
        $"{rows.Place(row)}: the outputs of the model are not numbers: features of this row are far beyond those it was trained on. Correct the row, or "
        + "leave it out.");

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
            return;
        var start = new byte[FileKind.StartBytes];
        using (var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0))
            start = start[..file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];
        if (FileKind.IsSafetensors(start) || start.Length == 0)
            return;
        var kind = FileKind.Of(start)
            ?? (FileKind.IsRecipe(path, start) ? $"a recipe; train it first: clustertrain train {path}"
                : FileKind.IsText(start) ? "text, perhaps a file of rows; the model comes first, then the rows"
                : null);
        if (kind is not null)
            throw new UsageException($"{path}: is {kind}. A model is the model.safetensors of a run, or the run's folder.");
    }
}
