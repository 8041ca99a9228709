using ClusterTrain.Cluster.Nodes;
using ClusterTrain.Data.Prepared;
using ClusterTrain.Training.Coordination;
using ClusterTrain.Training.Messages;

namespace ClusterTrain.Cluster.Tests;

/// <summary>Workers without the run's data fetch it once; without a cache they say why they cannot take part.</summary>
[Collection(ClusterGroup.Name)]
public sealed class DataFetchTests
{
    [Fact]
    public async Task A_worker_without_data_and_one_with_other_data_fetch_it_once()
    {
        using var cache = new TemporaryFolder();
        using var cluster = new TestCluster(TestRuns.Plain) { Run = new RunSettings { LeastWorkers = 2 } };
        cluster.StartCoordinator();
        cluster.StartServer();
        cluster.StartWorker("has-none", options => options with { OwnData = null, Cache = cache.Path });
        cluster.MemberEvents.WaitFor<MemberFetching>("all bytes are fetched", fetching => fetching.Bytes == fetching.Total);
        cluster.MemberEvents.WaitFor<MemberJoined>("the worker joins", joined => joined.Role == NodeRole.Worker);
        var fetched = cluster.MemberEvents.Count;
        cluster.StartWorker("has-other", options => options with { OwnData = (_, _) => Other(), Cache = cache.Path });

        await cluster.EndsLikeAloneAsync();

        Assert.DoesNotContain(cluster.MemberEvents.From(fetched), happened => happened is MemberFetching);
        Assert.Equal(TestRuns.Data.Fingerprint, PreparedDataFile.Open(Assert.Single(Directory.GetFiles(cache.Path))).Fingerprint);
    }

    [Fact]
    public async Task A_damaged_copy_in_the_cache_is_fetched_again()
    {
        using var cache = new TemporaryFolder();
        await File.WriteAllBytesAsync(cache.File($"prepared-{TestRuns.Data.Fingerprint}.ctdata"), new byte[1000]);
        using var cluster = new TestCluster(TestRuns.Plain);
        cluster.StartCoordinator();
        cluster.StartServer();
        cluster.StartWorker("worker", options => options with { OwnData = null, Cache = cache.Path });

        await cluster.EndsLikeAloneAsync();
    }

    [Fact]
    public async Task A_worker_without_the_data_and_without_a_cache_ends_with_the_reason()
    {
        using var cluster = new TestCluster(TestRuns.Plain);
        cluster.StartCoordinator();
        cluster.StartWorker("worker", options => options with { OwnData = (_, _) => Other() });

        var outcome = Assert.IsType<NodeFailed>(await cluster.MemberOutcomes[0].WaitAsync(Patience.Limit));

        Assert.Contains("its own is other data", outcome.Reason, StringComparison.Ordinal);
        Assert.Contains("Name a cache folder", outcome.Reason, StringComparison.Ordinal);
    }

    private static PreparedData Other() =>
        TestRuns.Prepare(TestRuns.RecipeOf(TestRuns.Plain.Replace("1/16", "1/8", StringComparison.Ordinal)));
}
