using System.CommandLine;
using ClusterTrain.Cli.Output;
using ClusterTrain.Data.Store;

namespace ClusterTrain.Cli.Commands;

/// <summary><c>clustertrain data export</c>: a known data set as CSV files.</summary>
internal static class DataExportCommand
{
    public static Command Create(Surroundings surroundings)
    {
        var name = DataCommand.Name();
        var folder = new Option<string?>("--out", "-o")
        {
            Description = "folder of the files, created if missing (default: the current one)",
            HelpName = "DIR",
        };
        var header = new Option<bool>("--header")
        {
            Description = "begin with a line label,f0,f1,... and write classes by name, as predict and score take them",
        };
        var data = CommandOptions.Data();
        var json = CommandOptions.Json("print one JSON object");
        var command = new CommandWithExamples(
            "export",
            "Writes a data set as NAME_train.csv and NAME_test.csv: each line is the label, then the raw features; by default there is no header.",
            "clustertrain data export mnist --out csv",
            "clustertrain train configs/mnist-csv.yaml --data csv",
            "clustertrain data export mnist --header --out csv")
        {
            name, folder, header, data, json,
        };
        command.SetAction(parsed => Run(
            parsed.GetRequiredValue(name),
            parsed.GetValue(folder) ?? ".",
            parsed.GetValue(header),
            parsed.GetValue(data),
            parsed.GetValue(json),
            surroundings));
        return command;
    }

    private static int Run(string name, string folder, bool withHeader, string? dataFolder, bool isJson, Surroundings surroundings)
    {
        if (File.Exists(folder))
        {
            throw new UsageException($"--out is '{folder}', a file; name a folder.");
        }

        if (KnownDataSet.All.Any(set => set.Name == name))
        {
            Directory.CreateDirectory(folder);
        }

        IReadOnlyList<string> files;
        using (var progress = new DataProgressLine(surroundings, showsFiles: true))
        {
            files = CsvExport.Write(
                name, Locations.Of(recipeFolder: null, dataFolder, surroundings), folder, withHeader, progress, surroundings.Interruption.Token);
        }

        if (isJson)
        {
            new JsonLines(surroundings.Out).Write(json =>
            {
                json.WriteStartArray("files");
                foreach (var file in files)
                {
                    json.WriteStringValue(file);
                }

                json.WriteEndArray();
            });
            return ExitCodes.Ok;
        }

        foreach (var file in files)
        {
            surroundings.Out.WriteLine($"{file}: {Figures.Bytes(new FileInfo(file).Length)}");
        }

        return ExitCodes.Ok;
    }
}
