
namespace ClusterTrain.Simulation.Tests;

/// <summary>The simulation can fail: each fault put into the cluster on purpose is found, and soon.</summary>
public sealed class PlantedFaultTests
{
    public static IEnumerable<object[]> Plants => PlantTable.Rows.Select(row => new object[] { row.Name, row.Seeds });

    [Theory]
    [MemberData(nameof(Plants))]
    public void A_planted_fault_is_found_within_its_number_of_seeds(string name, int seeds)
    {
        var create = PlantTable.Rows.Single(row => row.Name == name).Create;
        var found = Enumerable.Range(1, seeds).Select(seed => Simulation.Run(Scenario.Draw((ulong)seed), create()))
            .FirstOrDefault(failure => failure is not null);
        Assert.True(found is not null, $"the fault '{name}' was planted and {seeds} seeds passed all the same");
    }
}
