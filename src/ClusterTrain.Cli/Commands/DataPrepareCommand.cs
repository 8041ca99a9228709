using System.Collections.Immutable;
using System.CommandLine;
using ClusterTrain.Cli.Output;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Data.Prepared;

namespace ClusterTrain.Cli.Commands;

/// <summary><c>clustertrain data prepare</c>: the rows of a recipe in a file that training maps into memory.</summary>
internal static class DataPrepareCommand
{
    public static Command Create(Surroundings surroundings)
    {
        var recipe = new Argument<string?>("RECIPE")
        {
            Description = "recipe file; without one, the built-in handwritten digits",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var file = new Option<string>("--out", "-o")
        {
            Description = "the file to write; it appears once it is complete",
            HelpName = "FILE",
            Required = true
        };
        var set = new Option<string[]>("--set")
        {
            Description = "set a value of the recipe, for example data.validation=0.1; may be repeated",
            HelpName = "path=value",
        };
        var data = CommandOptions.Data();
        var json = CommandOptions.Json("print one JSON object");
        var command = new CommandWithExamples(
            "prepare",
            "Reads, splits and scales the rows of a recipe into a file that may be larger than memory; `train --prepared` reads it.",
            "clustertrain data prepare configs/mnist.yaml -o mnist.ctdata",
            "clustertrain train configs/mnist.yaml --prepared mnist.ctdata")
        {
            recipe, file, set, data, json,
        };
        command.SetAction(parsed => Run(
            parsed.GetValue(recipe),
            parsed.GetValue(set) ?? [],
            parsed.GetRequiredValue(file),
            parsed.GetValue(data),
            parsed.GetValue(json),
            surroundings));
        return command;
    }

    private static int Run(
        string? recipePath, IReadOnlyList<string> overrides, string path, string? dataFolder, bool isJson, Surroundings surroundings)
    {
        var source = RunSource.OfRecipe(recipePath, overrides);
        var locations = Locations.Of(source.RecipeFolder, dataFolder, surroundings);
        RefuseOther(path);
        ImmutableArray<string> warnings;
        using (var progress = new DataProgressLine(surroundings, showsFiles: true))
        {
            warnings = DataPreparation.PrepareToFile(source.Recipe, locations, path, progress, surroundings.Interruption.Token);
        }

        surroundings.Warn(warnings);
        var written = PreparedDataFile.Open(path);
        var bytes = new FileInfo(path).Length;
        if (isJson)
        {
            new JsonLines(surroundings.Out).Write(json =>
            {
                json.WriteString("file", path);
                json.WriteNumber("bytes", bytes);
                json.WriteNumber("features", written.Train.Features);
                json.WriteNumber("trainRows", written.Train.Rows);
                json.WriteNumber("validationRows", written.Validation?.Rows ?? 0);
                json.WriteNumber("testRows", written.Test?.Rows ?? 0);
            });
            return ExitCodes.Ok;
        }

        var parts = new[] { ("training", written.Train), ("validation", written.Validation), ("test", written.Test) }
            .Where(part => part.Item2 is not null)
            .Select(part => $"{Figures.Count(part.Item2!.Rows, $"{part.Item1} row")}");
        surroundings.Out.WriteLine(
            $"{path}: {string.Join(", ", parts)} of {Figures.Count(written.Train.Features, "feature")}, {Figures.Bytes(bytes)}");
        return ExitCodes.Ok;
    }

    /// <summary>Refuses a path that cannot be written to, or holds something else: perhaps the very rows that are to be prepared.</summary>
    private static void RefuseOther(string path)
    {
        if (Directory.Exists(path))
        {
            throw new UsageException($"--out is '{path}', a folder; name a file in it.");
        }

        var folder = Path.GetDirectoryName(Path.GetFullPath(path));
        if (!Directory.Exists(folder))
        {
            throw new UsageException($"--out is '{path}', and there is no folder {folder}; create it first.");
        }

        if (File.Exists(path) && !PreparedDataFile.IsAt(path))
        {
            throw new UsageException($"--out is '{path}', a file that does not hold prepared rows; name another one, or delete it first.");
        }
    }
}
