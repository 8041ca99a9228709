namespace ClusterTrain.Simulation.Tests;

/// <summary>The planted faults, and within how many seeds from 1 on the checkers must find each.</summary>
internal static class PlantTable
{
    public static IReadOnlyList<(string Name, Func<Plant> Create, int Seeds)> Rows { get; } =
    [
        ("sum in arrival order", () => new ArrivalOrder(), 20),
        ("repeated push counted twice", () => new RepeatCountedTwice(), 20),
        ("stale-term push accepted", () => new StaleTermAccepted(), 200),
        ("checkpoint not flushed before rename", () => new UnflushedCheckpoints(), 200),
        ("position off by one after resume", () => new PositionOffByOne(), 100),
        ("forgotten re-assignment", () => new ForgottenReassignment(), 100),
        ("former coordinator not refused", () => new FormerMayWrite(), 200),
        ("copy at a spare server damaged", () => new DamagedCopy(), 300),
        ("memory reused while another process reads it", () => new ReusedMemory(), 20),
        ("two answers not compared", () => new AnswersNotCompared(), 300),
    ];
}
