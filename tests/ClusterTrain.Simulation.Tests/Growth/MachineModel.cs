namespace ClusterTrain.Simulation.Tests;

/// <summary>
/// What a machine of one core and its network card take for the parts of a step. Every figure is measured on cores of an AMD EPYC (Zen 4);
/// docs/performance.md, "Growth", says how.
/// </summary>
internal sealed record MachineModel
{
    /// <summary>Bytes of the largest packet a network card is given at once; a message goes in pieces of them.</summary>
    public const int PieceBytes = 64 * 1024;

    /// <summary>Core time of a row's gradient of 784-500-500-10, in a cluster, µs.</summary>
    public double RowUs { get; init; } = 22.0;

    /// <summary>Core time of a gradient besides its rows: fetching the weights and writing the sums, µs.</summary>
    public double GradientUs { get; init; } = 540;

    /// <summary>Core time of an update with the last addition of its sum, ns for a parameter.</summary>
    public double UpdateNs { get; init; } = 0.65;

    /// <summary>Core time of a pass over a tensor: a sum added to another, weights put in their place, ns for a parameter.</summary>
    public double PassNs { get; init; } = 0.3;

    /// <summary>Core time of sending, the kernel's part included, ns for a byte.</summary>
    public double SendNs { get; init; } = 0.75;

    /// <summary>Core time of receiving, the kernel's part included, ns for a byte.</summary>
    public double ReceiveNs { get; init; } = 0.42;

    /// <summary>Core time of a message at each end besides: system calls, and waking the thread that waits for it, µs.</summary>
    public double MessageUs { get; init; } = 10;

    /// <summary>Core time that the thread which computes has before one that was woken meanwhile has the core, µs.</summary>
    public double SliceUs { get; init; } = 2800;

    /// <summary>Time that a packet is on its way besides, µs.</summary>
    public double LatencyUs { get; init; } = 20;

    /// <summary>The share of a core that goes to heartbeats, timers and the just-in-time compiler.</summary>
    public double RuntimeShare { get; init; } = 0.045;

    /// <summary>The share of a core that a coordinator takes for its record: validation, hashes, checkpoints.</summary>
    public double CoordinatorShare { get; init; } = 0.05;

    /// <summary>Speed of a network card each way, bits a second.</summary>
    public required double BitsPerSecond { get; init; }

    /// <summary>Bytes on the wire for a byte sent: Ethernet, IP and TCP put 66 bytes before 1,448.</summary>
    public double WireBytes { get; init; } = 1 + (66.0 / 1448);

    /// <summary>Time of so many bytes on the wire, µs.</summary>
    public double WireUs(double bytes) => bytes * WireBytes * 8e6 / BitsPerSecond;
}
