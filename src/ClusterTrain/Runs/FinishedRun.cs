using ClusterTrain.Data.Models;
using ClusterTrain.Learning.ModelFiles;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Optimisers;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Training.Checkpoints;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Runs;

/// <summary>A run folder as it lies on disk, read without taking hold of it; what is damaged is noted, not thrown.</summary>
internal sealed class FinishedRun
{
    private FinishedRun(string path, Recipe recipe)
    {
        Path = path;
        Recipe = recipe;
    }

    public string Path { get; }

    public Recipe Recipe { get; }

    public Receipt Receipt { get; private set; } = Receipt.Empty;

    public string? ReceiptProblem { get; private set; }

    public Model? Model { get; private set; }

    public string? ModelProblem { get; private set; }

    public IReadOnlyList<Checkpoint> Checkpoints { get; private set; } = [];

    /// <exception cref="RunFolderException">It is no run folder.</exception>
    public static FinishedRun Read(string path)
    {
        var recipeFile = System.IO.Path.Combine(path, "recipe.yaml");
        if (!File.Exists(System.IO.Path.Combine(path, "run.json")) || !File.Exists(recipeFile))
        {
            throw new RunFolderException(
                $"{path}: is not a run folder (run.json or recipe.yaml is missing). Name the folder that `clustertrain train` printed.");
        }

        var run = new FinishedRun(path, RecipeReader.Read(recipeFile, []));
        try
        {
            run.Receipt = Receipt.Read(System.IO.Path.Combine(path, "receipt.jsonl"));
        }
        catch (RunFolderException error)
        {
            run.ReceiptProblem = error.Message;
        }

        run.ReadModel();
        run.ReadCheckpoints();
        return run;
    }

    /// <summary>The newest whole state at or before a step: a checkpoint, or the start weights.</summary>
    public RunState StateBefore(long step, NetworkLayout layout)
    {
        var newest = Checkpoints.Select(checkpoint => checkpoint.State).OfType<RunState>()
            .Where(state => state.Step <= step && state.Weights.Length == layout.Parameters).MaxBy(state => state.Step);
        if (newest is not null)
        {
            return newest;
        }

        var weights = RunFolder.StartWeights(Path, Recipe, layout);
        return new RunState(0, 0, weights, new float[layout.Parameters * Optimiser.StatePlanes(Recipe.Optimiser, layout.Parameters)]);
    }

    private void ReadModel()
    {
        var file = System.IO.Path.Combine(Path, "model.safetensors");
        if (!File.Exists(file))
        {
            return;
        }

        try
        {
            Model = Model.Read(file);
        }
        catch (SafetensorsException error)
        {
            ModelProblem = error.Message;
        }
    }

    private void ReadCheckpoints()
    {
        var folder = System.IO.Path.Combine(Path, "checkpoints");
        if (!Directory.Exists(folder))
        {
            return;
        }

        var checkpoints = new List<Checkpoint>();
        foreach (var file in Directory.EnumerateFiles(folder, "step-*.safetensors").Order(StringComparer.Ordinal))
        {
            var name = $"checkpoints/{System.IO.Path.GetFileName(file)}";
            try
            {
                checkpoints.Add(new Checkpoint(name, CheckpointFile.Read(file, Recipe.Layers, Recipe.Optimiser, Recipe.Fingerprint()), null));
            }
            catch (TrainingException error)
            {
                checkpoints.Add(new Checkpoint(name, null, error.Message));
            }
        }

        Checkpoints = checkpoints;
    }

    /// <summary>A checkpoint: its state, or what is wrong with it.</summary>
    internal sealed record Checkpoint(string Name, RunState? State, string? Problem);
}
