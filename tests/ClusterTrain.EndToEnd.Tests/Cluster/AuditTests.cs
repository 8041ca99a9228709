using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace ClusterTrain.EndToEnd.Tests;

/// <summary><c>--audit</c>: shares are computed twice, in one process and in many, and a machine whose memory goes bad is found.</summary>
[Collection(IncidentCollection.Name)]
public sealed partial class AuditTests(IncidentRun undisturbed) : IDisposable
{
    private const int Rows = 4000;
    private const int Columns = 24;
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [IncidentFact]
    public void An_audited_run_has_the_receipt_of_one_that_is_not_in_one_process_and_in_many()
    {
        using var train = ClusterTrainProcess.Run(
            ["train", .. IncidentRun.Recipe, "--out", _folder["train"], "--workers", "3", "--audit", "10%"]);
        using var up = ClusterTrainProcess.Run(
            ["up", .. IncidentRun.Recipe, "--out", _folder["up"], "--workers", "3", "--parameter-servers", "2", "--audit", "0.1"]);
        foreach (var (run, name) in new[] { (train, "train"), (up, "up") })
        {
            Assert.Equal(undisturbed.Receipt, File.ReadAllText(Path.Combine(_folder[name], "receipt.jsonl")));
            var audited = Audited().Match(Assert.Single(run.Lines, line => Audited().IsMatch(line)));
            var (compared, missed) = (Number(audited.Groups[1]), Number(audited.Groups[2]));
            Assert.True(compared > 5 * missed, $"{name}: {audited.Value}");
        }

        using var verified = ClusterTrainProcess.Run("verify", _folder["up"]);
        Assert.Contains(verified.Lines, line => line.StartsWith("ok      audit: verified to step ", StringComparison.Ordinal));
    }

    /// <summary>
    /// A worker maps its copy of the rows into memory, having verified it. What stands there is changed afterwards: from then on it computes sums of
    /// other rows, and always the same.
    /// </summary>
    [IncidentTheory]
    [InlineData("1")]
    [InlineData("0.2")]
    public void A_worker_whose_memory_goes_bad_is_found_named_and_excluded_and_the_receipt_is_the_undisturbed_one(string rate)
    {
        var recipe = WriteRecipe();
        using var alone = ClusterTrainProcess.Run("train", recipe, "--out", _folder["alone"]);
        var run = _folder["run"];
        using var coordinator = ClusterTrainProcess.Start(
            "coordinator", recipe, "--json", "--listen", "127.0.0.1:0", "--out", run, "--min-workers", "3", "--audit", rate);
        var address = JsonDocument.Parse(coordinator.WaitForLine("\"event\":\"run\"")).RootElement.GetProperty("address").GetString()!;
        using var server = ClusterTrainProcess.Start("parameter-server", "--join", address, "--name", "server");
        using var first = StartWorker(address, "first", $"{run}-first");
        using var second = StartWorker(address, "second", $"{run}-second");
        using var third = StartWorker(address, "third", $"{run}-third");

        // By then all have compiled what they need, and hardly any is late.
        coordinator.WaitForLine("\"event\":\"epoch\",\"epoch\":5,");

        Damage(Assert.Single(Directory.GetFiles($"{run}-second", "*.ctdata")));
        var happened = coordinator.WaitForLine("\"what\":\"excluded: ");
        Assert.Contains("\"member\":\"second/", happened, StringComparison.Ordinal);
        Assert.Contains("Check the memory and processor of its machine", happened, StringComparison.Ordinal);
        Assert.Equal(1, second.WaitForExit());

        // Two are left of three that the run needs.
        using var fourth = StartWorker(address, "fourth", $"{run}-fourth");
        Assert.Equal(0, coordinator.WaitForExit());
        Assert.Equal(File.ReadAllText(Path.Combine(_folder["alone"], "receipt.jsonl")), File.ReadAllText(Path.Combine(run, "receipt.jsonl")));
        var audit = JsonDocument.Parse(coordinator.LastLine).RootElement.GetProperty("audit");
        Assert.Equal(1, audit.GetProperty("differed").GetInt64());
        Assert.True(audit.GetProperty("verifiedStep").GetInt64() > 0, audit.GetRawText());
        Assert.Equal(0, first.WaitForExit());
        Assert.Equal(0, third.WaitForExit());
        using var verified = ClusterTrainProcess.Run("verify", run, _folder["alone"]);
    }

    private static ClusterTrainProcess StartWorker(string address, string name, string cache) => ClusterTrainProcess.Start(
        new Dictionary<string, string> { ["CLUSTERTRAIN_CACHE"] = cache, ["CLUSTERTRAIN_DATA"] = "" },
        ["worker", "--join", address, "--json", "--name", name, "--threads", "1"]);

    // The lowest bits of all numbers in the middle of the file, where the rows are.
    private static void Damage(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        var bytes = new byte[file.Length / 2];
        file.Position = file.Length / 4 / sizeof(float) * sizeof(float);
        var begin = file.Position;
        file.ReadExactly(bytes);
        for (var at = 0; at < bytes.Length; at += sizeof(float))
        {
            bytes[at] ^= 0x55;
        }

        file.Position = begin;
        file.Write(bytes);
    }

    [GeneratedRegex("^verified to step [0-9,]+: ([0-9,]+) shares computed twice, 0 differed(?:, ([0-9,]+) could not be compared)?$")]
    private static partial Regex Audited();

    private static int Number(Group digits) =>
        digits.Success ? int.Parse(digits.Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture) : 0;

    private string WriteRecipe()
    {
        var rows = new StringBuilder(string.Join(',', Enumerable.Range(0, Columns).Select(column => $"x{column}"))).Append(",class\n");
        for (var row = 1; row <= Rows; row++)
        {
            var cells = Enumerable.Range(1, Columns).Select(column => (row * 37L * column % 101) / 101.0).ToArray();
            rows.AppendJoin(',', cells.Select(cell => cell.ToString("F4", CultureInfo.InvariantCulture)))
                .Append(cells[0] > cells[1] ? ",above\n" : ",below\n");
        }

        File.WriteAllText(_folder["points.csv"], rows.ToString());
        File.WriteAllText(_folder["points.yaml"], """
            name: points
            seed: 3
            data: { csv: { file: points.csv, target: class } }
            layers: [{ units: 64, activation: tanh }, { units: 2, activation: softmax }]
            loss: categorical-cross-entropy
            optimiser: { kind: momentum, rate: 0.1, momentum: 0.9 }
            batch: 256
            epochs: 60
            """);
        return _folder["points.yaml"];
    }
}
