using System.Reflection;
using ClusterTrain.Cli.Output;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Models;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Data.Prepared;
using ClusterTrain.Learning.ModelFiles;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Runs;

namespace ClusterTrain.Cli.Commands;

/// <summary>Where a run's recipe comes from.</summary>
/// <param name="Recipe">The resolved recipe.</param>
/// <param name="RecipeFolder">Folder of the recipe's file, in full; null when it is built in.</param>
/// <param name="Prepared">The file of prepared rows to read, in full; null: the recipe's own source.</param>
internal sealed record RunSource(Recipe Recipe, string? RecipeFolder, string? Prepared = null)
{
    private const string BuiltIn = "digits.yaml";

    /// <summary>A recipe file, or the one that is built in.</summary>
    /// <param name="path">The file; null: built in.</param>
    /// <param name="overrides">Texts <c>path=value</c>.</param>
    /// <exception cref="RecipeException">The recipe cannot be used.</exception>
    public static RunSource OfRecipe(string? path, IReadOnlyList<string> overrides)
    {
        if (path is not null)
        {
            return new RunSource(RecipeReader.Read(path, overrides, StartWeights.Hash), Path.GetDirectoryName(Path.GetFullPath(path)));
        }

        using var resource = Assembly.GetExecutingAssembly().GetManifestResourceStream(BuiltIn)
            ?? throw new InvalidOperationException($"The resource {BuiltIn} is missing from the program.");
        using var text = new StreamReader(resource);
        return new RunSource(RecipeReader.Parse(text.ReadToEnd(), BuiltIn, overrides), null);
    }

    /// <summary>The recipe of a run that is resumed.</summary>
    /// <param name="folder">The run folder.</param>
    /// <exception cref="RunFolderException">It is none, or its recipe was changed since.</exception>
    public static RunSource OfFolder(string folder)
    {
        RefuseOther(folder);
        var identity = RunIdentity.Read(Path.Combine(folder, "run.json"));
        var path = Path.Combine(folder, "recipe.yaml");
        var recipe = RecipeReader.Read(path, []);
        return recipe.Fingerprint() == identity.Recipe
            ? new RunSource(recipe, identity.RecipeFolder, identity.Prepared)
            : throw new RunFolderException(
                $"{path}: was changed since the run began (fingerprint {identity.Recipe}, now {recipe.Fingerprint()}). "
                + "Undo the change, or start a new run with it.");
    }

    /// <summary>The same, with the rows read from a file of prepared ones.</summary>
    /// <param name="file">The file; null: as it was.</param>
    public RunSource ReadFrom(string? file) => file is null ? this : this with { Prepared = Path.GetFullPath(file) };

    /// <summary>The rows; what is downloaded for them is told on the error stream.</summary>
    /// <param name="dataFolder">The value of <c>--data</c>; null: not given.</param>
    /// <param name="surroundings">Where the command runs.</param>
    /// <exception cref="DataException">The data is missing or wrong.</exception>
    public PreparedData Prepare(string? dataFolder, Surroundings surroundings)
    {
        using var progress = new DataProgressLine(surroundings);
        return DataPreparation.Prepare(
            Recipe, Locations.Of(RecipeFolder, dataFolder, surroundings).WithPrepared(Prepared), progress, surroundings.Interruption.Token);
    }

    /// <summary>The model of a run that is complete; null when it is not.</summary>
    /// <param name="folder">The run folder.</param>
    /// <exception cref="RunFolderException">It is none.</exception>
    /// <exception cref="SafetensorsException">The model is damaged.</exception>
    public static Model? ResultOf(string folder)
    {
        RefuseOther(folder);
        var path = Path.Combine(folder, "model.safetensors");
        return File.Exists(path) ? Model.Read(path) : null;
    }

    private static void RefuseOther(string folder)
    {
        if (!File.Exists(Path.Combine(folder, "run.json")))
        {
            throw new RunFolderException(
                $"{folder}: is not a run folder (run.json is missing). Name the folder that `clustertrain train` printed.");
        }
    }
}
