using System.Globalization;

namespace ClusterTrain.Simulation.Tests;

/// <summary>A line of the picture: how a batch grows with the machines, and what it takes.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Gigabits">Speed of the network cards, Gbit/s.</param>
/// <param name="Rows">Rows of a batch on so many machines.</param>
/// <param name="IsFixed">True: the batch is the same on any number of machines, so that the time of a step is to fall.</param>
/// <param name="MostServers">Parameter servers at most.</param>
internal sealed record GrowthLine(string Name, int Gigabits, Func<int, int> Rows, bool IsFixed, int MostServers = Growth.MostServers)
{
    /// <summary>Machines, and the time of a step, ms.</summary>
    public List<(int Machines, double StepMs)> Points { get; } = [];

    /// <summary>Speed per machine beside that of one machine.</summary>
    public double Efficiency((int Machines, double StepMs) point) => Points[0].StepMs / point.StepMs / (IsFixed ? point.Machines : 1);
}

/// <summary>What a step takes on 1 to 1,024 machines, and what the coordinator does: the figures and the picture of docs/performance.md.</summary>
internal static class Growth
{
    /// <summary>Parameter servers of a run at most, as the command line has it.</summary>
    public const int MostServers = 64;

    // Blocks of 784-500-500-10: each segment has one at least.
    private const int Blocks = 158;
    private const int FixedRows = 8192;
    private const int RowsOfMachine = 512;
    private const int MostMachines = 1024;

    /// <summary>The rows of docs/performance.md, "Two machines": batch, Gbit/s and the measured time of a step, ms.</summary>
    public static IReadOnlyList<(int Rows, int Gigabits, double StepMs)> TwoMachines { get; } =
        [(128, 1, 25.8), (128, 10, 7.2), (1024, 1, 30.8), (1024, 10, 19.3)];

    /// <summary>The model's time of a step on the two machines that were measured, ms; the first one has the coordinator too.</summary>
    public static double StepMsOfTwo(int rows, int gigabits)
    {
        const int Steps = 250;
        using var cluster = new ModelledCluster(Model(gigabits), 2, rows, Steps, MostServers, isLedByFirst: true);
        cluster.Run();
        return cluster.StepMs;
    }

    /// <summary>The model's time of a step, ms.</summary>
    public static double StepMs(int machines, int rows, int gigabits, int mostServers = MostServers)
    {
        using var cluster = new ModelledCluster(Model(gigabits), machines, rows, machines > 100 ? 4 : 12, mostServers);
        cluster.Run();
        return cluster.StepMs;
    }

    /// <summary>What machines and network take.</summary>
    public static MachineModel Model(int gigabits) => new() { BitsPerSecond = gigabits * 1e9 };

    /// <summary>Prints the figures and writes the picture.</summary>
    public static int Write(string folder)
    {
        foreach (var (rows, gigabits, measuredMs) in TwoMachines)
        {
            var stepMs = StepMsOfTwo(rows, gigabits);
            Print($"| {rows:N0} | {gigabits} Gbit/s | {measuredMs:F1} ms | {stepMs:F1} ms | {100 * ((stepMs / measuredMs) - 1):+0;-0} % |");
        }

        GrowthLine[] lines =
        [
            new("8,192 rows, 1 Gbit/s", 1, _ => FixedRows, IsFixed: true),
            new("8,192 rows, 10 Gbit/s", 10, _ => FixedRows, IsFixed: true),
            new("512 rows a machine, 1 Gbit/s", 1, machines => RowsOfMachine * machines, IsFixed: false),
            new("512 rows a machine, 10 Gbit/s", 10, machines => RowsOfMachine * machines, IsFixed: false),
            new("512 rows, 10 Gbit/s, up to 158 servers", 10, machines => RowsOfMachine * machines, IsFixed: false, Blocks),
        ];
        for (var machines = 1; machines <= MostMachines; machines *= 2)
        {
            foreach (var line in lines)
            {
                line.Points.Add((machines, StepMs(machines, line.Rows(machines), line.Gigabits, line.MostServers)));
            }

            Print($"| {machines:N0} | {string.Join(" | ", lines.Select(line => Text(line, line.Points[^1])))} |");
        }

        File.WriteAllText(Path.Combine(folder, "growth.svg"), GrowthPicture.Draw(lines).Standalone());
        PrintCoordinator(256);
        PrintCoordinator(MostMachines);
        return 0;
    }

    /// <summary>What the coordinator receives and sends in a second, and how long that takes here. Steps are long, so that it is seconds.</summary>
    private static void PrintCoordinator(int machines)
    {
        const int RowsOfLongStep = 8192;
        using var cluster = new ModelledCluster(Model(10), machines, machines * RowsOfLongStep, steps: 12, MostServers);
        cluster.Run();
        Print($"coordinator of {machines:N0} machines, {cluster.TrainedSeconds:F1} s, steps of {cluster.StepMs:F0} ms:");
        foreach (var (name, messages) in cluster.Control)
        {
            var times = messages.Select(message => message.Us).Order().ToArray();
            var (perSecond, bytes) = (messages.Count / cluster.TrainedSeconds, messages.Average(message => message.Bytes));
            var (half, most) = (times[times.Length / 2], times[times.Length * 9 / 10]);
            Print($"| {name} | {perSecond:F1} a second | {bytes:F0} bytes | half take {half:F1} µs at most, nine in ten {most:F1} µs |");
        }
    }

    private static string Text(GrowthLine line, (int Machines, double StepMs) point) =>
        string.Create(CultureInfo.InvariantCulture, $"{point.StepMs:F1} ms, {100 * line.Efficiency(point):F0} %");

    private static void Print(FormattableString text) => Console.WriteLine(text.ToString(CultureInfo.InvariantCulture));
}
