using System.CommandLine;
using System.Runtime.InteropServices;
using ClusterTrain.Cli.Output;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Models;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Data.Prepared;
using ClusterTrain.InProcess;
using ClusterTrain.Learning.Checks;
using ClusterTrain.Learning.ModelFiles;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;
using ClusterTrain.Runs;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Plan;

namespace ClusterTrain.Cli.Commands;

/// <summary>
/// <c>clustertrain bench hashes</c>: the weights that recipes come to, to compare with those of another machine.
/// </summary>
internal static class BenchHashesCommand
{
    private const string Configs = "configs";

    // Long enough that no bit escapes, short enough to be repeated anywhere.
    private const long MostSteps = 3000;
    private const long MostRows = 1_000_000;

    public static Command Create(Surroundings surroundings)
    {
        var recipes = new Argument<string[]>("RECIPE")
        {
            Description = $"recipe files (default: those of {Configs}/)",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var data = CommandOptions.Data();
        var command = new CommandWithExamples(
            "hashes",
            "Trains recipes briefly and prints the SHA-256 of their weights, as a page to compare with docs/hashes.md.",
            "clustertrain bench hashes",
            "clustertrain bench hashes configs/digits.yaml configs/xor.yaml")
        {
            recipes, data,
        };
        command.SetAction(parsed => Run(parsed.GetValue(recipes) ?? [], parsed.GetValue(data), surroundings));
        return command;
    }

    private static int Run(string[] recipes, string? dataFolder, Surroundings surroundings)
    {
        if (recipes.Length == 0)
        {
            recipes = Directory.Exists(Configs) ? [.. Directory.GetFiles(Configs, "*.yaml").Order(StringComparer.Ordinal)] : [];
            if (recipes.Length == 0)
            {
                throw new UsageException(
                    $"There are no recipes in {Configs}/ here. Name recipe files, or run the command in the repository.");
            }
        }

        var processor = RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();
        surroundings.Out.WriteLine(
            $"""
            # Golden hashes

            The weights of each recipe have these bits on every machine, with any number of workers and threads. To compare
            yours, run `clustertrain bench hashes` in the repository, or `clustertrain train configs/NAME.yaml --set epochs=N`,
            whose last line is the hash. Recipes whose data are not on the machine are left out.

            Computed by {Receipt.Program} on {processor} with {KernelChoice.Active().Name} kernels.

            | Recipe | Epochs | SHA-256 of the weights |
            |---|---|---|
            """);
        foreach (var recipe in recipes)
        {
            if (Row(recipe, dataFolder, surroundings) is { } row)
            {
                surroundings.Out.WriteLine(row);
            }
        }

        return ExitCodes.Ok;
    }

    // Null: its data are not here.
    private static string? Row(string path, string? dataFolder, Surroundings surroundings)
    {
        var recipe = RecipeReader.Read(path, []);
        var folder = Path.GetDirectoryName(Path.GetFullPath(path));
        PreparedData data;
        try
        {
            data = DataPreparation.Prepare(
                recipe,
                Locations.Of(folder, dataFolder, surroundings, mayDownload: false),
                null,
                surroundings.Interruption.Token);
        }
        catch (DataException missing)
        {
            surroundings.Error.WriteLine($"note: {recipe.Name} is left out: {missing.Message}");
            return null;
        }

        RecipeChecks.CheckAgainst(recipe, data.Train.Features, data.Train.Outputs, data.Train.Rows, data.Classes);
        var plan = new TrainingPlan(recipe, data.Train.Rows);
        var epochs = (int)Math.Clamp(Math.Min(MostSteps / plan.StepsPerEpoch, MostRows / data.Train.Rows), 1, recipe.Epochs);
        var work = Directory.CreateTempSubdirectory("clustertrain-hashes-").FullName;
        try
        {
            var weights = Train(recipe with { Epochs = epochs }, folder, data, work, surroundings);
            return $"| [{recipe.Name}](../{Configs}/{Path.GetFileName(path)}) | {epochs} | `{weights}` |";
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
    }

    private static string Train(Recipe recipe, string? recipeFolder, PreparedData data, string work, Surroundings surroundings)
    {
        var stop = surroundings.Interruption.Token;
        using var folder = RunFolder.Create(Path.Combine(work, "run"), recipe, recipeFolder);
        var settings = new InProcessSettings { Threads = Environment.ProcessorCount };
        return InProcessTraining.Train(recipe, data, folder, settings, surroundings.Time, _ => { }, stop) switch
        {
            RunCompleted => WeightsHash.Of(Model.Read(folder.ModelPath).Weights.Span),
            RunFailed failed => throw new InvalidOperationException($"The recipe {recipe.Name} failed: {failed.Reason}"),
            _ => throw new OperationCanceledException(stop),
        };
    }
}
