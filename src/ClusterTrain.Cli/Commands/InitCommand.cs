using System.CommandLine;
using System.Text;
using ClusterTrain.Cli.Output;
using ClusterTrain.Data.Common;
using ClusterTrain.Data.Preparation;
using ClusterTrain.Data.Tables;
using ClusterTrain.Learning.Checks;
using ClusterTrain.Learning.Files;
using ClusterTrain.Learning.RecipeFiles;
using ClusterTrain.Learning.Recipes;

namespace ClusterTrain.Cli.Commands;

/// <summary><c>clustertrain init</c>: a first recipe for one's own table.</summary>
internal static class InitCommand
{
    public static Command Create(Surroundings surroundings)
    {
        var files = new Argument<string[]>("FILE")
        {
            Description = "CSV file, plain or gzip, or Parquet file; several that make one table, or a name with * and ? in quotes for all that fit",
            Arity = ArgumentArity.OneOrMore,
        };
        var target = new Option<string>("--target")
        {
            Description = "the column to predict; c0, c1, ... in a file without a header",
            HelpName = "COLUMN",
            Required = true
        };
        var recipe = new Option<string?>("--out")
        {
            Description =
            "the recipe to write, which must not exist yet (default: the file's name with .yaml, in this folder)",
            HelpName = "FILE"
        };
        var delimiter = new Option<string?>("--delimiter")
        {
            Description =
            $"the delimiter of the columns (default: detected): {CsvFormat.AllowedDelimiters}",
            HelpName = "WORD"
        };
        var point = new Option<string?>("--decimal")
        {
            Description = "the decimal mark: comma or point (default: detected)",
            HelpName = "comma|point"
        };
        point.AcceptOnlyFromAmong("comma", "point");
        var command = new CommandWithExamples(
            "init",
            "Looks at a table and writes a recipe for it, with comments; says what looks wrong in the file.",
            "clustertrain init houses.csv --target price",
            "clustertrain init houses.csv --target price --out recipes/houses.yaml",
            "clustertrain init \"houses-*.csv\" --target price --out houses.yaml")
        {
            files, target, recipe, delimiter, point,
        };
        command.SetAction(parsed => Run(
            parsed.GetRequiredValue(files),
            parsed.GetRequiredValue(target),
            parsed.GetValue(recipe),
            Delimiter(parsed.GetValue(delimiter)),
            parsed.GetValue(point) switch { "comma" => ',', "point" => '.', _ => null },
            surroundings));
        return command;
    }

    private static int Run(string[] files, string target, string? recipePath, char? delimiter, char? decimalPoint, Surroundings surroundings)
    {
        string[] paths = [.. files.SelectMany(Named)];
        foreach (var file in paths)
        {
            RefuseOthers(file);
        }

        if (paths.Distinct(StringComparer.Ordinal).Count() < paths.Length)
        {
            throw new UsageException($"{paths.First(file => paths.Count(other => other == file) > 1)}: is named twice; name each file once.");
        }

        var plain = files[0].EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? files[0][..^3] : files[0];
        var stem = files[0] == paths[0] ? Path.GetFileNameWithoutExtension(plain) : RecipeReader.NameOf(plain).TrimEnd('-', '_');
        var path = recipePath ?? $"{stem}.yaml";
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (File.Exists(path) || Directory.Exists(path))
        {
            throw new UsageException($"{path}: already exists and was not changed. Name another file with --out, or delete it first.");
        }

        if (!Directory.Exists(folder))
        {
            throw new UsageException($"--out is '{path}', and there is no folder {folder}; create it first.");
        }

        // Beside the recipe the data are found wherever the command runs.
        var written = files.Length == 1 ? files : paths;
        string[] named = [.. written.Select(file => Path.GetRelativePath(folder, Path.GetFullPath(file)).Replace('\\', '/'))];
        var draft = RecipeDraft.Of(paths, target, RecipeReader.NameOf(path), named, delimiter, decimalPoint);
        var schema = new Uri(Path.Combine(AppContext.BaseDirectory, RecipeReference.SchemaFile)).AbsoluteUri;
        var text = $"# yaml-language-server: $schema={schema}\n{draft.Text}";
        Check(text, path, folder, surroundings);
        AtomicFile.Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));
        surroundings.Warn(draft.Warnings);
        surroundings.Out.WriteLine($"{path}: {draft.Summary}");
        surroundings.Out.WriteLine($"next: clustertrain train {(path.Contains(' ', StringComparison.Ordinal) ? $"\"{path}\"" : path)}");
        return ExitCodes.Ok;
    }

    // The files that an argument means, as a recipe would find them.
    private static IEnumerable<string> Named(string file)
    {
        if (file == "-" || SpecialFile.IsAt(file))
        {
            throw new UsageException($"{file}: cannot be named in a recipe. Save the rows in a file first.");
        }

        if (!Path.GetFileName(file).AsSpan().ContainsAny('*', '?') || File.Exists(file))
        {
            return [file];
        }

        var folder = Path.GetDirectoryName(file) is { Length: > 0 } of ? of : ".";
        string[] found = Directory.Exists(folder) ? [.. DataLocations.Fitting(folder, Path.GetFileName(file))] : [];
        return found.Length > 0 ? found : throw new UsageException($"{file}: no file matches; check the path.");
    }

    private static void RefuseOthers(string file)
    {
        if (!File.Exists(file))
        {
            throw new UsageException(Directory.Exists(file) ? $"{file}: is a folder; name a file of rows in it."
                : $"{file}: there is no such file; check the path.");
        }

        var start = new byte[FileKind.StartBytes];
        using (var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0))
        {
            start = start[..stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];
        }

        if (FileKind.IsRecipe(file, start))
        {
            throw new UsageException($"{file}: is already a recipe; train it: clustertrain train {file}. For another one, name a file of rows.");
        }
    }

    // A recipe that would not train is not written.
    private static void Check(string text, string path, string folder, Surroundings surroundings)
    {
        var recipe = RecipeReader.Parse(text, path, []);
        var data = DataPreparation.Prepare(
            recipe, Locations.Of(folder, dataFolder: null, surroundings), cancellation: surroundings.Interruption.Token);
        RecipeChecks.CheckAgainst(recipe, data.Train.Features, data.Train.Outputs, data.Train.Rows, data.Classes);
    }

    private static char? Delimiter(string? word) => word is null ? null
        : CsvFormat.ParseDelimiter(word) ?? throw new UsageException($"--delimiter is '{word}'; allowed: {CsvFormat.AllowedDelimiters}.");
}
