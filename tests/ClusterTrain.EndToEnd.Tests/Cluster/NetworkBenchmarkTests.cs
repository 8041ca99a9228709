using System.Text.Json;

namespace ClusterTrain.EndToEnd.Tests;

/// <summary><c>clustertrain bench network</c>: two machines that are network namespaces.</summary>
[Collection(IncidentCollection.Name)]
public sealed class NetworkBenchmarkTests
{
    [FullIncidentFact(needsRoot: true)]
    public void Two_machines_send_little_more_than_the_bound_and_leave_no_namespace_behind()
    {
        using var bench = ClusterTrainProcess.Run("bench", "network", "--peers", "--turns", "1", "--seconds", "1", "--json");
        Assert.Equal(4, bench.Lines.Count);
        foreach (var line in bench.Lines)
        {
            using var json = JsonDocument.Parse(line);
            Assert.InRange(json.RootElement.GetProperty("sentOverMinimum").GetDouble(), 0.9, 1.3);

            // Nothing is faster than the link, which may have saved up a burst.
            Assert.InRange(json.RootElement.GetProperty("stepSeconds").GetDouble(), 0.9 * json.RootElement.GetProperty("wireSeconds").GetDouble(), 1);

            // PyTorch is measured where it is installed; otherwise the package that is missing is named.
            var peer = json.RootElement.GetProperty("peer");
            Assert.True(
                peer.TryGetProperty("samplesPerSecond", out var speed) ? speed.GetDouble() > 0
                    : peer.GetProperty("problem").GetString()!.Contains("apt-get install ", StringComparison.Ordinal),
                line);
        }

        Assert.DoesNotContain("clustertrain-", Machine.Output("ip", "netns", "list"), StringComparison.Ordinal);
    }
}
