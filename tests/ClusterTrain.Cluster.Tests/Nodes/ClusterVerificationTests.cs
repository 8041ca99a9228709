using ClusterTrain.Cluster.Nodes;
using ClusterTrain.InProcess;
using ClusterTrain.Runs;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Cluster.Tests;

/// <summary>A cluster that lost half its workers left a run folder that verifies as equal to a laptop's, and not after one bit was flipped.</summary>
[Collection(ClusterGroup.Name)]
public sealed class ClusterVerificationTests
{
    [Fact]
    public async Task Four_workers_of_which_two_are_killed_leave_the_run_of_a_laptop_and_a_flipped_bit_names_its_tensor()
    {
        var recipe = TestRuns.Long(TestRuns.Plain);
        using var cluster = new TestCluster(recipe);
        cluster.StartCoordinator();
        cluster.StartServer();
        var workers = Enumerable.Range(1, 4).Select(number => cluster.StartWorker($"worker-{number}")).ToArray();
        foreach (var victim in workers.Take(2))
        {
            cluster.Events.WaitFor<EpochCompleted>("an epoch with four workers, or with three", epoch =>
                epoch.Workers == (victim == workers[0] ? 4 : 3));
            var before = cluster.Events.Count;
            victim.Abort();
            cluster.Events.WaitFor<MembershipChanged>("the coordinator notices", change =>
                change.What.StartsWith("lost", StringComparison.Ordinal), before);
        }

        Assert.IsType<RunCompleted>(Assert.IsType<NodeLed>(await cluster.Outcome.WaitAsync(Patience.Limit)).Outcome);
        await cluster.StoppedAsync();

        using var temporary = new TemporaryFolder();
        using var laptop = RunFolder.Create(temporary.File("laptop"), TestRuns.RecipeOf(recipe));
        InProcessTraining.Train(
            TestRuns.RecipeOf(recipe), TestRuns.Data, laptop, new InProcessSettings(), TimeProvider.System, _ => { }, CancellationToken.None);
        var comparison = RunVerification.Compare(cluster.FolderPath, laptop.Path);
        Assert.Empty(comparison.Differences);
        Assert.Contains("receipts: 501 common entries agree, up to step 10500", comparison.Checked);

        Assert.Empty(RunVerification.Verify(cluster.FolderPath).Differences);
        var checkpoint = Directory.GetFiles(Path.Combine(cluster.FolderPath, "checkpoints"), "step-*").Max()!;
        var bytes = File.ReadAllBytes(checkpoint);
        bytes[^1] ^= 1;
        File.WriteAllBytes(checkpoint, bytes);
        Assert.Contains("tensor 'optimiser.0'", Assert.Single(RunVerification.Verify(cluster.FolderPath).Differences), StringComparison.Ordinal);
    }
}
