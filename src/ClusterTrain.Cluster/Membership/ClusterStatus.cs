using System.Collections.Immutable;
using System.Text.Json;
using Akka.Actor;
using Akka.Cluster.Tools.Client;
using ClusterTrain.Cluster.Links;
using ClusterTrain.Cluster.Wire;

namespace ClusterTrain.Cluster.Membership;

/// <summary>Asks a cluster from outside how it is; the asker is no node of it.</summary>
public static class ClusterStatus
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(200);

    /// <summary>Asks through a node that may lead.</summary>
    /// <param name="node">Where its links are reached.</param>
    /// <param name="security">How nodes know each other.</param>
    /// <param name="configuration">HOCON that overrides configs/akka.conf.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <returns>One JSON object: state, coordinator, term, step, loss, machines, nodes, members.</returns>
    /// <exception cref="ClusterException">It did not answer in time, or is in no cluster.</exception>
    public static async Task<JsonElement> AskAsync(
        NodeEndpoint node, LinkSecurity security, ImmutableArray<string> configuration, TimeSpan timeout)
    {
        JsonElement answer = default;
        await AskAgainAsync(node, security, configuration, timeout, status =>
        {
            answer = status;
            return Task.FromResult(false);
        }).ConfigureAwait(false);
        return answer;
    }

    /// <summary>Asks through a node that may lead, again and again.</summary>
    /// <param name="node">Where its links are reached.</param>
    /// <param name="security">How nodes know each other.</param>
    /// <param name="configuration">HOCON that overrides configs/akka.conf.</param>
    /// <param name="timeout">How long to wait for each answer.</param>
    /// <param name="take">Takes an answer, waits as long as it likes, and says whether to ask again.</param>
    /// <exception cref="ClusterException">It did not answer in time, or is in no cluster.</exception>
    public static async Task AskAgainAsync(
        NodeEndpoint node, LinkSecurity security, ImmutableArray<string> configuration, TimeSpan timeout, Func<JsonElement, Task<bool>> take)
    {
        ArgumentNullException.ThrowIfNull(take);
        var seeds = await SeedsOfAsync(node, security, timeout).ConfigureAwait(false);
        using var system = AkkaConfiguration.Create(
            $"{AkkaConfiguration.SystemName}-status", AkkaConfiguration.OfClient(configuration), security);
        try
        {
            var paths = seeds.Select(seed =>
                ActorPath.Parse($"{AkkaConfiguration.Scheme(security)}://{AkkaConfiguration.SystemName}@{seed}/system/receptionist"))
                .ToImmutableHashSet();
            var client = system.ActorOf(ClusterClient.Props(ClusterClientSettings.Create(system).WithInitialContacts(paths)));
            var question = new ClusterClient.Send($"/user/{StatusService.ActorName}", new StatusRequest(), localAffinity: true);
            bool isAgain;
            do
            {
                var report = await client.Ask<StatusReport>(question, timeout).ConfigureAwait(false);
                using var document = JsonDocument.Parse(report.Json);
                isAgain = await take(document.RootElement.Clone()).ConfigureAwait(false);
            }
            while (isAgain);
        }
        catch (AskTimeoutException error)
        {
            throw new ClusterException($"the cluster of {node} did not answer at {string.Join(", ", seeds)} within {timeout.TotalSeconds} s", error);
        }
        finally
        {
            await system.Terminate().ConfigureAwait(false);
        }
    }

    /// <summary>Asks for the cluster's Akka addresses; a node that is only just joining or founding one is asked again.</summary>
    private static async Task<ImmutableArray<string>> SeedsOfAsync(NodeEndpoint node, LinkSecurity security, TimeSpan timeout)
    {
        var (clock, dialler) = (TimeProvider.System, new Dialler(security, new LinkLimits(), TimeProvider.System));
        try
        {
            for (var began = clock.GetTimestamp(); clock.GetElapsedTime(began) < timeout;)
            {
                if (dialler.Ask(node, timeout, CancellationToken.None) is { Seeds.IsEmpty: false } info)
                {
                    return info.Seeds;
                }

                await Task.Delay(s_pause, clock).ConfigureAwait(false);
            }
        }
        catch (Exception error) when (LinkErrors.IsLost(error))
        {
            throw new ClusterException(
                $"no answer from {node}: {LinkErrors.Cause(error)}. Is this the address of a coordinator (its --listen), and the secret the "
                    + "cluster's?", error);
        }

        throw new ClusterException($"{node} has not joined its cluster yet; ask again in a moment");
    }
}
