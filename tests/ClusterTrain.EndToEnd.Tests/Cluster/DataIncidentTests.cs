using System.Globalization;
using System.Text;

namespace ClusterTrain.EndToEnd.Tests;

/// <summary>Workers whose data is not the coordinator's, and disks that are full.</summary>
[Collection(IncidentCollection.Name)]
public sealed class DataIncidentTests(IncidentRun undisturbed) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [IncidentFact]
    public void A_worker_with_other_data_or_none_fetches_it_once()
    {
        var recipe = WriteRecipe("own", 1);
        WriteRecipe("other", 2);
        using var alone = ClusterTrainProcess.Run("train", recipe, "--out", _folder["alone"]);
        var cache = new Dictionary<string, string> { ["CLUSTERTRAIN_CACHE"] = _folder["cache"], ["CLUSTERTRAIN_DATA"] = "" };
        using var coordinator = ClusterTrainProcess.Start(
            cache, ["coordinator", recipe, "--json", "--listen", "127.0.0.1:0", "--out", _folder["run"], "--min-workers", "3"]);
        var address = System.Text.Json.JsonDocument.Parse(coordinator.WaitForLine("\"event\":\"run\"")).RootElement.GetProperty("address")
            .GetString()!;
        using var server = ClusterTrainProcess.Start("parameter-server", "--join", address);
        using var other = ClusterTrainProcess.Start(cache, ["worker", "--join", address, "--json", "--data", _folder["other"]]);
        Assert.Contains("its own is other data", other.WaitForLine("\"event\":\"notice\""), StringComparison.Ordinal);
        other.WaitForLine("\"event\":\"fetching\"");
        other.WaitForLine("\"event\":\"joined\"");
        using var none = ClusterTrainProcess.Start(cache, ["worker", "--join", address, "--json"]);
        none.WaitForLine("\"event\":\"joined\"");
        Assert.DoesNotContain(none.Lines, line =>
            line.Contains("\"event\":\"fetching\"", StringComparison.Ordinal)); // what the other one fetched is in the cache
        using var same = ClusterTrainProcess.Start(cache, ["worker", "--join", address, "--json", "--data", _folder["own"]]);
        same.WaitForLine("\"event\":\"joined\"");
        Assert.DoesNotContain(same.Lines, line => line.Contains("\"event\":\"notice\"", StringComparison.Ordinal));
        Assert.Equal(0, coordinator.WaitForExit());
        Assert.Equal(File.ReadAllText(Path.Combine(_folder["alone"], "receipt.jsonl")),
            File.ReadAllText(Path.Combine(_folder["run"], "receipt.jsonl")));
    }

    [FullIncidentFact(needsRoot: true)]
    public void A_full_disk_is_said_and_writing_continues_when_there_is_room()
    {
        Directory.CreateDirectory(_folder["small"]);
        Machine.Run("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", _folder["small"]);
        try
        {
            var run = Path.Combine(_folder["small"], "run");
            using var coordinator = ClusterTrainProcess.Start(
                ["coordinator", "--json", .. IncidentRun.Recipe, "--listen", "127.0.0.1:0", "--out", run]);
            var address = System.Text.Json.JsonDocument.Parse(coordinator.WaitForLine("\"event\":\"run\"")).RootElement.GetProperty("address")
                .GetString()!;
            using var server = ClusterTrainProcess.Start("parameter-server", "--join", address);
            using var worker = ClusterTrainProcess.Start("worker", "--join", address);
            coordinator.WaitForLine("\"event\":\"checkpoint\"");
            var filler = Path.Combine(_folder["small"], "filler");
            Fill(filler);
            coordinator.WaitForLine("No space left on device");
            File.Delete(filler);
            coordinator.WaitForLine("\"event\":\"checkpoint\"");
            Assert.Equal(0, coordinator.WaitForExit());
            Assert.Equal(undisturbed.Receipt, File.ReadAllText(Path.Combine(run, "receipt.jsonl")));
            using var verified = ClusterTrainProcess.Run("verify", run);
        }
        finally
        {
            Machine.Run("umount", _folder["small"]);
        }
    }

    private static void Fill(string path)
    {
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, 1);
        try
        {
            for (var piece = new byte[4096]; ;)
            {
                file.Write(piece);
            }
        }
        catch (IOException)
        {
            // Full, as it should be.
        }
    }

    // Points of two classes; the folders differ in their points alone.
    private string WriteRecipe(string name, int seed)
    {
        Directory.CreateDirectory(_folder[name]);
        var rows = new StringBuilder("x,y,class\n");
        for (var i = 1; i <= 400; i++)
        {
            var (x, y) = (i * seed * 37 % 101 / 101.0, i * seed * 53 % 97 / 97.0);
            rows.Append(CultureInfo.InvariantCulture, $"{x:F4},{y:F4},{(x > y ? "above" : "below")}\n");
        }

        File.WriteAllText(Path.Combine(_folder[name], "points.csv"), rows.ToString());
        var recipe = Path.Combine(_folder[name], "points.yaml");
        File.WriteAllText(recipe, """
            name: points
            seed: 3
            data: { csv: { file: points.csv, target: class } }
            layers: [{ units: 16, activation: tanh }, { units: 2, activation: softmax }]
            loss: categorical-cross-entropy
            optimiser: { kind: momentum, rate: 0.1, momentum: 0.9 }
            batch: 64
            epochs: 50
            """);
        return recipe;
    }
}
