using System.Collections.Immutable;
using System.Globalization;
using ClusterTrain.Learning.ModelFiles;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.Optimisers;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Training.Checkpoints;

/// <summary>
/// A checkpoint on disk: a safetensors file of the parameters and, as <c>optimiser.0</c> and so on, the optimiser's state.
/// Its metadata hold the position, whose run it is, and the SHA-256 of each tensor.
/// </summary>
public static class CheckpointFile
{
    private const string FormatName = "clustertrain-checkpoint-1";

    /// <summary>Writes a checkpoint, all or nothing.</summary>
    /// <param name="path">The file.</param>
    /// <param name="layout">The parameters' names and shapes.</param>
    /// <param name="recipe">Fingerprint of the recipe.</param>
    /// <param name="state">The state.</param>
    /// <exception cref="IOException">It could not be written; nothing of it is left.</exception>
    public static void Write(string path, NetworkLayout layout, string recipe, RunState state)
    {
        ArgumentNullException.ThrowIfNull(layout);
        ArgumentNullException.ThrowIfNull(state);
        var tensors = layout.Named(state.Weights);
        for (var plane = 0; plane * layout.Parameters < state.OptimiserState.Length; plane++)
        {
            tensors.Add(new NamedTensor(
                $"optimiser.{plane}", [layout.Parameters], state.OptimiserState.Slice(plane * layout.Parameters, layout.Parameters)));
        }

        var metadata = new Dictionary<string, string>
        {
            ["format"] = FormatName,
            ["recipe"] = recipe,
            ["step"] = state.Step.ToString(CultureInfo.InvariantCulture),
            ["epoch_loss"] = state.EpochLoss.ToString("R", CultureInfo.InvariantCulture),
        };
        foreach (var tensor in tensors)
        {
            metadata[HashKey(tensor.Name)] = WeightsHash.Of(tensor.Values.Span);
        }

        SafetensorsFile.Write(path, tensors, metadata);
    }

    /// <summary>Reads a checkpoint whose number of features is not known from elsewhere: it is that of its first weight.</summary>
    /// <param name="path">The file.</param>
    /// <param name="layers">The layers the run's recipe has.</param>
    /// <param name="optimiser">Its optimiser.</param>
    /// <param name="recipe">Fingerprint of the run's recipe.</param>
    /// <exception cref="TrainingException">It is damaged or of another run.</exception>
    public static RunState Read(string path, ImmutableArray<LayerRecipe> layers, OptimiserRecipe optimiser, string recipe)
    {
        var file = Open(path);
        var first = file.Tensors.FirstOrDefault(tensor => tensor.Name == "layers.0.weight" && tensor.Shape.Length == 2)
            ?? throw new TrainingException($"{path}: tensor 'layers.0.weight' is missing. Delete the file.");
        var layout = new NetworkLayout(first.Shape[0], layers);
        return Read(file, path, layout, Optimiser.StatePlanes(optimiser, layout.Parameters), recipe);
    }

    /// <summary>Reads a checkpoint and checks it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="layout">The parameters the run has.</param>
    /// <param name="stateCount">Planes of state its optimiser has.</param>
    /// <param name="recipe">Fingerprint of the run's recipe.</param>
    /// <exception cref="TrainingException">It is damaged or of another run.</exception>
    public static RunState Read(string path, NetworkLayout layout, int stateCount, string recipe)
    {
        ArgumentNullException.ThrowIfNull(layout);
        return Read(Open(path), path, layout, stateCount, recipe);
    }

    private static SafetensorsFile Open(string path)
    {
        try
        {
            return SafetensorsFile.Read(path);
        }
        catch (SafetensorsException error)
        {
            throw new TrainingException(error.Message, error);
        }
    }

    private static RunState Read(SafetensorsFile file, string path, NetworkLayout layout, int stateCount, string recipe)
    {
        if (Text(file, path, "format") != FormatName)
        {
            throw new TrainingException($"{path}: is not a checkpoint (its format is '{Text(file, path, "format")}', not '{FormatName}').");
        }

        if (Text(file, path, "recipe") != recipe)
        {
            throw new TrainingException(
                $"{path}: belongs to another recipe (fingerprint {Text(file, path, "recipe")}, the run's is {recipe}). Resume with the recipe it was "
                    + "made with.");
        }

        foreach (var tensor in file.Tensors)
        {
            var (stated, found) = (Text(file, path, HashKey(tensor.Name)), WeightsHash.Of(tensor.Values.Span));
            if (stated != found)
            {
                throw new TrainingException(
                    $"{path}: is damaged: the SHA-256 of tensor '{tensor.Name}' is stated as {stated}, but its content has {found}. Delete the file; "
                        + "an earlier checkpoint is used.");
            }
        }

        var weights = Flatten(file, path, layout);
        var state = new float[layout.Parameters * stateCount];
        for (var plane = 0; plane < stateCount; plane++)
        {
            var tensor = file.Tensors.FirstOrDefault(tensor => tensor.Name == $"optimiser.{plane}");
            if (tensor is null || tensor.Values.Length != layout.Parameters)
            {
                throw new TrainingException($"{path}: the optimiser's state optimiser.{plane} of {layout.Parameters} numbers is missing.");
            }

            tensor.Values.CopyTo(state.AsMemory(plane * layout.Parameters));
        }

        if (!long.TryParse(Text(file, path, "step"), CultureInfo.InvariantCulture, out var step) || step < 0
            || !double.TryParse(Text(file, path, "epoch_loss"), CultureInfo.InvariantCulture, out var loss))
        {
            throw new TrainingException($"{path}: its position (step '{Text(file, path, "step")}') is not a number.");
        }

        return new RunState(step, loss, weights, state);
    }

    private static float[] Flatten(SafetensorsFile file, string path, NetworkLayout layout)
    {
        try
        {
            return layout.Flatten(file.Tensors, path);
        }
        catch (SafetensorsException error)
        {
            throw new TrainingException(error.Message, error);
        }
    }

    private static string HashKey(string tensor) => $"sha256.{tensor}";

    private static string Text(SafetensorsFile file, string path, string key) =>
        file.Metadata.TryGetValue(key, out var text) ? text
            : throw new TrainingException($"{path}: is not a checkpoint: '{key}' is missing in its metadata.");
}
