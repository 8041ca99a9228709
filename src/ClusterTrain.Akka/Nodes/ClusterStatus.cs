using System.Collections.Immutable;
using System.Text.Json;
using Akka.Actor;
using Akka.Cluster.Tools.Client;
using ClusterTrain.Hosting;

namespace ClusterTrain.Akka;

/// <summary>Asks a cluster from outside how it is; the asker is no node of it.</summary>
public static class ClusterStatus
{
    /// <summary>Asks through any of the nodes named.</summary>
    /// <param name="contacts">Addresses of nodes; one that answers is enough.</param>
    /// <param name="configuration">HOCON that overrides configs/akka.conf.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <returns>One JSON object: state, coordinator, term, step, loss, nodes, members.</returns>
    /// <exception cref="ClusterException">No node answered in time.</exception>
    public static async Task<JsonElement> AskAsync(ImmutableArray<NodeEndpoint> contacts, ImmutableArray<string> configuration, TimeSpan timeout)
    {
        using var system = ActorSystem.Create($"{AkkaConfiguration.SystemName}-status", AkkaConfiguration.OfClient(configuration));
        try
        {
            var paths = contacts
                .Select(contact => ActorPath.Parse($"akka.tcp://{AkkaConfiguration.SystemName}@{contact}/system/receptionist"))
                .ToImmutableHashSet();
            var client = system.ActorOf(ClusterClient.Props(ClusterClientSettings.Create(system).WithInitialContacts(paths)));
            var question = new ClusterClient.Send($"/user/{StatusService.ActorName}", new StatusRequest(), localAffinity: true);
            var report = await client.Ask<StatusReport>(question, timeout).ConfigureAwait(false);
            using var document = JsonDocument.Parse(report.Json);
            return document.RootElement.Clone();
        }
        catch (AskTimeoutException error)
        {
            throw new ClusterException(
                $"no node answered at {string.Join(", ", contacts)} within {timeout.TotalSeconds} s: is the cluster up, and this the address of one of its nodes?",
                error);
        }
        finally
        {
            await system.Terminate().ConfigureAwait(false);
        }
    }
}
