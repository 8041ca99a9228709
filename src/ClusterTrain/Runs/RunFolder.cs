using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Models;
using ClusterTrain.Learning.Files;
using ClusterTrain.Learning.Metrics;
using ClusterTrain.Learning.ModelFiles;
using ClusterTrain.Learning.Networks;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Training.Checkpoints;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Runs;

/// <summary>
/// The files of one run: <c>recipe.yaml</c> (resolved), <c>run.json</c> (identity and term), <c>receipt.jsonl</c>, <c>epochs.csv</c>,
/// <c>log.jsonl</c>, <c>checkpoints/</c>, <c>model.safetensors</c>, <c>test.json</c>; <c>start.safetensors</c> where the recipe names such a file.
/// One coordinator at a time holds it.
/// </summary>
public sealed class RunFolder : IDisposable
{
    private const int KeptCheckpoints = 2;

    private readonly FileStream _lock;
    private long _renewals;

    private RunFolder(string path, FileStream heldLock, RunIdentity identity)
    {
        Path = path;
        _lock = heldLock;
        Identity = identity;
    }

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>What run it is, and the term of its present coordinator.</summary>
    public RunIdentity Identity { get; private set; }

    /// <summary>The resolved recipe.</summary>
    public string RecipePath => File("recipe.yaml");

    /// <summary>The receipt: one object per epoch.</summary>
    public string ReceiptPath => File("receipt.jsonl");

    /// <summary>Figures per epoch, with times.</summary>
    public string EpochsPath => File("epochs.csv");

    /// <summary>What happened, one object per event.</summary>
    public string LogPath => File("log.jsonl");

    /// <summary>The result.</summary>
    public string ModelPath => File("model.safetensors");

    private string CheckpointFolder => File("checkpoints");

    private string BestPath => System.IO.Path.Combine(CheckpointFolder, "best.safetensors");

