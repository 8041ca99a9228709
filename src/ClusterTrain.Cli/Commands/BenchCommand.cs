using System.CommandLine;
using ClusterTrain.Cli.Output;

namespace ClusterTrain.Cli.Commands;

/// <summary><c>clustertrain bench</c>: how fast this machine computes, and what.</summary>
internal static class BenchCommand
{
    public static Command Create(Surroundings surroundings) => new Command("bench", "Measures speed on this machine, and proves its bits.")
    {
        BenchKernelsCommand.Create(surroundings),
        BenchTrainCommand.Create(surroundings),
        BenchClusterCommand.Create(surroundings),
        BenchNetworkCommand.Create(surroundings),
        BenchHashesCommand.Create(surroundings),
    };
}
