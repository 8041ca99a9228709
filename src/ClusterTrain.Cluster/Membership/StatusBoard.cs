using System.Text;
using System.Text.Json;
using ClusterTrain.Cluster.Wire;
using ClusterTrain.Training;
using AkkaCluster = Akka.Cluster.Cluster;

namespace ClusterTrain.Cluster.Membership;

/// <summary>What a coordinator tells whoever asks how the run is; used by several threads.</summary>
/// <param name="recipe">Name of the recipe; null when nobody leads.</param>
/// <param name="folder">The run folder; null when nobody leads.</param>
internal sealed class StatusBoard(string? recipe, string? folder)
{
    // So many members of each kind are named; the rest is counted.
    private const int MostNamed = 200;

    private readonly Lock _gate = new();
    private RunProgress? _progress;
    private EpochCompleted? _epoch;
    private string _state = "starting";
    private int _workers;

    /// <summary>Takes an event in.</summary>
    public void Observe(RunEvent happened)
    {
        lock (_gate)
        {
            switch (happened)
            {
                case RunProgress progress:
                    _progress = progress;
                    break;
                case EpochCompleted epoch:
                    _epoch = epoch;
                    break;
                case RunWaiting waiting:
                    _state = waiting.Reason;
                    break;
                case RunBegan began:
                    (_state, _workers) = ("training", began.Workers);
                    break;
                case MembershipChanged { Role: NodeRole.Worker } changed:
                    _workers += changed.What == "joined" ? 1 : -1;
                    break;
                case RunEnded:
                    _state = "over";
                    break;
            }
        }
    }

    /// <summary>The status as one JSON object.</summary>
    /// <param name="cluster">The cluster.</param>
    /// <param name="leads">Where the coordinator is reached; null: nobody leads.</param>
    /// <param name="registered">The nodes that registered.</param>
    public string Report(AkkaCluster cluster, Registered? leads, IEnumerable<Register> registered)
    {
        var bytes = new MemoryStream();
        lock (_gate)
        {
            using var json = new Utf8JsonWriter(bytes);
            json.WriteStartObject();
            json.WriteString("state", leads is null ? "no coordinator leads at present" : _state);
            if (recipe is not null)
            {
                json.WriteString("recipe", recipe);
                json.WriteString("folder", folder);
            }

            if (leads is not null)
            {
                json.WriteString("coordinator", leads.Endpoint);
                json.WriteNumber("term", leads.Term);
            }

            json.WriteNumber("workers", Math.Max(0, _workers));
            if (_progress is { } progress)
            {
                json.WriteNumber("step", progress.Step);
                json.WriteNumber("loss", progress.Loss);
                json.WriteNumber("samplesPerSecond", progress.SamplesPerSecond);
            }

            if (_epoch is { } epoch)
                json.WriteNumber("epoch", epoch.Record.Epoch);
            WriteNodes(json, cluster);
            json.WriteStartArray("members");
            foreach (var member in registered.SelectMany(node => node.Members).Select(member => member.Name).Order(StringComparer.Ordinal).Take(MostNamed))
                json.WriteStringValue(member);

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
