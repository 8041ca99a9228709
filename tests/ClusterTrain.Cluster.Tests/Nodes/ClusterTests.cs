using ClusterTrain.Cluster.Nodes;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Cluster.Tests;

/// <summary>A cluster over real sockets trains to the receipt of the undisturbed run in one process, whatever happens to its nodes.</summary>
[Collection(ClusterGroup.Name)]
public sealed class ClusterTests
{
    [Theory]
    [InlineData(1, 1, TestRuns.Plain, true)]
    [InlineData(3, 1, TestRuns.Plain, true)]
    [InlineData(2, 2, TestRuns.Clipped, true)]
    [InlineData(2, 2, TestRuns.Rounded, true)]
    [InlineData(3, 2, TestRuns.Rounded, false)]
    public async Task A_cluster_trains_to_the_receipt_of_one_process(int workers, int servers, string recipe, bool sharesMemory)
    {
        using var cluster = new TestCluster(recipe) { Run = new RunSettings { ParameterServers = servers, LeastWorkers = workers } };
        cluster.StartCoordinator();
        for (var server = 1; server <= servers; server++)
        {
            cluster.StartServer($"server-{server}", options => options with { SharesMemory = sharesMemory });
        }

        for (var worker = 1; worker <= workers; worker++)
        {
            cluster.StartWorker($"worker-{worker}", options => options with { SharesMemory = sharesMemory });
        }

        await cluster.EndsLikeAloneAsync();
        var outcomes = await Task.WhenAll(cluster.MemberOutcomes).WaitAsync(Patience.Limit);
        Assert.All(outcomes, outcome => Assert.IsType<NodeFinished>(outcome));
    }
}
