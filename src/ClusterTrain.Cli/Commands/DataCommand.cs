using System.CommandLine;
using ClusterTrain.Cli.Output;
using ClusterTrain.Data.Store;

namespace ClusterTrain.Cli.Commands;

/// <summary><c>clustertrain data</c>: the data sets that are known by name, and files of prepared rows.</summary>
internal static class DataCommand
{
    public static Command Create(Surroundings surroundings) =>
        new Command("data", "Lists, fetches and exports the data sets that are known by name; prepares the data of a recipe in a file.")
    {
        List(surroundings),
        Get(surroundings),
        DataPrepareCommand.Create(surroundings),
        DataExportCommand.Create(surroundings),
    };

    /// <summary>The argument that names a data set.</summary>
    public static Argument<string> Name() =>
        new("NAME") { Description = $"one of {string.Join(", ", KnownDataSet.All.Select(set => set.Name))}" };

    private static CommandWithExamples List(Surroundings surroundings)
    {
        var data = CommandOptions.Data();
        var json = CommandOptions.Json("print one JSON object per data set");
        var command = new CommandWithExamples(
            "list", "Lists the data sets, and where they are on this machine. Downloads nothing.", "clustertrain data list")
        {
            data, json,
        };
        command.SetAction(parsed =>
        {
            var store = new DataStore(Locations.Of(recipeFolder: null, parsed.GetValue(data), surroundings));
            foreach (var set in KnownDataSet.All)
            {
                var found = store.Look(set.Name);
                if (parsed.GetValue(json))
                {
                    WriteJson(set, found, new JsonLines(surroundings.Out));
                    continue;
                }

                surroundings.Out.WriteLine($"{set.Name,-14} {set.Description}");
                surroundings.Out.WriteLine($"{"",-14} {Where(found)}");
            }

            return ExitCodes.Ok;
        });
        return command;
    }

    private static CommandWithExamples Get(Surroundings surroundings)
    {
        var name = Name();
        var data = CommandOptions.Data();
        var json = CommandOptions.Json("print one JSON object");
        var command = new CommandWithExamples(
            "get", "Checks that a data set is on this machine and complete; downloads what is missing.", "clustertrain data get mnist")
        {
            name, data, json,
        };
        command.SetAction(parsed =>
        {
            var store = new DataStore(Locations.Of(recipeFolder: null, parsed.GetValue(data), surroundings));
            StoredDataSet found;
            using (var progress = new DataProgressLine(surroundings))
            {
                found = store.Get(parsed.GetRequiredValue(name), progress, surroundings.Interruption.Token);
            }

            if (parsed.GetValue(json))
            {
                WriteJson(found.Set, found, new JsonLines(surroundings.Out));
            }
            else
            {
                surroundings.Out.WriteLine($"{found.Set.Name}: {Where(found)}");
            }

            return ExitCodes.Ok;
        });
        return command;
    }

    private static string Where(StoredDataSet? found)
    {
        if (found is null)
        {
            return "not on this machine; `clustertrain data get` fetches it";
        }

        var folders = found.Files.Select(file => Path.GetDirectoryName(file)!).Distinct().ToList();
        return folders.Count == 0 ? "part of the program" : $"in {string.Join(" and ", folders)}";
    }

    private static void WriteJson(KnownDataSet set, StoredDataSet? found, JsonLines lines) => lines.Write(json =>
    {
        json.WriteString("name", set.Name);
        json.WriteString("description", set.Description);
        json.WriteString("attribution", set.Attribution);
        json.WriteBoolean("found", found is not null);
        json.WriteStartArray("files");
        foreach (var file in found?.Files ?? [])
        {
            json.WriteStringValue(file);
        }

        json.WriteEndArray();
    });
}