    /// <summary>Creates the folder of a new run.</summary>
    /// <param name="path">The folder; it must not exist or be empty.</param>
    /// <param name="recipe">The resolved recipe.</param>
    /// <param name="recipeFolder">The folder of the recipe's file, in full; null when it is no file.</param>
    /// <param name="prepared">The file of prepared rows that the run reads, in full; null: the recipe's own source.</param>
    /// <exception cref="RunFolderException">It holds something already, is in use, or cannot be written.</exception>
    /// <exception cref="DataException">The recipe's start file is missing or is not the one meant.</exception>
    public static RunFolder Create(string path, Recipe recipe, string? recipeFolder = null, string? prepared = null)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        var startFile = recipe.Start is { } start ? FindStart(start, recipeFolder) : null;
        FileStream? heldLock = null;
        try
        {
            Directory.CreateDirectory(path);
            if (!IsUnused(path))
            {
                throw new RunFolderException(
                    $"{path}: the run folder is not empty. Name another one with --out, or resume the run in it: --resume {path}");
            }

            // The lock is never deleted: two processes could hold the locks of two files that had the same name.
            heldLock = Lock(path);
            if (!IsUnused(path))
            {
                // As when the lock is held: a node that waits for the folder resumes that run.
                throw new IOException("another process has begun a run in it. Name another one with --out.");
            }

            Directory.CreateDirectory(System.IO.Path.Combine(path, "checkpoints"));
            var identity = new RunIdentity(recipe.Fingerprint(), null, 1, recipeFolder, prepared);
            var folder = new RunFolder(path, heldLock, identity);
            AtomicFile.Write(folder.RecipePath, stream => stream.Write(Encoding.UTF8.GetBytes(RecipeWriter.Write(recipe))));
            if (startFile is not null)
            {
                System.IO.File.Copy(startFile, StartPath(path), overwrite: true);
            }

            identity.Write(folder.File("run.json"));
            return folder;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            heldLock?.Dispose();
            throw new RunFolderException($"{path}: cannot create the run folder: {error.Message}", error);
        }
    }

    // The recipe of another run is trained again with the copy that its folder holds.
    private static string FindStart(StartRecipe start, string? recipeFolder)
    {
        var isRun = recipeFolder is not null && System.IO.File.Exists(System.IO.Path.Combine(recipeFolder, "run.json"));
        return isRun && System.IO.File.Exists(StartPath(recipeFolder!))
            ? Data.Models.StartWeights.Find(start with { File = System.IO.Path.GetFullPath(StartPath(recipeFolder!)) },
                DataLocations.FromEnvironment(null))
            : Data.Models.StartWeights.Find(start, DataLocations.FromEnvironment(recipeFolder));
    }

    /// <summary>The weights a run begins with; a run folder holds a copy of the recipe's start file, so that it needs no other.</summary>
    /// <param name="path">The run folder.</param>
    /// <param name="recipe">Its recipe.</param>
    /// <param name="layout">The parameters.</param>
    /// <returns>(parameters).</returns>
    /// <exception cref="RunFolderException">The copy is damaged or of another network.</exception>
    public static float[] StartWeights(string path, Recipe recipe, NetworkLayout layout)
    {
        try
        {
            return Data.Models.StartWeights.Of(recipe, layout, StartPath(path));
        }
        catch (Exception error) when (error is DataException or SafetensorsException)
        {
            throw new RunFolderException(error.Message, error);
        }
    }

    /// <summary>Opens the folder of a run to resume it, in a new term.</summary>
    /// <param name="path">The folder.</param>
    /// <exception cref="RunFolderException">It is not a run's, or in use.</exception>
    public static RunFolder Open(string path)
    {
        if (!System.IO.File.Exists(System.IO.Path.Combine(path, "run.json")))
        {
            throw new RunFolderException($"{path}: is not a run folder (run.json is missing). Name the folder that `clustertrain train` printed.");
        }

        var heldLock = Lock(path);
        try
        {
            var file = System.IO.Path.Combine(path, "run.json");
            var identity = RunIdentity.Read(file);
            identity = identity with { Term = identity.Term + 1 };
            identity.Write(file);
            RemoveTemporaries(path);
            return new RunFolder(path, heldLock, identity);
        }
        catch
        {
            heldLock.Dispose();
            throw;
        }
    }

    /// <summary>What the coordinator that holds a folder renews while it is well; null: nothing yet.</summary>
    /// <param name="path">The folder.</param>
    public static string? ReadClaim(string path)
    {
        try
        {
            return System.IO.File.ReadAllText(System.IO.Path.Combine(path, "claim"));
        }
        catch (IOException)
        {
            // It has not been written yet, or is being replaced.
            return null;
        }
    }

    /// <summary>
    /// Opens the folder of a run whose coordinator hangs, in a new term. The hung one keeps the lock of a file that has no name any more, and its
    /// open records lead nowhere; when it wakes it finds the new term before it writes anything by name.
    /// </summary>
    /// <param name="path">The folder; its claim was not renewed for long.</param>
    /// <exception cref="RunFolderException">It is not a run's, or another process took it over.</exception>
    public static RunFolder TakeOver(string path)
    {
        System.IO.File.Delete(System.IO.Path.Combine(path, "lock"));
        var folder = Open(path);
        try
        {
            // The receipt is written again by whoever resumes the run; these are only added to.
            foreach (var file in new[] { folder.EpochsPath, folder.LogPath }.Concat(TensorBoardFiles(path)).Where(System.IO.File.Exists).ToList())
            {
                AtomicFile.Write(file, stream => Copy(file, stream));
            }

            return folder;
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    /// <summary>Says that the coordinator is well, and finds out whether the folder is still its own.</summary>
    /// <returns>False: another coordinator took it over.</returns>
    public bool RenewClaim()
    {
        if (!IsOwn())
        {
            return false;
        }

        try
        {
            System.IO.File.WriteAllText(File("claim"),
                string.Create(CultureInfo.InvariantCulture, $"term {Identity.Term}, renewal {++_renewals:D12}\n"));
        }
        catch (IOException)
        {
            // A full disk: at worst another coordinator takes over, from a folder that holds all it needs.
        }

        return true;
    }

    /// <summary>Remembers which data the run trains on, or checks that it is still the same.</summary>
    /// <param name="fingerprint">Fingerprint of the prepared data.</param>
    /// <exception cref="RunFolderException">The run was begun with other data.</exception>
    public void HoldTo(string fingerprint)
    {
        CheckIsOwn();
        if (Identity.Data is null)
        {
            Identity = Identity with { Data = fingerprint };
            Identity.Write(File("run.json"));
        }
        else if (Identity.Data != fingerprint)
        {
            throw new RunFolderException(
                $"{Path}: the run was begun with other data (fingerprint {Identity.Data}; the data found now has {fingerprint}). Restore the former "
                    + "data, or start a new run.");
        }
    }

    /// <summary>The newest checkpoint that is whole; null when there is none.</summary>
    /// <param name="layout">The run's parameters.</param>
    /// <param name="stateCount">Planes of state its optimiser has.</param>
    /// <param name="passedOver">Told why, of each that was damaged or is refused.</param>
    /// <param name="refusal">Why the run cannot continue from a state; null: it can. Null: from every one.</param>
    public RunState? ReadCheckpoint(NetworkLayout layout, int stateCount, Action<string> passedOver, Func<RunState, string?>? refusal = null)
    {
        foreach (var path in Checkpoints().Reverse())
        {
            try
            {
                var state = CheckpointFile.Read(path, layout, stateCount, Identity.Recipe);
                if (refusal?.Invoke(state) is not { } reason)
                {
                    return state;
                }

                passedOver($"{path}: {reason}");
            }
            catch (TrainingException error)
            {
                passedOver(error.Message);
            }
        }

        return null;
    }

    /// <summary>Writes a checkpoint and removes the oldest ones.</summary>
    public void WriteCheckpoint(NetworkLayout layout, RunState state)
    {
        CheckIsOwn();
        var name = string.Create(CultureInfo.InvariantCulture, $"step-{state.Step:D12}.safetensors");
        CheckpointFile.Write(System.IO.Path.Combine(CheckpointFolder, name), layout, Identity.Recipe, state);
        foreach (var old in Checkpoints().SkipLast(KeptCheckpoints))
        {
            System.IO.File.Delete(old);
        }
    }

    /// <summary>Keeps the best epoch's weights.</summary>
    public void WriteBest(NetworkLayout layout, int epoch, ReadOnlyMemory<float> weights)
    {
        CheckIsOwn();
        SafetensorsFile.Write(BestPath, layout.Named(weights), new Dictionary<string, string>
        {
            ["epoch"] = epoch.ToString(CultureInfo.InvariantCulture),
            ["weights_sha256"] = WeightsHash.Of(weights.Span),
        });
    }

    /// <summary>Writes the result.</summary>
    /// <param name="model">The model.</param>
    public void WriteModel(Model model)
    {
        ArgumentNullException.ThrowIfNull(model);
        CheckIsOwn();
        model.Write(ModelPath);
    }

    /// <summary>The best epoch's weights; null when none were kept.</summary>
    /// <exception cref="RunFolderException">The file is damaged.</exception>
    public BestWeights? ReadBest(NetworkLayout layout)
    {
        if (!System.IO.File.Exists(BestPath))
        {
            return null;
        }

        try
        {
            var file = SafetensorsFile.Read(BestPath);
            var weights = layout.Flatten(file.Tensors, BestPath);
            return file.Metadata.GetValueOrDefault("weights_sha256") == WeightsHash.Of(weights)
                && int.TryParse(file.Metadata.GetValueOrDefault("epoch"), CultureInfo.InvariantCulture, out var epoch)
                ? new BestWeights(epoch, weights)
                : throw new RunFolderException($"{BestPath}: is damaged; its content does not match its SHA-256.");
        }
        catch (SafetensorsException error)
        {
            throw new RunFolderException(error.Message, error);
        }
    }

    /// <summary>Writes figures of the result: on the test rows to <c>test.json</c>, on the training rows to <c>training.json</c>.</summary>
    /// <param name="rows">Which rows, <c>test</c> or <c>training</c>.</param>
    /// <param name="figures">The figures.</param>
    /// <param name="classes">Names of the classes; empty for a regression.</param>
    /// <param name="weightsSha256">SHA-256 of the weights they are of.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void WriteFigures(string rows, Evaluation figures, ImmutableArray<string> classes, string weightsSha256) =>
        AtomicFile.Write(File($"{rows}.json"), stream =>
    {
        using var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        EvaluationJson.WriteAll(json, figures, classes);
        json.WriteString("weightsSha256", weightsSha256);
        json.WriteEndObject();
    });

    /// <summary>Lets the folder go.</summary>
    public void Dispose() => _lock.Dispose();

    private bool IsOwn() => RunIdentity.Read(File("run.json")).Term == Identity.Term;

    private void CheckIsOwn()
    {
        if (!IsOwn())
        {
            throw new RunFolderException(
                $"{Path}: another coordinator took the run over; this one, of term {Identity.Term}, no longer writes anything.");
        }
    }

    private static void Copy(string path, Stream target)
    {
        using var source = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        source.CopyTo(target);
    }

    private static IEnumerable<string> TensorBoardFiles(string path) =>
        Directory.EnumerateFiles(path, "events.out.tfevents.*", SearchOption.AllDirectories);

    /// <summary>True when it is empty, or was left by a process that died while it created a run in it: run.json is written last.</summary>
    private static bool IsUnused(string path) =>
        !System.IO.File.Exists(System.IO.Path.Combine(path, "run.json"))
        && Directory.EnumerateFileSystemEntries(path).All(entry =>
            IsTemporary(entry)
            || System.IO.Path.GetFileName(entry) is "lock" or "recipe.yaml" or "start.safetensors"
            || (System.IO.Path.GetFileName(entry) == "checkpoints" && !Directory.EnumerateFileSystemEntries(entry).Any()));

    /// <summary>Removes what a process that was killed had half written; nobody else writes here while the lock is held.</summary>
    private static void RemoveTemporaries(string path)
    {
        foreach (var file in Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories).Where(IsTemporary).ToList())
        {
            System.IO.File.Delete(file);
        }
    }

    private static bool IsTemporary(string file) =>
        System.IO.Path.GetFileName(file) is ['.', ..] name && name.EndsWith(".tmp", StringComparison.Ordinal);

    private static string StartPath(string path) => System.IO.Path.Combine(path, "start.safetensors");

    private static FileStream Lock(string path)
    {
        try
        {
            return new FileStream(
                System.IO.Path.Combine(path, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1);
        }
        catch (UnauthorizedAccessException error)
        {
            throw new RunFolderException($"{path}: the run folder may not be written to. Change its permissions, or work with a copy of it.", error);
        }
        catch (IOException error) when (IsHeld(error))
        {
            throw new RunFolderException($"{path}: another process is working in this run folder. Wait for it, or stop it first.", error);
        }
        catch (IOException error)
        {
            throw new RunFolderException(
                $"{path}: the run folder cannot be locked: {error.Message.TrimEnd('.')}. Make it writable, with space on its disk, or work with a "
                    + "copy of it.",
                error);
        }
    }

    // .NET tells a file that another process holds by the number of the system's error alone: EWOULDBLOCK, or a sharing violation.
    private static bool IsHeld(IOException error) => error.HResult ==
        (OperatingSystem.IsWindows() ? unchecked((int)0x80070020) : OperatingSystem.IsLinux() ? 11 : 35);

    private string File(string name) => System.IO.Path.Combine(Path, name);

    private IEnumerable<string> Checkpoints() => Directory.Exists(CheckpointFolder)
        ? Directory.EnumerateFiles(CheckpointFolder, "step-*.safetensors").Order(StringComparer.Ordinal)
        : [];
}
