using System.Globalization;
using System.Text.Json;

namespace ClusterTrain.Runs;

/// <summary>Which epochs the files of a run tell of.</summary>
internal static class LoggedEpochs
{
    /// <summary>The epochs of <c>log.jsonl</c>.</summary>
    public static HashSet<int> OfLog(string path)
    {
        var epochs = new HashSet<int>();
        foreach (var line in Lines(path).Where(line => line.Contains("\"event\":\"epoch\"", StringComparison.Ordinal)))
        {
            try
            {
                using var json = JsonDocument.Parse(line);
                epochs.Add(json.RootElement.GetProperty("epoch").GetInt32());
            }
            catch (JsonException)
            {
                // A damaged line tells of no epoch; the epoch is written down again.
            }
        }

        return epochs;
    }

    /// <summary>The epochs of <c>epochs.csv</c>.</summary>
    public static HashSet<int> OfTable(string path) =>
    [
        .. Lines(path).Select(line => line.Split(','))
            .Select(cells => int.TryParse(cells.ElementAtOrDefault(1), CultureInfo.InvariantCulture, out var epoch) ? epoch : 0)
            .Where(epoch => epoch > 0),
    ];

    private static IEnumerable<string> Lines(string path)
    {
        using var file = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        while (file.ReadLine() is { } line)
        {
            yield return line;
        }
    }
}
