namespace ClusterTrain.Simulation.Tests;

public sealed class GrowthTests
{
    [Fact]
    public void The_model_takes_as_long_for_a_step_as_two_measured_machines_within_a_fifth() => Assert.All(Growth.TwoMachines, row =>
        Assert.InRange(Growth.StepMsOfTwo(row.Rows, row.Gigabits) / row.StepMs, 0.8, 1.2));

    [Theory]
    [InlineData(1)]
    [InlineData(10)]
    public void No_step_is_shorter_than_its_computing_and_its_bytes_allow(int gigabits)
    {
        const int Rows = 2048;
        var model = Growth.Model(gigabits);
        var beforeMs = double.MaxValue;
        for (var machines = 1; machines <= 16; machines *= 2)
        {
            var computeMs = (model.GradientUs + (model.RowUs * Rows / machines)) / 1000;
            var wireMs = model.WireUs(2.0 * (machines - 1) / machines * ModelledCluster.Parameters * sizeof(float)) / 1000;
            var stepMs = Growth.StepMs(machines, Rows, gigabits);
            Assert.InRange(stepMs, Math.Max(computeMs, wireMs), 3 * (computeMs + wireMs));

            // At 1 Gbit/s sending takes longer than what the machines save.
            Assert.True(gigabits == 1 || stepMs < beforeMs, $"{stepMs} ms on {machines} machines, {beforeMs} ms on half of them");
            beforeMs = stepMs;
        }
    }

    [Fact]
    public void A_faster_network_never_makes_a_step_longer() => Assert.All(
        [2, 8], machines => Assert.True(Growth.StepMs(machines, 1024, 10) < Growth.StepMs(machines, 1024, 1)));

    [Fact]
    public void However_many_machines_and_servers_train_the_weights_are_the_same()
    {
        Assert.Equal(Weights(2, 1), Weights(2, 2));
        Assert.Equal(Weights(2, 1), Weights(5, 3));
    }

    [Fact]
    public void The_coordinator_hears_of_every_worker_once_a_second()
    {
        // Steps of a fifth of a second, eight seconds of them.
        using var cluster = new ModelledCluster(Growth.Model(10), machines: 2, rows: 16_384, steps: 40, mostServers: 2);
        cluster.Run();
        var reports = cluster.Control["ComputeReport"];
        Assert.InRange(reports.Count / cluster.TrainedSeconds / 2, 0.7, 1.3);
        Assert.All(reports, report => Assert.InRange(report.Bytes, 10, 100));
    }

    // Two leaves, whoever computes them.
    private static string Weights(int machines, int servers)
    {
        using var cluster = new ModelledCluster(Growth.Model(1), machines, rows: 32, steps: 6, servers);
        cluster.Run();
        return cluster.WeightsSha256;
    }
}
