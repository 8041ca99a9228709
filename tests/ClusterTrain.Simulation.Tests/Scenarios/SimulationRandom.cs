namespace ClusterTrain.Simulation.Tests;

/// <summary>Random numbers from a seed, the same with every version of .NET (SplitMix64: Steele, Lea and Flood 2014).</summary>
internal sealed class SimulationRandom(ulong seed)
{
    private ulong _state = seed;

    public ulong Next()
    {
        _state += 0x9E3779B97F4A7C15;
        var mixed = _state;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }

    /// <summary>A number in [low, high], both included.</summary>
    public long Between(long low, long high) => low + (long)(Next() % (ulong)(high - low + 1));

    /// <summary>A number in [low, high], both included.</summary>
    public int Between(int low, int high) => (int)Between((long)low, high);

    public double Unit() => (Next() >> 11) * (1.0 / (1UL << 53));

    public float Symmetric() => (float)((2 * Unit()) - 1);

    public bool Chance(double probability) => Unit() < probability;

    public T Pick<T>(params ReadOnlySpan<T> choices) => choices[(int)(Next() % (ulong)choices.Length)];

    /// <summary>A length of time in microseconds, small ones as likely as large ones on a logarithmic scale.</summary>
    public long Duration(long low, long high)
    {
        var bits = Unit() * (Math.Log2(high) - Math.Log2(low));
        return (long)(low * Math.Pow(2, bits));
    }
}
