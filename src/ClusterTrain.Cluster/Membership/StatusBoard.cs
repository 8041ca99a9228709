using System.Text;
using System.Text.Json;
using ClusterTrain.Cluster.Wire;
using ClusterTrain.Watching;
using AkkaCluster = Akka.Cluster.Cluster;

namespace ClusterTrain.Cluster.Membership;

/// <summary>What a coordinator tells whoever asks how the run is.</summary>
internal static class StatusBoard
{
    // So many of each kind are named; the rest is counted. Together they fit a message.
    private const int MostNamed = 150;
    private const int MostMachines = 100;

    /// <summary>The status as one JSON object.</summary>
    /// <param name="run">The run; null when nobody leads.</param>
    /// <param name="now">The time.</param>
    /// <param name="cluster">The cluster.</param>
    /// <param name="registered">The nodes that registered.</param>
    public static string Report(RunView? run, DateTimeOffset now, AkkaCluster cluster, IEnumerable<Register> registered)
    {
        var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            RunViewJson.Write(json, run ?? new RunView { State = "no coordinator is leading" }, now, MostMachines);
            WriteNodes(json, cluster);
            json.WriteStartArray("members");
            foreach (var member in registered.SelectMany(node => node.Members).Select(member => member.Name).Order(StringComparer.Ordinal)
                .Take(MostNamed))
            {
                json.WriteStringValue(member);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length);
    }

    private static void WriteNodes(Utf8JsonWriter json, AkkaCluster cluster)
    {
        json.WriteStartArray("nodes");
        foreach (var member in cluster.State.Members.Take(MostNamed))
        {
            json.WriteStartObject();
            json.WriteString("address", member.Address.ToString());
            json.WriteString("status", cluster.State.Unreachable.Contains(member) ? "unreachable" : member.Status.ToString());
            json.WriteString("roles", string.Join(' ', member.Roles.Order(StringComparer.Ordinal)));
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
