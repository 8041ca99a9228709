namespace ClusterTrain.Numerics.Benchmark;

/// <summary>One line of the kernel benchmark.</summary>
/// <param name="Name">The product: forward, input gradient or weight gradient, with its leaves.</param>
/// <param name="Shape">The factors, rows x columns.</param>
/// <param name="Threads">Threads that computed it.</param>
/// <param name="GflopsPerSecond">10^9 multiplications and additions per second, in the best run.</param>
/// <param name="MedianGflopsPerSecond">The same in the median run.</param>
/// <param name="PercentOfPeak">The best run as a share of the peak of all its threads, measured around it.</param>
/// <param name="Microseconds">Time of the best run.</param>
/// <param name="TreePercent">
/// Weight gradients: what the tree adds to the time of the same product with one single leaf, in percent; null elsewhere.
/// </param>
public sealed record KernelMeasurement(
    string Name,
    string Shape,
    int Threads,
    double GflopsPerSecond,
    double MedianGflopsPerSecond,
    double PercentOfPeak,
    double Microseconds,
    double? TreePercent);
